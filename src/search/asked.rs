//! What is asked of the rows: a question, read, as conditions on their facts.
//!
//! Rows that meet all that was asked come first; where they are too few, those that meet what it names (ingredient, brand, effect),
//! then any. A row that has what was refused, or that means the reverse of a question of safety, never comes.

use pgrx::PgLogLevel;
use reader::{Check, Condition, Question};
use serde_json::{Value, json};

use super::facts::has;
use super::safety::Warning;
use super::substitution::Substitute;
use crate::tracking::attributes::Attributes;
use crate::tracking::errors;

/// Rows are asked for in steps, each with less to meet. Related: of a brand, its active ingredient will do.
#[derive(Clone, Copy, PartialEq)]
pub enum Step {
    All,
    Related,
    Names,
    Any,
}

#[derive(Default)]
pub struct Asked {
    /// What vectors are to order by.
    pub text: String,
    /// What letters are to order by.
    pub letters: String,
    pub conditions: Vec<Condition>,
    pub warnings: Vec<Warning>,
    /// SQL of the rows' facts; empty if nothing is asked of them.
    pub facts: String,
    /// SQL of the rows' item sequence.
    pub item_seq: Option<String>,
}

impl Asked {
    /// A question as it stands.
    pub fn plain(query: &str) -> Asked {
        Asked { text: query.to_owned(), letters: query.to_owned(), ..Asked::default() }
    }

    pub fn read(
        question: &Question,
        query: &str,
        attributes: &Attributes,
        warnings: Vec<Warning>,
        substitute: Option<&Substitute>,
    ) -> Asked {
        let mut conditions = question.conditions();
        conditions.extend(substitute.iter().flat_map(|substitute| substitute.conditions()));
        conditions.extend(warnings.iter().flat_map(Warning::conditions));
        for condition in conditions.iter_mut().filter(|condition| !is_told(condition, attributes)) {
            condition.facts.clear();
        }
        let text = match (substitute, question.rest.trim()) {
            (Some(substitute), rest) if rest.chars().count() < 2 => substitute.name.clone(),
            (_, "") => question.korean.as_deref().unwrap_or(query).to_owned(),
            (_, rest) => rest.to_owned(),
        };
        let asks = !conditions.is_empty() || !warnings.is_empty();
        Asked {
            text: in_korean(question, &text),
            letters: text,
            conditions,
            warnings,
            facts: if asks { attributes.facts() } else { String::new() },
            item_seq: attributes.sql_of("item_seq").map(str::to_owned),
        }
    }

    /// Letters of names as they were typed, not in Korean: a table may have them in Latin letters, too.
    pub fn names_as_typed(&mut self, question: &Question) {
        let names = question.brands.iter().chain(&question.ingredients);
        for found in names.filter(|found| found.words.is_ascii()) {
            self.letters = self.letters.replacen(&found.value.name, &found.words, 1);
        }
    }

    /// Says which conditions no column of the table tells.
    pub fn report_untold(&self, table: &str) {
        for condition in self.conditions.iter().filter(|condition| condition.facts.is_empty()) {
            errors::not_told(table, condition.attribute, &condition.asked, condition.known).report(PgLogLevel::NOTICE);
        }
    }

    /// Steps that ask for different rows.
    pub fn steps(&self) -> Vec<(Step, String)> {
        let mut steps: Vec<(Step, String)> = Vec::new();
        for step in [Step::All, Step::Related, Step::Names, Step::Any] {
            let sql = self.sql(step);
            if steps.last().is_none_or(|(_, last)| *last != sql) {
                steps.push((step, sql));
            }
        }
        steps
    }

    /// Conditions of a step, each with AND before it.
    fn sql(&self, step: Step) -> String {
        let told = self.conditions.iter().filter(|condition| !condition.facts.is_empty());
        let of_rows = told.filter_map(|condition| {
            let facts = has(&self.facts, &condition.facts);
            match (condition.refused, step) {
                // Nobody knows of it that it has it not.
                (true, Step::All) => {
                    Some(format!("{} AND NOT {facts}", has(&self.facts, &[condition.known.to_owned()])))
                }
                (true, _) => Some(format!("NOT {facts}")),
                (false, Step::All) => Some(facts),
                // Products of a brand's active ingredient, first those that meet all else.
                (false, Step::Related | Step::Names) => (step == Step::Related || is_name(condition)).then(|| {
                    let facts: Vec<String> = condition.facts.iter().chain(&condition.related).cloned().collect();
                    has(&self.facts, &facts)
                }),
                (false, Step::Any) => None,
            }
        });
        let of_safety = self.warnings.iter().map(|warning| warning.sql(&self.facts, self.item_seq.as_deref()));
        of_rows.chain(of_safety).map(|condition| format!(" AND {condition}")).collect()
    }

    /// Share of the conditions that a row meets, from 0 to 1; 0 if nothing is asked.
    pub fn share_met(&self, facts: &[String]) -> f64 {
        let told = || self.conditions.iter().filter(|condition| !condition.facts.is_empty());
        let met = told().filter(|condition| condition.met(facts) == Some(true)).count();
        if met == 0 { 0.0 } else { met as f64 / told().count() as f64 }
    }

    /// What a row meets and misses, and what DUR lists say of it.
    pub fn matched(&self, facts: &[String]) -> Value {
        let checks = self.conditions.iter().map(|condition| to_json(&condition.check(facts)));
        let warnings = self.warnings.iter().map(|warning| warning.matched(facts));
        Value::Array(checks.chain(warnings).collect())
    }
}

/// What a question without constraints is compared by: as it stands, or in plain Korean.
pub fn text(question: &Question, query: &str) -> String {
    match (&question.korean, question.rest.trim()) {
        (None, _) => query.to_owned(),
        (Some(korean), "") => korean.clone(),
        (Some(_), rest) => rest.to_owned(),
    }
}

/// A text without Hangul, with the Korean names of what it names: vectors of Korean products are nearer to these.
fn in_korean(question: &Question, text: &str) -> String {
    if text.chars().any(|c| ('가'..='힣').contains(&c)) {
        return text.to_owned();
    }
    let named = question.brands.iter().chain(&question.ingredients).map(|found| &found.value);
    let names = named.flat_map(|name| [name.name.as_str()].into_iter().chain(name.ingredients()));
    names.chain([text]).collect::<Vec<_>>().join(" ")
}

fn to_json(check: &Check) -> Value {
    json!({"attribute": check.attribute, "asked": check.asked, "met": check.met})
}

/// What a question is about, and not how it is to be had.
fn is_name(condition: &Condition) -> bool {
    matches!(condition.attribute, "ingredient" | "class" | "brand" | "effect" | "substitution" | "pair")
}

/// Whether the table has the column that tells. Forms, strengths, brands and ingredients stand in names as well.
fn is_told(condition: &Condition, attributes: &Attributes) -> bool {
    match condition.known {
        "company" => attributes.has("company"),
        "status" => attributes.has("status"),
        _ => true,
    }
}
