//! One batch: read the texts as the table's owner, embed them with no row locked, write the rows that are still the same.

use encoder::{Overflow, Role};
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;

use super::RowVersion;
use super::run::Terms;
use crate::resident;
use crate::tracking::catalog::{Tracked, Vector};
use crate::tracking::errors::{self, SqlResult};
use crate::tracking::rights::Scope;
use crate::tracking::sql::{self, Failure, attempt, ident};
use crate::tracking::state::{self, Fit};
use crate::vector;

pub struct Batch<'a> {
    pub tracked: &'a Tracked,
    pub terms: &'a Terms,
    /// Of one table or partition.
    pub rows: &'a [RowVersion],
}

/// What became of a batch's rows.
#[derive(Default)]
pub struct Outcome {
    pub embedded: u64,
    /// Rows whose text came back to what their vector was made from.
    pub unchanged: u64,
    pub blank: u64,
    pub failed: u64,
    /// Rows that the table's own triggers or rules refused to have written.
    pub refused: u64,
    /// Rows that a writer had locked.
    pub locked: Vec<RowVersion>,
}

/// A row as it was read.
struct Read {
    row: RowVersion,
    text: String,
    /// The state that its vector still stands for, if it has both.
    was: Option<String>,
}

/// A row with what is to be written into it.
struct Made {
    row: RowVersion,
    /// NONE for a text that is blank.
    vector: Option<encoder::Vector>,
    state: String,
    error: Option<String>,
    /// Whether the vector that is there is right.
    keep: bool,
}

/// SQL that is true of rows that wait.
pub fn waiting(tracked: &Tracked, terms: &Terms) -> String {
    let state = format!("old.{}", ident(&tracked.state));
    format!("({state} IS NULL OR {})", terms.space.stale(terms.over(), &state))
}

impl Batch<'_> {
    pub fn run(&self) -> SqlResult<Outcome> {
        let (texts, mut made) = self.read()?;
        let (unchanged, texts): (Vec<Read>, Vec<Read>) = texts.into_iter().partition(|read| self.is_unchanged(read));
        for Read { row, was, .. } in unchanged {
            made.push(Made { row, vector: None, state: was.unwrap_or_default(), error: None, keep: true });
        }
        made.extend(self.embed(&texts)?);
        self.write(&made)
    }

    /// Texts of the rows that still wait; a row whose text cannot be computed is made with its error.
    fn read(&self) -> SqlResult<(Vec<Read>, Vec<Made>)> {
        match attempt(|| self.texts(self.rows)) {
            Ok(texts) => return Ok((texts, Vec::new())),
            Err(failure) => drop(going_on(failure)?),
        }
        let (mut texts, mut made) = (Vec::new(), Vec::new());
        for row in self.rows {
            match attempt(|| self.texts(&[*row])) {
                Ok(text) => texts.extend(text),
                Err(failure) => made.push(self.set_aside(*row, "", Fit::Whole, &going_on(failure)?)),
            }
        }
        Ok((texts, made))
    }

    fn texts(&self, rows: &[RowVersion]) -> SqlResult<Vec<Read>> {
        let scope = Scope::owner(self.tracked.owner);
        by_place(&scope);
        let [target, error] = [&self.tracked.target, &self.tracked.error].map(ident);
        let read = format!(
            "SELECT old.ctid::text, ({}), CASE WHEN old.{target} IS NOT NULL THEN old.{error} END FROM {} AS old
              WHERE old.ctid = ANY ($1::tid[]) AND old.tableoid = $2 AND old.xmin::text = ANY ($3) AND {}",
            self.tracked.source,
            self.tracked.rows(),
            waiting(self.tracked, self.terms)
        );
        let row_of = |tid: &str| rows.iter().find(|row| row.tid() == tid).copied();
        let found = sql::rows(&read, &[tids(rows).into(), rows[0].table.into(), xmins(rows).into()], |row| {
            let text = |i| row.get::<String>(i);
            let was = text(3)?.and_then(|note| note.strip_prefix(state::WAS).map(str::to_owned));
            Ok((text(1)?.unwrap_or_default(), text(2)?.unwrap_or_default(), was))
        })?;
        Ok(found.into_iter().filter_map(|(tid, text, was)| Some(Read { row: row_of(&tid)?, text, was })).collect())
    }

    /// Whether the vector that the row has is of the text that it has now, by this model.
    fn is_unchanged(&self, read: &Read) -> bool {
        let ways = [Fit::Whole, self.terms.over()];
        read.was.as_ref().is_some_and(|was| ways.iter().any(|fit| self.terms.space.state(*fit, &read.text) == *was))
    }

    /// Vectors of the texts. One that the model refuses is set aside, the others go on.
    fn embed(&self, texts: &[Read]) -> SqlResult<Vec<Made>> {
        let (blank, fitting): (Vec<&Read>, Vec<&Read>) = texts.iter().partition(|read| encoder::is_blank(&read.text));
        let mut made: Vec<Made> = blank.iter().map(|read| self.made(read, Fit::Whole, None)).collect();
        let overflow = self.terms.overflow;
        let vectors_of = |texts: &[&str]| {
            attempt(|| resident::with_encoder(|encoder| resident::embed(encoder, Role::Document, texts, overflow)))
        };
        let whole: Vec<&str> = fitting.iter().map(|read| read.text.as_str()).collect();
        match vectors_of(&whole) {
            Ok(vectors) => {
                for (read, vector) in fitting.iter().zip(vectors) {
                    made.push(self.made(read, self.fit(&read.text)?, Some(vector)));
                }
            }
            Err(failure) => {
                going_on(failure)?;
                for read in fitting {
                    let fit = self.fit(&read.text)?;
                    made.push(match vectors_of(&[&read.text]) {
                        Ok(mut vectors) => self.made(read, fit, Some(vectors.remove(0))),
                        Err(failure) => self.set_aside(read.row, &read.text, fit, &going_on(failure)?),
                    });
                }
            }
        }
        Ok(made)
    }

    /// How a text meets the model's limit. Most are far below it, and no token is shorter than a byte.
    fn fit(&self, text: &str) -> SqlResult<Fit> {
        resident::with_encoder(|encoder| {
            if text.len() < encoder.manifest().max_tokens / 2 {
                return Ok(Fit::Whole);
            }
            match encoder.inputs(Role::Document, text, Overflow::Error) {
                Err(encoder::Error::TooLong { .. } | encoder::Error::TooLarge { .. }) => Ok(self.terms.over()),
                _ => Ok(Fit::Whole),
            }
        })
    }

    fn made(&self, read: &Read, fit: Fit, vector: Option<encoder::Vector>) -> Made {
        Made { row: read.row, vector, state: self.terms.space.state(fit, &read.text), error: None, keep: false }
    }

    fn set_aside(&self, row: RowVersion, text: &str, fit: Fit, failure: &Failure) -> Made {
        let state = self.terms.space.state(fit, text);
        Made { row, vector: None, state, error: Some(errors::kept(failure)), keep: false }
    }

    /// Sets a row aside without reading it.
    pub fn set_aside_alone(&self, failure: &Failure) -> SqlResult<Outcome> {
        self.write(&[self.set_aside(self.rows[0], "", Fit::Whole, failure)])
    }

    /// Writes all rows at once, or one by one where a trigger of the table refuses one of them.
    fn write(&self, made: &[Made]) -> SqlResult<Outcome> {
        let mut outcome = Outcome::default();
        match attempt(|| self.written(made)) {
            Ok(places) => {
                count(made, &places, &mut outcome);
                return Ok(outcome);
            }
            Err(failure) => drop(going_on(failure)?),
        }
        for row in made.chunks(1) {
            match attempt(|| self.written(row)) {
                Ok(places) => count(row, &places, &mut outcome),
                Err(failure) if failure.class() == TRY_AGAIN => outcome.locked.push(row[0].row),
                Err(failure) => {
                    let failure = going_on(failure)?;
                    outcome.refused += 1;
                    errors::not_written(&self.tracked.name, &row[0].row.tid(), failure).report(PgLogLevel::WARNING);
                }
            }
        }
        Ok(outcome)
    }

    /// Writes what was made into rows that are still the version that was read. A row that a writer has locked is left, so that
    /// no two sessions ever wait for each other. Gives the places of those locked here, and of those written.
    fn written(&self, made: &[Made]) -> SqlResult<(Vec<String>, Vec<String>)> {
        if made.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let vector = {
            let _scope = Scope::caller();
            Vector::find()?
        };
        // Every name with its schema: the owner's triggers fire under his own search_path.
        let scope = Scope::writer(self.tracked.owner, Some(&self.terms.search_path));
        by_place(&scope);
        let table = self.tracked.rows();
        let [t, s, e] = [&self.tracked.target, &self.tracked.state, &self.tracked.error].map(ident);
        let waiting = waiting(self.tracked, self.terms);
        let write = format!(
            "WITH made AS MATERIALIZED (
                 SELECT * FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.tid[]), pg_catalog.unnest($2::pg_catalog.xid[]),
                     pg_catalog.unnest($3), pg_catalog.unnest($4::pg_catalog.uuid[]), pg_catalog.unnest($5), pg_catalog.unnest($7))
                     AS m (tid, version, embedding, state, error, keep)
             ), locked AS MATERIALIZED (
                 SELECT made.* FROM made JOIN {table} AS old ON old.ctid OPERATOR(pg_catalog.=) made.tid
                  WHERE old.tableoid OPERATOR(pg_catalog.=) $6 AND old.xmin OPERATOR(pg_catalog.=) made.version AND {waiting}
                    FOR NO KEY UPDATE OF old SKIP LOCKED
             ), written AS (
                 UPDATE {table} AS old SET {t} = CASE WHEN locked.keep THEN old.{t} ELSE locked.embedding END,
                        {s} = locked.state, {e} = locked.error
                   FROM locked WHERE old.ctid OPERATOR(pg_catalog.=) locked.tid AND old.tableoid OPERATOR(pg_catalog.=) $6
                        RETURNING locked.tid
             )
             SELECT tid::pg_catalog.text, EXISTS (SELECT FROM written w WHERE w.tid OPERATOR(pg_catalog.=) locked.tid) FROM locked"
        );
        let rows: Vec<RowVersion> = made.iter().map(|made| made.row).collect();
        let vectors: Vec<Option<&encoder::Vector>> = made.iter().map(|made| made.vector.as_ref()).collect();
        let states: Vec<&str> = made.iter().map(|made| made.state.as_str()).collect();
        let kept: Vec<Option<&str>> = made.iter().map(|made| made.error.as_deref()).collect();
        // SAFETY: the datum is an array of the type that the OID names.
        let vectors = unsafe { DatumWithOid::new(vector::array(&vectors, vector.oid), vector.array) };
        let keep: Vec<bool> = made.iter().map(|made| made.keep).collect();
        let arguments = [
            tids(&rows).into(),
            xmins(&rows).into(),
            vectors,
            states.into(),
            kept.into(),
            rows[0].table.into(),
            keep.into(),
        ];
        let found = sql::rows(&write, &arguments, |row| {
            Ok((row.get::<String>(1)?.unwrap_or_default(), row.get::<bool>(2)?.unwrap_or(false)))
        })?;
        let written = found.iter().filter(|(_, written)| *written).map(|(tid, _)| tid.clone()).collect();
        Ok((found.into_iter().map(|(tid, _)| tid).collect(), written))
    }
}

fn count(made: &[Made], (locked, written): &(Vec<String>, Vec<String>), outcome: &mut Outcome) {
    for made in made {
        let tid = made.row.tid();
        match (written.contains(&tid), &made.error, &made.vector) {
            (true, ..) if made.keep => outcome.unchanged += 1,
            (true, Some(_), _) => outcome.failed += 1,
            (true, None, Some(_)) => outcome.embedded += 1,
            (true, None, None) => outcome.blank += 1,
            (false, ..) if locked.contains(&tid) => outcome.refused += 1,
            (false, ..) => outcome.locked.push(made.row),
        }
    }
}

/// Class of deadlocks and failed serialization: nothing is wrong with the row.
const TRY_AGAIN: &str = "40";

/// Errors that another row would meet too end the run. Of the others, one row is guilty.
fn going_on(failure: Failure) -> SqlResult<Failure> {
    match ["08", "0A", "25", "28", "42", "53", "55", "57", "58", "F0"].contains(&&*failure.class()) {
        true if failure.code == PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE => Err(failure.report(
            "A backfill reads and writes as the table's owner: grant him what the source and triggers use; policies bind him under \
             FORCE ROW LEVEL SECURITY.",
        )),
        true if failure.class() == "42" => Err(failure.report(
            "Functions of the table's source and triggers need a search_path of their own, where another role than the owner runs \
             the backfill: ALTER FUNCTION ... SET search_path = ....",
        )),
        true => Err(failure.report("Nothing is lost: run the backfill again when the cause is gone.")),
        false => Ok(failure),
    }
}

/// Plans by place: what a table's statistics say of it must not turn the few rows of a batch into a scan of all.
fn by_place(scope: &Scope) {
    for plan in [c"enable_seqscan", c"enable_hashjoin", c"enable_mergejoin", c"enable_indexscan", c"enable_bitmapscan"]
    {
        scope.set(plan, "off");
    }
}

fn tids(rows: &[RowVersion]) -> Vec<String> {
    rows.iter().map(RowVersion::tid).collect()
}

fn xmins(rows: &[RowVersion]) -> Vec<String> {
    rows.iter().map(|row| row.xmin.to_string()).collect()
}
