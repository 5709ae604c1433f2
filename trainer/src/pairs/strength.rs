//! An ingredient with its strength, as prescriptions have it, <-> products of just that; other strengths are the hard negatives.

use super::{Pair, Sources, forms};
use crate::data::names;
use crate::data::products::Product;
use crate::rng::Rng;
use std::collections::BTreeMap;

/// Ways of asking drawn for each product.
const DRAWS: usize = 2;
/// Products of the same ingredient in another strength, for each pair.
const NEGATIVES: usize = 3;

/// A product of one ingredient in one strength (`500 mg`).
struct Dosed<'a> {
    product: &'a Product,
    label: String,
    strength: String,
}

/// Pairs of every product of one ingredient whose name says one strength.
pub fn build(sources: &Sources) -> Vec<Pair> {
    let mut of_ingredient: BTreeMap<String, Vec<Dosed>> = BTreeMap::new();
    for product in sources.products {
        if let Some((label, key, strength)) = dose(product) {
            of_ingredient.entry(key).or_default().push(Dosed { product, label, strength });
        }
    }
    let mut pairs = Vec::new();
    for (key, dosed) in &of_ingredient {
        let mut rng = Rng::new(sources.seed, &format!("strength {key}"));
        for own in dosed {
            let others: Vec<&Dosed> = dosed.iter().filter(|other| other.strength != own.strength).collect();
            let label = &own.label;
            let labels = [forms::product_labels(own.product), vec![label.clone()]].concat();
            for _ in 0..DRAWS {
                let query = prescribed(&mut rng, key, own);
                let full = rng.chance(0.3);
                let document = |p: &Product| if full { forms::product_full(p) } else { p.name.clone() };
                let mut pair =
                    Pair::new("strength", &query, &document(own.product), vec![label.clone()], labels.clone());
                let wrong = (0..NEGATIVES).filter_map(|_| rng.pick(&others)).map(|other| document(other.product));
                pair.negatives = wrong.collect();
                pairs.push(pair);
            }
        }
    }
    pairs
}

/// What a product of one ingredient in one strength is labelled with, and the ingredient's key and the strength.
pub fn dose(product: &Product) -> Option<(String, String, String)> {
    let [key] = <[String; 1]>::try_from(product.ingredient_keys()).ok()?;
    let strength = strength(&product.name)?;
    Some((format!("dose:{key} {strength}"), key, strength))
}

/// The one strength that a name says, in the reader's unit.
fn strength(name: &str) -> Option<String> {
    let facts = reader::Row { name, ..reader::Row::default() }.facts();
    let mut strengths = facts.iter().filter_map(|fact| fact.strip_prefix("strength:"));
    strengths.next().filter(|_| strengths.next().is_none()).map(str::to_owned)
}

/// `암로디핀 5mg`, `암로디핀베실산염 5밀리그램`, `amlodipine 5`.
fn prescribed(rng: &mut Rng, key: &str, own: &Dosed) -> String {
    let english = own.product.ingredients_en.first().filter(|_| rng.chance(0.3));
    let name = match english {
        Some(english) => english.split(" (").next().unwrap_or(english).to_lowercase(),
        None if rng.chance(0.3) => names::without_parentheses(&own.product.ingredients[0]),
        None => key.to_owned(),
    };
    let (number, unit) = own.strength.split_once(' ').unwrap_or((&own.strength, ""));
    let unit = match (unit, rng.below(6)) {
        ("mg", 0) => "밀리그램",
        ("mg", 1) => "",
        ("mg", 2) => "밀리",
        ("mg", 3) => "MG",
        (unit, _) => unit,
    };
    let (space, form) = (["", " ", " "][rng.below(3)], ["", "", "", " 정", " 제네릭"][rng.below(5)]);
    format!("{name} {number}{space}{unit}{form}")
}
