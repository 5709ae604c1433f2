//! The bridge: active ingredient <-> meaning, type and names.

use super::{Pair, Sources, forms};
use crate::data::names;
use crate::rng::Rng;

/// Questions and purposes with the ingredient's row and its types, synonyms with its name. Held-out ingredients are left out.
pub fn build(sources: &Sources) -> Vec<Pair> {
    let knowledge = sources.knowledge;
    let mut rng = Rng::new(sources.seed, "ingredient pairs");
    let mut pairs = Vec::new();
    for i in &knowledge.ingredients {
        if sources.held_out.contains(&names::ingredient_key(&i.name_ko)) {
            continue;
        }
        let types: Vec<String> = i.type_codes.iter().map(|c| forms::type_label(c)).collect();
        let own = vec![forms::ingredient_label(&i.name_ko)];
        let about: Vec<String> = own.iter().chain(&types).cloned().collect();
        // Its sisters of the same type stay negatives: the questions were written for this one.
        let pair = |query: &str, document: &str| Pair::new("ingredient", query, document, own.clone(), about.clone());
        for question in &i.questions {
            pairs.push(pair(question, &i.name_ko));
            pairs.push(pair(question, &forms::ingredient(&mut rng, i)));
        }
        pairs.push(pair(&i.purpose, &i.name_ko));
        pairs.push(pair(&i.name_ko, &i.purpose));
        pairs.extend(i.synonyms.iter().chain([&i.name_en]).filter(|s| !s.is_empty()).map(|s| pair(s, &i.name_ko)));
        for code in &i.type_codes {
            if let Some(name) = knowledge.type_name(code) {
                let label = vec![forms::type_label(code)];
                pairs.push(Pair::new("ingredient", &i.name_ko, name, types.clone(), label.clone()));
                pairs.push(Pair::new("ingredient", &i.purpose, name, types.clone(), label));
            }
        }
    }
    pairs.retain(|p| !p.query.is_empty() && !p.document.is_empty() && p.query != p.document);
    pairs
}
