//! `CALL drugembed.backfill`: embeds the rows that wait, batch by batch, each batch in a transaction of its own.
//!
//! * [`run`]: which rows are left, and what became of those that are done. Lives in the session, nowhere else.
//! * [`batch`]: reads texts, embeds them with no row locked, writes the rows that are still the same.
//! * [`journal`]: a small file that outlives the process: which rows were in hand when it died.
//! * [`progress`]: what a run says, as INFO and in pg_stat_activity.

mod batch;
mod journal;
mod progress;
mod run;

use std::cell::RefCell;

use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;

use super::errors::{self, SqlResult};
use run::Run;

thread_local! {
    /// The run of this session's CALL; PostgreSQL has one thread, and a CALL that commits cannot be nested.
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

/// A version of a row: a change of the row gives it another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowVersion {
    /// The table, or the partition.
    pub table: Oid,
    pub block: u32,
    pub offset: u16,
    pub xmin: u32,
}

impl RowVersion {
    /// As a `tid`.
    pub fn tid(&self) -> String {
        format!("({},{})", self.block, self.offset)
    }
}

/// Starts a run, and refuses a transaction block, where a backfill could not commit.
#[pg_extern(sql = false)]
fn backfill_begin(
    relation: Option<Oid>,
    batch: Option<i32>,
    target: Option<&std::ffi::CStr>,
    max_rows: Option<i64>,
    search_path: Option<&str>,
) -> SqlResult<()> {
    let relation = relation.ok_or_else(errors::no_source)?;
    let batch = batch.filter(|batch| (1..=10_000).contains(batch)).ok_or_else(|| errors::bad_batch(batch))?;
    let target = target.map(|name| name.to_string_lossy().into_owned());
    if let Some(rows) = max_rows.filter(|rows| *rows < 1) {
        return Err(errors::bad_max_rows(rows));
    }
    let run =
        Run::begin(relation, target.as_deref(), batch as usize, max_rows, search_path.unwrap_or_default().to_owned())?;
    RUN.set(Some(run));
    Ok(())
}

/// An error inside a transaction block: a backfill commits after every batch.
#[pg_extern(sql = false)]
fn backfill_may_commit() -> SqlResult<()> {
    // SAFETY: reads the state of the transaction.
    unsafe {
        if pg_sys::RecoveryInProgress() {
            return Err(errors::on_standby());
        }
        super::rights::require_writing()?;
        if pg_sys::IsTransactionBlock() { Err(errors::in_transaction()) } else { Ok(()) }
    }
}

/// One batch; false when there is no more to do.
#[pg_extern(sql = false)]
fn backfill_step() -> SqlResult<bool> {
    // Taken out, so that an ERROR ends the run.
    let mut run = RUN.take().ok_or_else(errors::no_run)?;
    let more = run.step()?;
    RUN.set(Some(run));
    Ok(more)
}

/// Says how the run ended.
#[pg_extern(sql = false)]
fn backfill_end() -> SqlResult<()> {
    RUN.take().ok_or_else(errors::no_run)?.end()
}
