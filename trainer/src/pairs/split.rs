//! The development split: which products and ingredients training may not see. It depends on names and the seed alone.

use crate::data::names;
use crate::data::products::Product;
use crate::rng;
use std::collections::{HashMap, HashSet};

/// Where a product stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Training sees it.
    Known,
    /// Held out by brand; its ingredients are known from other products.
    UnseenProduct,
    /// Holds an ingredient of which training sees nothing.
    UnseenIngredient,
}

/// How the products are split.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Percent of single ingredients kept from training, for the development tasks.
    #[arg(long, default_value_t = 15)]
    pub hold_out_ingredients: u64,
    /// Percent of the other brands kept from training.
    #[arg(long, default_value_t = 10)]
    pub hold_out_brands: u64,
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

/// A split of the products.
pub struct Split {
    pub seed: u64,
    /// Percent of brands held out among the rest.
    pub brands_percent: u64,
    pub held_out: HashSet<String>,
}

impl Split {
    /// Chooses the ingredients to hold out, among those that stand alone in at least half of their products
    /// (holding out a vitamin would take every multivitamin along). With both percentages 0 training sees everything.
    pub fn new(products: &[Product], args: &Args) -> Self {
        let (seed, ingredients_percent, brands_percent) = (args.seed, args.hold_out_ingredients, args.hold_out_brands);
        let mut count: HashMap<String, (usize, usize)> = HashMap::new();
        for product in products {
            let keys = product.ingredient_keys();
            let alone = usize::from(keys.len() == 1);
            for key in keys {
                let (all, single) = count.entry(key).or_default();
                *all += 1;
                *single += alone;
            }
        }
        let held_out = count
            .into_iter()
            .filter(|(key, (all, single))| {
                single * 2 >= *all && rng::percentile(seed, &format!("ingredient {key}")) < ingredients_percent
            })
            .map(|(key, _)| key)
            .collect();
        Self { seed, brands_percent, held_out }
    }

    pub fn part(&self, product: &Product) -> Part {
        if product.ingredient_keys().iter().any(|k| self.held_out.contains(k)) {
            Part::UnseenIngredient
        } else if rng::percentile(self.seed, &format!("brand {}", names::brand(&product.name))) < self.brands_percent {
            Part::UnseenProduct
        } else {
            Part::Known
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(products: &[Product], hold_out_ingredients: u64, hold_out_brands: u64) -> Split {
        Split::new(products, &Args { hold_out_ingredients, hold_out_brands, seed: 3 })
    }

    fn product(name: &str, ingredients: &[&str]) -> Product {
        let ingredients = ingredients.iter().map(|s| (*s).to_owned()).collect();
        Product { name: name.to_owned(), ingredients, ..Product::default() }
    }

    #[test]
    fn no_product_of_a_held_out_ingredient_is_known() {
        let products: Vec<Product> = (0..200)
            .map(|i| {
                product(
                    &format!("상표{i}정"),
                    &[["가나다린", "라마바린", "사아자린", "차카타린"][i % 4], "공통비타민"][..1 + i % 2],
                )
            })
            .collect();
        let split = split(&products, 50, 10);
        assert!(!split.held_out.is_empty());
        assert!(!split.held_out.contains("공통비타민"));
        for p in &products {
            let held = p.ingredient_keys().iter().any(|k| split.held_out.contains(k));
            assert_eq!(split.part(p) == Part::UnseenIngredient, held);
        }
        // Salts of one ingredient fall on the same side.
        assert_eq!(split.part(&product("갑", &["가나다린"])), split.part(&product("갑", &["가나다린염산염"])));
    }

    #[test]
    fn nothing_is_held_out_at_zero() {
        let products = [product("갑정", &["가나다린"])];
        assert_eq!(split(&products, 0, 0).part(&products[0]), Part::Known);
    }
}
