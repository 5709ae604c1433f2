//! Why a list can't be read.

use reader::DurKind;

/// Why a list can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No bytes but blanks.
    #[error("data is empty")]
    Empty,
    /// XML, as the API answers without `type=json` and where the key is refused.
    #[error("data is XML, not JSON or CSV")]
    Xml,
    /// A spreadsheet or an archive.
    #[error("data is a spreadsheet or an archive, not JSON or CSV")]
    Binary,
    /// JSON that is not well-formed.
    #[error("data is not valid JSON at line {line} column {column}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// In the parser's words.
        reason: String,
    },
    /// JSON without a DUR entry or an empty list of them.
    #[error("data holds no DUR entries")]
    NoEntries,
    /// The API's refusal.
    #[error("the service answered with error {code}: \"{message}\"")]
    Answer {
        /// Its number.
        code: String,
        /// In the service's words.
        message: String,
    },
    /// CSV whose header names no product and no ingredient.
    #[error("no header of a DUR list found; the columns are: {}", found.join(", "))]
    UnknownHeader {
        /// The first line's cells.
        found: Vec<String>,
    },
    /// A quoted cell that never ends, or CSV that can't be read otherwise.
    #[error("data is not valid CSV at line {line}")]
    Csv {
        /// Of the record's start, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Neither the data nor the caller tells what the entries are.
    #[error("the data does not tell what kind of DUR entry it holds")]
    NoKind,
    /// The caller names one kind, the data another.
    #[error("the data holds entries of kind {told}, not {}", asked.code())]
    OtherKind {
        /// By the caller.
        asked: DurKind,
        /// By the data.
        told: String,
    },
    /// The sink stopped it.
    #[error("stopped")]
    Stopped,
}
