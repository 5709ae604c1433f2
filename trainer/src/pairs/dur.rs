//! Stage 2: DUR kind <-> meaning.

use super::{Pair, Sources, forms};
use crate::data::knowledge::DurKind;
use crate::rng::Rng;
use std::collections::HashMap;

/// Each question with the kind's name and with kind + definition; definitions in other words and other names with the name.
pub fn build(sources: &Sources) -> Vec<Pair> {
    let knowledge = sources.knowledge;
    let mut rng = Rng::new(sources.seed, "dur pairs");
    let kinds: HashMap<&str, &DurKind> = knowledge.dur_kinds.iter().map(|k| (k.kind.as_str(), k)).collect();
    let pair = |k: &DurKind, query: &str, document: &str| {
        let label = vec![forms::dur_label(&k.kind)];
        Pair::new("dur", query, document, label.clone(), label)
    };
    let mut pairs = Vec::new();
    for question in &knowledge.dur_questions {
        let k = kinds[question.of.as_str()];
        pairs.push(pair(k, &question.text, &k.kind));
        pairs.push(pair(k, &question.text, &forms::dur_definition(&mut rng, k)));
    }
    for text in &knowledge.dur_definitions {
        let k = kinds[text.of.as_str()];
        pairs.push(pair(k, &text.text, &k.kind));
        pairs.push(pair(k, &k.kind, &text.text));
    }
    for k in &knowledge.dur_kinds {
        pairs.push(pair(k, &k.kind, &forms::dur_definition(&mut rng, k)));
        pairs.extend(k.aliases.iter().map(|alias| pair(k, alias, &k.kind)));
    }
    pairs
}
