//! Products by their English names, as the tables have them and as people type them, <-> their rows.

use super::{Pair, Sources, forms};
use crate::data::names;
use crate::rng::Rng;

/// Ways of typing drawn for each product.
const DRAWS: usize = 2;

/// Pairs of every product with an English name.
pub fn build(sources: &Sources) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for product in sources.products.iter().filter(|p| !p.name_en.is_empty()) {
        let mut rng = Rng::new(sources.seed, &format!("english {}", product.code));
        let labels = forms::product_labels(product);
        for _ in 0..DRAWS {
            let query = typed(&mut rng, &product.name_en);
            let document = if rng.chance(0.6) { product.name.clone() } else { forms::product_any(&mut rng, product) };
            let asks = vec![forms::brand_label(&product.name)];
            pairs.push(Pair::new("english", &query, &document, asks, labels.clone()));
        }
        if let Some(english) = product.ingredients_en.first().filter(|_| product.ingredients_en.len() == 1) {
            let asks: Vec<String> = product.ingredient_keys().iter().map(|key| format!("ingredient:{key}")).collect();
            let document = forms::product("", &product.type_name, &product.ingredients);
            let document = if rng.chance(0.5) { product.name.clone() } else { document };
            pairs.push(Pair::new("english", &english.to_lowercase(), &document, asks, labels));
        }
    }
    pairs.retain(|pair| !pair.asks().is_empty());
    pairs
}

/// With or without capitals, strength and what stands behind it: `Tylenol Tab. 500mg` -> `tylenol`.
fn typed(rng: &mut Rng, name: &str) -> String {
    let plain = names::without_parentheses(name);
    let short: String = plain.split_whitespace().take(1 + rng.below(2)).collect::<Vec<_>>().join(" ");
    let text = if rng.chance(0.5) { short } else { plain };
    let text = text.trim_end_matches(['.', ',']).to_owned();
    if rng.chance(0.6) { text.to_lowercase() } else { text }
}
