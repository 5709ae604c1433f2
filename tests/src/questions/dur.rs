//! DUR warnings (임부금기, 특정연령대금기, 노인주의, 용량주의, 투여기간주의) of the rows.
//!
//! The public tables at hand list some 1,200 products by code; MFDS lists all products of a substance. So a warning also holds for the
//! products of the same route that have a listed single substance in them, for those of exactly the listed substances, and for those
//! with a substance that a reason names (`ephedrine : ...`). Two kinds of entries stay with their own codes: those that depend on the amount (`5000 I.U/1일 이상`), and ages, which depend on the form; an age is
//! taken over where all listed products of the same substances and route agree on it.

use super::corpus::Row;
use super::ingredients;
use super::tables::{self, cell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// The warnings of one product.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// `preg`, `age`, `old`, `amount`, `period`.
    pub kinds: BTreeSet<&'static str>,
    /// Oldest age in months that must not take it.
    pub months: Option<u32>,
    /// Reasons as the tables give them, by kind.
    pub reasons: BTreeMap<&'static str, String>,
}

impl Listed {
    fn add(&mut self, kind: &'static str, months: Option<u32>, reason: &str) {
        self.kinds.insert(kind);
        self.months = self.months.max(months);
        self.reasons.entry(kind).or_insert_with(|| reason.to_owned());
    }
}

struct Entry {
    code: String,
    months: Option<u32>,
    reason: String,
}

const KINDS: [&str; 5] = ["preg", "age", "old", "amount", "period"];

/// Marks the listed products; gives the codes that the tables list.
pub fn list(data: &Path, products: &mut BTreeMap<String, Row>) -> Vec<String> {
    let mut codes = Vec::new();
    for kind in KINDS {
        let entries = read(&data.join(format!("dur/{kind}.csv")));
        for entry in &entries {
            if let Some(row) = products.get_mut(&entry.code) {
                row.dur.add(kind, entry.months, &entry.reason);
            }
        }
        spread(kind, &entries, products);
        codes.extend(entries.into_iter().map(|e| e.code));
    }
    codes
}

fn read(path: &Path) -> Vec<Entry> {
    let entry = |record: tables::Record| {
        let number: Option<u32> = cell(&record, "limit_nm").parse().ok();
        // `6세 이하` holds until the seventh birthday.
        let months = number.map(|n| if cell(&record, "unit") == "개월" { n } else { n * 12 + 11 });
        Entry { code: cell(&record, "code").to_owned(), months, reason: cell(&record, "content").to_owned() }
    };
    tables::read(path).into_iter().map(entry).collect()
}

/// Substances that reasons of 임부금기 name, and how products write them.
const NAMED: &[(&str, &str)] = &[
    ("pseudoephedrine", "슈도에페드린|수도에페드린"),
    ("ephedrine", "에페드린|메틸에페드린|dl-메틸에페드린|염산에페드린"),
    ("senna", "센나|센노사이드|센노시드"),
    ("ethinyl estradiol", "에티닐에스트라디올|에치닐에스트라디올"),
    ("cyproheptadine", "시프로헵타딘|사이프로헵타딘"),
    ("ibuprofen", "이부프로펜"),
];

type Substances = (&'static str, Vec<String>);

fn substances(row: &Row) -> Substances {
    let mut keys: Vec<String> = row.keys.iter().map(|key| bare(key)).collect();
    keys.sort();
    keys.dedup();
    (row.route, keys)
}

/// A substance without the hydrates and salts that tables add or leave out.
fn bare(key: &str) -> String {
    const TAILS: &[&str] = &[
        "수화물",
        "일수화물",
        "이수화물",
        "염산염",
        "말레산염",
        "황산염",
        "나트륨",
        "제피세립",
        "아르기닌",
        "브롬화수소산염",
    ];
    let mut key = key;
    while let Some(shorter) = TAILS.iter().filter_map(|tail| key.strip_suffix(tail)).find(|k| k.chars().count() >= 3) {
        key = shorter;
    }
    key.to_owned()
}

fn spread(kind: &'static str, entries: &[Entry], products: &mut BTreeMap<String, Row>) {
    let by_amount = |reason: &str| kind == "preg" && (reason.contains("I.U") || reason.contains("이상"));
    let mut listed: HashMap<Substances, Vec<&Entry>> = HashMap::new();
    for entry in entries.iter().filter(|e| !by_amount(&e.reason)) {
        if let Some(row) = products.get(&entry.code).filter(|row| !row.keys.is_empty() && !row.route.is_empty()) {
            listed.entry(substances(row)).or_default().push(entry);
        }
    }
    if kind == "age" {
        listed.retain(|_, same| same.iter().all(|e| e.months == same[0].months));
    }
    let named: Vec<(&str, &Entry)> =
        NAMED.iter().filter_map(|(name, korean)| Some((*korean, naming(entries, name)?))).collect();
    for row in products.values_mut().filter(|row| !row.keys.is_empty() && !row.dur.kinds.contains(kind)) {
        let (route, keys) = substances(row);
        let holds =
            |(korean, _): &&(&str, &Entry)| route == "oral" && row.keys.iter().any(|key| ingredients::is(key, korean));
        let alone = |key: &String| listed.get(&(route, vec![key.clone()]));
        let found =
            listed.get(&(route, keys.clone())).or_else(|| keys.iter().filter(|_| kind != "age").find_map(alone));
        if let Some(entry) =
            found.map(|entries| entries[0]).or_else(|| named.iter().find(holds).map(|(_, entry)| *entry))
        {
            row.dur.add(kind, entry.months, &entry.reason);
        }
    }
}

/// The first entry whose reason names the substance: `name: ...`, alone or behind a slash.
fn naming<'a>(entries: &'a [Entry], name: &str) -> Option<&'a Entry> {
    let names = |part: &str| part.split_once(':').is_some_and(|(head, _)| head.trim().to_lowercase().starts_with(name));
    entries.iter().find(|entry| entry.reason.split('/').any(names))
}
