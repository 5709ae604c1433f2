//! Stage 1: drug type <-> meaning.

use super::{Pair, Sources, forms};
use crate::data::knowledge::DrugType;
use crate::data::names;
use crate::rng::Rng;
use std::collections::HashMap;

/// Each lay question with its type's name and with name + definition; definitions and other names with the name.
pub fn build(sources: &Sources) -> Vec<Pair> {
    let knowledge = sources.knowledge;
    let mut rng = Rng::new(sources.seed, "type pairs");
    let types: HashMap<&str, &DrugType> = knowledge.types.iter().map(|t| (t.code.as_str(), t)).collect();
    let mut confused: HashMap<&str, Vec<&DrugType>> = HashMap::new();
    for c in &knowledge.confusions {
        if let Some(t) = types.get(c.confused_with.as_str()).filter(|t| t.name != types[c.code.as_str()].name) {
            confused.entry(&c.code).or_default().push(t);
        }
    }
    let pair = |t: &DrugType, query: &str, document: &str| {
        let label = vec![forms::type_label(&t.code)];
        Pair::new("type", query, document, label.clone(), label)
    };
    let mut pairs = Vec::new();
    for question in &knowledge.type_questions {
        let t = types[question.of.as_str()];
        let near = confused.get(t.code.as_str()).map_or(&[][..], Vec::as_slice);
        let mut by_name = pair(t, &question.text, &t.name);
        by_name.negatives = near.iter().map(|n| n.name.clone()).collect();
        let mut by_definition = pair(t, &question.text, &forms::type_definition(&mut rng, t));
        by_definition.negatives = near.iter().map(|n| forms::type_definition(&mut rng, n)).collect();
        pairs.extend([by_name, by_definition]);
    }
    for (text, codes) in borrowed(sources) {
        let asks: Vec<String> = codes.iter().map(|c| forms::type_label(c)).collect();
        let second = codes.len() > 1 && rng.chance(0.3);
        let Some(t) = codes.get(usize::from(second)).and_then(|c| types.get(c.as_str())) else { continue };
        let labels = vec![forms::type_label(&t.code)];
        pairs.push(Pair::new("type", text, &t.name, asks.clone(), labels.clone()));
        pairs.push(Pair::new("type", text, &forms::type_definition(&mut rng, t), asks, labels));
    }
    for t in &knowledge.types {
        pairs.push(pair(t, &t.definition, &t.name));
        pairs.push(pair(t, &t.name, &t.definition));
        pairs.push(pair(t, &t.name, &forms::type_definition(&mut rng, t)));
        pairs.extend(t.aliases.iter().map(|alias| pair(t, alias, &t.name)));
    }
    pairs.retain(|p| p.query != p.document);
    pairs
}

/// Questions written for ingredients and symptoms, with the types that serve them, best first.
fn borrowed<'a>(sources: &'a Sources) -> impl Iterator<Item = (&'a str, &'a [String])> {
    let knowledge = sources.knowledge;
    let ingredients = knowledge
        .ingredients
        .iter()
        .filter(|i| !sources.held_out.contains(&names::ingredient_key(&i.name_ko)))
        .flat_map(|i| i.questions.iter().map(|q| (q.as_str(), i.type_codes.as_slice())));
    ingredients.chain(knowledge.symptoms.iter().map(|s| (s.text.as_str(), s.type_codes.as_slice())))
}
