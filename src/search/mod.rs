//! `drug_search`: nearest by vector, nearest by letters, and both fused by reciprocal rank.
//!
//! * [`statement`]: the SQL that a search runs, built from typed pieces.
//! * [`filter`]: a jsonb filter as SQL; it is data, never SQL itself.
//! * [`lexical`]: which lexical engine the database has, and the letters that are compared.
//! * [`index`]: the statements that build the indexes a search uses.

mod filter;
mod index;
mod lexical;
mod statement;

use std::cell::Cell;
use std::ffi::CStr;

use encoder::Role;
use pgrx::JsonB;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;

use crate::resident;
use crate::settings;
use crate::text::Text;
use crate::tracking::catalog::{Tracked, Vector};
use crate::tracking::errors::{self, SqlResult};
use crate::tracking::rights::{self, Scope};
use crate::tracking::sql;
use crate::tracking::state::Space;
use crate::vector;
use lexical::Engine;
use statement::Statement;

/// Letters of a question beyond this say nothing about a name; lexical search reads so many.
const LEXICAL_LETTERS: usize = 400;

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

type Hit = (Option<String>, Option<f64>, Option<i32>, Option<i32>, Option<f64>, Option<String>);

/// `drugembed._search`: `drug_search` with its key as text.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn search(
    relation: Option<Oid>,
    query: Option<Text<'_>>,
    k: Option<i32>,
    mode: Option<Text<'_>>,
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
        ),
    >,
    ErrorReport,
> {
    let query = query
        .as_ref()
        .map(|text| text.utf8(encoder::MAX_TEXT_BYTES))
        .transpose()?
        .filter(|query| !encoder::is_blank(query));
    let query = query.ok_or_else(errors::bad_query)?;
    let k = k.filter(|k| (1..=1000).contains(k)).ok_or_else(|| errors::bad_k(k))? as usize;
    let mode = Mode::read(mode.as_ref().map(|text| text.utf8(64)).transpose()?)?;
    let target = target.map(|name| name.to_string_lossy().into_owned());

    let scope = Scope::caller();
    let tracked = Tracked::find(relation.ok_or_else(errors::no_source)?, target.as_deref())?;
    let engine = if mode == Mode::Vector { None } else { Engine::find()? };
    match (&engine, mode) {
        (None, Mode::Lexical) => return Err(errors::no_pg_trgm()),
        (None, Mode::Hybrid) => errors::without_pg_trgm().report(PgLogLevel::NOTICE),
        _ => {}
    }
    let filter = filter::read(&tracked, filter.map(|filter| filter.0))?;
    drop(scope);
    let by_vector = if mode == Mode::Lexical { None } else { Some(question(query)?) };

    let _scope = readable(&tracked, &filter.columns)?;
    filter.check(&tracked)?;
    let vector = Vector::find()?;
    let statement = Statement {
        tracked: &tracked,
        vector: &vector,
        k,
        space: by_vector.as_ref().map(|(space, _)| *space),
        engine: engine.as_ref(),
        filter: &filter,
    };
    let hits = run(&statement, query, by_vector.as_ref().map(|(_, question)| question), &vector, &_scope)?;
    if let Some((space, _)) = by_vector {
        report_foreign(&tracked, space, mode, hits.iter().any(|hit| hit.2.is_some()))?;
    }
    Ok(TableIterator::new(hits))
}

fn question(query: &str) -> SqlResult<(Space, encoder::Vector)> {
    resident::with_encoder(|encoder| {
        let vector = resident::embed(encoder, Role::Query, &[query], settings::on_overflow())?.remove(0);
        Ok((Space::of(&encoder.manifest().space()), vector))
    })
}

/// The rights to read the table, once it is clear that the caller may read all that is shown or compared.
fn readable(tracked: &Tracked, filtered: &[String]) -> SqlResult<Scope> {
    let scope = Scope::caller();
    let mut columns = tracked.key()?;
    columns.extend(tracked.sources()?);
    columns.extend(filtered.iter().cloned());
    columns.push(tracked.target.clone());
    rights::require(tracked.relation, &columns, "SELECT")?;
    drop(scope);
    Ok(tracked.reader())
}

fn run(
    statement: &Statement<'_>,
    query: &str,
    question: Option<&encoder::Vector>,
    vector: &Vector,
    scope: &Scope,
) -> SqlResult<Vec<Hit>> {
    load_pgvector(vector)?;
    let ef_search = (20 * statement.k).clamp(200, 1000).to_string();
    for (name, value) in [
        (c"hnsw.iterative_scan", "relaxed_order"),
        (c"hnsw.ef_search", ef_search.as_str()),
        (c"pg_trgm.word_similarity_threshold", "0.3"),
    ] {
        // SAFETY: a C string; NULL where the setting is unknown, as in an older pgvector.
        if !unsafe { pg_sys::GetConfigOption(name.as_ptr(), true, false) }.is_null() {
            scope.set(name, value);
        }
    }
    let letters: String = lexical::normalised(query).chars().take(LEXICAL_LETTERS).collect();
    // SAFETY: the datum is of the type that the OID names.
    let question = match question {
        Some(question) => unsafe { DatumWithOid::new(vector::datum(question), vector.oid) },
        None => DatumWithOid::null_oid(vector.oid),
    };
    sql::rows(&statement.sql()?, &[letters.into(), question, statement.filter.values().into()], |row| {
        Ok((row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
    })
}

/// pgvector defines its settings when its library is loaded: setting them before would be in vain.
fn load_pgvector(vector: &Vector) -> SqlResult<()> {
    thread_local! {
        static LOADED: Cell<bool> = const { Cell::new(false) };
    }
    if !LOADED.get() {
        sql::run(&format!("SELECT '[1]'::{}", vector.named("vector")), &[])?;
        LOADED.set(true);
    }
    Ok(())
}

/// Vectors of another space are never compared, and never left out in silence.
fn report_foreign(tracked: &Tracked, space: Space, mode: Mode, found: bool) -> SqlResult<()> {
    let state = format!("old.{}", sql::ident(&tracked.state));
    let foreign = format!("SELECT EXISTS (SELECT FROM {} AS old WHERE {})", tracked.rows(), space.foreign(&state));
    if sql::row(&foreign, &[], |row| row.get::<bool>(1))?.flatten() == Some(true) {
        let model = resident::with_encoder(|encoder| Ok(encoder.manifest().id()))?;
        let report = errors::other_model(&tracked.name, &model, &tracked.qualified, found);
        match found || mode == Mode::Hybrid {
            true => report.report(PgLogLevel::WARNING),
            false => return Err(report),
        }
    }
    Ok(())
}
