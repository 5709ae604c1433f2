//! Questions of a DUR kind <-> products whose document names the kind, the optional fourth part of `drug_document`.

use super::{Pair, Sources, forms};
use crate::data::knowledge::Text;
use crate::data::products::Product;
use crate::rng::Rng;
use std::collections::HashMap;

/// Pairs of every product that a list of warnings names.
pub fn build(sources: &Sources) -> Vec<Pair> {
    let mut questions: HashMap<&str, Vec<&Text>> = HashMap::new();
    for question in &sources.knowledge.dur_questions {
        questions.entry(&question.of).or_default().push(question);
    }
    let mut pairs = Vec::new();
    for product in sources.products.iter().filter(|p| !p.warnings.is_empty()) {
        let mut rng = Rng::new(sources.seed, &format!("warning {}", product.code));
        let kinds = product.warnings.iter().map(|kind| forms::dur_label(kind));
        let labels: Vec<String> = forms::product_labels(product).into_iter().chain(kinds).collect();
        for kind in &product.warnings {
            let asked = questions.get(kind.as_str()).and_then(|those| rng.pick(those));
            let Some(question) = asked else { continue };
            let asks = vec![forms::dur_label(kind)];
            pairs.push(Pair::new("warning", &question.text, &document(product), asks, labels.clone()));
        }
    }
    pairs
}

/// As `drug_document` with the DUR kinds builds it.
fn document(product: &Product) -> String {
    format!("{} | {}", forms::product_full(product), product.warnings.join(", "))
}
