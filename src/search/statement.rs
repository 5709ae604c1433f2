//! The statement that a search runs.
//!
//! Reciprocal rank fusion (Cormack et al., SIGIR 2009): a row's score is the sum of 1 / ([`RRF_K`] + rank) over the rankings that
//! found it. Ties go to the better lexical rank: letters tell 500 mg from 160 mg, vectors hardly do.

use super::asked::Asked;
use super::filter::Filter;
use super::lexical::Engine;
use crate::tracking::catalog::{Tracked, Vector};
use crate::tracking::errors::SqlResult;
use crate::tracking::sql::ident;
use crate::tracking::state::Space;

/// k of reciprocal rank fusion.
const RRF_K: u32 = 60;
/// Beside vectors, letters count only from this likeness on: a mistyped name shares some with many names, and the vector knows
/// better which is meant.
const MIN_LIKENESS: f64 = 0.6;

/// Parameters: `$1` the question's letters, `$2` its vector, `$3` the filter's values as jsonb.
pub struct Statement<'a> {
    pub tracked: &'a Tracked,
    pub vector: &'a Vector,
    pub k: usize,
    /// NONE: letters alone.
    pub space: Option<Space>,
    /// NONE: vectors alone.
    pub engine: Option<&'a Engine>,
    /// SQL of a row's letters.
    pub letters: &'a str,
    pub filter: &'a Filter,
    pub asked: &'a Asked,
    /// Conditions of a step, each with AND before it.
    pub conditions: &'a str,
}

impl Statement<'_> {
    pub fn sql(&self) -> SqlResult<String> {
        let rankings: Vec<String> =
            [self.space.map(|space| self.by_vector(space)), self.engine.map(|engine| self.by_letters(engine))]
                .into_iter()
                .flatten()
                .collect();
        Ok(format!(
            "SELECT {key}::text, f.score, f.v::integer, f.l::integer, 1 - f.distance, {source}, {facts}
               FROM (SELECT leaf, place, sum(1.0::float8 / ({RRF_K} + COALESCE(v, l))) AS score, min(v) AS v, min(l) AS l,
                            min(distance) AS distance
                       FROM ({rankings}) u GROUP BY leaf, place ORDER BY score DESC, min(l), min(v), leaf, place LIMIT {k}) f
               JOIN {table} AS old ON old.ctid = f.place AND old.tableoid = f.leaf
              ORDER BY f.score DESC, f.l, f.v, f.leaf, f.place",
            key = self.tracked.key_json("old")?,
            source = self.tracked.source,
            rankings = rankings.join(" UNION ALL "),
            facts = if self.asked.facts.is_empty() { "NULL::pg_catalog.text[]" } else { &self.asked.facts },
            k = self.k,
            table = self.tracked.rows(),
        ))
    }

    /// Rows that each ranking gives.
    fn pool(&self) -> usize {
        (4 * self.k).clamp(40, 1000)
    }

    fn by_vector(&self, space: Space) -> String {
        format!(
            "SELECT leaf, place, row_number() OVER (ORDER BY distance, leaf, place) AS v, NULL::bigint AS l, distance
               FROM (SELECT old.tableoid AS leaf, old.ctid AS place, old.{target} {nearer} $2 AS distance FROM {table} AS old
                      WHERE old.{target} IS NOT NULL AND {usable}{filter}{conditions} ORDER BY old.{target} {nearer} $2 LIMIT {pool}) n",
            target = ident(&self.tracked.target),
            nearer = self.vector.cosine_distance(),
            table = self.tracked.rows(),
            usable = space.usable(&format!("old.{}", ident(&self.tracked.state))),
            filter = self.filter.sql(),
            conditions = self.conditions,
            pool = self.pool(),
        )
    }

    /// The letters of a row are made once, for the order and for the likeness: OFFSET 0 keeps the subquery apart.
    fn by_letters(&self, engine: &Engine) -> String {
        format!(
            "SELECT leaf, place, NULL::bigint AS v, row_number() OVER (ORDER BY likeness DESC, size, leaf, place) AS l, NULL::float8 AS distance
               FROM (SELECT leaf, place, {likeness} AS likeness, length(letters) AS size
                       FROM (SELECT old.tableoid AS leaf, old.ctid AS place, {letters} AS letters FROM {table} AS old
                              WHERE {found}{filter}{conditions} OFFSET 0) c
                      ORDER BY likeness DESC, size LIMIT {pool}) n
              WHERE likeness >= {least}",
            likeness = engine.likeness("letters"),
            letters = self.letters,
            table = self.tracked.rows(),
            found = engine.candidates(self.letters),
            filter = self.filter.sql(),
            conditions = self.conditions,
            pool = self.pool(),
            least = if self.space.is_some() { MIN_LIKENESS } else { 0.0 },
        )
    }
}
