//! The development benchmark: retrieval tasks with graded relevance.

pub mod build;
pub mod questions;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// One retrieval task, as a line of a JSONL file.
///
/// A query's plain labels say which documents are relevant (a document with any of them is); labels of the form
/// `label=3` grade them for graded nDCG. A query without graded labels has grade 1 for its plain ones, one without plain
/// labels counts every graded document as relevant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    pub task: String,
    pub queries: Vec<(String, Vec<String>)>,
    pub documents: Vec<(String, Vec<String>)>,
}

/// What one query wants of a task's documents: per document its grade, and whether it counts as relevant.
#[derive(Clone, Debug, PartialEq)]
pub struct Relevance {
    pub relevant: Vec<bool>,
    pub grades: Vec<u8>,
}

impl Task {
    /// Relevance of every document for every query, in order.
    pub fn relevance(&self) -> Vec<Relevance> {
        let mut holders: HashMap<&str, Vec<usize>> = HashMap::new();
        for (d, (_, labels)) in self.documents.iter().enumerate() {
            labels.iter().for_each(|l| holders.entry(l).or_default().push(d));
        }
        let n = self.documents.len();
        let of = |(_, labels): &(String, Vec<String>)| {
            let (mut relevant, mut grades) = (vec![false; n], vec![0u8; n]);
            let graded = labels.iter().any(|l| split_grade(l).is_some());
            let plain = labels.iter().any(|l| split_grade(l).is_none());
            for label in labels {
                let (name, grade) = split_grade(label).map_or((label.as_str(), None), |(l, g)| (l, Some(g)));
                for &d in holders.get(name).into_iter().flatten() {
                    relevant[d] |= grade.is_none() || !plain;
                    grades[d] = grades[d].max(grade.unwrap_or(u8::from(!graded)));
                }
            }
            Relevance { relevant, grades }
        };
        self.queries.iter().map(of).collect()
    }
}

/// `type:01140=3` -> (`type:01140`, 3).
fn split_grade(label: &str) -> Option<(&str, u8)> {
    let (name, grade) = label.rsplit_once('=')?;
    grade.parse().ok().map(|g| (name, g))
}

/// Reads a JSONL task file; errors name file and line.
pub fn read(path: &Path) -> Result<Vec<Task>> {
    let text = crate::data::text::read(path)?;
    let mut tasks = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let task: Task = serde_json::from_str(line).with_context(|| format!("{}: line {}", path.display(), i + 1))?;
        if task.queries.is_empty() || task.documents.is_empty() {
            bail!("{}: line {}: task \"{}\" has no queries or no documents", path.display(), i + 1, task.task);
        }
        tasks.push(task);
    }
    if tasks.is_empty() {
        bail!("{}: no tasks", path.display());
    }
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(items: &[&str]) -> Vec<String> {
        items.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn plain_labels_decide_relevance_and_graded_ones_the_gain() {
        let task = Task {
            task: "t".to_owned(),
            queries: vec![
                ("q1".to_owned(), labels(&["type:1", "type:1=3", "type:2=1"])),
                ("q2".to_owned(), labels(&["type:2=2"])),
                ("q3".to_owned(), labels(&["type:2"])),
            ],
            documents: vec![("a".to_owned(), labels(&["type:1", "type:2"])), ("b".to_owned(), labels(&["type:2"]))],
        };
        let r = task.relevance();
        assert_eq!(r[0], Relevance { relevant: vec![true, false], grades: vec![3, 1] });
        assert_eq!(r[1], Relevance { relevant: vec![true, true], grades: vec![2, 2] });
        assert_eq!(r[2], Relevance { relevant: vec![true, true], grades: vec![1, 1] });
    }
}
