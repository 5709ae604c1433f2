//! Companies: full names anywhere, short ones (한미, 광동) only where a company is meant.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use crate::lexicon::Lexicon;
use crate::particles;
use crate::text::{Text, is_one_of, normalise_name};

const COMPANIES: &str = include_str!("../lexica/companies.txt");
const KNOWN: &str = include_str!("../lexica/known_companies.tsv");
const KINDS_OF_COMPANY: &str = "약품공업|바이오파마|생명과학|제약|약품|파마|코리아|신약|바이오|양행|헬스케어";

/// Roots that are ordinary words.
const ORDINARY: &str = "대한|미래|우리|우리들|하나|서울|제일|알파|세종|새한|동방|이든|나노|코아|위더스|한국|대원|국제|신화|청계|하원|원광|구미|미쓰비시|파마|성이|알보젠|조아|보란|킴스|그린|독립|크리스탈|삼성|화이트";

struct Entry {
    name: &'static str,
    short: bool,
}

fn table() -> &'static HashMap<String, Entry> {
    static TABLE: OnceLock<HashMap<String, Entry>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = HashMap::new();
        let mut add = |key: &str, name: &'static str, short: bool| {
            if key.chars().count() >= 2 {
                table.entry(key.to_owned()).or_insert(Entry { name, short });
            }
        };
        for (name, words) in KNOWN.lines().filter_map(|line| line.split_once('\t')) {
            words.split('|').for_each(|word| add(word, name, false));
        }
        for name in COMPANIES.lines() {
            let plain = name.chars().count() <= 2 || !KINDS_OF_COMPANY.split('|').any(|kind| name.ends_with(kind));
            add(name, name, plain && name.chars().count() <= 3);
            let bare = name.strip_prefix("한국").unwrap_or(name);
            let root = KINDS_OF_COMPANY.split('|').find_map(|kind| bare.strip_suffix(kind)).unwrap_or(bare);
            if root != name && !is_one_of(root, ORDINARY) {
                add(root, name, true);
            }
        }
        table
    })
}

/// A company's name as the lexica have it, from a column such as `enterprise_name`.
///
/// ```
/// assert_eq!(reader::company_of("(주)종근당"), "종근당");
/// assert_eq!(reader::company_of("주식회사 한국화이자제약"), "한국화이자제약");
/// ```
pub fn company_of(column: &str) -> String {
    let name = normalise_name(column);
    ["(주)", "주식회사", "(유)", "유한회사", "(재)", "(합)"].iter().fold(name, |name, legal| name.replace(legal, ""))
}

/// The names of the lexica that a company's name holds: 화이자 is 한국화이자제약.
pub(crate) fn names_in(own: &str) -> impl Iterator<Item = &'static str> + '_ {
    let known = KNOWN.lines().filter_map(|line| line.split('\t').next());
    COMPANIES.lines().chain(known).filter(move |name| own.contains(name))
}

pub(crate) fn find(text: &Text<'_>) -> Vec<(Range<usize>, String, f64)> {
    const MAX_NAME: usize = 16;
    let mut found: Vec<(Range<usize>, String, f64)> = Vec::new();
    for at in (0..text.len()).filter(|&at| text.starts(at)) {
        if found.last().is_some_and(|(range, ..)| range.end > at) {
            continue;
        }
        let mut key = String::new();
        let mut best = None;
        for end in at..text.len().min(at + MAX_NAME) {
            key.push(text.chars[end]);
            if let Some(entry) = table().get(&key) {
                best = accept(text, at..end + 1, entry).or(best);
            }
        }
        found.extend(best);
    }
    found
}

fn accept(text: &Text<'_>, range: Range<usize>, entry: &Entry) -> Option<(Range<usize>, String, f64)> {
    const MADE_BY: &str = "에서나온|에서만든|에서만드는|에서파는|에서제조|에서나오는|제약|약품|꺼|거|제품|회사|사제품|에서생산|것|사에서|제|이만든|가만든|에서출시";
    let end = text.longest(range.end, MADE_BY).map(|length| range.end + length);
    let brand_behind = || {
        let mut key = String::new();
        (range.end..text.len().min(range.end + 12)).any(|i| {
            key.push(text.chars[i]);
            let closed = particles::closes(text, i + 1);
            closed && key.chars().count() >= 3 && Lexicon::get().name(&key).is_some()
        })
    };
    if entry.short {
        let made = end.is_some() && !text.is_split(&range);
        let company = made || text.starts(range.end) && brand_behind();
        company.then(|| (range.start..end.unwrap_or(range.end), entry.name.to_owned(), 0.8))
    } else {
        let closed = particles::closes(text, range.end) || end.is_some() || brand_behind();
        closed.then(|| (range.start..end.unwrap_or(range.end), entry.name.to_owned(), 0.95))
    }
}
