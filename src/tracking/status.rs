//! Where tracked tables stand: counts, failures, and what brings rows back.

use pgrx::pg_sys::Oid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::catalog::Tracked;
use super::errors::{self, SqlResult};
use super::rights::{self, Scope};
use super::sql::{self, attempt, ident};
use super::state::{self, Fit, Space};
use crate::resident;
use crate::settings;

/// Counts of a tracked table by the state of its rows, as the caller may see them. NULLs for a table that he may not read, and
/// stale rows only while a model is there to compare with.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn counts(
    relation: Option<Oid>,
    target: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(rows, Option<i64>),
            name!(embedded, Option<i64>),
            name!(blank, Option<i64>),
            name!(pending, Option<i64>),
            name!(failed, Option<i64>),
            name!(stale, Option<i64>),
            name!(last_error, Option<String>),
        ),
    >,
    ErrorReport,
> {
    let (Some(relation), Some(target)) = (relation, target) else { return Ok(TableIterator::new(None)) };
    let space = attempt(|| resident::with_encoder(|encoder| Ok(Space::of(&encoder.manifest().space())))).ok();
    let counted = attempt(|| count(relation, target, space));
    Ok(TableIterator::new(match counted {
        Ok(row) => row,
        // One table must not keep the reader from seeing the others.
        Err(failure) => Some((None, None, None, None, None, None, Some(failure.message))),
    }))
}

type Counts = (Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<String>);

/// NONE for a table that the caller may not read.
fn count(relation: Oid, target: &str, space: Option<Space>) -> SqlResult<Option<Counts>> {
    let scope = Scope::caller();
    scope.set(c"lock_timeout", "300ms");
    let tracked = Tracked::find(relation, Some(target))?;
    let mut columns = tracked.key()?;
    columns.extend(tracked.written());
    if rights::require(relation, &columns, "SELECT").is_err() {
        return Ok(None);
    }
    if rights::runs_policies_of_a_stranger(relation, tracked.owner) {
        return Ok(Some((None, None, None, None, None, None, None)));
    }
    let _scope = tracked.reader();
    let [t, s, e] = [&tracked.target, &tracked.state, &tracked.error].map(|column| format!("old.{}", ident(column)));
    let stale = match space {
        Some(space) => format!("COALESCE({}, false)", space.stale(Fit::over(settings::on_overflow()), &s)),
        None => "NULL::boolean".to_owned(),
    };
    let count = format!(
        "SELECT count(*), count({t}), count(*) FILTER (WHERE {t} IS NULL AND {s} IS NOT NULL AND {e} IS NULL),
                count(*) FILTER (WHERE {s} IS NULL OR {stale}), count(*) FILTER (WHERE {s} IS NOT NULL AND {e} IS NOT NULL),
                count(*) FILTER (WHERE {stale}), max({e}) FILTER (WHERE {s} IS NOT NULL) FROM {} AS old",
        tracked.rows()
    );
    sql::row(&count, &[], |row| {
        Ok((row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get::<String>(7)?))
    })
}

/// `name@revision` of the model in use, NULL if it cannot be loaded.
#[pg_extern(sql = false)]
fn model_in_use() -> Option<String> {
    attempt(|| resident::with_encoder(|encoder| Ok(encoder.manifest().id()))).ok()
}

/// Rows that were set aside: key as jsonb text, SQLSTATE, message, HINT.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn failed_rows(
    relation: Option<Oid>,
    target: Option<&str>,
) -> Result<
    TableIterator<
        'static,
        (name!(key, String), name!(sqlstate, String), name!(message, String), name!(hint, Option<String>)),
    >,
    ErrorReport,
> {
    let (Some(relation), Some(target)) = (relation, target) else { return Ok(TableIterator::new(Vec::new())) };
    let rows = attempt(|| set_aside(relation, target)).unwrap_or_default();
    Ok(TableIterator::new(rows))
}

type Failed = (String, String, String, Option<String>);

fn set_aside(relation: Oid, target: &str) -> SqlResult<Vec<Failed>> {
    let scope = Scope::caller();
    scope.set(c"lock_timeout", "300ms");
    let tracked = Tracked::find(relation, Some(target))?;
    let mut columns = tracked.key()?;
    columns.extend(tracked.written());
    let hidden = rights::runs_policies_of_a_stranger(relation, tracked.owner);
    if hidden || rights::require(relation, &columns, "SELECT").is_err() {
        return Ok(Vec::new());
    }
    let [s, e] = [&tracked.state, &tracked.error].map(|column| format!("old.{}", ident(column)));
    let failed = format!(
        "SELECT {}::text, {e} FROM {} AS old WHERE {s} IS NOT NULL AND {e} IS NOT NULL",
        tracked.key_json("old")?,
        tracked.rows()
    );
    let _scope = tracked.reader();
    sql::rows(&failed, &[], |row| {
        let (state, message, hint) = errors::unkept(&row.get::<String>(2)?.unwrap_or_default());
        Ok((row.get::<String>(1)?.unwrap_or_default(), state, message, hint))
    })
}

/// Lets the rows that were set aside wait again, of those that the caller sees.
#[pg_extern(sql = false)]
fn retry(relation: Option<Oid>, target: Option<&std::ffi::CStr>) -> SqlResult<i64> {
    let tracked = writable(relation, target)?;
    let [s, e] = [&tracked.state, &tracked.error].map(|column| format!("old.{}", ident(column)));
    let all = places(&tracked, &format!("{s} IS NOT NULL AND {e} IS NOT NULL"))?;
    let mut found = 0;
    for table in all.chunk_by(|a, b| a.0 == b.0) {
        for piece in table.chunks(PIECE) {
            found += mark(&tracked, piece)?;
        }
    }
    Ok(found as i64)
}

/// Rows that are looked at together.
const PIECE: usize = 1000;

/// Places of the rows that meet a condition over `old` and that the caller sees.
fn places(tracked: &Tracked, condition: &str) -> SqlResult<Vec<Place>> {
    let _scope = tracked.reader();
    let places =
        format!("SELECT old.tableoid, old.ctid::text FROM {} AS old WHERE {condition} ORDER BY 1", tracked.rows());
    sql::rows(&places, &[], |row| {
        Ok((row.get::<Oid>(1)?.unwrap_or(Oid::INVALID), row.get::<String>(2)?.unwrap_or_default()))
    })
}

/// Looks at every row: one whose text is not the one that its vector was made from waits from then on.
///
/// In pieces, so that a row whose text cannot be computed is found, and waits, so that a backfill reports it.
#[pg_extern(sql = false)]
fn refresh(relation: Option<Oid>, target: Option<&std::ffi::CStr>) -> SqlResult<i64> {
    look_at_all(&writable(relation, target)?)
}

pub fn look_at_all(tracked: &Tracked) -> SqlResult<i64> {
    let all = places(tracked, &format!("old.{} IS NOT NULL", ident(&tracked.state)))?;
    let mut found = 0;
    for table in all.chunk_by(|a, b| a.0 == b.0) {
        for piece in table.chunks(PIECE) {
            pgrx::check_for_interrupts!();
            found += match attempt(|| mark_changed(tracked, piece)) {
                Ok(count) => count,
                Err(_) => piece.chunks(1).try_fold(0, |sum, one| {
                    let count = attempt(|| mark_changed(tracked, one)).or_else(|_| mark(tracked, one));
                    count.map(|count| sum + count)
                })?,
            };
        }
    }
    Ok(found as i64)
}

type Place = (Oid, String);

/// Marks those of the rows whose text is another than their state says.
fn mark_changed(tracked: &Tracked, places: &[Place]) -> SqlResult<usize> {
    let changed: Vec<Place> = {
        let _scope = Scope::owner(tracked.owner);
        let read = format!(
            "SELECT old.ctid::text, old.{}::text, ({}), old.{} IS NULL, old.{} IS NULL FROM {} AS old
              WHERE old.ctid = ANY ($1::tid[]) AND old.tableoid = $2",
            ident(&tracked.state),
            tracked.source,
            ident(&tracked.target),
            ident(&tracked.error),
            tracked.rows()
        );
        let tids: Vec<&str> = places.iter().map(|(_, tid)| tid.as_str()).collect();
        let rows = sql::rows(&read, &[tids.into(), places[0].0.into()], |row| {
            let text = row.get::<String>(3)?.unwrap_or_default();
            let right = state::text_part(&Space::of("").state(Fit::Whole, &text)).to_owned();
            let same = row.get::<String>(2)?.is_some_and(|state| state::text_part(&state) == right);
            // A vector is missing where its text is not blank and nothing went wrong.
            let lost =
                row.get::<bool>(4)? == Some(true) && row.get::<bool>(5)? == Some(true) && !encoder::is_blank(&text);
            Ok((!same || lost).then(|| row.get::<String>(1)).transpose()?.flatten())
        })?;
        rows.into_iter().flatten().map(|tid| (places[0].0, tid)).collect()
    };
    if changed.is_empty() { Ok(0) } else { mark(tracked, &changed) }
}

fn mark(tracked: &Tracked, places: &[Place]) -> SqlResult<usize> {
    let _scope = Scope::writer(tracked.owner, None);
    let tids: Vec<&str> = places.iter().map(|(_, tid)| tid.as_str()).collect();
    let wait = format!(
        "UPDATE {} AS old SET {} = NULL, {} = NULL WHERE old.ctid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.tid[])
            AND old.tableoid OPERATOR(pg_catalog.=) $2",
        tracked.rows(),
        ident(&tracked.state),
        ident(&tracked.error)
    );
    sql::run(&wait, &[tids.into(), places[0].0.into()])
}

/// A tracked table that the caller may write the columns of.
fn writable(relation: Option<Oid>, target: Option<&std::ffi::CStr>) -> SqlResult<Tracked> {
    let _scope = Scope::caller();
    let target = target.map(|name| name.to_string_lossy().into_owned());
    let tracked = Tracked::find(relation.ok_or_else(errors::no_source)?, target.as_deref())?;
    rights::require(tracked.relation, &tracked.written(), "UPDATE")?;
    tracked.require_writable()?;
    Ok(tracked)
}

/// `drugembed._of_space`: whether a stored state is of a vector space, given as a number.
#[pg_extern(sql = false)]
fn of_space(state: pgrx::Uuid, space: i32) -> bool {
    Space::holds(space, state.as_bytes())
}

/// `drugembed._writable_target`: the vector column that is meant, if the caller may backfill it.
#[pg_extern(sql = false)]
fn writable_target(relation: Option<Oid>, target: Option<&std::ffi::CStr>) -> SqlResult<sql::Name> {
    Ok(sql::Name(writable(relation, target)?.target))
}
