//! Predicates over rows: what answers a question, as JSON. All parts of a predicate must hold; of a part's list any.

use super::corpus::{Corpus, Row};
use super::ingredients;
use regex::Regex;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// One value or several, in JSON.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Many {
    One(String),
    Several(Vec<String>),
}

impl Many {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Many::One(one) => std::slice::from_ref(one),
            Many::Several(several) => &several[..],
        }
        .iter()
        .map(String::as_str)
    }
}

/// See `trainer/data/eval/search/README.md` for what each key means.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Predicate {
    pub any: Option<Vec<Predicate>>,
    pub also: Option<Box<Predicate>>,
    pub is: Option<Many>,
    pub not_is: Option<Many>,
    pub ingredient: Option<Many>,
    pub ingredient_all: Option<Many>,
    pub ingredients_exactly: Option<Many>,
    pub not_ingredient: Option<Many>,
    pub single: Option<bool>,
    #[serde(rename = "type")]
    pub type_code: Option<Many>,
    pub efficacy: Option<String>,
    pub not_efficacy: Option<String>,
    pub name: Option<String>,
    pub not_name: Option<String>,
    pub form: Option<Many>,
    pub not_form: Option<Many>,
    pub route: Option<Many>,
    pub strength: Option<Many>,
    pub not_strength: Option<Many>,
    pub company: Option<String>,
    pub not_company: Option<String>,
    pub rx: Option<String>,
    pub dur: Option<String>,
    pub not_dur: Option<String>,
    pub age_listed: Option<u32>,
    pub not_age_listed: Option<u32>,
    pub pair: Option<String>,
    pub not_pair: Option<String>,
}

/// Named predicates of `classes.json`.
pub type Classes = HashMap<String, Predicate>;

/// Evaluates predicates over one corpus; patterns and partners are compiled once.
pub struct Evaluator<'a> {
    corpus: &'a Corpus,
    classes: &'a Classes,
    patterns: HashMap<String, Regex>,
    partners: HashMap<String, HashSet<&'a str>>,
}

impl<'a> Evaluator<'a> {
    pub fn new(corpus: &'a Corpus, classes: &'a Classes) -> Self {
        let mut evaluator = Self { corpus, classes, patterns: HashMap::new(), partners: HashMap::new() };
        classes.values().for_each(|class| evaluator.prepare(class));
        evaluator
    }

    /// Numbers of the rows for which the predicate holds.
    pub fn rows(&mut self, predicate: &Predicate) -> HashSet<usize> {
        self.prepare(predicate);
        let rows = self.corpus.rows.iter().enumerate();
        rows.filter(|(_, row)| self.holds(predicate, row)).map(|(i, _)| i).collect()
    }

    fn prepare(&mut self, p: &Predicate) {
        for pattern in [&p.efficacy, &p.not_efficacy, &p.name, &p.not_name].into_iter().flatten() {
            let compiled = || Regex::new(pattern).unwrap_or_else(|e| panic!("\"{pattern}\": {e}"));
            self.patterns.entry(pattern.clone()).or_insert_with(compiled);
        }
        for asked in [&p.pair, &p.not_pair].into_iter().flatten() {
            let partners = self.corpus.pairs.partners_of(asked);
            assert!(!partners.is_empty(), "the pair table has no partner of \"{asked}\"");
            self.partners.entry(asked.clone()).or_insert(partners);
        }
        for name in [&p.is, &p.not_is].into_iter().flatten().flat_map(Many::iter) {
            assert!(self.classes.contains_key(name), "no class \"{name}\"");
        }
        p.any.iter().flatten().for_each(|part| self.prepare(part));
        p.also.iter().for_each(|part| self.prepare(part));
    }

    fn holds(&self, p: &Predicate, row: &Row) -> bool {
        self.composed(p, row) && substances(p, row) && self.texts(p, row) && columns(p, row) && self.safety(p, row)
    }

    fn composed(&self, p: &Predicate, row: &Row) -> bool {
        let is = |names: &Many| names.iter().any(|name| self.holds(&self.classes[name], row));
        p.any.as_ref().is_none_or(|parts| parts.iter().any(|part| self.holds(part, row)))
            && p.also.as_ref().is_none_or(|part| self.holds(part, row))
            && p.is.as_ref().is_none_or(is)
            && !p.not_is.as_ref().is_some_and(is)
    }

    fn texts(&self, p: &Predicate, row: &Row) -> bool {
        let found = |pattern: &String, text: &str| self.patterns[pattern].is_match(text);
        p.efficacy.as_ref().is_none_or(|pattern| found(pattern, &row.efficacy))
            && !p.not_efficacy.as_ref().is_some_and(|pattern| found(pattern, &row.efficacy))
            && p.name.as_ref().is_none_or(|pattern| found(pattern, &row.name))
            && !p.not_name.as_ref().is_some_and(|pattern| found(pattern, &row.name))
    }

    fn safety(&self, p: &Predicate, row: &Row) -> bool {
        let listed = |kind: &String| row.dur.kinds.contains(kind.as_str());
        let too_young = |months: &u32| row.dur.months.is_some_and(|limit| limit >= *months);
        let paired = |asked: &String| row.pair_codes.iter().any(|code| self.partners[asked].contains(code.as_str()));
        p.dur.as_ref().is_none_or(listed)
            && !p.not_dur.as_ref().is_some_and(listed)
            && p.age_listed.as_ref().is_none_or(too_young)
            && !p.not_age_listed.as_ref().is_some_and(too_young)
            && p.pair.as_ref().is_none_or(paired)
            && !p.not_pair.as_ref().is_some_and(paired)
    }
}

/// A row of which no ingredient is known neither holds nor lacks one.
fn substances(p: &Predicate, row: &Row) -> bool {
    let has = |asked: &str| row.keys.iter().any(|key| ingredients::is(key, asked));
    let exactly = |asked: &Many| {
        !row.keys.is_empty()
            && asked.iter().all(has)
            && row.keys.iter().all(|key| asked.iter().any(|asked| ingredients::is(key, asked)))
    };
    p.ingredient.as_ref().is_none_or(|asked| asked.iter().any(has))
        && p.ingredient_all.as_ref().is_none_or(|asked| asked.iter().all(has))
        && p.ingredients_exactly.as_ref().is_none_or(exactly)
        && p.not_ingredient.as_ref().is_none_or(|asked| !row.keys.is_empty() && !asked.iter().any(has))
        && p.single.is_none_or(|single| !row.keys.is_empty() && single == (row.keys.len() == 1))
}

/// A row whose form or strength is unknown has none, and lacks none.
fn columns(p: &Predicate, row: &Row) -> bool {
    let has_form = |form: &str| row.forms.contains(form);
    let has_strength = |strength: &str| row.strengths.iter().any(|s| s == strength);
    p.type_code.as_ref().is_none_or(|codes| codes.iter().any(|code| row.type_code.starts_with(code)))
        && p.form.as_ref().is_none_or(|forms| forms.iter().any(has_form))
        && p.not_form.as_ref().is_none_or(|forms| !row.forms.is_empty() && !forms.iter().any(has_form))
        && p.route.as_ref().is_none_or(|routes| routes.iter().any(|route| row.route == route))
        && p.strength.as_ref().is_none_or(|all| all.iter().all(has_strength))
        && p.not_strength.as_ref().is_none_or(|all| !row.strengths.is_empty() && !all.iter().all(has_strength))
        && p.company.as_ref().is_none_or(|name| row.company.contains(name.as_str()))
        && !p.not_company.as_ref().is_some_and(|name| row.company.contains(name.as_str()))
        && p.rx.as_ref().is_none_or(|rx| row.rx == if rx == "otc" { "일반의약품" } else { "전문의약품" })
}
