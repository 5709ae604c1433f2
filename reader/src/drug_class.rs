//! Pharmacological classes that a drug is asked for by (PPI, ARB, SSRI), and the active ingredients of each.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::lexicon;
use crate::text::normalise_name;

/// `name<TAB>how it is said<TAB>active ingredients`.
pub(crate) const CLASSES: &str = include_str!("../lexica/drug_classes.tsv");

/// Lines of the table: name, words, members.
pub(crate) fn lines() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    CLASSES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
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

/// Whether a name is that of a pharmacological class.
pub(crate) fn is_class(name: &str) -> bool {
    facts_of(name).is_some()
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
