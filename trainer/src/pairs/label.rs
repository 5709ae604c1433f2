//! Complaints <-> whole labels (e약은요): long documents, of which a few words answer.

use super::symptom::squeezed;
use super::{Pair, Sources, forms, squeeze};
use crate::data::csv::{Row, Table, UnclosedQuote};
use crate::data::efficacy;
use crate::rng::Rng;
use anyhow::Result;
use std::path::Path;

/// Complaints drawn for each label.
const DRAWS: usize = 12;
/// Characters of a label that are shown.
const LONGEST: usize = 640;
/// What stands in a label, in the order of MFDS's table.
const FIELDS: [&str; 6] = ["효능효과", "용법용량", "주의사항", "상호작용", "부작용", "보관방법"];

/// A product's name and what its label says, field by field.
pub struct Label {
    pub name: String,
    fields: Vec<String>,
}

impl Label {
    /// What the product is for.
    pub fn efficacy(&self) -> &str {
        &self.fields[0]
    }

    /// The name and the first fields, as much of them as is shown.
    pub fn shown(&self, fields: usize) -> String {
        let text = squeeze(&format!("{} {}", self.name, self.fields[..fields.min(FIELDS.len())].join(" ")));
        text.chars().take(LONGEST).collect()
    }

    /// Everything that is shown of it.
    pub fn whole(&self) -> String {
        self.shown(FIELDS.len())
    }
}

/// Labels of the public table; none where it is not there.
pub fn read(data: &Path) -> Result<Vec<Label>> {
    let file = data.join("mfds/easy_drug_info_500.csv");
    if !file.exists() {
        return Ok(Vec::new());
    }
    let table = Table::read(&file, UnclosedQuote::Refuse)?;
    let [name] = table.columns(["제품명"])?;
    let fields = table.columns(FIELDS)?;
    let of =
        |row: &Row| Label { name: row.cells[name].clone(), fields: fields.map(|at| row.cells[at].clone()).to_vec() };
    Ok(table.rows().iter().map(of).collect())
}

/// Pairs of each label, whole or its first fields, with what it is for.
pub fn build(sources: &Sources, data: &Path) -> Result<Vec<Pair>> {
    let served: Vec<(String, Vec<String>)> = sources
        .knowledge
        .symptom_efficacy
        .iter()
        .map(|s| (s.symptom.clone(), s.terms.iter().map(|term| squeezed(term)).collect()))
        .collect();
    let mut pairs = Vec::new();
    for label in read(data)? {
        let mut rng = Rng::new(sources.seed, &format!("label {}", label.name));
        let said = squeezed(label.efficacy());
        let symptoms: Vec<&str> = served
            .iter()
            .filter(|(_, terms)| terms.iter().any(|t| said.contains(t)))
            .map(|(s, _)| s.as_str())
            .collect();
        let phrases = efficacy::phrases(label.efficacy());
        let labels: Vec<String> = symptoms
            .iter()
            .map(|s| format!("symptom:{s}"))
            .chain(phrases.iter().map(|phrase| forms::efficacy_label(phrase)))
            .chain([forms::brand_label(&label.name)])
            .collect();
        let ways: Vec<_> =
            sources.knowledge.symptoms.iter().filter(|s| symptoms.contains(&s.symptom.as_str())).collect();
        for _ in 0..DRAWS {
            let document = label.shown(1 + rng.below(FIELDS.len()));
            let Some(way) = rng.pick(&ways) else { continue };
            pairs.push(Pair::new(
                "label",
                &way.text,
                &document,
                vec![format!("symptom:{}", way.symptom)],
                labels.clone(),
            ));
        }
    }
    Ok(pairs)
}
