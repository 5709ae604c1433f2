//! The development questions: written apart from training, each with what answers it and how well.

use crate::data::csv::{Table, UnclosedQuote};
use crate::pairs::forms;
use anyhow::Result;
use std::path::Path;

/// Binary metrics count grades from here up: 3 answers the question, 2 serves too, 1 is only near.
pub const RELEVANT_GRADE: u8 = 2;

/// One question: `relevant` holds normalised labels (`type:01140`, `ingredient:START`, `efficacy:..`, `dur:..`, `product:CODE`).
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub id: String,
    pub task: String,
    pub text: String,
    pub relevant: Vec<(String, u8)>,
}

impl Question {
    /// Labels for a task line: plain ones from [`RELEVANT_GRADE`] up, and all with their grade.
    pub fn labels(&self, keep: impl Fn(&str) -> bool) -> Vec<String> {
        let kept: Vec<_> = self.relevant.iter().filter(|(l, _)| keep(l)).collect();
        let plain = kept.iter().filter(|(_, g)| *g >= RELEVANT_GRADE).map(|(l, _)| l.clone());
        plain.chain(kept.iter().map(|(l, g)| format!("{l}={g}"))).collect()
    }
}

/// Reads `id,task,text,relevant`, with `relevant` = `label=grade;label=grade`.
pub fn read(path: &Path) -> Result<Vec<Question>> {
    let table = Table::read(path, UnclosedQuote::Refuse)?;
    let [id, task, text, relevant] = table.columns(["id", "task", "text", "relevant"])?;
    let mut questions = Vec::new();
    for row in table.rows() {
        let mut labels = Vec::new();
        for part in table.required(row, relevant)?.split(';').map(str::trim).filter(|p| !p.is_empty()) {
            let parsed = part.rsplit_once('=').and_then(|(label, grade)| Some((normal(label)?, grade.parse().ok()?)));
            let (label, grade) = parsed.filter(|(_, g)| (1..=3).contains(g)).ok_or_else(|| {
                table.error(row, relevant, format!("\"{part}\" is not kind:value=grade with grade 1, 2 or 3"))
            })?;
            labels.push((label, grade));
        }
        questions.push(Question {
            id: table.required(row, id)?.to_owned(),
            task: table.required(row, task)?.to_owned(),
            text: table.required(row, text)?.to_owned(),
            relevant: labels,
        });
    }
    Ok(questions)
}

fn normal(label: &str) -> Option<String> {
    let (kind, value) = label.split_once(':')?;
    Some(match kind.trim() {
        "type" => forms::type_label(value.trim()),
        "dur" => forms::dur_label(value.trim()),
        "ingredient" => format!("ingredient:{}", value.split_whitespace().collect::<String>()),
        "efficacy" => forms::efficacy_label(value),
        "product" => format!("product:{}", value.trim()),
        _ => return None,
    })
}
