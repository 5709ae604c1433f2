//! What must hold of the development questions: enough of each kind, none of training's, and truth that the tables bear out.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use server_tests::questions::corpus::Corpus;
use server_tests::questions::file::{self, KINDS, Question};
use server_tests::questions::metrics::K;
use server_tests::questions::predicate::Evaluator;
use server_tests::questions::{folder, reader, unseen};
use unicode_normalization::is_nfc;

fn questions() -> Vec<Question> {
    file::read(&folder())
}

fn knowledge(name: &str) -> Vec<HashMap<String, String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../trainer/data").join(name);
    let mut reader = csv::Reader::from_path(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    reader.deserialize().map(|row| row.unwrap_or_else(|e| panic!("{}: {e}", path.display()))).collect()
}

/// Every lay question that training may see.
fn training() -> Vec<String> {
    let texts = ["type_questions.csv", "dur_questions.csv", "symptoms.csv", "efficacy_terms.csv"];
    let texts = texts
        .into_iter()
        .flat_map(|name| knowledge(name).into_iter().map(|mut row| row.remove("text").expect("a text")));
    let split = |row: HashMap<String, String>| row["questions"].split('|').map(str::to_owned).collect::<Vec<_>>();
    let of_ingredients = knowledge("ingredients.csv").into_iter().flat_map(split);
    texts.chain(of_ingredients).filter(|text| !text.is_empty()).collect()
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Sequences of five syllables, white space left out.
fn runs(text: &str) -> HashSet<Vec<char>> {
    let joined = squeezed(text);
    let hangul = joined.split(|c| !('가'..='힣').contains(&c)).map(|run| run.chars().collect::<Vec<char>>());
    hangul.flat_map(|run| run.windows(5).map(<[char]>::to_vec).collect::<Vec<_>>()).collect()
}

#[test]
fn there_are_enough_of_each_kind() {
    let questions = questions();
    for kind in KINDS {
        let count = questions.iter().filter(|q| q.kind == kind).count();
        assert!(count >= 45, "{kind}: {count} questions");
    }
    let pairs = questions.iter().filter(|q| q.part == "pair").count();
    assert!(pairs >= 20, "{pairs} questions of pairs");
    let new = questions.iter().filter(|q| !q.seen).count();
    assert!(new * 3 >= questions.len(), "only {new} of {} are new", questions.len());
}

#[test]
fn texts_are_nfc_and_stand_once() {
    let mut seen = HashSet::new();
    for question in questions() {
        assert!(is_nfc(&question.text) && question.text.trim() == question.text, "{}", question.id);
        assert!(seen.insert(squeezed(&question.text)), "{}: \"{}\" stands twice", question.id, question.text);
    }
    for question in reader::read(&folder()) {
        assert!(is_nfc(&question.question) && question.question.trim() == question.question, "{}", question.id);
        assert!(seen.insert(format!("reader {}", squeezed(&question.question))), "{} stands twice", question.id);
    }
}

/// With more than 20,000 questions in training every Korean sentence shares some five syllables with one of them (`먹어도되는`, names
/// of substances); what counts as near is a single training question that holds half of a question's runs.
#[test]
fn no_question_is_near_to_one_of_training() {
    let training = training();
    let same: HashSet<String> = training.iter().map(|text| squeezed(text)).collect();
    let mut holders: HashMap<Vec<char>, Vec<usize>> = HashMap::new();
    for (i, text) in training.iter().enumerate() {
        runs(text).into_iter().for_each(|run| holders.entry(run).or_default().push(i));
    }
    for question in questions() {
        assert!(!same.contains(&squeezed(&question.text)), "{}: \"{}\" is in training", question.id, question.text);
        let own = runs(&question.text);
        let mut shared: HashMap<usize, usize> = HashMap::new();
        own.iter().filter_map(|run| holders.get(run)).flatten().for_each(|&i| *shared.entry(i).or_default() += 1);
        if let Some((&i, _)) = shared.iter().find(|(_, n)| own.len() >= 4 && **n * 2 > own.len()) {
            panic!("{}: \"{}\" is near \"{}\"", question.id, question.text, training[i]);
        }
    }
}

/// With `DATA=folder` of the public tables.
#[test]
fn truth_is_borne_out_by_the_tables() {
    let Some(data) = std::env::var_os("DATA").map(PathBuf::from) else {
        eprintln!("skipped: DATA names no folder of the public tables");
        return;
    };
    let (questions, classes) = (questions(), file::classes(&folder()));
    let mut corpus = Corpus::read(&data, 20_000);
    assert_eq!(corpus.rows.len(), 20_000);
    let mut truths = Vec::new();
    let mut evaluator = Evaluator::new(&corpus, &classes);
    for question in &questions {
        let want = evaluator.rows(&question.want);
        assert!(!want.is_empty(), "{}: \"{}\" has no answer", question.id, question.text);
        assert!(
            want.len() * 5 < corpus.rows.len(),
            "{}: \"{}\" has {} answers",
            question.id,
            question.text,
            want.len()
        );
        if let Some(reverse) = &question.reverse {
            let reverse = evaluator.rows(reverse);
            assert!(reverse.difference(&want).count() >= 3, "{}: nothing means the reverse", question.id);
        }
        truths.push(want);
    }
    let many = truths.iter().filter(|want| want.len() >= K).count();
    assert!(many * 5 >= questions.len() * 4, "only {many} questions have {K} answers");

    // What is renamed stays true: no predicate asks for an invented name.
    let renamed = unseen::rename(&mut corpus, &questions, &classes);
    assert!((2_000..10_000).contains(&renamed), "{renamed} products renamed");
    let mut evaluator = Evaluator::new(&corpus, &classes);
    for (question, before) in questions.iter().zip(&truths) {
        assert_eq!(&evaluator.rows(&question.want), before, "{}: \"{}\"", question.id, question.text);
    }
}

#[test]
fn reader_questions_are_annotated() {
    let questions = reader::read(&folder());
    let plain = questions.iter().filter(|q| q.fields == reader::Fields::default()).count();
    assert!(
        questions.len() - plain >= 300 && plain >= 200,
        "{} annotated, {plain} without constraint",
        questions.len() - plain
    );
    for question in &questions {
        let fields = &question.fields;
        for form in fields.form.iter() {
            assert!(reader::FORMS.contains(&form.as_str()), "{}: form \"{form}\"", question.id);
        }
        for exclude in fields.exclude.iter().flatten() {
            let kind = exclude.split_once(':').map(|(kind, _)| kind);
            let known = ["ingredient", "brand", "form", "class", "trait"];
            assert!(kind.is_some_and(|kind| known.contains(&kind)), "{}: exclude \"{exclude}\"", question.id);
        }
        for strength in fields.strength.iter().flatten() {
            let unit = strength.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            assert!(["mg", "mL", "%", "IU"].contains(&unit), "{}: strength \"{strength}\"", question.id);
        }
        assert_eq!(
            fields.pair.is_some(),
            fields.dur.as_ref().is_some_and(|d| d.kind == "combination"),
            "{}",
            question.id
        );
    }
}
