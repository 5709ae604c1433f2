//! Which rows a run has left.

use std::collections::VecDeque;
use std::time::Instant;

use encoder::Overflow;
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;

use super::RowVersion;
use super::batch::{self, Batch, Outcome};
use super::journal::{Journal, Suspects};
use super::progress::Progress;
use crate::resident;
use crate::settings;
use crate::tracking::catalog::Tracked;
use crate::tracking::errors::{self, SqlResult};
use crate::tracking::rights::{self, Scope};
use crate::tracking::sql;
use crate::tracking::state::{Fit, Space};

/// Rows listed at a time: 16 bytes each.
const LISTED: usize = 1_000_000;
/// Locks that a batch takes at most: the server has room for 64 a connection.
const MOST_LOCKS: usize = 64;
/// Rows of a page that share a lock.
const ROWS_A_LOCK: u16 = 16;

/// What a run was started with; a batch must meet the same.
pub struct Terms {
    pub relation: Oid,
    /// Name of the trigger that keeps the expressions: columns may be renamed meanwhile.
    pub keeper: String,
    pub model: String,
    pub space: Space,
    pub overflow: Overflow,
    /// Of the session that runs the CALL.
    pub search_path: String,
}

pub struct Run {
    terms: Terms,
    batch: usize,
    max_rows: Option<u64>,
    left: VecDeque<RowVersion>,
    /// The last row that was listed, if there may be more behind it.
    listed_to: Option<(Oid, u32, u16)>,
    /// Rows that another session had, for a second look.
    later: Vec<RowVersion>,
    second_look: bool,
    /// Rows that others had at the second look too.
    passed_by: usize,
    suspects: Suspects,
    journal: Journal,
    progress: Progress,
}

impl Run {
    pub fn begin(
        relation: Oid,
        target: Option<&str>,
        batch: usize,
        max_rows: Option<i64>,
        search_path: String,
    ) -> SqlResult<Run> {
        let (model, space) =
            resident::with_encoder(|encoder| Ok((encoder.manifest().id(), Space::of(&encoder.manifest().space()))))?;
        let _scope = Scope::caller();
        let tracked = Tracked::find(relation, target)?;
        rights::require(relation, &tracked.written(), "UPDATE")?;
        tracked.require_writable()?;
        if rights::binds_its_owner(relation, tracked.owner) {
            errors::binds_its_owner(&tracked.name).report(PgLogLevel::WARNING);
        }
        if !tracked.enabled {
            errors::marker_off(&tracked.name).report(PgLogLevel::WARNING);
        }
        let terms = Terms {
            relation,
            keeper: tracked.keeper.clone(),
            space,
            model,
            overflow: settings::on_overflow(),
            search_path,
        };
        let mut run = Run {
            progress: Progress::new(&tracked.name),
            suspects: Suspects::adopt(relation)?,
            journal: Journal::open(relation)?,
            terms,
            batch,
            max_rows: max_rows.and_then(|rows| u64::try_from(rows).ok()),
            left: VecDeque::new(),
            listed_to: Some((Oid::INVALID, 0, 0)),
            later: Vec::new(),
            second_look: false,
            passed_by: 0,
        };
        run.list(&tracked)?;
        Ok(run)
    }

    /// Lists the next waiting rows, in the order of their places. Stale statistics are not asked: the index on the state has
    /// what waits and what another model made.
    fn list(&mut self, tracked: &Tracked) -> SqlResult<()> {
        let Some((table, block, offset)) = self.listed_to else { return Ok(()) };
        // Under row-level security the rows that the caller sees; what is done with them is the owner's.
        let scope = tracked.reader();
        scope.set(c"enable_seqscan", "off");
        let waiting = format!(
            "SELECT old.tableoid, old.ctid::text, old.xmin::text FROM {} AS old
              WHERE {} AND (old.tableoid, old.ctid) > ($1::bigint::oid, $2::tid) ORDER BY old.tableoid, old.ctid LIMIT {LISTED}",
            tracked.rows(),
            batch::waiting(tracked, &self.terms)
        );
        let place = format!("({block},{offset})");
        let found = sql::rows(&waiting, &[i64::from(u32::from(table)).into(), place.as_str().into()], |row| {
            let text = |i| row.get::<String>(i).map(Option::unwrap_or_default);
            Ok(row_version(row.get(1)?.unwrap_or(Oid::INVALID), &text(2)?, &text(3)?))
        })?;
        self.listed_to = found.last().filter(|_| found.len() == LISTED).map(|row| (row.table, row.block, row.offset));
        self.left.extend(found.into_iter().filter(|row| !self.suspects.holds(row)));
        self.progress.total = self.progress.done() + self.left.len() as u64 + self.suspects.len() as u64;
        Ok(())
    }

    /// One batch. False when no row is left, or as many are done as were wanted.
    pub fn step(&mut self) -> SqlResult<bool> {
        let started = Instant::now();
        let tracked = {
            let _scope = Scope::caller();
            let tracked = match lock_table(self.terms.relation) {
                true => Tracked::kept_by(self.terms.relation, &self.terms.keeper)?,
                false => None,
            };
            tracked.ok_or_else(|| errors::untracked_meanwhile(&self.progress.table))?
        };
        tracked.require_writable()?;
        if resident::with_encoder(|encoder| Ok(encoder.manifest().id()))? != self.terms.model {
            return Err(errors::model_changed());
        }
        let Some(rows) = self.next_rows(&tracked)? else { return Ok(false) };
        let outcome = if rows.is_empty() { Outcome::default() } else { self.embed(&tracked, &rows)? };
        self.passed_by += if self.second_look { outcome.locked.len() } else { 0 };
        self.later.extend(outcome.locked.iter().filter(|_| !self.second_look));
        self.progress.add(&outcome, started.elapsed());
        Ok(self.max_rows.is_none_or(|most| self.progress.embedded < most))
    }

    /// The rows of the next batch, each of which this session alone has in hand until the transaction ends; NONE at the end.
    fn next_rows(&mut self, tracked: &Tracked) -> SqlResult<Option<Vec<RowVersion>>> {
        loop {
            if self.left.is_empty() && self.listed_to.is_some() {
                self.list(tracked)?;
            }
            if self.left.is_empty() && !self.second_look {
                self.second_look = true;
                self.left.extend(std::mem::take(&mut self.later));
            }
            if self.left.is_empty() {
                return self.suspects.next_rows(self.batch).map_or(Ok(None), |rows| self.take(rows).map(Some));
            }
            let wanted = self.wanted();
            let rows: Vec<RowVersion> = self.left.drain(..wanted).collect();
            let rows = self.take(rows)?;
            if !rows.is_empty() {
                return Ok(Some(rows));
            }
            pgrx::check_for_interrupts!();
        }
    }

    /// How many of the rows at hand make a batch: of one table, and under few locks.
    fn wanted(&self) -> usize {
        let most = self.max_rows.map_or(self.batch, |most| {
            self.batch.min(most.saturating_sub(self.progress.embedded).max(1).try_into().unwrap_or(self.batch))
        });
        let (mut locks, mut last) = (0, None);
        let table = self.left.front().map(|row| row.table);
        self.left
            .iter()
            .take(most)
            .take_while(|row| {
                let lock = Some(stripe(row));
                locks += usize::from(lock != last);
                last = lock;
                Some(row.table) == table && locks <= MOST_LOCKS
            })
            .count()
            .max(1)
    }

    /// Those of the rows whose stripes are free; the others are looked at later.
    fn take(&mut self, rows: Vec<RowVersion>) -> SqlResult<Vec<RowVersion>> {
        let mut stripes: Vec<u32> = rows.iter().map(stripe).collect();
        stripes.sort_unstable();
        stripes.dedup();
        let held = rows.first().map(|row| lock_stripes(row.table, &stripes)).unwrap_or_default();
        let (mine, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| held.contains(&stripe(row)));
        self.passed_by += if self.second_look { others.len() } else { 0 };
        self.later.extend(others.into_iter().filter(|_| !self.second_look));
        Ok(mine)
    }

    fn embed(&mut self, tracked: &Tracked, rows: &[RowVersion]) -> SqlResult<Outcome> {
        let suspicion = self.suspects.suspicion(rows);
        if let Some(verdict) = suspicion.verdict() {
            return self.give_up(tracked, rows[0], verdict);
        }
        self.journal.in_hand(rows, suspicion)?;
        let outcome = Batch { tracked, terms: &self.terms, rows }.run()?;
        self.suspects.cleared(rows)?;
        self.journal.clear()?;
        Ok(outcome)
    }

    /// A row that has taken its process down alone, again and again, is set aside; one that does so even then is left alone.
    fn give_up(&mut self, tracked: &Tracked, row: RowVersion, record: bool) -> SqlResult<Outcome> {
        let mut outcome = Outcome::default();
        if record {
            self.journal.in_hand(&[row], self.suspects.suspicion(&[row]))?;
            let batch = Batch { tracked, terms: &self.terms, rows: &[row] };
            outcome = batch.set_aside_alone(&errors::process_ended())?;
            self.suspects.cleared(&[row])?;
            self.journal.clear()?;
        } else {
            outcome.refused = 1;
            errors::left_alone(&tracked.name, &row.tid()).report(PgLogLevel::WARNING);
        }
        Ok(outcome)
    }

    pub fn end(self) -> SqlResult<()> {
        self.progress.end();
        if self.passed_by > 0 {
            errors::passed_by(&self.progress.table, self.passed_by).report(PgLogLevel::WARNING);
        }
        Ok(())
    }
}

/// The lock that a row is under: of a few rows beside each other.
fn stripe(row: &RowVersion) -> u32 {
    row.block.wrapping_mul(1 << 12).wrapping_add(u32::from(row.offset / ROWS_A_LOCK))
}

/// Those of the stripes that this session locked until its transaction ends. Page locks, which nothing else takes on a table: no SQL
/// can, so nobody can keep a backfill from its rows as he could by advisory locks.
fn lock_stripes(table: Oid, stripes: &[u32]) -> Vec<u32> {
    // SAFETY: a relation that is open and locked while its locks are asked for; NULL for one that is gone.
    unsafe {
        let relation = pg_sys::try_relation_open(table, pg_sys::AccessShareLock as i32);
        if relation.is_null() {
            return Vec::new();
        }
        let lock = |stripe: &&u32| pg_sys::ConditionalLockPage(relation, **stripe, pg_sys::ExclusiveLock as i32);
        let held = stripes.iter().filter(lock).copied().collect();
        pg_sys::relation_close(relation, pg_sys::NoLock as i32);
        held
    }
}

unsafe extern "C-unwind" {
    /// Of catalog/pg_inherits.h: a relation and all below it, each locked.
    fn find_all_inheritors(parent: Oid, mode: pg_sys::LOCKMODE, parents: *mut *mut pg_sys::List) -> *mut pg_sys::List;
}

/// Takes the lock of a writer, on partitions too, in the order in which writers do and before anything is read, so that DDL and a
/// backfill never wait for each other. False for a table that is gone.
fn lock_table(relation: Oid) -> bool {
    let mode = pg_sys::RowExclusiveLock as i32;
    // SAFETY: waits for the locks, and can be cancelled; the end of the transaction releases them. Partitions that are gone are
    // left out.
    unsafe {
        pg_sys::LockRelationOid(relation, mode);
        if sql::name_of(relation).is_none() {
            return false;
        }
        pg_sys::ffi::pg_guard_ffi_boundary(|| find_all_inheritors(relation, mode, std::ptr::null_mut()));
        true
    }
}

fn row_version(table: Oid, tid: &str, xmin: &str) -> RowVersion {
    let mut place = tid.trim_matches(['(', ')']).split(',');
    let mut number = || place.next().and_then(|n| n.parse::<u32>().ok()).unwrap_or_default();
    RowVersion { table, block: number(), offset: number() as u16, xmin: xmin.parse().unwrap_or_default() }
}

impl Terms {
    /// What becomes of a text over the limit.
    pub fn over(&self) -> Fit {
        Fit::over(self.overflow)
    }
}
