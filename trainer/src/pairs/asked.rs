//! Questions that say more than a complaint (which form, which way round, without what) <-> the products that meet all of it.

use super::{Pair, Sources, forms};
use crate::data::knowledge::Asked;
use crate::data::names;
use crate::data::products::Product;
use crate::rng::Rng;
use std::collections::HashSet;

/// Products drawn for each question.
const PRODUCTS: usize = 8;
/// Products drawn for each pair among those that a careless search would take.
const NEGATIVES: usize = 3;

/// What questions ask about a product.
struct Seen<'a> {
    product: &'a Product,
    ingredients: Vec<String>,
    forms: HashSet<String>,
}

impl<'a> Seen<'a> {
    fn new(product: &'a Product) -> Self {
        let facts = reader::Row { name: &product.name, ..reader::Row::default() }.facts();
        let forms = facts.iter().filter_map(|fact| fact.strip_prefix("form:")).map(str::to_owned).collect();
        Self { product, ingredients: product.ingredient_keys(), forms }
    }

    fn is_of(&self, types: &[String]) -> bool {
        types.contains(&self.product.type_code)
    }

    /// Whether it holds one of the ingredients, whatever its salt.
    fn holds(&self, ingredients: &[String]) -> bool {
        let holds = |asked: &String| {
            let key = names::ingredient_key(asked);
            self.ingredients.iter().any(|own| own.starts_with(&key))
        };
        ingredients.iter().any(holds)
    }

    fn comes_as(&self, forms: &[String]) -> bool {
        forms.iter().any(|form| self.forms.contains(form))
    }

    /// Serves what is asked for, in whatever form.
    fn serves(&self, asked: &Asked) -> bool {
        (asked.types.is_empty() || self.is_of(&asked.types))
            && (asked.ingredients.is_empty() || self.holds(&asked.ingredients))
    }

    fn answers(&self, asked: &Asked) -> bool {
        self.serves(asked)
            && (asked.forms.is_empty() || self.comes_as(&asked.forms))
            && !self.is_of(&asked.not_types)
            && !self.holds(&asked.not_ingredients)
            // A tablet that is chewed is a tablet too.
            && (!asked.forms.is_empty() || !self.comes_as(&asked.not_forms))
    }

    /// What a search that reads half of the question would find.
    fn misleads(&self, asked: &Asked) -> bool {
        !self.answers(asked)
            && (self.is_of(&asked.not_types)
                || self.holds(&asked.not_ingredients)
                || self.serves(asked) && self.comes_as(&asked.not_forms))
    }
}

/// Each question with a few of the products that meet it, and as hard negatives some that meet only half of it.
pub fn build(sources: &Sources) -> Vec<Pair> {
    let seen: Vec<Seen> = sources.products.iter().map(Seen::new).collect();
    let mut rng = Rng::new(sources.seed, "asked pairs");
    let mut answered: Vec<Vec<String>> = vec![Vec::new(); seen.len()];
    let mut right: Vec<Vec<usize>> = Vec::new();
    for (number, asked) in sources.knowledge.asked.iter().enumerate() {
        let those: Vec<usize> = (0..seen.len()).filter(|&at| seen[at].answers(asked)).collect();
        those.iter().for_each(|&at| answered[at].push(label(number)));
        right.push(those);
    }
    let mut pairs = Vec::new();
    for (number, asked) in sources.knowledge.asked.iter().enumerate() {
        let misleading: Vec<&Product> = seen.iter().filter(|s| s.misleads(asked)).map(|s| s.product).collect();
        for _ in 0..PRODUCTS.min(right[number].len()) {
            let Some(&at) = rng.pick(&right[number]) else { continue };
            let form = FORMS[rng.below(FORMS.len())];
            let labels = [forms::product_labels(seen[at].product), answered[at].clone()].concat();
            let mut pair = Pair::new("asked", &asked.text, &form(seen[at].product), vec![label(number)], labels);
            pair.negatives = (0..NEGATIVES).filter_map(|_| rng.pick(&misleading)).map(|p| form(p)).collect();
            pairs.push(pair);
        }
    }
    pairs
}

fn label(number: usize) -> String {
    format!("asked:{number}")
}

/// A question's answers and the products that mislead it stand in the same form.
const FORMS: &[fn(&Product) -> String] =
    &[|p| p.name.clone(), |p| p.name.clone(), forms::product_full, forms::product_efficacy];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::knowledge::Knowledge;

    fn product(code: &str, name: &str, type_code: &str, ingredients: &[&str]) -> Product {
        Product {
            code: code.to_owned(),
            name: name.to_owned(),
            type_code: type_code.to_owned(),
            ingredients: ingredients.iter().map(|&i| i.to_owned()).collect(),
            ..Product::default()
        }
    }

    #[test]
    fn answers_meet_everything_and_what_misleads_only_half() {
        let products = [
            product("1", "콜드시럽(아세트아미노펜)", "01140", &["아세트아미노펜"]),
            product("2", "콜드정500밀리그램(아세트아미노펜)", "01140", &["아세트아미노펜"]),
            product("3", "아이부시럽(이부프로펜)", "01140", &["이부프로펜"]),
            product("4", "바르는크림", "02640", &["이부프로펜"]),
        ];
        let list = |values: &[&str]| values.iter().map(|&v| v.to_owned()).collect();
        let asked = Asked {
            text: "알약 못 삼키는 아이 해열제".to_owned(),
            types: list(&["01140"]),
            forms: list(&["syrup"]),
            not_forms: list(&["tablet"]),
            not_ingredients: list(&["이부프로펜"]),
            ..Asked::default()
        };
        let knowledge = Knowledge { asked: vec![asked], ..Knowledge::default() };
        let none = HashSet::new();
        let pairs = build(&Sources { knowledge: &knowledge, products: &products, held_out: &none, seed: 7 });
        assert_eq!(pairs.len(), 1);
        assert!(pairs.iter().all(|p| p.document.starts_with("콜드시럽") && p.negatives.len() == NEGATIVES));
        let wrong = ["콜드정", "아이부시럽", "바르는크림"];
        assert!(pairs.iter().flat_map(|p| &p.negatives).all(|n| wrong.iter().any(|w| n.starts_with(w))));
    }
}
