//! What a run says of itself: INFO for its own session, pg_stat_activity for the others.

use std::ffi::CString;
use std::time::{Duration, Instant};

use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::batch::Outcome;
use crate::tracking::errors;

const EVERY: Duration = Duration::from_secs(5);

pub struct Progress {
    pub table: String,
    /// Rows that were waiting when the run began.
    pub total: u64,
    pub embedded: u64,
    unchanged: u64,
    blank: u64,
    failed: u64,
    refused: u64,
    locked: u64,
    started: Instant,
    reported: Instant,
}

impl Progress {
    pub fn new(table: &str) -> Progress {
        let now = Instant::now();
        Progress {
            table: table.to_owned(),
            total: 0,
            embedded: 0,
            unchanged: 0,
            blank: 0,
            failed: 0,
            refused: 0,
            locked: 0,
            started: now,
            reported: now,
        }
    }

    pub fn done(&self) -> u64 {
        self.embedded + self.unchanged + self.blank + self.failed + self.refused
    }

    pub fn add(&mut self, outcome: &Outcome, _took: Duration) {
        self.embedded += outcome.embedded;
        self.unchanged += outcome.unchanged;
        self.blank += outcome.blank;
        self.failed += outcome.failed;
        self.refused += outcome.refused;
        self.locked += outcome.locked.len() as u64;
        self.show();
        if self.reported.elapsed() >= EVERY {
            self.reported = Instant::now();
            tell(self.line());
        }
    }

    /// In pg_stat_activity.query of this session, which whoever may see its statements sees.
    fn show(&self) {
        if let Ok(line) = CString::new(format!("CALL drugembed.backfill: {}", self.line())) {
            // SAFETY: a C string, copied into the server's memory of this session.
            unsafe { pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, line.as_ptr()) }
        }
    }

    fn line(&self) -> String {
        let rate = self.done() as f64 / self.started.elapsed().as_secs_f64().max(0.001);
        let left = self.total.saturating_sub(self.done());
        let time = match rate > 0.0 {
            true => duration((left as f64 / rate).ceil() as u64),
            false => "unknown time".to_owned(),
        };
        let aside = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        format!("{}: {} of {} rows{aside}, {rate:.1} rows/s, {time} left", self.table, self.done(), self.total)
    }

    pub fn end(&self) {
        let seconds = self.started.elapsed().as_secs_f64();
        let mut parts = vec![format!("{} embedded", self.embedded)];
        for (count, what) in
            [(self.unchanged, "unchanged"), (self.blank, "blank"), (self.failed, "failed"), (self.refused, "refused")]
        {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        let rate = self.done() as f64 / seconds.max(0.001);
        let took = duration(seconds.round() as u64);
        tell(format!("{}: {} in {took}, {rate:.1} rows/s", self.table, parts.join(", ")));
        if self.refused > 0 {
            errors::refused(&self.table, self.refused).report(PgLogLevel::WARNING);
        }
    }
}

/// As INFO, which clients get whatever their client_min_messages; pgrx's `info!` asks it on PostgreSQL 13.
fn tell(line: String) {
    ErrorReport::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, line, "drugembed").report(PgLogLevel::INFO);
}

fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}
