//! The annotated questions of `drug_question`: `trainer/data/eval/reader_questions.jsonl`.

use serde::Deserialize;
use std::path::Path;

/// Canonical dosage forms.
pub const FORMS: [&str; 42] = [
    "tablet",
    "capsule",
    "softgel",
    "chewable",
    "odt",
    "effervescent",
    "sublingual",
    "buccal",
    "dispersible",
    "extended_release",
    "enteric",
    "troche",
    "gum",
    "film",
    "syrup",
    "suspension",
    "liquid",
    "powder",
    "granule",
    "pill",
    "ointment",
    "cream",
    "gel",
    "lotion",
    "patch",
    "spray",
    "topical_liquid",
    "topical",
    "shampoo",
    "nail_lacquer",
    "eye_drops",
    "eye_ointment",
    "ear_drops",
    "nasal_spray",
    "mouth_spray",
    "gargle",
    "inhaler",
    "suppository",
    "enema",
    "vaginal_tablet",
    "injection",
    "infusion",
];

/// What a question is understood to say; None where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fields {
    pub form: Option<String>,
    pub strength: Option<Vec<String>>,
    pub ingredients: Option<Vec<String>>,
    pub brands: Option<Vec<String>>,
    pub company: Option<String>,
    /// `rx` or `otc`.
    pub rx: Option<String>,
    /// `infant`, `child`, `teen`, `adult` or `elderly`.
    pub age: Option<String>,
    pub age_months: Option<u32>,
    /// `kind:value`, kind being ingredient, brand, form, class or trait.
    pub exclude: Option<Vec<String>>,
    pub substitute: Option<bool>,
    pub dur: Option<Dur>,
    /// The drugs that the question puts together.
    pub pair: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dur {
    pub kind: String,
    /// `forbidden` or `allowed`.
    pub direction: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderQuestion {
    pub id: String,
    pub question: String,
    pub fields: Fields,
}

/// Reads the questions beside the folder of the search questions; panics with file and line.
pub fn read(search: &Path) -> Vec<ReaderQuestion> {
    let path = search.with_file_name("reader_questions.jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let parse = |(i, line)| serde_json::from_str(line).unwrap_or_else(|e| panic!("{}:{}: {e}", path.display(), i + 1));
    text.lines().enumerate().map(parse).collect()
}
