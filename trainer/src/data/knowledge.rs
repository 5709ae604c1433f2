//! The knowledge written for this project (`trainer/data`): types, DUR kinds, ingredients, symptoms and lay questions.

use super::csv::{Table, UnclosedQuote};
use anyhow::{Result, bail};
use std::collections::HashSet;
use std::path::Path;

/// An MFDS drug type: 5-digit code, name, definition, other names.
#[derive(Clone, Debug)]
pub struct DrugType {
    pub code: String,
    pub name: String,
    pub definition: String,
    pub aliases: Vec<String>,
}

/// A kind of DUR warning.
#[derive(Clone, Debug)]
pub struct DurKind {
    pub kind: String,
    pub definition: String,
    pub aliases: Vec<String>,
}

/// A text about the thing named by `of`: a type code or a DUR kind.
#[derive(Clone, Debug)]
pub struct Text {
    pub of: String,
    pub text: String,
}

/// A type often taken for another one.
#[derive(Clone, Debug)]
pub struct Confusion {
    pub code: String,
    pub confused_with: String,
}

/// An active ingredient and what it is for in lay words.
#[derive(Clone, Debug)]
pub struct Ingredient {
    pub name_ko: String,
    pub name_en: String,
    pub synonyms: Vec<String>,
    pub type_codes: Vec<String>,
    pub purpose: String,
    pub questions: Vec<String>,
    pub dur: Vec<String>,
}

/// One phrasing of a symptom or situation, with the types and ingredients that serve it.
#[derive(Clone, Debug)]
pub struct Symptom {
    pub symptom: String,
    pub text: String,
    pub type_codes: Vec<String>,
    pub ingredients: Vec<String>,
}

/// Words of efficacy texts (효능) that name a symptom.
#[derive(Clone, Debug)]
pub struct SymptomEfficacy {
    pub symptom: String,
    pub terms: Vec<String>,
}

/// A question with all that it says: a product answers it that is of one of the types, holds one of the ingredients and comes in
/// one of the forms (those that are named), and is none of the others.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub text: String,
    pub types: Vec<String>,
    pub ingredients: Vec<String>,
    /// As the reader names them: `syrup`, `tablet`.
    pub forms: Vec<String>,
    pub not_types: Vec<String>,
    pub not_ingredients: Vec<String>,
    pub not_forms: Vec<String>,
}

/// Everything in the knowledge folder.
#[derive(Debug, Default)]
pub struct Knowledge {
    pub types: Vec<DrugType>,
    pub type_questions: Vec<Text>,
    pub confusions: Vec<Confusion>,
    pub dur_kinds: Vec<DurKind>,
    pub dur_definitions: Vec<Text>,
    pub dur_questions: Vec<Text>,
    pub ingredients: Vec<Ingredient>,
    pub symptoms: Vec<Symptom>,
    pub symptom_efficacy: Vec<SymptomEfficacy>,
    /// Lay wordings of single terms of efficacy texts.
    pub efficacy_terms: Vec<Text>,
    /// Brands as people type them.
    pub spoken_names: Vec<Text>,
    pub asked: Vec<Asked>,
}

impl Knowledge {
    /// Reads every table of the folder; each must be there, and codes must be of known types.
    pub fn read(dir: &Path) -> Result<Self> {
        let knowledge = Self {
            types: read(
                dir,
                "types.csv",
                ["code", "name", "definition", "aliases"],
                |[code, name, definition, aliases]| DrugType { code, name, definition, aliases: list(&aliases) },
            )?,
            type_questions: read(dir, "type_questions.csv", ["code", "text"], |[of, text]| Text { of, text })?,
            confusions: read(dir, "type_confusions.csv", ["code", "confused_with"], |[code, confused_with]| {
                Confusion { code, confused_with }
            })?,
            dur_kinds: read(dir, "dur_kinds.csv", ["kind", "definition", "aliases"], |[kind, definition, aliases]| {
                DurKind { kind, definition, aliases: list(&aliases) }
            })?,
            dur_definitions: read(dir, "dur_definitions.csv", ["kind", "text"], |[of, text]| Text { of, text })?,
            dur_questions: read(dir, "dur_questions.csv", ["kind", "text"], |[of, text]| Text { of, text })?,
            ingredients: read(
                dir,
                "ingredients.csv",
                ["name_ko", "name_en", "synonyms", "type_codes", "use", "questions", "dur"],
                |[name_ko, name_en, synonyms, type_codes, purpose, questions, dur]| Ingredient {
                    name_ko,
                    name_en,
                    synonyms: list(&synonyms),
                    type_codes: list(&type_codes),
                    purpose,
                    questions: list(&questions),
                    dur: list(&dur),
                },
            )?,
            symptoms: read(
                dir,
                "symptoms.csv",
                ["symptom", "text", "type_codes", "ingredients"],
                |[symptom, text, type_codes, ingredients]| Symptom {
                    symptom,
                    text,
                    type_codes: list(&type_codes),
                    ingredients: list(&ingredients),
                },
            )?,
            symptom_efficacy: read(dir, "symptom_efficacy.csv", ["symptom", "efficacy"], |[symptom, terms]| {
                SymptomEfficacy { symptom, terms: list(&terms) }
            })?,
            efficacy_terms: read(dir, "efficacy_terms.csv", ["term", "text"], |[of, text]| Text { of, text })?,
            spoken_names: read(dir, "spoken_names.csv", ["brand", "text"], |[of, text]| Text { of, text })?,
            asked: read(
                dir,
                "asked_questions.csv",
                ["text", "types", "ingredients", "forms", "not_types", "not_ingredients", "not_forms"],
                |[text, types, ingredients, forms, not_types, not_ingredients, not_forms]| Asked {
                    text,
                    types: list(&types),
                    ingredients: list(&ingredients),
                    forms: list(&forms),
                    not_types: list(&not_types),
                    not_ingredients: list(&not_ingredients),
                    not_forms: list(&not_forms),
                },
            )?,
        };
        knowledge.check(dir)?;
        Ok(knowledge)
    }

    /// The type of a code.
    pub fn type_of(&self, code: &str) -> Option<&DrugType> {
        self.types.iter().find(|t| t.code == code)
    }

    /// Name of a type code.
    pub fn type_name(&self, code: &str) -> Option<&str> {
        self.type_of(code).map(|t| t.name.as_str())
    }

    fn check(&self, dir: &Path) -> Result<()> {
        let types: HashSet<&str> = self.types.iter().map(|t| t.code.as_str()).collect();
        let kinds: HashSet<&str> = self.dur_kinds.iter().map(|k| k.kind.as_str()).collect();
        let known = |file: &str, set: &HashSet<&str>, value: &str| -> Result<()> {
            if set.contains(value) {
                return Ok(());
            }
            bail!("{}: unknown code or kind \"{value}\"", dir.join(file).display())
        };
        self.type_questions.iter().try_for_each(|q| known("type_questions.csv", &types, &q.of))?;
        self.confusions.iter().try_for_each(|c| {
            known("type_confusions.csv", &types, &c.code)?;
            known("type_confusions.csv", &types, &c.confused_with)
        })?;
        self.dur_questions.iter().try_for_each(|q| known("dur_questions.csv", &kinds, &q.of))?;
        self.dur_definitions.iter().try_for_each(|q| known("dur_definitions.csv", &kinds, &q.of))?;
        for i in &self.ingredients {
            i.type_codes.iter().try_for_each(|c| known("ingredients.csv", &types, c))?;
            i.dur.iter().try_for_each(|k| known("ingredients.csv", &kinds, k))?;
        }
        for asked in &self.asked {
            let mut named = asked.types.iter().chain(&asked.not_types);
            named.try_for_each(|c| known("asked_questions.csv", &types, c))?;
        }
        let symptoms: HashSet<&str> = self.symptoms.iter().map(|s| s.symptom.as_str()).collect();
        self.symptom_efficacy.iter().try_for_each(|s| known("symptom_efficacy.csv", &symptoms, &s.symptom))?;
        self.symptoms.iter().flat_map(|s| &s.type_codes).try_for_each(|c| known("symptoms.csv", &types, c))
    }
}

/// Reads one table; the first named column of each row may not be empty.
fn read<T, const N: usize>(
    dir: &Path,
    file: &str,
    names: [&str; N],
    make: impl Fn([String; N]) -> T,
) -> Result<Vec<T>> {
    let table = Table::read(&dir.join(file), UnclosedQuote::Refuse)?;
    let columns = table.columns(names)?;
    table
        .rows()
        .iter()
        .map(|row| {
            table.required(row, columns[0])?;
            Ok(make(columns.map(|c| row.cells[c].trim().to_owned())))
        })
        .collect()
}

/// Splits a `|`-separated cell.
pub fn list(cell: &str) -> Vec<String> {
    cell.split('|').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}
