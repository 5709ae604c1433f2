//! `drug_search` and `drug_substitutes`: a question is read and met on columns; what is nearest by vector and by letters, fused by
//! reciprocal rank, orders the rest.
//!
//! * [`asked`]: a question, read, as conditions on rows; [`safety`]: what DUR lists say; [`substitution`]: instead of what.
//! * [`facts`]: what a row's columns say, in the words of those conditions.
//! * [`run`]: the steps of a search: read the question, look things up with the right rights, run the statement.
//! * [`statement`]: the SQL that a search runs, built from typed pieces.
//! * [`filter`]: a jsonb filter as SQL; it is data, never SQL itself.
//! * [`lexical`]: which lexical engine the database has, and the letters that are compared.
//! * [`index`]: the statements that build the indexes a search uses.

mod asked;
mod facts;
mod filter;
mod index;
mod lexical;
mod run;
mod safety;
mod statement;
mod substitution;

use std::ffi::CStr;

use pgrx::JsonB;
use pgrx::pg_sys::Oid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::text::Text;
use crate::tracking::errors::{self, SqlResult};
use asked::Asked;
use run::Search;
use substitution::Same;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Hybrid,
    Vector,
    Lexical,
}

impl Mode {
    fn read(mode: Option<&str>) -> SqlResult<Mode> {
        match mode {
            Some("hybrid") => Ok(Mode::Hybrid),
            Some("vector") => Ok(Mode::Vector),
            Some("lexical") => Ok(Mode::Lexical),
            other => Err(errors::bad_mode(other.unwrap_or("NULL"))),
        }
    }
}

/// `drugembed._search`: `drug_search` with its key as text.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
fn search(
    relation: Option<Oid>,
    query: Option<Text<'_>>,
    k: Option<i32>,
    mode: Option<Text<'_>>,
    filter: Option<JsonB>,
    target: Option<&CStr>,
    read: Option<bool>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(key, Option<String>),
            name!(score, Option<f64>),
            name!(vector_rank, Option<i32>),
            name!(lexical_rank, Option<i32>),
            name!(similarity, Option<f64>),
            name!(document, Option<String>),
            name!(matched, JsonB),
        ),
    >,
    ErrorReport,
> {
    let mode = Mode::read(mode.as_ref().map(|text| text.utf8(64)).transpose()?)?;
    let search = Search::begin(relation, k, mode, filter, target)?;
    let query = text_of(&query)?;
    let asked = if read == Some(false) { Some(Asked::plain(query)) } else { search.read(query)? };
    Ok(TableIterator::new(asked.map(|asked| search.run(&asked)).transpose()?.unwrap_or_default()))
}

/// `drugembed._substitutes`: `drug_substitutes` with its key as text.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
fn substitutes(
    relation: Option<Oid>,
    name: Option<Text<'_>>,
    k: Option<i32>,
    same_strength: Option<bool>,
    same_form: Option<bool>,
    filter: Option<JsonB>,
    target: Option<&CStr>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(key, Option<String>),
            name!(score, Option<f64>),
            name!(vector_rank, Option<i32>),
            name!(lexical_rank, Option<i32>),
            name!(similarity, Option<f64>),
            name!(document, Option<String>),
            name!(matched, JsonB),
        ),
    >,
    ErrorReport,
> {
    let search = Search::begin(relation, k, Mode::Vector, filter, target)?;
    let same = Same { strength: same_strength == Some(true), form: same_form == Some(true) };
    let asked = search.substitute(text_of(&name)?, same)?;
    Ok(TableIterator::new(asked.map(|asked| search.run(&asked)).transpose()?.unwrap_or_default()))
}

fn text_of<'a>(text: &'a Option<Text<'_>>) -> SqlResult<&'a str> {
    let text = text.as_ref().map(|text| text.utf8(encoder::MAX_TEXT_BYTES)).transpose()?;
    text.filter(|text| !encoder::is_blank(text)).ok_or_else(errors::bad_query)
}
