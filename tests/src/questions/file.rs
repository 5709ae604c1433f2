//! The files of questions: tab-separated `id, part, seen, question, want, reverse`, one a kind.

use super::predicate::{Classes, Predicate};
use std::path::Path;

/// The six kinds of questions of the development set.
pub const KINDS: [&str; 6] = ["safety", "facts", "negation", "substitution", "scripts", "situations"];

pub struct Question {
    pub id: String,
    pub kind: String,
    /// What the question is about within its kind: `dur`, `pair`, `form`, ...
    pub part: String,
    /// Whether training (with the default split) saw most of the products that answer it.
    pub seen: bool,
    pub text: String,
    pub want: Predicate,
    /// Rows that mean the reverse of the question; None where nothing does.
    pub reverse: Option<Predicate>,
}

/// Reads every question under `folder`, in the order of [`KINDS`]; panics with file and line.
pub fn read(folder: &Path) -> Vec<Question> {
    KINDS.iter().flat_map(|kind| read_kind(&folder.join(format!("{kind}.tsv")), kind)).collect()
}

fn read_kind(path: &Path, kind: &str) -> Vec<Question> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let parse = |(number, line): (usize, &str)| {
        let at = format!("{}:{}", path.display(), number + 1);
        let cells: Vec<&str> = line.split('\t').collect();
        let [id, part, seen, question, want, reverse] = cells[..] else { panic!("{at}: {} cells, not 6", cells.len()) };
        let predicate = |json: &str| serde_json::from_str(json).unwrap_or_else(|e| panic!("{at}: {json}: {e}"));
        assert!(matches!(seen, "seen" | "new"), "{at}: \"{seen}\" is neither seen nor new");
        Question {
            id: id.to_owned(),
            kind: kind.to_owned(),
            part: part.to_owned(),
            seen: seen == "seen",
            text: question.to_owned(),
            want: predicate(want),
            reverse: (reverse != "-").then(|| predicate(reverse)),
        }
    };
    text.lines().enumerate().skip(1).map(parse).collect()
}

/// Reads the named predicates.
pub fn classes(folder: &Path) -> Classes {
    let path = folder.join("classes.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
