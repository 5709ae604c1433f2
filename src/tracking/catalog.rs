//! What is tracked, read from PostgreSQL's own catalog: two triggers on the table, and nothing else anywhere.
//!
//! * The *keeper*, a row trigger on DELETE, never runs. Its WHEN holds the expressions and the columns, so PostgreSQL keeps them
//!   right when a column is renamed, refuses to drop one, and dumps and restores them.
//! * The *marker*, BEFORE UPDATE, sets the state to NULL where a text changes.

use std::ffi::CString;

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;

use super::attributes;
use super::errors::{self, SqlResult};
use super::expression::{arguments_of, column_of};
use super::rights::{self, Scope};
use super::sql::{self, ident};

/// A vector column that is kept in step.
#[derive(Debug, Clone)]
pub struct Tracked {
    pub relation: Oid,
    pub owner: Oid,
    /// As messages show it.
    pub name: String,
    /// As statements need it.
    pub qualified: String,
    pub partitioned: bool,
    pub target: String,
    pub state: String,
    pub error: String,
    /// Expression over `old`.
    pub source: String,
    /// Immutable expression over `old`.
    pub lexical: String,
    /// Whether `track` added the vector column.
    pub added: bool,
    /// Expressions over `old` of the attributes that `track` was told, in the order of [`attributes::NAMES`].
    pub attributes: Option<[Option<String>; 8]>,
    pub keeper: String,
    /// NULL if it is gone.
    pub marker: Option<String>,
    /// Whether the marker runs on ordinary updates and on those that replication applies.
    pub enabled: bool,
    /// A rule that takes the place of updates, or adds to them: its rows cannot be written as a backfill writes them.
    pub rule: Option<String>,
}

const LIST: &str = "
    SELECT g.tgrelid, c.relowner, c.relname::text, n.nspname::text, c.relkind = 'p', pg_catalog.pg_get_triggerdef(g.oid),
           g.tgname::text, m.tgname::text, COALESCE(m.tgenabled = 'A', false),
           (SELECT r.rulename::text FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type = '2' AND r.ev_enabled <> 'D' LIMIT 1)
      FROM pg_catalog.pg_trigger g
      JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_trigger m ON m.tgrelid = g.tgrelid AND m.tgfoid = g.tgfoid AND m.tgargs = g.tgargs
                                       AND m.tgtype & 16 <> 0 AND m.tgparentid = 0
     WHERE g.tgfoid = 'drugembed._mark_stale()'::pg_catalog.regprocedure AND g.tgtype & 8 <> 0 AND g.tgparentid = 0
       AND c.relkind IN ('r', 'p') AND g.tgrelid = $1
     ORDER BY n.nspname, c.relname, g.tgname";

impl Tracked {
    /// Everything that is tracked in this database. A table whose owner holds it locked is left out, and said so.
    pub fn all() -> SqlResult<Vec<Tracked>> {
        let relations = "SELECT DISTINCT tgrelid FROM pg_catalog.pg_trigger
                          WHERE tgfoid = 'drugembed._mark_stale()'::pg_catalog.regprocedure AND tgtype & 8 <> 0 AND tgparentid = 0";
        let relations: Vec<Option<Oid>> = sql::rows(relations, &[], |row| row.get(1))?;
        let mut all = Vec::new();
        for relation in relations.into_iter().flatten() {
            match sql::attempt(|| Tracked::of(relation)) {
                Ok(tracked) => all.extend(tracked),
                Err(failure) => errors::left_out(&sql::name_of(relation).unwrap_or_default(), &failure.message)
                    .report(PgLogLevel::NOTICE),
            }
        }
        all.sort_by(|a, b| (&a.qualified, &a.target).cmp(&(&b.qualified, &b.target)));
        Ok(all)
    }

    /// What is tracked of one table. Triggers that `track` did not make are left out.
    pub fn of(relation: Oid) -> SqlResult<Vec<Tracked>> {
        // pg_get_triggerdef opens it, whatever became of it.
        let Some(_opened) = Opened::new(relation) else { return Ok(Vec::new()) };
        let found = sql::rows(LIST, &[relation.into()], |row| {
            let text = |i| row.get::<String>(i).map(Option::unwrap_or_default);
            let (name, schema) = (text(3)?, text(4)?);
            Ok((
                Tracked {
                    relation: row.get(1)?.unwrap_or(Oid::INVALID),
                    owner: row.get(2)?.unwrap_or(Oid::INVALID),
                    qualified: format!("{}.{}", ident(&schema), ident(&name)),
                    name,
                    partitioned: row.get(5)?.unwrap_or(false),
                    target: String::new(),
                    state: String::new(),
                    error: String::new(),
                    source: String::new(),
                    lexical: String::new(),
                    added: false,
                    attributes: None,
                    keeper: text(7)?,
                    marker: row.get(8)?,
                    enabled: row.get(9)?.unwrap_or(false),
                    rule: row.get(10)?,
                },
                text(6)?,
            ))
        })?;
        let mut all = Vec::new();
        for (tracked, definition) in found {
            if let Some(tracked) = tracked.read(&definition)
                && tracked.has_its_columns()?
            {
                all.push(tracked);
            }
        }
        Ok(all)
    }

    /// The one whose keeper has this name, whatever its columns are called by now.
    pub fn kept_by(relation: Oid, keeper: &str) -> SqlResult<Option<Tracked>> {
        Ok(Tracked::of(relation)?.into_iter().find(|tracked| tracked.keeper == keeper))
    }

    /// An error where its rows cannot be written, by anybody or by this session.
    pub fn require_writable(&self) -> SqlResult<()> {
        rights::require_writing()?;
        self.rule.as_ref().map_or(Ok(()), |rule| Err(errors::has_rule(&self.name, rule)))
    }

    /// The one vector column that is meant.
    pub fn find(relation: Oid, target: Option<&str>) -> SqlResult<Tracked> {
        let mut found = Tracked::of(relation)?;
        found.retain(|tracked| target.is_none_or(|target| tracked.target == target));
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(match sql::name_of(relation) {
                Some(name) => errors::not_tracked(&name, target),
                None => errors::table_gone("that table"),
            }),
            _ => Err(errors::several_targets(&found[0].name)),
        }
    }

    /// The state and error columns of the tracking whose triggers have this first argument, on a table or on one of its partitions.
    pub fn columns_of(relation: Oid, argument: &str) -> SqlResult<Option<[String; 2]>> {
        let keeper = "SELECT pg_catalog.pg_get_triggerdef(oid) FROM pg_catalog.pg_trigger
                       WHERE tgrelid = $1 AND tgfoid = 'drugembed._mark_stale()'::pg_catalog.regprocedure AND tgtype & 8 <> 0
                         AND pg_catalog.starts_with(pg_catalog.encode(tgargs, 'escape'), pg_catalog.encode(pg_catalog.convert_to($2, 'UTF8'), 'escape') || '\\000')";
        let definition = sql::row(keeper, &[relation.into(), argument.into()], |row| row.get::<String>(1))?.flatten();
        Ok(definition.and_then(|definition| columns_in(&definition)).map(|[_, state, error]| [state, error]))
    }

    /// Takes the expressions and columns from the keeper's definition.
    fn read(mut self, definition: &str) -> Option<Tracked> {
        [self.target, self.state, self.error] = columns_in(definition)?;
        let [source, lexical, _, _, _, added, attributes] = kept(definition)?;
        (self.source, self.lexical, self.added) = (source, lexical, added == "true");
        self.attributes = attributes::read_back(&attributes);
        Some(self)
    }

    /// Whether the three columns are what `track` makes, so that nothing runs when they are read. Asks the caches that the keeper's
    /// definition comes from, so that both are of one moment.
    fn has_its_columns(&self) -> SqlResult<bool> {
        let types = [Vector::find()?.oid, pg_sys::UUIDOID, pg_sys::TEXTOID];
        Ok([&self.target, &self.state, &self.error].iter().zip(types).all(|(column, wanted)| {
            let name = CString::new(column.as_str()).unwrap_or_default();
            // SAFETY: a C string; the others take the number that get_attnum gives.
            unsafe {
                let number = pg_sys::get_attnum(self.relation, name.as_ptr());
                number > 0
                    && pg_sys::get_atttype(self.relation, number) == wanted
                    && pg_sys::get_attgenerated(self.relation, number) == 0
            }
        }))
    }

    /// Its rows in a FROM or UPDATE: those of partitions, and not those of children by inheritance, which have no marker.
    pub fn rows(&self) -> String {
        if self.partitioned { self.qualified.clone() } else { format!("ONLY {}", self.qualified) }
    }

    /// Primary key columns, in their order.
    pub fn key(&self) -> SqlResult<Vec<String>> {
        let key = key_of(self.relation)?;
        if key.is_empty() { Err(errors::no_primary_key(&self.name)) } else { Ok(key) }
    }

    /// SQL of a row's key as jsonb, over `row`.
    pub fn key_json(&self, row: &str) -> SqlResult<String> {
        let parts: Vec<String> =
            self.key()?.iter().map(|column| format!("{}, {row}.{}", sql::literal(column), ident(column))).collect();
        Ok(format!("pg_catalog.jsonb_build_object({})", parts.join(", ")))
    }

    /// Columns that the expressions read, as PostgreSQL has noted of the keeper.
    pub fn sources(&self) -> SqlResult<Vec<String>> {
        let columns = "SELECT DISTINCT a.attname::text FROM pg_catalog.pg_trigger t
                         JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objid = t.oid
                         JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                        WHERE t.tgrelid = $1 AND t.tgname = $2 AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                          AND d.refobjid = t.tgrelid AND a.attnum > 0 AND a.attname NOT IN ($3, $4, $5)";
        let own = [&self.target, &self.state, &self.error].map(String::as_str);
        let arguments =
            [self.relation.into(), self.keeper.as_str().into(), own[0].into(), own[1].into(), own[2].into()];
        sql::rows(columns, &arguments, |row| row.get::<String>(1).map(Option::unwrap_or_default))
    }

    /// Columns that a backfill writes.
    pub fn written(&self) -> [String; 3] {
        [self.target.clone(), self.state.clone(), self.error.clone()]
    }

    /// The rights to read its rows.
    pub fn reader(&self) -> Scope {
        Scope::reader(self.relation, self.owner)
    }
}

/// A relation that cannot go as long as this lives; not longer, so that who holds it can take a stronger lock in turn.
struct Opened(pg_sys::Relation);

impl Opened {
    /// NONE for a relation that is gone.
    fn new(relation: Oid) -> Option<Opened> {
        if relation == Oid::INVALID {
            return None;
        }
        // SAFETY: NULL for a relation that is gone.
        let opened = unsafe { pg_sys::try_relation_open(relation, pg_sys::AccessShareLock as i32) };
        (!opened.is_null()).then(|| Opened(opened))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // The abort that follows an ERROR does the same.
        if !std::thread::panicking() {
            // SAFETY: opened above, with this lock.
            unsafe { pg_sys::relation_close(self.0, pg_sys::AccessShareLock as i32) }
        }
    }
}

/// What a keeper keeps: source, lexical, target, state, error, added, attributes.
fn kept(definition: &str) -> Option<[String; 7]> {
    arguments_of("drugembed._tracks", &definition[definition.find(" WHEN (")?..])?.try_into().ok()
}

/// Names of the vector, state and error columns in a keeper's definition.
fn columns_in(definition: &str) -> Option<[String; 3]> {
    let [_, _, target, state, error, ..] = kept(definition)?;
    Some([column_of(&target)?, column_of(&state)?, column_of(&error)?])
}

/// Primary key columns of a relation, in their order.
pub fn key_of(relation: Oid) -> SqlResult<Vec<String>> {
    let columns = "SELECT a.attname::text FROM pg_catalog.pg_index i
                     CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, n)
                     JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                    WHERE i.indrelid = $1 AND i.indisprimary AND k.n <= i.indnkeyatts ORDER BY k.n";
    sql::rows(columns, &[relation.into()], |row| row.get::<String>(1).map(Option::unwrap_or_default))
}

/// Where pgvector is; looked up each time, since `ALTER EXTENSION ... SET SCHEMA` may move it.
pub struct Vector {
    pub oid: Oid,
    pub array: Oid,
    pub schema: String,
}

impl Vector {
    pub fn find() -> SqlResult<Vector> {
        let place = "SELECT t.oid, t.typarray, n.nspname::text FROM pg_catalog.pg_extension e
                       JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
                       JOIN pg_catalog.pg_type t ON t.typnamespace = n.oid AND t.typname = 'vector'
                      WHERE e.extname = 'vector'";
        let found = sql::row(place, &[], |row| {
            let oid = |i| row.get::<Oid>(i).map(|oid| oid.unwrap_or(Oid::INVALID));
            Ok(Vector { oid: oid(1)?, array: oid(2)?, schema: row.get::<String>(3)?.unwrap_or_default() })
        })?;
        found.ok_or_else(errors::no_pgvector)
    }

    /// A name of pgvector's, qualified.
    pub fn named(&self, name: &str) -> String {
        format!("{}.{name}", ident(&self.schema))
    }

    /// The operator of cosine distance.
    pub fn cosine_distance(&self) -> String {
        format!("OPERATOR({}.<=>)", ident(&self.schema))
    }
}

/// Everything that is tracked, for the view `drugembed.tracked`.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn tracked() -> Result<
    TableIterator<
        'static,
        (
            name!(relation, Oid),
            name!(target, String),
            name!(state, String),
            name!(error, String),
            name!(key, Vec<String>),
            name!(source, String),
            name!(lexical, String),
            name!(added_target, bool),
            name!(enabled, bool),
        ),
    >,
    ErrorReport,
> {
    let scope = Scope::caller();
    // Who looks waits for nobody.
    scope.set(c"lock_timeout", "300ms");
    let mut rows = Vec::new();
    for t in Tracked::all()? {
        let key = key_of(t.relation)?;
        rows.push((t.relation, t.target, t.state, t.error, key, t.source, t.lexical, t.added, t.enabled));
    }
    Ok(TableIterator::new(rows))
}
