//! The forms in which documents stand in people's tables.

use crate::data::knowledge::{DrugType, DurKind, Ingredient};
use crate::data::names;
use crate::data::products::Product;
use crate::rng::Rng;

/// How users glue two columns together; training sees all of them.
const JOINTS: &[&str] = &[": ", " ", " | ", " - ", ", "];

/// Two columns glued in one of the usual ways.
pub fn glued(rng: &mut Rng, a: &str, b: &str) -> String {
    let joint = JOINTS[rng.below(JOINTS.len())];
    format!("{a}{joint}{b}")
}

/// `NAME | TYPE | ingredient, ingredient`, as the SQL function `drug_document` builds it.
pub fn product(name: &str, type_name: &str, ingredients: &[String]) -> String {
    encoder::document(name, type_name, &ingredients.join("|"))
}

/// The recommended form of a product with its Korean ingredients.
pub fn product_full(p: &Product) -> String {
    product(&p.name, &p.type_name, &p.ingredients)
}

/// Name and efficacy text.
pub fn product_efficacy(p: &Product) -> String {
    product(&p.name, &p.efficacy, &[])
}

/// One of the richer forms of a product: Korean or English ingredients, with or without the type, with or without efficacy.
pub fn product_any(rng: &mut Rng, p: &Product) -> String {
    let english = !p.ingredients_en.is_empty() && rng.chance(0.25);
    let ingredients = if english { &p.ingredients_en } else { &p.ingredients };
    match rng.below(10) {
        0 => glued(rng, &p.name, if p.type_name.is_empty() { &p.efficacy } else { &p.type_name }),
        1 => product(&p.name, "", ingredients),
        2 | 3 if !p.efficacy.is_empty() => glued(rng, &p.name, &p.efficacy),
        4 if !p.efficacy.is_empty() => product(&p.name, &p.type_name, &[ingredients.join(", "), p.efficacy.clone()]),
        _ => product(&p.name, &p.type_name, ingredients),
    }
}

/// Name and definition of a type.
pub fn type_definition(rng: &mut Rng, t: &DrugType) -> String {
    glued(rng, &t.name, &t.definition)
}

/// Kind and definition of a DUR warning.
pub fn dur_definition(rng: &mut Rng, k: &DurKind) -> String {
    glued(rng, &k.kind, &k.definition)
}

/// An ingredient row: its name, with the English name, or with what it is for.
pub fn ingredient(rng: &mut Rng, i: &Ingredient) -> String {
    match rng.below(4) {
        0 => i.name_ko.clone(),
        1 if !i.name_en.is_empty() => format!("{} ({})", i.name_ko, i.name_en),
        2 => i.purpose.clone(),
        _ => glued(rng, &i.name_ko, &i.purpose),
    }
}

/// What a product is about: brand, type, ingredients, efficacy phrases.
pub fn product_labels(p: &Product) -> Vec<String> {
    let mut labels = vec![brand_label(&p.name)];
    if !p.type_code.is_empty() {
        labels.push(type_label(&p.type_code));
    }
    labels.extend(p.ingredient_keys().iter().map(|k| format!("ingredient:{k}")));
    labels.extend(p.phrases.iter().map(|f| efficacy_label(f)));
    labels
}

pub fn type_label(code: &str) -> String {
    format!("type:{code}")
}

pub fn dur_label(kind: &str) -> String {
    format!("dur:{kind}")
}

pub fn brand_label(name: &str) -> String {
    format!("brand:{}", names::brand(name))
}

/// A brand in one strength.
pub fn strength_label(name: &str) -> String {
    format!("strength:{} {}", names::brand(name), names::strength(name).unwrap_or_default())
}

pub fn ingredient_label(name: &str) -> String {
    format!("ingredient:{}", names::ingredient_key(name))
}

/// Spaces don't matter in a complaint: `목 아픔` = `목아픔`.
pub fn efficacy_label(phrase: &str) -> String {
    format!("efficacy:{}", phrase.split_whitespace().collect::<String>())
}
