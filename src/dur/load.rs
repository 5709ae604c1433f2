//! `drugembed.load_dur`: a list as MFDS, KIDS or HIRA publish it, into a table that `create_dur_list` made.
//!
//! It has the caller's rights alone and adds all of a list or nothing. What is there already, from the same source, is not added again.

use std::collections::HashSet;
use std::ops::ControlFlow;

use dur_lists::{Entry, Sink, VALUES, hash};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;
use pgrx::spi;

use super::errors;
use super::list::{COLUMNS, DurList};
use crate::errors::SqlResult;
use crate::text::{self, Text};
use crate::tracking::errors::internal;
use crate::tracking::rights::Scope;
use crate::tracking::sql;

/// Rows that one INSERT writes.
const BATCH: usize = 2000;
/// Longest `kind` and `source`, in bytes.
const NAME_BYTES: usize = 1000;

#[pg_extern(sql = false)]
fn load_dur_bytes(
    list: Option<Oid>,
    data: Option<&[u8]>,
    kind: Option<Text<'_>>,
    source: Option<Text<'_>>,
) -> SqlResult<Option<i64>> {
    let (Some(list), Some(data)) = (list, data) else { return Ok(None) };
    load(list, data, kind, source).map(Some)
}

#[pg_extern(sql = false)]
fn load_dur_text(
    list: Option<Oid>,
    data: Option<Text<'_>>,
    kind: Option<Text<'_>>,
    source: Option<Text<'_>>,
) -> SqlResult<Option<i64>> {
    let (Some(list), Some(data)) = (list, data) else { return Ok(None) };
    load(list, data.utf8(usize::MAX)?.as_bytes(), kind, source).map(Some)
}

/// The number of entries that were added.
fn load(list: Oid, data: &[u8], kind: Option<Text<'_>>, source: Option<Text<'_>>) -> SqlResult<i64> {
    text::require_utf8()?;
    let kind = kind.map(|kind| kind.utf8(NAME_BYTES)).transpose()?.map(kind_named).transpose()?;
    let source = source.map(|source| source.utf8(NAME_BYTES)).transpose()?;
    let list = DurList::of(list)?;
    let _scope = Scope::caller();
    list.require("SELECT")?;
    list.require("INSERT")?;
    // One load at a time, so that two of the same list don't both add it; readers and writers go on.
    // SAFETY: held to the end of the transaction.
    unsafe { pg_sys::LockRelationOid(list.relation, pg_sys::ShareUpdateExclusiveLock as pg_sys::LOCKMODE) };

    let seen = present(&list, source)?;
    let mut loading = Loading { list: &list, source, seen, batch: Vec::with_capacity(BATCH), added: 0, failed: None };
    let read = dur_lists::read(data, kind, &mut loading);
    if let Some(error) = loading.failed.take() {
        return Err(error);
    }
    let report = read.map_err(errors::unreadable)?;
    loading.flush()?;
    for notice in errors::left_out(&report) {
        notice.report(PgLogLevel::NOTICE);
    }
    Ok(loading.added)
}

fn kind_named(name: &str) -> SqlResult<reader::DurKind> {
    match reader::dur_kinds_of(name)[..] {
        [kind] => Ok(kind),
        _ => Err(errors::bad_kind(name)),
    }
}

struct Loading<'a> {
    list: &'a DurList,
    source: Option<&'a str>,
    /// Hashes of the entries that are there.
    seen: HashSet<u128>,
    batch: Vec<Entry>,
    added: i64,
    failed: Option<ErrorReport>,
}

impl Sink for Loading<'_> {
    fn entry(&mut self, entry: Entry) -> ControlFlow<()> {
        if self.seen.insert(hash(&entry.values())) {
            self.batch.push(entry);
        }
        if self.batch.len() == BATCH
            && let Err(error) = self.flush()
        {
            self.failed = Some(error);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn tick(&mut self) {
        pgrx::check_for_interrupts!();
    }
}

impl Loading<'_> {
    fn flush(&mut self) -> SqlResult<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let mut columns: [Vec<Option<String>>; VALUES] = std::array::from_fn(|_| Vec::with_capacity(self.batch.len()));
        for entry in self.batch.drain(..) {
            for (column, value) in columns.iter_mut().zip(entry.values()) {
                column.push(value.map(|value| value.into_owned()));
            }
        }
        let mut arguments: Vec<_> = columns.into_iter().map(Into::into).collect();
        arguments.push(self.source.into());
        self.added += sql::run(&insert(self.list), &arguments)? as i64;
        Ok(())
    }
}

/// Several arrays are unnested side by side only where `unnest` has no schema before it: the fixed `search_path` finds it.
/// `INSERT INTO list (kind, ...) SELECT c1, ..., c11::integer, ... FROM unnest($1::text[], ...)`.
fn insert(list: &DurList) -> String {
    let columns = &COLUMNS[..VALUES];
    let joined = |part: &dyn Fn(usize) -> String| (1..=VALUES).map(part).collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO {} ({}, source) SELECT {}, ${}::pg_catalog.text FROM unnest({}) AS u ({})",
        list.qualified,
        joined(&|i| columns[i - 1].name.to_owned()),
        joined(&|i| match columns[i - 1].sql_type {
            "text" => format!("u.c{i}"),
            other => format!("u.c{i}::pg_catalog.{}", if other == "integer" { "int4" } else { other }),
        }),
        VALUES + 1,
        joined(&|i| format!("${i}::pg_catalog.text[]")),
        joined(&|i| format!("c{i}")),
    )
}

/// Hashes of the entries of this source that the list holds.
fn present(list: &DurList, source: Option<&str>) -> SqlResult<HashSet<u128>> {
    const PAGE: std::ffi::c_long = 10_000;
    let columns: Vec<String> =
        COLUMNS[..VALUES].iter().map(|column| format!("{}::pg_catalog.text", column.name)).collect();
    let select = format!(
        "SELECT {} FROM {} WHERE source IS NOT DISTINCT FROM $1::pg_catalog.text",
        columns.join(", "),
        list.qualified
    );
    let read = |client: &mut spi::SpiClient<'_>| -> spi::Result<HashSet<u128>> {
        let mut seen = HashSet::new();
        // A cursor of a reader would see the list as it was when the statement began, before another load let go of its lock.
        let mut cursor = client.open_cursor_mut(select.as_str(), &[source.into()]);
        loop {
            let rows = cursor.fetch(PAGE)?;
            if rows.is_empty() {
                return Ok(seen);
            }
            for row in rows {
                let mut values = [const { None::<String> }; VALUES];
                for (i, value) in values.iter_mut().enumerate() {
                    *value = row.get(i + 1)?;
                }
                seen.insert(hash(&values));
            }
        }
    };
    Spi::connect_mut(read).map_err(|error| internal(format!("a DUR list could not be read: {error}")))
}
