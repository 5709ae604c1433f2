//! Texts for distillation, as pairs: a student must say the same as its teacher of every question and document, of general Korean,
//! and of passages longer than a table's cells.

use super::{Pair, squeeze};
use crate::data::csv::{Table, UnclosedQuote};
use crate::data::text;
use crate::rng::Rng;
use anyhow::Result;
use std::collections::HashSet;
use std::path::Path;

/// Lines that make a passage, and one of them its question.
const LINES: usize = 8;
/// Fields of a label (e약은요), beside the product's name.
const FIELDS: [&str; 6] = ["효능효과", "용법용량", "주의사항", "상호작용", "부작용", "보관방법"];
/// Characters below which a label's field is no passage.
const SHORTEST: usize = 40;

/// Kinds of which every pair stays: what answers what is not all in the teacher's vectors.
const WHOLE: [&str; 6] = ["symptom", "asked", "strength", "english", "warning", "label"];

/// Enough of the pairs for each of their texts to be in one, and all of the kinds in [`WHOLE`].
pub fn thinned(pairs: &[Pair]) -> Vec<Pair> {
    let (mut questions, mut documents): (HashSet<&str>, HashSet<&str>) = Default::default();
    let mut thin = Vec::new();
    for pair in pairs {
        let question = questions.insert(&pair.query);
        let whole = WHOLE.contains(&pair.stage.as_str());
        if documents.insert(&pair.document) || question || whole {
            thin.push(pair.clone());
        }
    }
    thin
}

/// General sentences in both roles, each with its neighbour.
pub fn general(sentences: &[String]) -> Vec<Pair> {
    let both = |two: &[String]| {
        let pair = |a: &str, b: &str| Pair::new("general", a, b, vec![], vec![]);
        [pair(&two[0], &two[two.len() - 1]), pair(&two[two.len() - 1], &two[0])]
    };
    sentences.chunks(2).flat_map(both).collect()
}

/// Questions and passages: of sentences of a passage, or of lines that stand together, one is the question and the others are the
/// passage; of a label a product's name and a field's is the question, what it says there the passage.
pub fn passages(data: &Path, sentences: &[String], seed: u64) -> Result<Vec<Pair>> {
    let mut rng = Rng::new(seed, "passages");
    let mut pairs: Vec<Pair> = sentences.chunks(LINES).filter_map(|lines| asked(lines, &mut rng)).collect();
    let file = data.join("general/passages.tsv");
    if file.exists() {
        let text = text::read(&file)?;
        let bodies = text.lines().skip(1).filter_map(|line| line.split_once('\t'));
        pairs.extend(bodies.filter_map(|(_, body)| asked(&of_sentences(body), &mut rng)));
    }
    let file = data.join("mfds/easy_drug_info_500.csv");
    if file.exists() {
        pairs.extend(labels(&Table::read(&file, UnclosedQuote::Refuse)?)?);
    }
    Ok(pairs)
}

/// A pair of several sentences: one asks for the others.
fn asked(sentences: &[String], rng: &mut Rng) -> Option<Pair> {
    if sentences.len() < 3 {
        return None;
    }
    let question = rng.below(sentences.len());
    let rest: Vec<&str> =
        sentences.iter().enumerate().filter(|(i, _)| *i != question).map(|(_, sentence)| sentence.as_str()).collect();
    Some(Pair::new("passage", &sentences[question], &rest.join(" "), vec![], vec![]))
}

/// Sentences of a running text; each keeps its full stop.
fn of_sentences(text: &str) -> Vec<String> {
    text.split_inclusive(". ").map(squeeze).filter(|sentence| !sentence.is_empty()).collect()
}

fn labels(table: &Table) -> Result<Vec<Pair>> {
    let [name] = table.columns(["제품명"])?;
    let fields = table.columns(FIELDS)?;
    let mut pairs = Vec::new();
    for row in table.rows() {
        let product = row.cells[name].split('(').next().unwrap_or_default();
        let said = FIELDS.iter().zip(fields).filter(|(_, at)| row.cells[*at].chars().count() >= SHORTEST);
        pairs.extend(
            said.map(|(field, at)| Pair::new("passage", &format!("{product} {field}"), &row.cells[at], vec![], vec![])),
        );
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::Folder;

    fn pair(query: &str, document: &str) -> Pair {
        Pair::new("type", query, document, vec!["type:1".to_owned()], vec!["type:1".to_owned()])
    }

    #[test]
    fn every_text_stays() {
        let pairs = [pair("a", "x"), pair("a", "y"), pair("b", "x"), pair("b", "y"), pair("a", "x")];
        let thin = thinned(&pairs);
        let texts: Vec<(&str, &str)> = thin.iter().map(|p| (p.query.as_str(), p.document.as_str())).collect();
        assert_eq!(texts, [("a", "x"), ("a", "y"), ("b", "x")]);
        assert!(thin.iter().all(|p| pairs.contains(p)));
    }

    #[test]
    fn sentences_take_both_roles() {
        let sentences = ["하나", "둘", "셋"].map(str::to_owned);
        let texts: Vec<(String, String)> = general(&sentences).into_iter().map(|p| (p.query, p.document)).collect();
        let wanted = [("하나", "둘"), ("둘", "하나"), ("셋", "셋"), ("셋", "셋")];
        assert_eq!(texts, wanted.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn a_question_is_not_in_its_own_passage() {
        let folder = Folder::new("passages");
        let file = |name: &str, body: &str| {
            let path = folder.0.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, body).unwrap();
        };
        file(
            "general/passages.tsv",
            "document\ttext\nA\t비가 온다. 길이 젖었다. 차가 느리다. 늦었다.\nB\t한 문장뿐이다.\n",
        );
        let long = "이 약은 열이 나거나 머리가 아플 때 먹습니다. 하루 세 번, 식사 뒤 30분에 한 알씩 드십시오.";
        file(
            "mfds/easy_drug_info_500.csv",
            &format!(
                "업체명,제품명,효능효과,용법용량,주의사항,상호작용,부작용,보관방법\n회사,열내림정(수출명),\"{long}\",,,,,실온\n"
            ),
        );
        let lines: Vec<String> = (0..20).map(|i| format!("{i}번째 문장이다.")).collect();
        let pairs = passages(&folder.0, &lines, 7).unwrap();
        // Two passages of eight lines and one of four, one of four sentences, and one field that is long enough.
        assert_eq!(pairs.len(), 5);
        assert!(pairs.iter().all(|p| p.stage == "passage" && !p.document.contains(&p.query)));
        assert_eq!(pairs[0].document.split(' ').count(), 2 * (LINES - 1));
        assert_eq!((pairs[4].query.as_str(), pairs[4].document.as_str()), ("열내림정 효능효과", long));
    }
}
