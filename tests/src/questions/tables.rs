//! The public tables as they are published: CSV with a header.

use std::collections::HashMap;
use std::path::Path;

pub type Record = HashMap<String, String>;

/// The rows of a table by column; panics with the file's name, since the harness is of no use without its tables.
pub fn read(path: &Path) -> Vec<Record> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().unwrap_or_else(|e| panic!("{}: {e}", path.display())).clone();
    let row = |record: csv::StringRecord| {
        header.iter().map(str::to_owned).zip(record.iter().map(|cell| cell.trim().to_owned())).collect()
    };
    reader.records().map(|record| row(record.unwrap_or_else(|e| panic!("{}: {e}", path.display())))).collect()
}

/// A cell, empty where the table has no such column.
pub fn cell<'a>(record: &'a Record, column: &str) -> &'a str {
    record.get(column).map_or("", String::as_str)
}
