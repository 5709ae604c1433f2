//! Asks the questions, and knows what should have been answered.

use std::collections::{HashMap, HashSet};
use std::fmt::{Display, Formatter};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postgres::Client;
use server_tests::questions::corpus::Corpus;
use server_tests::questions::file::Question;
use server_tests::questions::metrics::K;
use server_tests::questions::predicate::{Classes, Evaluator};
use server_tests::value;

use crate::database::Database;

/// How drug_search is called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Search,
    Unread,
    Vector,
}

impl Display for Mode {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Mode::Search => "drug_search at its defaults",
            Mode::Unread => "drug_search, the question not read",
            Mode::Vector => "vector alone",
        })
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Mode, String> {
        match text {
            "search" => Ok(Mode::Search),
            "unread" => Ok(Mode::Unread),
            "vector" => Ok(Mode::Vector),
            _ => Err(format!("\"{text}\" is none of search, unread, vector")),
        }
    }
}

/// Rows that answer a question, and those that mean the reverse.
pub struct Truth {
    pub want: HashSet<usize>,
    pub reverse: HashSet<usize>,
}

pub fn truths(corpus: &Corpus, questions: &[Question], classes: &Classes) -> Vec<Truth> {
    let mut evaluator = Evaluator::new(corpus, classes);
    let mut truth = |question: &Question| {
        let want = evaluator.rows(&question.want);
        let mut reverse = question.reverse.as_ref().map(|reverse| evaluator.rows(reverse)).unwrap_or_default();
        reverse.retain(|row| !want.contains(row));
        Truth { want, reverse }
    };
    questions.iter().map(&mut truth).collect()
}

/// What came back for one question.
pub struct Answer {
    /// Row numbers, best first.
    pub hits: Vec<usize>,
    pub notices: Vec<String>,
    pub took: Duration,
}

/// None if the server's drug_search cannot be asked in this mode.
pub fn ask(database: &Database, mode: Mode, corpus: &Corpus, questions: &[Question]) -> Option<Vec<Answer>> {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let mut client = database.connect(&notices);
    let reads = reads(&mut client);
    let argument = match (mode, reads) {
        (Mode::Search, _) => "",
        (Mode::Unread, true) => ", read => false",
        (Mode::Unread, false) => return None,
        (Mode::Vector, true) => ", mode => 'vector', read => false",
        (Mode::Vector, false) => ", mode => 'vector'",
    };
    let sql = format!("SELECT key->>'item_sequence' FROM drug_search('drug', $1, k => {K}{argument})");
    let statement = client.prepare(&sql).expect("drug_search");
    let numbers: HashMap<&str, usize> = corpus.rows.iter().enumerate().map(|(i, row)| (row.code.as_str(), i)).collect();
    let mut answer = |question: &Question| {
        notices.lock().expect("the list").clear();
        let started = Instant::now();
        let rows = client.query(&statement, &[&question.text]).unwrap_or_else(|e| panic!("{}: {e:?}", question.id));
        let hits = rows.iter().map(|row| numbers[row.get::<_, &str>(0)]).collect();
        Answer { hits, notices: notices.lock().expect("the list").clone(), took: started.elapsed() }
    };
    Some(questions.iter().map(&mut answer).collect())
}

fn reads(client: &mut Client) -> bool {
    value(
        client,
        "SELECT bool_or(COALESCE('read' = ANY (proargnames), false)) FROM pg_proc WHERE proname = 'drug_search'",
    ) == "t"
}
