//! The lexica of names, and ingredient columns read by them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization;

use crate::drug_class;
use crate::names::{Name, NameKind};
use crate::salts;
use crate::text::normalise_name;

const INGREDIENTS: &str = include_str!("../lexica/ingredients.tsv");
/// Sorted by bytes: searched where it lies, so that it costs a process no memory.
const BRANDS: &str = include_str!("../lexica/brands.tsv");
const KNOWN_BRANDS: &str = include_str!("../lexica/known_brands.tsv");
const CLASSES: &str = include_str!("../lexica/classes.txt");
const EXCIPIENTS: &str = include_str!("../lexica/excipients.tsv");
const FOODS: &str = include_str!("../lexica/foods.tsv");
/// Names that are other things far more often, and synonyms that the tables do not have.
const ORDINARY: &str = include_str!("../lexica/ordinary.txt");
const SYNONYMS: &str = include_str!("../lexica/synonyms.tsv");

/// A name of the lexica.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub kind: NameKind,
    name: &'static str,
    detail: &'static str,
    /// An ordinary word as well: counts only where something shows that it is meant.
    pub weak: bool,
    /// A brand of the product lists, not one that everybody knows.
    pub listed: bool,
}

impl Entry {
    pub fn name(&self) -> Name {
        let detail = (!self.detail.is_empty()).then(|| self.detail.to_owned());
        let (english, ingredient) = match self.kind {
            NameKind::Ingredient => (detail, None),
            NameKind::Brand => (None, detail),
            _ => (None, None),
        };
        Name { kind: self.kind, name: self.name.to_owned(), english, ingredient }
    }
}

pub(crate) struct Lexicon {
    names: HashMap<Cow<'static, str>, Entry>,
    ordinary: Vec<&'static str>,
}

impl Lexicon {
    pub fn get() -> &'static Lexicon {
        static LEXICON: OnceLock<Lexicon> = OnceLock::new();
        LEXICON.get_or_init(Lexicon::build)
    }

    /// Names in normal form, but for the listed brands.
    pub fn entries(&'static self) -> impl Iterator<Item = (&'static str, Entry)> {
        let mut entries: Vec<(&str, Entry)> = self.names.iter().map(|(word, entry)| (word.as_ref(), *entry)).collect();
        entries.sort_unstable_by_key(|(word, _)| *word);
        entries.into_iter()
    }

    fn build() -> Self {
        let mut ordinary: Vec<&str> = lines(ORDINARY).collect();
        ordinary.sort_unstable();
        let mut lexicon = Lexicon { names: HashMap::with_capacity(8192), ordinary };
        for line in lines(CLASSES) {
            lexicon.add(line, NameKind::Class, line, "");
        }
        for (name, words, _) in drug_class::lines() {
            let korean = words.split('|').filter(|word| !word.contains(|c: char| c.is_ascii_alphabetic()));
            [name].into_iter().chain(korean).for_each(|word| lexicon.add(word, NameKind::Class, name, ""));
        }
        for (table, kind) in [(EXCIPIENTS, NameKind::Excipient), (FOODS, NameKind::Food)] {
            for (name, words) in lines(table).filter_map(|line| line.split_once('\t')) {
                words.split('|').for_each(|word| lexicon.add(word, kind, name, ""));
            }
        }
        for line in lines(KNOWN_BRANDS) {
            let mut fields = line.split('\t');
            let (brand, ingredient) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
            lexicon.add(brand, NameKind::Brand, brand, ingredient);
            fields
                .next()
                .unwrap_or("")
                .split('|')
                .for_each(|word| lexicon.add(word, NameKind::Brand, brand, ingredient));
        }
        let english_names: HashMap<&str, &str> = lines(INGREDIENTS)
            .filter_map(|line| line.split_once('\t'))
            .map(|(korean, rest)| (korean, rest.split('\t').next().unwrap_or("")))
            .collect();
        for (name, words) in lines(SYNONYMS).filter_map(|line| line.split_once('\t')) {
            let known = english_names.get(name).copied().filter(|english| !english.is_empty());
            let english = known.or_else(|| words.split('|').find(|word| word.is_ascii())).unwrap_or("");
            [name]
                .into_iter()
                .chain(words.split('|'))
                .for_each(|word| lexicon.add(word, NameKind::Ingredient, name, english));
        }
        for line in lines(INGREDIENTS) {
            let mut fields = line.split('\t');
            let (korean, english) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
            lexicon.add(korean, NameKind::Ingredient, korean, english);
            lexicon.add(english, NameKind::Ingredient, korean, english);
            fields
                .next()
                .unwrap_or("")
                .split('|')
                .for_each(|word| lexicon.add(word, NameKind::Ingredient, korean, english));
        }
        lexicon
    }

    /// The first to come keeps the word.
    fn add(&mut self, word: &'static str, kind: NameKind, name: &'static str, detail: &'static str) {
        // The lexica are in normal form but for blanks.
        let key: Cow<str> = if word.contains(' ') { word.replace(' ', "").into() } else { word.into() };
        let length = key.chars().count();
        if length < 2 && !matches!(kind, NameKind::Food | NameKind::Excipient) || key.is_empty() {
            return;
        }
        let weak = kind == NameKind::Ingredient && length <= 2 || matches!(kind, NameKind::Excipient) && length <= 1;
        self.names.entry(key).or_insert(Entry { kind, name, detail, weak, listed: false });
    }

    /// A name in normal form.
    pub fn name(&self, key: &str) -> Option<Entry> {
        let ordinary = self.ordinary.binary_search(&key).is_ok();
        match self.names.get(key) {
            Some(entry) if entry.kind == NameKind::Ingredient => Some(Entry { weak: entry.weak || ordinary, ..*entry }),
            Some(entry) => Some(*entry),
            None if ordinary => None,
            None => brand(key),
        }
    }

    /// The ingredient that a name, in Korean or English and with or without its salt, stands for.
    pub fn ingredient(&self, name: &str) -> Option<Name> {
        let find = |key: &str| self.names.get(key).filter(|entry| entry.kind == NameKind::Ingredient).map(Entry::name);
        let key = normalise_name(name);
        let base = salts::korean_base(&key);
        let english = salts::english_base(&name.nfkc().flat_map(char::to_lowercase).collect::<String>());
        find(&key).or_else(|| find(base)).or_else(|| find(&english)).or_else(|| find(salts::without_prefix(base)?))
    }
}

/// Korean names of well-known brands and ingredients.
pub(crate) fn familiar() -> impl Iterator<Item = &'static str> {
    lines(KNOWN_BRANDS).chain(lines(SYNONYMS)).filter_map(|line| line.split('\t').next())
}

/// The ingredient that a name stands for, if the lexica know it.
pub(crate) fn ingredient(name: &str) -> Option<Name> {
    Lexicon::get().ingredient(name)
}

/// The longest ingredient of the lexica that a name in normal form begins with: 아세트아미노펜 of 아세트아미노펜정.
pub(crate) fn ingredient_at_start(name: &str) -> Option<Name> {
    const SHORTEST: usize = 4;
    let ends: Vec<usize> = name.char_indices().map(|(at, c)| at + c.len_utf8()).take(40).collect();
    let starts = ends.iter().skip(SHORTEST - 1).rev().map(|&end| &name[..end]);
    starts.filter_map(|start| Lexicon::get().names.get(start)).find(|e| e.kind == NameKind::Ingredient).map(Entry::name)
}

fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

/// Binary search for the line that begins with `key` and a tab or the line's end.
fn brand(key: &str) -> Option<Entry> {
    let (mut low, mut high) = (0, BRANDS.len());
    while low < high {
        let middle = BRANDS.floor_char_boundary(low + (high - low) / 2);
        let start = BRANDS[..middle].rfind('\n').map_or(0, |at| at + 1);
        let end = BRANDS[middle..].find('\n').map_or(BRANDS.len(), |at| middle + at);
        let mut fields = BRANDS[start..end].split('\t');
        let name = fields.next().unwrap_or("");
        match name.cmp(key) {
            Ordering::Equal => {
                let (detail, flag) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
                let weak = flag == "?" || name.chars().count() <= 2;
                return Some(Entry { kind: NameKind::Brand, name, detail, weak, listed: true });
            }
            Ordering::Less => low = end + 1,
            Ordering::Greater => high = start,
        }
    }
    None
}

/// The active ingredients that a column tells: `[M040702]포도당|[M040420]염화나트륨`, `Acetaminophen/Caffeine`, `아세트아미노펜, 카페인무수물`,
/// or MFDS's `총량 : …|성분명 : 포도당|분량 : 50|…;총량 : …`.
///
/// A name that the lexica do not know is kept as it is, without its salt.
///
/// ```
/// let names: Vec<_> = reader::ingredients_of("[M040108]로사르탄칼륨|[M1]Amlodipine Besylate").into_iter().map(|i| i.name).collect();
/// assert_eq!(names, ["로사르탄", "암로디핀"]);
/// ```
pub fn ingredients_of(column: &str) -> Vec<Name> {
    const MAX_INGREDIENTS: usize = 200;
    let labelled = column.contains("성분명");
    let parts: Vec<&str> = if labelled {
        column
            .split([';', '|'])
            .filter_map(|part| part.trim().strip_prefix("성분명")?.split_once(':'))
            .map(|(_, name)| name)
            .collect()
    } else if column.contains('|') {
        column.split('|').collect()
    } else if column.contains('/') || column.contains(';') {
        column.split(['/', ';']).collect()
    } else {
        column.split(", ").collect()
    };
    let mut names: Vec<Name> = Vec::new();
    for part in parts.into_iter().take(MAX_INGREDIENTS) {
        let bare = uncoded(part);
        if !bare.contains(char::is_alphanumeric) {
            continue;
        }
        let name = Lexicon::get().ingredient(bare).unwrap_or_else(|| unknown(bare));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Without a leading `[code]` and without what stands in brackets behind.
fn uncoded(part: &str) -> &str {
    let part = part.trim();
    let part = part.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(part, |(_, rest)| rest);
    part.split('(').next().unwrap_or(part).trim()
}

fn unknown(name: &str) -> Name {
    let key = normalise_name(name);
    let is_english = key.is_ascii();
    let base = if is_english { salts::english_base(&name.to_lowercase()) } else { salts::korean_base(&key).to_owned() };
    Name { english: is_english.then(|| base.clone()), ..Name::plain(NameKind::Ingredient, base) }
}

impl Name {
    /// Whether a row's ingredient is the one that was asked for: the same, or an ester of it (덱사메타손포스페이트 for 덱사메타손).
    ///
    /// ```
    /// use reader::ingredients_of;
    /// let (row, asked) = (&ingredients_of("Losartan Potassium")[0], &ingredients_of("로사르탄")[0]);
    /// assert!(row.is_ingredient(asked));
    /// ```
    pub fn is_ingredient(&self, asked: &Name) -> bool {
        const ESTER: usize = 4;
        let long = asked.name.chars().count() >= ESTER;
        self.name == asked.name
            || long && self.name.starts_with(&asked.name)
            || self.english.is_some() && self.english == asked.english
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands_are_sorted_and_found() {
        let names: Vec<&str> = BRANDS.lines().map(|line| line.split('\t').next().unwrap()).collect();
        assert!(names.is_sorted_by(|a, b| a < b));
        for name in names.iter().step_by(97).chain([&names[0], names.last().unwrap()]) {
            assert_eq!(brand(name).map(|entry| entry.name), Some(*name));
        }
        assert!(brand("없는이름").is_none() && brand("").is_none());
    }

    #[test]
    fn lexica_are_in_normal_form() {
        for table in [INGREDIENTS, BRANDS, KNOWN_BRANDS, CLASSES, EXCIPIENTS, FOODS, ORDINARY, SYNONYMS] {
            for word in lines(table).flat_map(|line| line.split(['\t', '|'])).filter(|word| *word != "?") {
                assert_eq!(word.replace(' ', ""), normalise_name(word));
            }
        }
    }

    #[test]
    fn ingredients_of_brands_are_named_as_those_of_rows() {
        for line in lines(KNOWN_BRANDS) {
            let all = line.split('\t').nth(1).unwrap_or("");
            let names: Vec<String> = all.split('+').filter_map(ingredient).map(|name| name.name).collect();
            assert!(all.is_empty() || names.join("+") == all && names.is_sorted_by(|a, b| a < b), "{line}: {names:?}");
        }
    }

    /// A combination that stands for one of its ingredients would hide the other from whoever must not have it.
    #[test]
    fn no_ingredient_stands_for_a_combination() {
        let known = |word: &str| {
            let parts = word.split(['-', '.', '+', '·', '/']).filter(|part| part.chars().count() >= 3);
            let mut known: Vec<String> = parts.filter_map(ingredient).map(|name| name.name).collect();
            known.dedup();
            known
        };
        let words = lines(INGREDIENTS).flat_map(|line| line.split(['\t', '|']));
        let several: Vec<&str> = words.filter(|word| word.contains(['/', '+']) || known(word).len() > 1).collect();
        assert!(several.is_empty(), "{several:?}");
    }

    #[test]
    fn columns_in_the_formats_of_the_tables() {
        let names = |column| ingredients_of(column).into_iter().map(|i| i.name).collect::<Vec<_>>();
        assert_eq!(names("[M040702]포도당|[M040420]염화나트륨|[M040702]포도당"), ["포도당", "염화나트륨"]);
        assert_eq!(names("Acetaminophen/Caffeine Anhydrous"), ["아세트아미노펜", "카페인"]);
        assert_eq!(
            names(
                "총량 : 1병 중|성분명 : 아세트아미노펜|분량 : 300.0|단위 : 밀리그램;총량 : 1병|성분명 : 구아이페네신|분량 : 80"
            ),
            ["아세트아미노펜", "구아이페네신"]
        );
        assert_eq!(names("파라세타몰"), ["아세트아미노펜"]);
        assert_eq!(names("염산로페라미드"), ["로페라미드"]);
        assert_eq!(names("새성분염산염"), ["새성분"]);
        assert!(names("").is_empty() && names("|/;").is_empty());
    }
}
