//! Which words of the tables deserve a token: `▁` before those that begin a word, as the tokenizer writes them.

use crate::data::knowledge::Knowledge;
use crate::data::names;
use crate::data::products::Product;
use crate::import::vocabulary::is_hangul;
use crate::pairs::split::{Part, Split};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Syllables of a brand: shorter ones begin too many other words, longer ones are mostly made of words.
const BRAND: std::ops::RangeInclusive<usize> = 3..=7;
/// Shortest terms, in syllables and in Latin letters.
const SYLLABLES: usize = 2;
const LETTERS: usize = 3;

/// Words to give a token, sorted.
pub struct Chosen {
    pub terms: Vec<String>,
    pub brands: Vec<String>,
}

/// Terms that at least `least.0` known products have, and brands of at least `least.1`.
pub fn choose(products: &[Product], knowledge: &Knowledge, split: &Split, least: (usize, usize)) -> Chosen {
    let (known, unseen): (Vec<&Product>, Vec<&Product>) = products.iter().partition(|p| split.part(p) == Part::Known);
    let mut count: HashMap<String, usize> = HashMap::new();
    let mut add = |words: BTreeSet<String>| words.into_iter().for_each(|w| *count.entry(w).or_default() += 1);
    known.iter().for_each(|p| add(words_of(p)));
    // The project's own table says of each that it is an active ingredient.
    for ingredient in
        knowledge.ingredients.iter().filter(|i| !split.held_out.contains(&names::ingredient_key(&i.name_ko)))
    {
        let mut words = BTreeSet::new();
        take_words(&ingredient.name_ko, true, &mut words);
        take_words(&ingredient.name_en, true, &mut words);
        add(words);
    }
    let held_out = |word: &str| split.held_out.contains(&word.trim_start_matches('▁').to_lowercase());
    let terms: BTreeSet<String> =
        count.into_iter().filter(|(word, n)| *n >= least.0 && !held_out(word)).map(|(word, _)| word).collect();
    let hidden: HashSet<String> = unseen.iter().map(|p| names::stem(&names::brand(&p.name)).to_owned()).collect();
    let mut stems: HashMap<String, usize> = HashMap::new();
    known.iter().for_each(|p| *stems.entry(names::stem(&names::brand(&p.name)).to_owned()).or_default() += 1);
    let brands: BTreeSet<String> = stems
        .into_iter()
        .filter(|(stem, n)| *n >= least.1 && BRAND.contains(&stem.chars().count()) && stem.chars().all(is_hangul))
        .filter(|(stem, _)| !hidden.contains(stem))
        .map(|(stem, _)| format!("▁{stem}"))
        .filter(|brand| !terms.contains(brand))
        .collect();
    Chosen { terms: terms.into_iter().collect(), brands: brands.into_iter().collect() }
}

/// The words of a product's name behind its brand, of its type and of its ingredients.
fn words_of(product: &Product) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let brand = names::brand(&product.name);
    match product.name.strip_prefix(names::stem(&brand)) {
        Some(rest) => take_words(rest, false, &mut words),
        None => product.name.split_whitespace().skip(1).for_each(|word| take_words(word, true, &mut words)),
    }
    take_words(&product.type_name, true, &mut words);
    product.ingredients.iter().chain(&product.ingredients_en).for_each(|name| take_words(name, true, &mut words));
    words
}

/// Runs of Hangul and of Latin letters, a substance apart from its salts; `begins` says whether the text begins a word.
fn take_words(text: &str, begins: bool, words: &mut BTreeSet<String>) {
    let starts_blank = text.starts_with(char::is_whitespace);
    for (at, word) in text.split_whitespace().enumerate() {
        let mut mark = if begins || at > 0 || starts_blank { "▁" } else { "" };
        for run in word.split_inclusive(|c: char| !is_hangul(c) && !c.is_ascii_alphabetic()) {
            let letters = run.trim_end_matches(|c: char| !is_hangul(c) && !c.is_ascii_alphabetic());
            let parts = if letters.chars().all(is_hangul) { names::substance_parts(letters) } else { vec![letters] };
            for part in parts {
                let long = if part.chars().all(is_hangul) {
                    part.chars().count() >= SYLLABLES
                } else {
                    part.chars().all(|c| c.is_ascii_alphabetic()) && part.len() >= LETTERS
                };
                if long {
                    words.insert(format!("{mark}{part}"));
                }
                if !part.is_empty() {
                    mark = "";
                }
            }
            if !run.is_empty() {
                mark = "";
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, begins: bool) -> Vec<String> {
        let mut words = BTreeSet::new();
        take_words(text, begins, &mut words);
        words.into_iter().collect()
    }

    #[test]
    fn words_keep_their_place_and_salts_stand_apart() {
        assert_eq!(words("정500밀리그람(아세트아미노펜)", false), ["밀리그람", "아세트아미노펜"]);
        assert_eq!(
            words("해열.진통.소염제", true),
            ["▁해열", "소염제", "진통"]
                .map(str::to_owned)
                .into_iter()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
        );
        let parts = words("아토르바스타틴칼슘삼수화물", true);
        assert!(["▁아토르바스타틴", "칼슘", "삼수화물"].iter().all(|w| parts.iter().any(|p| p == w)), "{parts:?}");
        assert_eq!(words("Chlorpheniramine Maleate", true), ["▁Chlorpheniramine", "▁Maleate"]);
    }
}
