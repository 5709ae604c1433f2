//! A private PostgreSQL for tests, and what tests ask of it.

mod install;
pub mod questions;
mod server;
mod trials;

pub use install::{Install, run};
pub use server::{Server, database};
pub use trials::{Module, Test, World, run_all};

use postgres::error::DbError;
use postgres::{Client, SimpleQueryMessage};

/// The error that a statement must give; the session must go on working afterwards.
pub fn error_of(client: &mut Client, sql: &str) -> DbError {
    let error = client.batch_execute(sql).expect_err(&format!("no error from {sql}"));
    let error = error.as_db_error().unwrap_or_else(|| panic!("the connection broke in {sql}: {error}")).clone();
    client.batch_execute("SELECT 1").unwrap_or_else(|e| panic!("the session did not survive {sql}: {e}"));
    error
}

/// Asserts an error with this SQLSTATE, a HINT, and `part` in its message.
#[track_caller]
pub fn assert_error(client: &mut Client, sql: &str, sqlstate: &str, part: &str) {
    let error = error_of(client, sql);
    assert_eq!(error.code().code(), sqlstate, "{sql}: {error:?}");
    assert!(error.message().contains(part), "{sql}: {:?} lacks {part:?}", error.message());
    assert!(error.hint().is_some_and(|hint| hint.ends_with('.')), "{sql}: no HINT in {error:?}");
}

/// Says that a part of a test could not be run here, and why.
pub fn skipped(what: &str, why: &str) {
    println!("SKIPPED: {what}: {why}");
}

/// First column of every row, as text.
pub fn column(client: &mut Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
            _ => None,
        })
        .collect()
}

/// The single value of a query.
pub fn value(client: &mut Client, sql: &str) -> String {
    let values = column(client, sql);
    assert_eq!(values.len(), 1, "{sql} gave {values:?}");
    values.into_iter().next().expect("one value")
}

/// Names of real products, from the project's own sample.
pub fn product_names() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/sample/drug_summary.csv");
    let text = std::fs::read_to_string(path).expect("the sample");
    // No name of the sample holds a quote; those with a comma are quoted and left out here.
    let name = |line: &str| line.split(',').nth(1).filter(|name| !name.starts_with('"')).map(str::to_owned);
    let names: Vec<String> = text.lines().skip(1).filter_map(name).collect();
    assert!(names.len() >= 300, "only {} names", names.len());
    names
}
