//! Brands that no model has seen: the shipped model was trained on all products of the public tables, so the products that answer the
//! questions marked `new` get names of the harness's own making, which keep form, strength and the ingredients in parentheses.

use super::corpus::{Corpus, hash};
use super::file::Question;
use super::forms;
use super::predicate::{Classes, Evaluator, Predicate};
use super::strength;
use regex::Regex;
use std::collections::HashSet;

/// Syllables that trade names are made of.
const SYLLABLES: [&str; 40] = [
    "도", "벨", "리", "놀", "카", "펜", "토", "린", "자", "믹", "세", "론", "비", "덴", "큐", "라", "탄", "메", "졸",
    "코", "펙", "소", "닉", "아", "젠", "루", "틴", "프", "렉", "하", "딘", "모", "벡", "스", "칸", "유", "나", "텔",
    "그", "핀",
];

/// Renames the products that answer a `new` question, unless some question asks for them by name; gives their number.
pub fn rename(corpus: &mut Corpus, questions: &[Question], classes: &Classes) -> usize {
    let mut evaluator = Evaluator::new(corpus, classes);
    let mut rows: HashSet<usize> = HashSet::new();
    for question in questions.iter().filter(|question| !question.seen) {
        rows.extend(evaluator.rows(&question.want));
    }
    let named: Vec<Regex> =
        questions.iter().map(|question| &question.want).chain(classes.values()).flat_map(patterns).collect();
    rows.retain(|&row| !named.iter().any(|pattern| pattern.is_match(&corpus.rows[row].name)));
    for &row in &rows {
        let row = &mut corpus.rows[row];
        let names = (0..).map(|attempt| invented(&row.name, attempt));
        row.name = names.into_iter().find(|name| !named.iter().any(|p| p.is_match(name))).expect("endless names");
        row.name_en.clear();
    }
    rows.len()
}

fn patterns(predicate: &Predicate) -> Vec<Regex> {
    let own = [&predicate.name, &predicate.not_name].into_iter().flatten();
    let own = own.map(|pattern| Regex::new(pattern).unwrap_or_else(|e| panic!("\"{pattern}\": {e}")));
    own.chain(predicate.any.iter().flatten().chain(predicate.also.as_deref()).flat_map(patterns)).collect()
}

/// `리피논정80밀리그램(아토르바스타틴)(수출명:Lipinon)` -> an invented brand, then `정80밀리그램(아토르바스타틴)`.
fn invented(name: &str, attempt: u64) -> String {
    let (head, rest) = name.find(['(', '[']).map_or((name, ""), |at| name.split_at(at));
    let rest = if rest.contains("수출") {
        rest.split_once("수출").map_or("", |(kept, _)| kept.trim_end_matches(['(', '[']))
    } else {
        rest
    };
    let mut seed = hash(&format!("{attempt} {}", strength::without(head)));
    let mut brand = String::new();
    for _ in 0..4 {
        brand.push_str(SYLLABLES[(seed % SYLLABLES.len() as u64) as usize]);
        seed /= SYLLABLES.len() as u64;
    }
    format!("{brand}{}{}{rest}", forms::end_of(head), strength::texts(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invented_name_keeps_what_is_no_brand() {
        let name = invented("가나다정80밀리그램(아토르바스타틴칼슘)(수출명:Gana)", 0);
        assert!(name.ends_with("정80밀리그램(아토르바스타틴칼슘)"), "{name}");
        assert!(!name.contains("가나다"), "{name}");
        assert_eq!(
            name.replace("80", "10"),
            invented("가나다정10밀리그램(아토르바스타틴칼슘)", 0),
            "one brand, one name"
        );
    }
}
