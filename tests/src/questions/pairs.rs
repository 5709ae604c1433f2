//! 병용금기: which substances must not be taken together, by ingredient code, in both directions.

use super::corpus::{Row, korean_names};
use super::ingredients;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

#[derive(Deserialize)]
struct File {
    partners: HashMap<String, Vec<(String, String)>>,
    name_of: HashMap<String, String>,
    product_to_code: HashMap<String, String>,
}

pub struct Pairs {
    file: File,
    /// Codes of a product's name.
    of_name: HashMap<String, Vec<String>>,
    partners: HashMap<String, HashSet<String>>,
}

impl Pairs {
    pub fn read(path: &Path) -> Pairs {
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let file: File = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut of_name: HashMap<String, Vec<String>> = HashMap::new();
        for (name, code) in &file.product_to_code {
            of_name.entry(product(name)).or_default().push(code.clone());
        }
        let mut partners: HashMap<String, HashSet<String>> = HashMap::new();
        for (a, with) in &file.partners {
            for (b, _) in with {
                partners.entry(a.clone()).or_default().insert(b.clone());
                partners.entry(b.clone()).or_default().insert(a.clone());
            }
        }
        Pairs { file, of_name, partners }
    }

    /// English substances of a product that the pair table names.
    pub fn english_of_product(&self, name: &str) -> Vec<String> {
        let code = self.of_name.get(&product(name)).and_then(|codes| codes.first());
        code.and_then(|code| self.file.name_of.get(code)).map(|name| substances(name)).unwrap_or_default()
    }

    /// Codes of the rows: those of their name, else those of other rows with the same substances.
    pub fn assign(&self, products: &mut BTreeMap<String, Row>) {
        let same = |row: &Row| {
            let mut keys: Vec<String> = row.keys.clone();
            keys.sort();
            (row.route, keys)
        };
        let mut of_substances: HashMap<_, HashSet<String>> = HashMap::new();
        for row in products.values_mut() {
            row.pair_codes = self.of_name.get(&product(&row.name)).cloned().unwrap_or_default();
            row.pair_codes.sort();
            row.pair_codes.dedup();
            if !row.pair_codes.is_empty() && !row.keys.is_empty() {
                of_substances.entry(same(row)).or_default().extend(row.pair_codes.iter().cloned());
            }
        }
        let of_english = self.codes_of_single_substances();
        let korean = korean_names(products.values());
        let english: HashMap<String, &String> = korean.iter().map(|(e, k)| (ingredients::key(k), e)).collect();
        for row in products.values_mut().filter(|row| row.pair_codes.is_empty() && !row.keys.is_empty()) {
            let mut codes: Vec<String> = of_substances.get(&same(row)).into_iter().flatten().cloned().collect();
            if let ([key], true) = (&row.keys[..], codes.is_empty()) {
                codes = english.get(key).and_then(|e| of_english.get(&(*e).clone())).cloned().unwrap_or_default();
                codes.retain(|code| route_of(code) == row.route || route_of(code).is_empty());
            }
            codes.sort();
            row.pair_codes = codes;
        }
    }

    fn codes_of_single_substances(&self) -> HashMap<String, Vec<String>> {
        let mut of_english: HashMap<String, Vec<String>> = HashMap::new();
        for (code, name) in &self.file.name_of {
            if let [only] = &substances(name)[..] {
                of_english.entry(only.clone()).or_default().push(code.clone());
            }
        }
        of_english
    }

    /// Codes that must not meet the drug `asked`, an English name or its beginning.
    pub fn partners_of(&self, asked: &str) -> HashSet<&str> {
        let holds = |name: &str| substances(name).iter().any(|s| s.starts_with(asked));
        let own = self.file.name_of.iter().filter(|(_, name)| holds(name)).map(|(code, _)| code);
        own.filter_map(|code| self.partners.get(code)).flatten().map(String::as_str).collect()
    }

    /// Pairs with their reason, for the pair table that is loaded into a database: code, English name, code, English name, reason.
    pub fn rows(&self) -> impl Iterator<Item = [&str; 5]> {
        self.file.partners.iter().flat_map(move |(a, with)| {
            with.iter().filter_map(move |(b, reason)| {
                let (name_a, name_b) = (self.file.name_of.get(a)?, self.file.name_of.get(b)?);
                Some([a.as_str(), name_a.as_str(), b.as_str(), name_b.as_str(), reason.as_str()])
            })
        })
    }
}

/// The name of a product as the pair table and the product tables both write it: no strength behind `_`, no spaces.
fn product(name: &str) -> String {
    name.split("_(").next().unwrap_or(name).chars().filter(|c| !c.is_whitespace()).collect()
}

/// `amlodipine besylate (as amlodipine)+valsartan` -> `amlodipine`, `valsartan`.
pub fn substances(name: &str) -> Vec<String> {
    name.split('+').map(substance).collect()
}

/// An English substance without its salt: the first word, or two where the first alone says nothing.
pub fn substance(name: &str) -> String {
    let plain = name.split('(').next().unwrap_or(name).to_lowercase();
    let mut words =
        plain.split_whitespace().filter(|w| !matches!(*w, "diluted" | "micronized" | "microemulsion" | "anhydrous"));
    let first = words.next().unwrap_or_default();
    let vague = [
        "sodium",
        "potassium",
        "magnesium",
        "calcium",
        "aluminium",
        "aluminum",
        "st.",
        "ethyl",
        "nitrous",
        "arsenic",
        "valproate",
        "divalproex",
    ];
    match (vague.contains(&first), words.next()) {
        (true, _) if first.starts_with("valpro") || first.starts_with("divalpro") => "valproic acid".to_owned(),
        (true, Some(second)) => format!("{first} {second}"),
        _ if first == "valproic" => "valproic acid".to_owned(),
        _ => first.to_owned(),
    }
}

/// By the last letters of an ingredient code: oral, injected, or outside.
fn route_of(code: &str) -> &'static str {
    match code.get(6..7) {
        Some("A") => "oral",
        Some("B") => "injected",
        _ => "",
    }
}
