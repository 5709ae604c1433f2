//! An entry of a DUR list.

use std::borrow::Cow;

use reader::DurKind;
use unicode_normalization::UnicodeNormalization;

use crate::age::Ages;
use crate::field::Field;
use crate::record::{Ingredients, Record};

/// Values of an entry, as [`Entry::values`] gives them.
pub const VALUES: usize = 16;

/// An entry: a product or an ingredient, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What is said of it.
    pub kind: DurKind,
    /// 품목기준코드, or the number that the source has; `None`: every product of the ingredient.
    pub item_seq: Option<String>,
    /// Name of the product.
    pub item_name: Option<String>,
    /// Canonical names of its ingredients, joined by `+`.
    pub ingredient: Option<String>,
    /// English name, as the source has it.
    pub ingredient_english: Option<String>,
    /// Of a combination: the other product.
    pub partner_item_seq: Option<String>,
    /// Of a combination: its name.
    pub partner_item_name: Option<String>,
    /// Of a combination: its ingredients.
    pub partner_ingredient: Option<String>,
    /// Of a combination: their English name.
    pub partner_ingredient_english: Option<String>,
    /// Of pregnancy: `1` or `2`.
    pub grade: Option<String>,
    /// Of an age, inclusive.
    pub months_from: Option<i32>,
    /// Of an age, exclusive.
    pub months_below: Option<i32>,
    /// Of a dose or a duration.
    pub quantity: Option<String>,
    /// Of a duplication.
    pub effect_group: Option<String>,
    /// In the words of the source.
    pub reason: Option<String>,
    /// `YYYY-MM-DD`.
    pub notified: Option<String>,
}

/// One of the two drugs of a record.
struct Side {
    code: Field,
    name: Field,
    ingredient: Field,
    english: Field,
    others: Field,
    main: Field,
}

const FIRST: Side = Side {
    code: Field::ItemSeq,
    name: Field::ItemName,
    ingredient: Field::Ingredient,
    english: Field::IngredientEnglish,
    others: Field::OtherIngredients,
    main: Field::MainIngredients,
};

const PARTNER: Side = Side {
    code: Field::PartnerItemSeq,
    name: Field::PartnerItemName,
    ingredient: Field::PartnerIngredient,
    english: Field::PartnerIngredientEnglish,
    others: Field::PartnerOtherIngredients,
    main: Field::PartnerMainIngredients,
};

struct Drug {
    code: Option<String>,
    name: Option<String>,
    ingredient: Option<String>,
    english: Option<String>,
}

impl Drug {
    const NONE: Drug = Drug { code: None, name: None, ingredient: None, english: None };

    /// `None` where the record names no drug on that side.
    fn of(side: &Side, record: &Record, ingredients: &mut Ingredients) -> Option<Drug> {
        let mut korean = record.get(side.ingredient);
        // KIDS's list of duplications has the two columns the wrong way round.
        let code = record.get(Field::IngredientCode).filter(|_| matches!(side.ingredient, Field::Ingredient));
        if let (Some(name), Some(other)) = (korean, code)
            && is_code(name)
            && !is_code(other)
        {
            korean = Some(other);
        }
        let english = record.get(side.english).or_else(|| korean.filter(|name| name.is_ascii())).map(str::to_owned);
        let mut names: Vec<String> = Vec::new();
        let columns = [korean.or(record.get(side.main)).or(english.as_deref()), record.get(side.others)];
        for column in columns.into_iter().flatten() {
            names.extend_from_slice(ingredients.of(column));
        }
        names.sort_unstable();
        names.dedup();
        let drug = Drug {
            code: record.get(side.code).and_then(item_code),
            name: record.get(side.name).map(|name| without_package(name).to_owned()),
            ingredient: (!names.is_empty()).then(|| names.join("+")),
            english,
        };
        (drug.code.is_some() || drug.name.is_some() || drug.ingredient.is_some()).then_some(drug)
    }
}

impl Entry {
    /// `None` where the record lacks a drug that an entry of this kind names.
    pub(crate) fn of(kind: DurKind, record: &Record, ingredients: &mut Ingredients) -> Option<Entry> {
        let drug = Drug::of(&FIRST, record, ingredients)?;
        let partner = match kind {
            DurKind::Combination => Drug::of(&PARTNER, record, ingredients)?,
            _ => Drug::NONE,
        };
        let reason = record.get(Field::Reason);
        let ages = if kind == DurKind::Age { ages(record).unwrap_or_default() } else { Ages::default() };
        Some(Entry {
            kind,
            grade: if kind == DurKind::Pregnancy { record.get(Field::Grade).and_then(grade) } else { None },
            months_from: ages.from,
            months_below: ages.below,
            quantity: match kind {
                DurKind::Dose => record.get(Field::Dose).or(reason.filter(|text| has_digit(text))).map(str::to_owned),
                DurKind::Duration => record.get(Field::Days).or(reason.filter(|text| has_digit(text))).map(days),
                _ => None,
            },
            effect_group: if kind == DurKind::Duplication { effect_group(record) } else { None },
            reason: self::reason(record, drug.code.is_none()),
            notified: record.get(Field::Notified).and_then(date),
            item_seq: drug.code,
            item_name: drug.name,
            ingredient: drug.ingredient,
            ingredient_english: drug.english,
            partner_item_seq: partner.code,
            partner_item_name: partner.name,
            partner_ingredient: partner.ingredient,
            partner_ingredient_english: partner.english,
        })
    }

    /// Its values as text, in the order of the fields.
    pub fn values(&self) -> [Option<Cow<'_, str>>; VALUES] {
        let text = |value: &'_ Option<String>| value.clone().map(Cow::Owned);
        let number = |value: Option<i32>| value.map(|number| Cow::Owned(number.to_string()));
        [
            Some(Cow::Borrowed(self.kind.code())),
            text(&self.item_seq),
            text(&self.item_name),
            text(&self.ingredient),
            text(&self.ingredient_english),
            text(&self.partner_item_seq),
            text(&self.partner_item_name),
            text(&self.partner_ingredient),
            text(&self.partner_ingredient_english),
            text(&self.grade),
            number(self.months_from),
            number(self.months_below),
            text(&self.quantity),
            text(&self.effect_group),
            text(&self.reason),
            text(&self.notified),
        ]
    }
}

/// The same for values that are the same.
pub fn hash<T: AsRef<str>>(values: &[Option<T>; VALUES]) -> u128 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for value in values {
        match value {
            None => hasher.update(&[0]),
            Some(value) => {
                let value = value.as_ref().as_bytes();
                hasher.update(&[1]);
                hasher.update(&value.len().to_le_bytes());
                hasher.update(value);
            }
        }
    }
    hasher.digest128()
}

/// `101301ATB`, `D000647`.
fn is_code(text: &str) -> bool {
    text.len() >= 7
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
        && text.bytes().filter(u8::is_ascii_digit).count() >= 4
}

fn has_digit(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}

/// A product's number. Spreadsheets make `200700000.0` of it, and KIDS's list of duplications has blanks in place of zeros.
fn item_code(text: &str) -> Option<String> {
    const DIGITS: usize = 9;
    let code: String = text.nfkc().filter(|c| !c.is_control() && *c != '\u{feff}').collect();
    let code = code.strip_suffix(".0").unwrap_or(&code);
    let code = if code.len() == DIGITS { code.replace(' ', "0") } else { code.replace(' ', "") };
    (!code.is_empty()).then_some(code)
}

/// Without the package that HIRA writes behind a name: `새약정_(0.15g/1정)`.
fn without_package(name: &str) -> &str {
    match name.rfind("_(") {
        Some(at) if at > 0 && name.ends_with(')') => name[..at].trim_end(),
        _ => name,
    }
}

/// `1등급`, `2`, `Ⅱ등급`.
fn grade(text: &str) -> Option<String> {
    let text: String = text.nfkc().filter(|c| c.is_alphanumeric()).collect();
    let bare = text.trim_end_matches("등급");
    match bare {
        "1" | "I" => Some("1".to_owned()),
        "2" | "II" => Some("2".to_owned()),
        _ => Some(bare.to_owned()).filter(|grade| !grade.is_empty()),
    }
}

/// By the columns of ages, or by the reason where there are none.
fn ages(record: &Record) -> Option<Ages> {
    match record.get(Field::Age) {
        None => record.get(Field::Reason).and_then(Ages::of),
        Some(age) => {
            let rest = [Field::AgeUnit, Field::AgeCondition].map(|field| record.get(field).unwrap_or(""));
            Ages::of(&[age, rest[0], rest[1]].concat()).or_else(|| Ages::of(age))
        }
    }
}

/// A bare number is one of days.
fn days(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { format!("{text}일") } else { text.to_owned() }
}

fn effect_group(record: &Record) -> Option<String> {
    let parts: Vec<&str> =
        [Field::EffectGroup, Field::Series].into_iter().filter_map(|field| record.get(field)).collect();
    (!parts.is_empty()).then(|| parts.join(" / "))
}

/// What the source says: the reason, its remark, and the form, where the entry holds for products of that form alone.
fn reason(record: &Record, of_ingredient: bool) -> Option<String> {
    let quoted = |text: &str| text.trim_matches('"').trim().to_owned();
    let mut parts: Vec<String> =
        [Field::Reason, Field::Remark].into_iter().filter_map(|field| record.get(field)).map(quoted).collect();
    if let Some(form) = record.get(Field::Form).filter(|_| of_ingredient) {
        parts.push(format!("제형: {form}"));
    }
    parts.retain(|part| !part.is_empty());
    parts.dedup();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// `20140109`, `2014-01-09`, `2014.1.9.`, `2014년 1월 9일`.
fn date(text: &str) -> Option<String> {
    let numbers: Vec<&str> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).take(4).collect();
    let (year, month, day) = match numbers[..] {
        [whole] if whole.len() == 8 => (&whole[..4], &whole[4..6], &whole[6..]),
        [year, month, day, ..] if year.len() == 4 => (year, month, day),
        _ => return None,
    };
    let (year, month, day): (u32, u32, u32) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    ((1900..2200).contains(&year) && (1..=last).contains(&day)).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_are_days() {
        for (text, day) in [
            ("20140109", Some("2014-01-09")),
            ("2014-01-09 00:00:00", Some("2014-01-09")),
            ("2014.1.9.", Some("2014-01-09")),
            ("2024년 2월 29일", Some("2024-02-29")),
            ("20230229", None),
            ("1971May6th", None),
            ("20141301", None),
            ("없음", None),
        ] {
            assert_eq!(date(text).as_deref(), day, "{text}");
        }
    }

    #[test]
    fn codes_names_and_grades() {
        assert_eq!(item_code("200700001.0").as_deref(), Some("200700001"));
        assert_eq!(item_code("64 1 2345").as_deref(), Some("640102345"));
        assert_eq!(item_code("２００７００００１").as_deref(), Some("200700001"));
        assert_eq!(without_package("새약정(새성분)_(0.15g/1정)"), "새약정(새성분)");
        assert_eq!(without_package("_(1정)"), "_(1정)");
        assert_eq!(grade("Ⅱ 등급").as_deref(), Some("2"));
        assert_eq!(grade("1등급").as_deref(), Some("1"));
        assert_eq!(grade("-"), None);
    }

    #[test]
    fn values_that_differ_have_other_hashes() {
        let mut values = [const { None::<&str> }; VALUES];
        let empty = hash(&values);
        values[3] = Some("");
        let blank = hash(&values);
        (values[3], values[4]) = (Some("가나"), Some("다"));
        let one = hash(&values);
        (values[3], values[4]) = (Some("가"), Some("나다"));
        let other = hash(&values);
        assert!(empty != blank && one != other && blank != one);
    }
}
