//! Training pairs: a question, a document that answers it, and what each is about.

pub mod asked;
pub mod command;
mod distil;
pub mod dur;
pub mod english;
pub mod forms;
pub mod ingredient;
pub mod label;
pub mod perturb;
pub mod product;
pub mod seed;
pub mod split;
pub mod strength;
pub mod symptom;
pub mod types;
pub mod variant;
pub mod warning;

use crate::data::knowledge::Knowledge;
use crate::data::products::Product;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

/// One line of a pair file.
///
/// A document `j` is no negative to a question `i` when what `i` asks for is among what `j` is about
/// (see [`crate::train::items::Item::accepts`]).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    pub query: String,
    pub document: String,
    /// Stands for `asks` and for `labels` where these are absent.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<String>,
    /// What would answer the question, e.g. `type:01140`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<String>,
    /// What the document is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// `type`, `dur`, `product`, `name`, `symptom`, `ingredient`, `lookup`, `asked`, `strength`, `english`, `warning` or `label`, of
    /// distillation's `variant`, `general` or `passage` too; recipes select by it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stage: String,
    /// Documents that look right and are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub negatives: Vec<String>,
    /// Wanted cosine, of labelled pairs only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<f32>,
}

impl Pair {
    pub fn new(stage: &str, query: &str, document: &str, asks: Vec<String>, labels: Vec<String>) -> Self {
        let distinct = |mut labels: Vec<String>| {
            labels.sort();
            labels.dedup();
            labels
        };
        Self {
            query: squeeze(query),
            document: squeeze(document),
            asks: distinct(asks),
            labels: distinct(labels),
            stage: stage.to_owned(),
            ..Self::default()
        }
    }

    /// What would answer the question.
    pub fn asks(&self) -> &[String] {
        if self.asks.is_empty() { &self.group } else { &self.asks }
    }

    /// What the document is about.
    pub fn labels(&self) -> &[String] {
        if self.labels.is_empty() { &self.group } else { &self.labels }
    }
}

/// What the builders build from.
pub struct Sources<'a> {
    pub knowledge: &'a Knowledge,
    /// Products that training may see.
    pub products: &'a [Product],
    /// Salt-free ingredient keys that training may not see.
    pub held_out: &'a std::collections::HashSet<String>,
    pub seed: u64,
}

/// Runs of white space become one space.
fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Group {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Group::deserialize(deserializer)? {
        Group::One(group) => vec![group],
        Group::Many(groups) => groups,
    })
}

/// Reads a JSONL pair file; errors name file and line.
pub fn read_jsonl(path: &Path) -> Result<Vec<Pair>> {
    let file = std::fs::File::open(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let mut pairs = Vec::new();
    for (i, line) in BufReader::new(file).lines().enumerate() {
        let place = || format!("{}: line {}", path.display(), i + 1);
        let line = line.with_context(place)?;
        if line.trim().is_empty() {
            continue;
        }
        let pair: Pair = serde_json::from_str(&line).with_context(place)?;
        if pair.query.trim().is_empty() || pair.document.trim().is_empty() {
            bail!("{}: empty query or document", place());
        }
        pairs.push(pair);
    }
    if pairs.is_empty() {
        bail!("{}: no pairs", path.display());
    }
    Ok(pairs)
}

/// Writes lines of JSON to a new file beside `path`, then renames it.
pub fn write_jsonl<T: Serialize>(path: &Path, items: &[T]) -> Result<()> {
    let mut body = Vec::new();
    for item in items {
        serde_json::to_writer(&mut body, item)?;
        body.push(b'\n');
    }
    write_whole(path, &body)
}

/// Replaces a file by rename, so that no reader sees half of it.
pub fn write_whole(path: &Path, body: &[u8]) -> Result<()> {
    let name = path.file_name().with_context(|| format!("{}: no file name", path.display()))?;
    let partial = path.with_file_name(format!(".{}.partial", name.to_string_lossy()));
    let write = || -> std::io::Result<()> {
        if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
            std::fs::create_dir_all(dir)?;
        }
        let mut file = std::fs::File::create(&partial)?;
        file.write_all(body)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    };
    write().with_context(|| format!("{}: cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_may_be_text_or_list_and_stands_for_both_sides() {
        let a: Pair = serde_json::from_str(r#"{"query":"q","document":"d","group":"x"}"#).unwrap();
        let b: Pair = serde_json::from_str(r#"{"query":"p","document":"e","group":["x","y"]}"#).unwrap();
        assert_eq!((a.asks(), a.labels()), (&["x".to_owned()][..], &["x".to_owned()][..]));
        assert_eq!(b.labels(), ["x", "y"]);
        let c =
            Pair::new("type", "q  r", "d", vec!["y".to_owned(), "x".to_owned(), "y".to_owned()], vec!["z".to_owned()]);
        assert_eq!(
            (c.query.as_str(), c.asks(), c.labels()),
            ("q r", &["x".to_owned(), "y".to_owned()][..], &["z".to_owned()][..])
        );
        assert!(serde_json::from_str::<Pair>(r#"{"query":"q","document":"d","extra":1}"#).is_err());
    }
}
