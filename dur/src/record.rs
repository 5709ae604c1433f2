//! Records: what a JSON object or a CSV line says, by [`Field`]; and how they become entries.

use std::collections::{BTreeSet, HashMap};

use reader::{DurKind, dur_kinds_of};
use unicode_normalization::UnicodeNormalization;

use crate::Sink;
use crate::entry::Entry;
use crate::error::Error;
use crate::field::Field;

/// What one object or line says.
pub(crate) struct Record {
    values: [Option<String>; Field::COUNT],
    present: [bool; Field::COUNT],
}

impl Record {
    pub fn new() -> Self {
        Record { values: [const { None }; Field::COUNT], present: [false; Field::COUNT] }
    }

    /// The first name of a field that has a value counts.
    pub fn set(&mut self, field: Field, value: Option<&str>) {
        self.present[field as usize] = true;
        let slot = &mut self.values[field as usize];
        if slot.is_none() {
            // Blanks within a number may stand for its zeros.
            let is_code = matches!(field, Field::ItemSeq | Field::PartnerItemSeq);
            let text = |value: &str| if is_code { value.trim().to_owned() } else { clean(value) };
            *slot = value.map(text).filter(|value| !value.is_empty());
        }
    }

    pub fn get(&self, field: Field) -> Option<&str> {
        self.values[field as usize].as_deref()
    }

    pub fn has(&self, field: Field) -> bool {
        self.present[field as usize]
    }

    fn is_blank(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }

    /// The kind that the columns show, even where they are empty.
    fn implied(&self) -> Option<DurKind> {
        const SHOWN_BY: &[(Field, DurKind)] = &[
            (Field::PartnerItemSeq, DurKind::Combination),
            (Field::PartnerIngredient, DurKind::Combination),
            (Field::Dose, DurKind::Dose),
            (Field::Days, DurKind::Duration),
            (Field::EffectGroup, DurKind::Duplication),
            (Field::Grade, DurKind::Pregnancy),
            (Field::Age, DurKind::Age),
        ];
        SHOWN_BY.iter().find(|(field, _)| self.has(*field)).map(|(_, kind)| *kind)
    }

    /// Whether the source has taken it back.
    fn is_deleted(&self) -> bool {
        self.get(Field::Deleted).is_some_and(|state| {
            let state = state.to_lowercase();
            state == "y" || state == "yes" || state.starts_with("삭제") || state.starts_with("취소")
        })
    }
}

/// NFC, one blank between words, no control characters.
fn clean(text: &str) -> String {
    let text: String =
        text.nfc().map(|c| if c.is_control() || c.is_whitespace() || c == '\u{feff}' { ' ' } else { c }).collect();
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What a list held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records that were read, those left out among them.
    pub records: u64,
    /// Records that the service counts, over all its pages, if it says so.
    pub total: Option<u64>,
    /// Left out, for the source has taken them back.
    pub deleted: u64,
    /// Left out, for they name neither product nor ingredient, or a combination without its other part.
    pub nameless: u64,
    /// Left out, for they are of no kind of [`DurKind`].
    pub of_other_kinds: u64,
    /// Some of those other kinds.
    pub other_kinds: BTreeSet<String>,
    /// Entries of an age that the source does not tell.
    pub ageless: u64,
    /// Entries that name a product by another number than its 품목기준코드, such as the health insurance's.
    pub other_codes: u64,
    /// Entries with characters that could not be decoded.
    pub unreadable: u64,
}

/// Takes records and gives entries.
pub(crate) struct Records<'s> {
    asked: Option<DurKind>,
    sink: &'s mut dyn Sink,
    report: Report,
    ingredients: Ingredients,
}

impl<'s> Records<'s> {
    pub fn new(asked: Option<DurKind>, sink: &'s mut dyn Sink) -> Self {
        Records { asked, sink, report: Report::default(), ingredients: Ingredients::default() }
    }

    pub fn report(self) -> Report {
        self.report
    }

    pub fn is_empty(&self) -> bool {
        self.report.records == 0
    }

    /// A sign of life between records.
    pub fn tick(&mut self) {
        self.sink.tick();
    }

    pub fn take(&mut self, record: &Record) -> Result<(), Error> {
        self.tick();
        if record.is_blank() {
            return Ok(());
        }
        self.report.records += 1;
        if record.is_deleted() {
            self.report.deleted += 1;
            return Ok(());
        }
        for kind in self.kinds(record)? {
            match Entry::of(kind, record, &mut self.ingredients) {
                None => self.report.nameless += 1,
                Some(entry) => {
                    self.count(&entry);
                    if self.sink.entry(entry).is_break() {
                        return Err(Error::Stopped);
                    }
                }
            }
        }
        Ok(())
    }

    /// How many records the service counts.
    pub fn total(&mut self, total: u64) {
        self.report.total = self.report.total.max(Some(total));
    }

    fn kinds(&mut self, record: &Record) -> Result<Vec<DurKind>, Error> {
        let implied = record.implied();
        let Some(told) = record.get(Field::Type) else {
            return match (self.asked, implied) {
                (Some(asked), Some(DurKind::Combination)) if asked != DurKind::Combination => {
                    Err(Error::OtherKind { asked, told: DurKind::Combination.code().to_owned() })
                }
                (Some(kind), _) | (None, Some(kind)) => Ok(vec![kind]),
                (None, None) => Err(Error::NoKind),
            };
        };
        let kinds = dur_kinds_of(told);
        match self.asked {
            Some(asked) if kinds.contains(&asked) => Ok(vec![asked]),
            Some(asked) if !kinds.is_empty() => Err(Error::OtherKind { asked, told: told.to_owned() }),
            _ => {
                if kinds.is_empty() {
                    const SOME: usize = 5;
                    self.report.of_other_kinds += 1;
                    if self.report.other_kinds.len() < SOME {
                        self.report.other_kinds.insert(told.to_owned());
                    }
                }
                Ok(kinds)
            }
        }
    }

    fn count(&mut self, entry: &Entry) {
        let report = &mut self.report;
        report.ageless +=
            u64::from(entry.kind == DurKind::Age && entry.months_from.is_none() && entry.months_below.is_none());
        let codes = [&entry.item_seq, &entry.partner_item_seq];
        report.other_codes += u64::from(codes.into_iter().flatten().any(|code| !is_item_seq(code)));
        report.unreadable += u64::from(entry.values().iter().flatten().any(|value| value.contains('\u{fffd}')));
    }
}

/// A 품목기준코드: the year of the permission, or of its taking over, and a number.
fn is_item_seq(code: &str) -> bool {
    code.len() == 9
        && code.bytes().all(|byte| byte.is_ascii_digit())
        && (code.starts_with("19") || code.starts_with("20"))
}

/// Ingredients that were read before: lists repeat a few thousand names in hundreds of thousands of lines.
#[derive(Default)]
pub(crate) struct Ingredients(HashMap<String, Vec<String>>);

impl Ingredients {
    /// The canonical names of the ingredients in a column.
    pub fn of(&mut self, column: &str) -> &[String] {
        const MOST: usize = 20_000;
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0
            .entry(column.to_owned())
            .or_insert_with(|| reader::ingredients_of(column).into_iter().map(|name| name.name).collect())
    }
}
