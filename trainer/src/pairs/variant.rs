//! Questions changed at random: what a teacher says of them need not be known to anybody to be learnt from it.

use super::{Pair, perturb};
use crate::rng::Rng;
use std::collections::BTreeMap;

/// Changed forms of each question.
const EACH: usize = 5;
/// Kinds of pairs whose questions are sentences.
const KINDS: [&str; 5] = ["type", "symptom", "dur", "ingredient", "asked"];

/// Pairs of changed questions, two and two, without what they ask for.
pub fn build(pairs: &[Pair], seed: u64) -> Vec<Pair> {
    let mut of_kind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| KINDS.contains(&pair.stage.as_str())) {
        of_kind.entry(&pair.stage).or_default().push(&pair.query);
    }
    let mut rng = Rng::new(seed, "variants");
    let mut texts = Vec::new();
    for questions in of_kind.values_mut() {
        questions.sort_unstable();
        questions.dedup();
        for question in questions.iter() {
            texts.extend((0..EACH).map(|_| changed(&mut rng, question, questions)));
        }
    }
    texts.retain(|text| !text.trim().is_empty());
    rng.shuffle(&mut texts);
    let (halves, _) = texts.as_chunks::<2>();
    halves.iter().map(|[a, b]| Pair::new("variant", a, b, vec![], vec![])).collect()
}

/// Words left out, moved or mistyped, or half of one question with half of another.
fn changed(rng: &mut Rng, question: &str, others: &[&str]) -> String {
    let mut words: Vec<&str> = question.split_whitespace().collect();
    match rng.below(6) {
        0 | 1 if words.len() > 2 => {
            words.remove(rng.below(words.len()));
        }
        2 if words.len() > 2 => {
            let at = rng.below(words.len() - 1);
            words.swap(at, at + 1);
        }
        3 => return perturb::typo(rng, question),
        4 => return perturb::spacing(rng, question),
        _ => {
            let other: Vec<&str> = rng.pick(others).map(|o| o.split_whitespace().collect()).unwrap_or_default();
            words.truncate(words.len().div_ceil(2));
            words.extend(&other[other.len() / 2..]);
        }
    }
    words.join(" ")
}
