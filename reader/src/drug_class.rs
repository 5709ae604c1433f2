//! Classes that a drug is asked for by, pharmacological (PPI, ARB, SSRI) and therapeutic (항우울제, 혈압약), and the active ingredients
//! of each.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use crate::lexicon;
use crate::text::normalise_name;

/// `name<TAB>how it is said<TAB>active ingredients`.
pub(crate) const CLASSES: &str = include_str!("../lexica/drug_classes.tsv");

/// The same of what a drug is for. Such a class is a part of what a question is about: it orders the answers, and is no constraint to be shown.
pub(crate) const THERAPEUTIC: &str = include_str!("../lexica/therapeutic_classes.tsv");

/// Lines of the tables: name, words, members.
pub(crate) fn lines() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    lines_of(CLASSES).chain(lines_of(THERAPEUTIC))
}

fn lines_of(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        Some((fields.next()?, fields.next()?, fields.next()?))
    })
}

/// [Facts](crate::Row::facts) of the products of a class; none if the lexica do not list its ingredients.
pub(crate) fn facts_of(class: &str) -> Option<&'static [String]> {
    static FACTS: OnceLock<HashMap<String, Vec<String>>> = OnceLock::new();
    let facts = FACTS.get_or_init(|| {
        let mut facts = HashMap::new();
        for (name, words, members) in lines() {
            let members: Vec<String> = members.split('|').map(fact).collect();
            for word in words.split('|').chain([name]) {
                facts.insert(normalise_name(word), members.clone());
            }
        }
        facts
    });
    facts.get(&normalise_name(class)).map(Vec::as_slice)
}

/// Whether a name is that of a class.
pub(crate) fn is_class(name: &str) -> bool {
    facts_of(name).is_some()
}

/// Whether a name is that of a class by what its drugs are for.
pub(crate) fn is_therapeutic(name: &str) -> bool {
    static NAMES: OnceLock<HashSet<&str>> = OnceLock::new();
    NAMES.get_or_init(|| lines_of(THERAPEUTIC).map(|(name, ..)| name).collect()).contains(name)
}

fn fact(member: &str) -> String {
    let name = lexicon::ingredient(member).map_or_else(|| member.to_owned(), |known| known.name);
    format!("ingredient:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_ingredients_of_the_lexica() {
        let members: Vec<&str> = lines().flat_map(|(_, _, members)| members.split('|')).collect();
        let unknown: Vec<&&str> = members.iter().filter(|member| lexicon::ingredient(member).is_none()).collect();
        assert!(unknown.len() * 10 <= members.len(), "{unknown:?}");
    }
}
