//! `drugembed.track` and `drugembed.untrack`: ordinary DDL on the user's table, by its owner.

use pgrx::JsonB;
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;

use super::attributes;
use super::catalog::{self, Tracked, Vector};
use super::errors::{self, SqlResult};
use super::expression::{self, Expression};
use super::rights::{self, Scope};
use super::sql::{self, ident, literal};
use crate::resident;
use crate::text::Text;

/// Longest name that PostgreSQL keeps, in bytes.
const NAME_BYTES: usize = 63;
/// Longest source expression, in bytes.
const SOURCE_BYTES: usize = 100_000;
/// BEFORE triggers fire in the order of their names; this one must see what all others made of the row.
const PREFIX: &str = "zz_drugembed_";

#[pg_extern(sql = false)]
fn track(
    relation: Option<Oid>,
    source: Option<Text<'_>>,
    target: Option<&std::ffi::CStr>,
    lexical: Option<Text<'_>>,
    attributes: Option<JsonB>,
) -> SqlResult<()> {
    let (Some(relation), Some(source), Some(target)) = (relation, source, target) else {
        return Err(errors::no_source());
    };
    let (source, target) = (source.utf8(SOURCE_BYTES)?, target.to_string_lossy().into_owned());
    let lexical =
        lexical.as_ref().map(|text| text.utf8(SOURCE_BYTES)).transpose()?.filter(|text| !text.trim().is_empty());
    if source.trim().is_empty() || target.is_empty() {
        return Err(errors::no_source());
    }
    rights::require_writing()?;
    require_table(relation)?;
    // By the caller's search_path, which the scope below replaces.
    let source = expression::parse(relation, &as_column(relation, source)?)?;
    let lexical = lexical.map(|text| expression::parse(relation, &as_column(relation, text)?)).transpose()?;
    let attributes = attributes::read(relation, attributes.map(|attributes| attributes.0))?;
    let _scope = Scope::caller();
    install(relation, &target, source, lexical, attributes)
}

fn install(
    relation: Oid,
    target: &str,
    source: Expression,
    lexical: Option<Expression>,
    attributes: Option<Vec<Option<Expression>>>,
) -> SqlResult<()> {
    let (name, qualified) = (sql::name_of(relation).unwrap_or_default(), sql::qualified(relation).unwrap_or_default());
    if Tracked::of(relation)?.iter().any(|tracked| tracked.target == target) {
        return Err(errors::tracked_already(&name, target));
    }
    // The triggers of a column that was renamed since would take the new state column for theirs.
    if Tracked::columns_of(relation, &beside(target, "_state"))?.is_some() {
        return Err(errors::name_is_taken(&name, &beside(target, "_state")));
    }
    let dim = resident::with_encoder(|encoder| Ok(encoder.manifest().dim))?;
    let read = columns(relation, &source.columns)?;
    let lexical = lexical.map_or_else(|| lexical_of(relation, &source, &read), Ok)?;
    if !lexical.immutable {
        return Err(errors::lexical_not_immutable());
    }
    let mut others = lexical.columns.clone();
    others.extend(attributes.iter().flatten().flatten().flat_map(|attribute| attribute.columns.iter()));
    if read.iter().chain(&columns(relation, &others)?).any(|column| column.name == target) {
        return Err(errors::reads_its_target());
    }
    let watched = watched(relation, &read)?;

    let (state, error) = (beside(target, "_state"), beside(target, "_error"));
    let brought = type_of(relation, &state)?.is_some();
    let added = add_columns(relation, &name, &qualified, target, &state, &error, dim)?;
    if !indexed(relation, &state)? {
        sql::run(&format!("CREATE INDEX ON {qualified} ({})", ident(&state)), &[])?;
    }
    let keeper = free_name(relation, &format!("{PREFIX}{target}"), "_source")?;
    let marker = free_name(relation, &format!("{PREFIX}{target}"), "")?;
    let [t, s, e] = [target, &state, &error].map(ident);
    let arguments = format!("{}, {}", literal(&state), literal(&error));
    // Disabled and false: neither its function nor its expressions ever run.
    sql::run(
        &format!(
            "CREATE TRIGGER {keeper} AFTER DELETE ON {qualified} FOR EACH ROW
               WHEN (false AND drugembed._tracks({source}, {lexical}, old.{t}, old.{s}, old.{e}, {added}, {attributes}))
               EXECUTE FUNCTION drugembed._mark_stale({arguments})",
            source = source.text,
            lexical = lexical.text,
            attributes = attributes::kept(attributes.as_deref()),
        ),
        &[],
    )?;
    sql::run(&format!("ALTER TABLE {qualified} DISABLE TRIGGER {keeper}"), &[])?;
    sql::run(
        &format!(
            "CREATE TRIGGER {marker} BEFORE UPDATE ON {qualified} FOR EACH ROW
               WHEN ({changed} OR new.{t} IS NULL AND old.{t} IS NOT NULL AND new.{s} = old.{s})
               EXECUTE FUNCTION drugembed._mark_stale({arguments})",
            changed = changed(&watched),
        ),
        &[],
    )?;
    // ALWAYS: also for rows that logical replication applies.
    sql::run(&format!("ALTER TABLE {qualified} ENABLE ALWAYS TRIGGER {marker}"), &[])?;
    if brought {
        // Nobody has watched the texts since.
        super::status::look_at_all(&Tracked::find(relation, Some(target))?)?;
    }
    warn_of_later_triggers(relation, &name)
}

/// A column's name stands for the column, also one that is no plain identifier.
pub fn as_column(relation: Oid, text: &str) -> SqlResult<String> {
    let _scope = Scope::caller();
    let column = "SELECT true FROM pg_catalog.pg_attribute WHERE attrelid = $1 AND attname = $2 AND attnum > 0 AND NOT attisdropped";
    let found = sql::row(column, &[relation.into(), text.into()], |row| row.get::<bool>(1))?;
    Ok(if found.is_some() { ident(text) } else { text.to_owned() })
}

fn require_table(relation: Oid) -> SqlResult<()> {
    let _scope = Scope::caller();
    let facts = "SELECT c.relname::text, c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.oid >= 16384, c.relowner,
                        c.relispartition OR c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE c.oid IN (inhrelid, inhparent)),
                        c.reloftype <> 0
                   FROM pg_catalog.pg_class c WHERE c.oid = $1";
    let found = sql::row(facts, &[relation.into()], |row| {
        let fact = |i| row.get::<bool>(i).map(Option::unwrap_or_default);
        Ok((
            row.get::<String>(1)?.unwrap_or_default(),
            fact(2)?,
            row.get::<Oid>(3)?.unwrap_or(Oid::INVALID),
            fact(4)?,
            fact(5)?,
        ))
    })?;
    match found {
        None => Err(errors::table_gone("that table")),
        Some((name, false, ..)) => Err(errors::not_a_table(&name)),
        Some((name, true, _, true, _)) => Err(errors::a_partition(&name)),
        Some((name, _, owner, ..)) if !rights::is_owner(owner) => Err(errors::not_owner(&name)),
        Some((name, .., true)) => Err(errors::a_typed_table(&name)),
        Some((name, ..)) if catalog::key_of(relation)?.is_empty() => Err(errors::no_primary_key(&name)),
        Some(_) => Ok(()),
    }
}

/// A column that an expression reads.
struct Column {
    name: String,
    /// Whether equal values have equal texts, so that `IS DISTINCT FROM` notices every change.
    plain: bool,
    generated: bool,
    textual: bool,
}

/// The columns of these numbers; a whole row is refused, since the vector is a part of it.
fn columns(relation: Oid, numbers: &[i16]) -> SqlResult<Vec<Column>> {
    if numbers.contains(&0) {
        return Err(errors::reads_whole_row());
    }
    // Of other types equal values may differ as text: citext, numeric (1.0 = 1.00), collations that ignore case.
    let facts = "SELECT a.attname::text, t.typcategory = 'S', a.attgenerated <> '',
                        t.oid IN (SELECT unnest('{text,varchar,bpchar,name,bool,int2,int4,int8,oid,date,timestamp,timestamptz,uuid,bytea}'::pg_catalog.regtype[]))
                        AND COALESCE((SELECT l.collisdeterministic FROM pg_catalog.pg_collation l WHERE l.oid = a.attcollation), true)
                   FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
                  WHERE a.attrelid = $1 AND a.attnum = ANY ($2) ORDER BY a.attnum";
    sql::rows(facts, &[relation.into(), numbers.to_vec().into()], |row| {
        let fact = |i| row.get::<bool>(i).map(Option::unwrap_or_default);
        Ok(Column {
            name: row.get::<String>(1)?.unwrap_or_default(),
            textual: fact(2)?,
            generated: fact(3)?,
            plain: fact(4)?,
        })
    })
}

/// The columns to watch: a generated one is computed after triggers ran, so what it is computed from stands for it.
fn watched(relation: Oid, read: &[Column]) -> SqlResult<Vec<Column>> {
    let mut names: Vec<&str> =
        read.iter().filter(|column| !column.generated).map(|column| column.name.as_str()).collect();
    // Before 15 the column itself depends on them, not its default.
    let below = "SELECT DISTINCT b.attnum FROM pg_catalog.pg_attribute a
                   JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                   JOIN pg_catalog.pg_depend p ON p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid = a.attrelid
                                              AND (p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid
                                                   OR p.classid = p.refclassid AND p.objid = a.attrelid AND p.objsubid = a.attnum)
                   JOIN pg_catalog.pg_attribute b ON b.attrelid = a.attrelid AND b.attnum = p.refobjsubid AND b.attnum <> a.attnum
                  WHERE a.attrelid = $1 AND a.attname = $2 AND b.attnum > 0";
    let mut numbers: Vec<i16> = Vec::new();
    for column in read.iter().filter(|column| column.generated) {
        let found = sql::rows(below, &[relation.into(), column.name.as_str().into()], |row| row.get::<i16>(1))?;
        numbers.extend(found.into_iter().flatten());
    }
    let mut watched = columns(relation, &numbers)?;
    names.retain(|name| watched.iter().all(|column| column.name != *name));
    for column in read.iter().filter(|column| names.contains(&column.name.as_str())) {
        watched.push(Column { name: column.name.clone(), ..*column });
    }
    Ok(watched)
}

/// SQL of a trigger's WHEN that is true where one of these columns changes.
fn changed(columns: &[Column]) -> String {
    let mut parts: Vec<String> =
        columns.iter().filter(|column| column.plain).map(|column| ident(&column.name)).collect();
    parts.iter_mut().for_each(|name| *name = format!("old.{name} IS DISTINCT FROM new.{name}"));
    let others: Vec<String> = columns.iter().filter(|column| !column.plain).map(|column| ident(&column.name)).collect();
    if !others.is_empty() {
        let row = |of: &str| others.iter().map(|name| format!("{of}.{name}")).collect::<Vec<_>>().join(", ");
        // Byte by byte, whatever the type calls equal.
        parts.push(format!("pg_catalog.record_image_ne(ROW({}), ROW({}))", row("old"), row("new")));
    }
    if parts.is_empty() { "false".to_owned() } else { parts.join(" OR ") }
}

/// concat_ws and its like are only STABLE: then lexical search reads the text columns of the source.
fn lexical_of(relation: Oid, source: &Expression, read: &[Column]) -> SqlResult<Expression> {
    if source.immutable {
        return Ok(Expression {
            text: source.text.clone(),
            bare: source.bare.clone(),
            columns: source.columns.clone(),
            immutable: true,
        });
    }
    let texts: Vec<String> = read
        .iter()
        .filter(|column| column.textual)
        .map(|column| format!("COALESCE({}::pg_catalog.text, '')", ident(&column.name)))
        .collect();
    expression::parse(relation, &if texts.is_empty() { "''".to_owned() } else { texts.join(" || ' ' || ") })
}

/// Adds what is missing of the three columns; true if the vector column was.
fn add_columns(
    relation: Oid,
    name: &str,
    qualified: &str,
    target: &str,
    state: &str,
    error: &str,
    dim: usize,
) -> SqlResult<bool> {
    let vector = Vector::find()?;
    let wanted = format!("{}({dim})", vector.named("vector"));
    let present = type_of(relation, target)?;
    match &present {
        Some((oid, dimensions, generated))
            if *oid != vector.oid || ![-1, dim as i32].contains(dimensions) || *generated =>
        {
            let present = "SELECT pg_catalog.format_type($1, $2)";
            let present = sql::row(present, &[(*oid).into(), (*dimensions).into()], |row| row.get::<String>(1))?;
            return Err(errors::other_target(name, target, &present.flatten().unwrap_or_default(), dim));
        }
        _ => {}
    }
    let mut parts = Vec::new();
    if present.is_none() {
        parts.push(format!("ADD COLUMN {} {wanted}", ident(target)));
    }
    // A column of that name and type is there when a dump or a subscription brought it: what it says still holds.
    for (column, oid, type_name) in [(state, pgrx::pg_sys::UUIDOID, "uuid"), (error, pgrx::pg_sys::TEXTOID, "text")] {
        match type_of(relation, column)? {
            None => parts.push(format!("ADD COLUMN {} pg_catalog.{type_name}", ident(column))),
            Some((found, _, false)) if found == oid => {}
            Some(_) => return Err(errors::column_in_the_way(name, column, type_name)),
        }
    }
    if !parts.is_empty() {
        sql::run(&format!("ALTER TABLE {qualified} {}", parts.join(", ")), &[])?;
    }
    for (column, what) in [
        (state, "text and model that it was made from; NULL: it waits for a backfill"),
        (error, "why it could not be made; while the row waits, the state it had"),
    ] {
        let comment = literal(format!("drugembed, of column {}: {what}", ident(target)));
        sql::run(&format!("COMMENT ON COLUMN {qualified}.{} IS {comment}", ident(column)), &[])?;
    }
    Ok(present.is_none())
}

/// Type, type modifier, and whether the column is generated.
fn type_of(relation: Oid, column: &str) -> SqlResult<Option<(Oid, i32, bool)>> {
    let facts = "SELECT atttypid, atttypmod, attgenerated <> '' FROM pg_catalog.pg_attribute
                  WHERE attrelid = $1 AND attname = $2 AND attnum > 0 AND NOT attisdropped";
    sql::row(facts, &[relation.into(), column.into()], |row| {
        Ok((row.get(1)?.unwrap_or(Oid::INVALID), row.get(2)?.unwrap_or(-1), row.get(3)?.unwrap_or(false)))
    })
}

/// Whether an index finds states: one that a dump or a subscription brought.
fn indexed(relation: Oid, state: &str) -> SqlResult<bool> {
    let index = "SELECT true FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                  WHERE i.indrelid = $1 AND a.attname = $2 AND i.indisvalid AND i.indpred IS NULL LIMIT 1";
    Ok(sql::row(index, &[relation.into(), state.into()], |row| row.get::<bool>(1))?.is_some())
}

/// A name that a suffix still fits to.
fn beside(target: &str, suffix: &str) -> String {
    format!("{}{suffix}", fitting(target, suffix.len()))
}

fn fitting(name: &str, suffix: usize) -> &str {
    let mut end = name.len().min(NAME_BYTES - suffix);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// A quoted name that no trigger of the table has.
fn free_name(relation: Oid, stem: &str, suffix: &str) -> SqlResult<String> {
    let taken = "SELECT tgname::text FROM pg_catalog.pg_trigger WHERE tgrelid = $1";
    let taken: Vec<Option<String>> = sql::rows(taken, &[relation.into()], |row| row.get(1))?;
    let mut numbers = 1..;
    loop {
        let suffix = match numbers.next() {
            Some(1) | None => suffix.to_owned(),
            Some(number) => format!("_{number}{suffix}"),
        };
        let name = beside(stem, &suffix);
        if !taken.contains(&Some(name.clone())) {
            return Ok(ident(name));
        }
    }
}

/// A trigger that fires after the marker could change the text unseen.
fn warn_of_later_triggers(relation: Oid, name: &str) -> SqlResult<()> {
    let later = "SELECT t.tgname::text FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_trigger m ON m.tgrelid = t.tgrelid
                  WHERE t.tgrelid = $1 AND m.tgfoid = 'drugembed._mark_stale()'::pg_catalog.regprocedure AND m.tgtype & 16 <> 0
                    AND t.tgfoid <> m.tgfoid AND t.tgtype & 19 = 19 AND t.tgname > m.tgname LIMIT 1";
    if let Some(Some(trigger)) = sql::row(later, &[relation.into()], |row| row.get::<String>(1))? {
        errors::later_trigger(name, &trigger).report(PgLogLevel::WARNING);
    }
    Ok(())
}

#[pg_extern(sql = false)]
fn untrack(relation: Option<Oid>, target: Option<&std::ffi::CStr>, keep: Option<bool>) -> SqlResult<()> {
    let _scope = Scope::caller();
    rights::require_writing()?;
    let relation = relation.ok_or_else(errors::no_source)?;
    let target = target.map(|name| name.to_string_lossy().into_owned());
    let tracked = Tracked::find(relation, target.as_deref())?;
    if !rights::is_owner(tracked.owner) {
        return Err(errors::not_owner(&tracked.name));
    }
    end_jobs(&tracked)?;
    let table = &tracked.qualified;
    for trigger in tracked.marker.iter().chain([&tracked.keeper]) {
        sql::run(&format!("DROP TRIGGER {} ON {table}", ident(trigger)), &[])?;
    }
    let mut columns = vec![&tracked.state, &tracked.error];
    if tracked.added && keep != Some(true) {
        columns.push(&tracked.target);
    }
    let drops: Vec<String> = columns.iter().map(|column| format!("DROP COLUMN {}", ident(column))).collect();
    sql::run(&format!("ALTER TABLE {table} {}", drops.join(", ")), &[])?;
    Ok(())
}

/// Its jobs of pg_cron, which would find nothing to do.
fn end_jobs(tracked: &Tracked) -> SqlResult<()> {
    let cron = "SELECT true FROM pg_catalog.pg_extension WHERE extname = 'pg_cron'";
    if sql::row(cron, &[], |row| row.get::<bool>(1))?.is_some() {
        let job = format!("drugembed {} {}", tracked.qualified, ident(&tracked.target));
        sql::run("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = $1", &[job.into()])?;
    }
    Ok(())
}

/// `drugembed._tracks`: never called.
#[pg_extern(sql = false)]
fn tracks() -> bool {
    false
}
