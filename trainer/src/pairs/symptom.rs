//! Lay symptoms, and single terms of efficacy texts (효능) in lay words <-> the terms, and over-the-counter products that name them.

use super::{Pair, Sources, forms};
use crate::data::products::Product;
use crate::rng::Rng;
use std::collections::{BTreeSet, HashMap};

/// Products drawn for each phrasing of a symptom, and of a term.
const PRODUCTS: usize = 6;
const PRODUCTS_OF_TERM: usize = 3;

/// Each phrasing with a few products that serve the symptom, in every form, and with the words of efficacy texts for it.
pub fn build(sources: &Sources) -> Vec<Pair> {
    let mut rng = Rng::new(sources.seed, "symptom pairs");
    let mut phrasings: HashMap<&str, Vec<&str>> = HashMap::new();
    for s in &sources.knowledge.symptoms {
        phrasings.entry(&s.symptom).or_default().push(&s.text);
    }
    let mut pairs = Vec::new();
    for served in &sources.knowledge.symptom_efficacy {
        let terms: Vec<String> = served.terms.iter().map(|t| squeezed(t)).collect();
        let names = |phrase: &str| terms.iter().any(|t| squeezed(phrase).contains(t.as_str()));
        let products: Vec<&Product> =
            sources.products.iter().filter(|p| p.phrases.iter().any(|phrase| names(phrase))).collect();
        let symptom = format!("symptom:{}", served.symptom);
        for text in &phrasings[served.symptom.as_str()] {
            for _ in 0..PRODUCTS.min(products.len()) {
                let Some(product) = rng.pick(&products) else { continue };
                let meant = product.phrases.iter().filter(|phrase| names(phrase)).map(|p| forms::efficacy_label(p));
                let asks = meant.chain([symptom.clone()]).collect();
                let labels = [forms::product_labels(product), vec![symptom.clone()]].concat();
                pairs.push(Pair::new("symptom", text, &form(&mut rng, product), asks, labels));
            }
            for term in served.terms.iter().take(2) {
                let label = vec![forms::efficacy_label(term), symptom.clone()];
                pairs.push(Pair::new("symptom", text, term, label.clone(), label));
            }
        }
    }
    pairs
}

/// Every efficacy phrase without its spaces, with the places of the products that have it.
fn phrases(products: &[Product]) -> HashMap<String, Vec<usize>> {
    let mut holders: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, product) in products.iter().enumerate() {
        product.phrases.iter().for_each(|phrase| holders.entry(squeezed(phrase)).or_default().push(at));
    }
    holders
}

/// Products whose efficacy phrases name a term, and labels of the phrases that do.
struct Named<'a> {
    products: Vec<&'a Product>,
    labels: Vec<String>,
}

impl<'a> Named<'a> {
    fn new(products: &'a [Product], phrases: &HashMap<String, Vec<usize>>, term: &str) -> Self {
        let mut labels = vec![forms::efficacy_label(term)];
        let mut places: BTreeSet<usize> = BTreeSet::new();
        for (phrase, holders) in phrases.iter().filter(|(phrase, _)| phrase.contains(term)) {
            labels.push(forms::efficacy_label(phrase));
            places.extend(holders);
        }
        Self { products: places.into_iter().map(|at| &products[at]).collect(), labels }
    }
}

/// Each lay wording of a term with the term itself, and with a few products whose efficacy phrases name it.
pub fn terms(sources: &Sources) -> Vec<Pair> {
    let mut rng = Rng::new(sources.seed, "efficacy terms");
    let phrases = phrases(sources.products);
    let mut named: HashMap<String, Named> = HashMap::new();
    let mut pairs = Vec::new();
    for t in &sources.knowledge.efficacy_terms {
        let term = squeezed(&t.of);
        let named = named.entry(term).or_insert_with_key(|term| Named::new(sources.products, &phrases, term));
        pairs.push(Pair::new("symptom", &t.text, &t.of, named.labels.clone(), vec![forms::efficacy_label(&t.of)]));
        for _ in 0..PRODUCTS_OF_TERM.min(named.products.len()) {
            let Some(product) = rng.pick(&named.products) else { continue };
            let document = form(&mut rng, product);
            pairs.push(Pair::new("symptom", &t.text, &document, named.labels.clone(), forms::product_labels(product)));
        }
    }
    pairs
}

fn form(rng: &mut Rng, product: &Product) -> String {
    match rng.below(4) {
        0 => product.name.clone(),
        1 => forms::product(&product.name, "", &product.ingredients),
        2 => forms::product_efficacy(product),
        _ => forms::product_any(rng, product),
    }
}

/// Without white space, as efficacy texts are compared.
pub(super) fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}
