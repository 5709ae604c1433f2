//! Search by letters: pg_trgm's trigrams where it sees Hangul, pairs of letters (bigrams) where it doesn't.

use std::cell::Cell;
use std::collections::BTreeSet;

use pgrx::prelude::*;
use unicode_normalization::UnicodeNormalization;

use crate::text::Text;
use crate::tracking::errors::SqlResult;
use crate::tracking::sql::{self, ident};

/// Letters of a document that are compared: more than any name has. What follows is prose, which vectors compare.
const DOCUMENT_LETTERS: usize = 300;
/// Letters of an English name that are compared.
const ENGLISH_LETTERS: usize = 100;
/// Letters of a question that are compared: beyond, they say nothing about a name.
const QUERY_LETTERS: usize = 400;
/// Share of a question's trigrams that pg_trgm must find in a row for it to be looked at.
pub const MIN_WORD_SIMILARITY: &str = "0.3";

/// How this database finds candidates.
pub enum Engine {
    /// pg_trgm, in this schema.
    Trigrams { schema: String },
    /// pg_trgm sees only what LC_CTYPE calls a letter: under C, no Hangul at all.
    Bigrams,
}

impl Engine {
    /// NONE without pg_trgm.
    pub fn find() -> SqlResult<Option<Engine>> {
        let place = "SELECT n.nspname::text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
                      WHERE e.extname = 'pg_trgm'";
        let Some(Some(schema)) = sql::row(place, &[], |row| row.get::<String>(1))? else { return Ok(None) };
        Ok(Some(if sees_hangul(&schema)? { Engine::Trigrams { schema } } else { Engine::Bigrams }))
    }

    /// SQL of how much of the question's letters a text has, from 0 to 1.
    ///
    /// pg_trgm finds, but alone ranks a bare "500" before the name with 500: it counts the ends of words, which Korean names run
    /// together.
    pub fn likeness(&self, text: &str) -> String {
        let bigrams = format!("drugembed._bigram_containment($1, {text})");
        match self {
            Engine::Trigrams { schema } => {
                format!("({bigrams} + {}.word_similarity($1, {text})) / 2", ident(schema))
            }
            Engine::Bigrams => bigrams,
        }
    }

    /// SQL of a condition that an index answers.
    pub fn candidates(&self, text: &str) -> String {
        match self {
            Engine::Trigrams { schema } => format!("{text} OPERATOR({}.%>) $1", ident(schema)),
            Engine::Bigrams => format!("drugembed._bigrams({text}) && drugembed._selective_bigrams($1)"),
        }
    }

    /// What CREATE INDEX needs after ON table.
    pub fn index(&self, bare: &str) -> String {
        match self {
            Engine::Trigrams { schema } => format!("USING gin (({bare}) {}.gin_trgm_ops)", ident(schema)),
            Engine::Bigrams => format!("USING gin (drugembed._bigrams({bare}))"),
        }
    }
}

/// Asked once a session: LC_CTYPE is the database's for good.
fn sees_hangul(schema: &str) -> SqlResult<bool> {
    thread_local! {
        static SEES: Cell<Option<bool>> = const { Cell::new(None) };
    }
    if let Some(sees) = SEES.get() {
        return Ok(sees);
    }
    let trigrams = format!("SELECT {}.show_trgm('약') <> '{{}}'", ident(schema));
    let sees = sql::row(&trigrams, &[], |row| row.get::<bool>(1))?.flatten().unwrap_or(false);
    SEES.set(Some(sees));
    Ok(sees)
}

/// SQL of the letters of a row: `document` and `english` are SQL of its text and its English name.
pub fn letters_of(document: &str, english: Option<&str>) -> String {
    format!("drugembed._letters({document}, {})", english.unwrap_or("NULL::pg_catalog.text"))
}

/// The letters of a question.
pub fn of_query(query: &str) -> String {
    normalised(query).take(QUERY_LETTERS).collect()
}

/// Compatibility forms made one (fullwidth letters, ㎎, jamo), in lower case.
fn normalised(text: &str) -> impl Iterator<Item = char> + '_ {
    text.nfkc().flat_map(char::to_lowercase)
}

/// `drugembed._letters(document, english)`: what lexical search compares of a row.
#[pg_extern(sql = false)]
fn letters(document: Option<Text<'_>>, english: Option<Text<'_>>) -> SqlResult<String> {
    let [document, english] =
        [&document, &english].map(|text| text.as_ref().map_or(Ok(""), |text| text.utf8(usize::MAX)));
    let (document, english) =
        (normalised(document?).take(DOCUMENT_LETTERS), normalised(english?).take(ENGLISH_LETTERS));
    let letters: String = document.chain([' ']).chain(english).collect();
    Ok(letters.trim_end().to_owned())
}

/// Pairs of neighbouring letters and digits, none across a blank or a mark.
fn pairs(text: &str) -> impl Iterator<Item = [char; 2]> + '_ {
    let mut last = ' ';
    normalised(text).filter_map(move |letter| {
        let pair = [std::mem::replace(&mut last, letter), letter];
        pair.iter().all(|c| c.is_alphanumeric()).then_some(pair)
    })
}

fn bigrams(text: &str) -> BTreeSet<[char; 2]> {
    pairs(text).collect()
}

fn written(pairs: impl IntoIterator<Item = [char; 2]>) -> Vec<String> {
    pairs.into_iter().map(|pair| pair.iter().collect()).collect()
}

/// `drugembed._bigrams(text)`: what an index of letters holds.
#[pg_extern(sql = false, name = "bigrams")]
fn bigrams_sql(text: Text<'_>) -> SqlResult<Vec<String>> {
    Ok(written(bigrams(text.utf8(usize::MAX)?)))
}

/// `drugembed._selective_bigrams(query)`: bigrams that a row must share one of. Digits are in every other name: pairs of them
/// decide nothing unless there is nothing else.
#[pg_extern(sql = false)]
fn selective_bigrams(query: Text<'_>) -> SqlResult<Vec<String>> {
    let all = bigrams(query.utf8(usize::MAX)?);
    let telling: Vec<[char; 2]> = all.iter().filter(|pair| !pair.iter().all(char::is_ascii_digit)).copied().collect();
    Ok(if telling.is_empty() { written(all) } else { written(telling) })
}

/// `drugembed._bigram_containment(query, document)`: share of the query's bigrams that the document has, from 0 to 1.
#[pg_extern(sql = false)]
fn bigram_containment(query: Text<'_>, document: Text<'_>) -> SqlResult<f64> {
    let query = bigrams(query.utf8(usize::MAX)?);
    if query.is_empty() {
        return Ok(0.0);
    }
    // Of a long document only the pairs that the query has are kept.
    let found: BTreeSet<[char; 2]> = pairs(document.utf8(usize::MAX)?).filter(|pair| query.contains(pair)).collect();
    Ok(found.len() as f64 / query.len() as f64)
}
