//! What must hold of the knowledge tables: enough of everything, little repetition, nothing of the benchmark in training.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use unicode_normalization::is_nfc;

type Row = HashMap<String, String>;

fn table(name: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name);
    let mut reader = csv::Reader::from_path(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    reader.deserialize().map(|row| row.unwrap_or_else(|e| panic!("{}: {e}", path.display()))).collect()
}

/// Every lay question that training may see.
fn questions() -> Vec<String> {
    let texts =
        ["type_questions.csv", "dur_questions.csv", "symptoms.csv", "efficacy_terms.csv", "asked_questions.csv"]
            .into_iter()
            .flat_map(|name| table(name).into_iter().map(|mut row| row.remove("text").expect("a text")));
    let of_ingredients = table("ingredients.csv")
        .into_iter()
        .flat_map(|row| row["questions"].split('|').map(str::to_owned).collect::<Vec<_>>());
    texts.chain(of_ingredients).filter(|text| !text.is_empty()).collect()
}

fn count_by(rows: &[Row], column: &str) -> HashMap<String, usize> {
    let mut count = HashMap::new();
    rows.iter().for_each(|row| *count.entry(row[column].clone()).or_default() += 1);
    count
}

/// Sequences of `n` characters, white space left out.
fn grams(text: &str, n: usize) -> HashSet<Vec<char>> {
    let chars: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    chars.windows(n).map(<[char]>::to_vec).collect()
}

#[test]
fn there_is_enough_of_everything() {
    let types = table("types.csv");
    let asked = count_by(&table("type_questions.csv"), "code");
    assert_eq!(types.len(), 149);
    for row in &types {
        assert!(asked[&row["code"]] >= 15, "{}: {} questions", row["code"], asked[&row["code"]]);
        assert!(!row["definition"].is_empty(), "{}", row["code"]);
    }
    let kinds = count_by(&table("dur_questions.csv"), "kind");
    assert_eq!(kinds.len(), 9);
    assert!(kinds.values().all(|&n| n >= 40), "{kinds:?}");
    assert!(table("ingredients.csv").len() >= 1500);
    let symptoms = count_by(&table("symptoms.csv"), "symptom");
    assert!(symptoms.values().filter(|&&n| n >= 5).count() >= 200);
    assert!(count_by(&table("efficacy_terms.csv"), "term").len() >= 500);
    assert!(count_by(&table("spoken_names.csv"), "brand").len() >= 400);
    assert!(table("eval/questions.csv").len() >= 400);
}

#[test]
fn near_duplicates_stay_under_two_percent() {
    let questions = questions();
    let grams: Vec<HashSet<Vec<char>>> = questions.iter().map(|q| grams(q, 3)).collect();
    let mut holders: HashMap<&[char], Vec<usize>> = HashMap::new();
    let mut near = 0;
    for (i, own) in grams.iter().enumerate() {
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for gram in own {
            let earlier = holders.entry(gram).or_default();
            earlier.iter().for_each(|&j| *shared.entry(j).or_default() += 1);
            earlier.push(i);
        }
        let jaccard = |(&j, &n): (&usize, &usize)| n as f64 / (own.len() + grams[j].len() - n) as f64;
        near += usize::from(shared.iter().map(jaccard).any(|similarity| similarity >= 0.7));
    }
    let share = near as f64 / questions.len() as f64;
    assert!(share < 0.02, "{near} of {} questions are near-duplicates", questions.len());
}

#[test]
fn no_benchmark_question_shares_five_syllables_with_training() {
    let hangul = |text: &str| -> Vec<String> {
        let joined: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        joined.split(|c| !('가'..='힣').contains(&c)).map(str::to_owned).collect()
    };
    let runs = |text: &str| -> HashSet<Vec<char>> { hangul(text).iter().flat_map(|run| grams(run, 5)).collect() };
    let seen: HashSet<Vec<char>> = questions().iter().flat_map(|q| runs(q)).collect();
    // Trade names are names: training and benchmark must share them.
    for row in table("eval/questions.csv").iter().filter(|row| row["task"] != "trade") {
        if let Some(shared) = runs(&row["text"]).intersection(&seen).next() {
            panic!("{}: \"{}\" shares \"{}\"", row["id"], row["text"], shared.iter().collect::<String>());
        }
    }
}

#[test]
fn no_trade_name_of_the_benchmark_is_a_spoken_name() {
    let squeezed = |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace()).collect() };
    let spoken: HashSet<String> = table("spoken_names.csv").iter().map(|row| squeezed(&row["text"])).collect();
    for row in table("eval/questions.csv").iter().filter(|row| row["task"] == "trade") {
        assert!(!spoken.contains(&squeezed(&row["text"])), "{}: \"{}\"", row["id"], row["text"]);
    }
}

#[test]
fn texts_are_nfc_without_stray_spaces() {
    let names = [
        "types.csv",
        "type_questions.csv",
        "dur_questions.csv",
        "symptoms.csv",
        "efficacy_terms.csv",
        "ingredients.csv",
        "spoken_names.csv",
        "asked_questions.csv",
    ];
    for name in names {
        for row in table(name) {
            for (column, cell) in &row {
                assert!(is_nfc(cell) && cell.trim() == cell, "{name}, {column}: \"{cell}\"");
            }
        }
    }
}
