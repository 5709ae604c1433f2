//! `drugembed.index_sql`: the statements that build the indexes of a search, one a row, for psql's `\gexec`: CONCURRENTLY cannot
//! run inside a function.
//!
//! pgvector's own parameters (m 16, ef_construction 64) find too few of the nearest rows of a lay question: it is far from all
//! products, and these crowd together. `make bench` (search) has the figures.

use std::ffi::CStr;

use pgrx::pg_sys::Oid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::lexical::{self, Engine};
use crate::tracking::attributes::Attributes;
use crate::tracking::catalog::{Tracked, Vector};
use crate::tracking::errors::{self, SqlResult};
use crate::tracking::expression;
use crate::tracking::rights::Scope;
use crate::tracking::sql::{self, ident};

const HNSW: &str = "WITH (m = 32, ef_construction = 400)";

#[pg_extern(sql = false)]
fn index_sql(
    relation: Option<Oid>,
    target: Option<&CStr>,
    online: Option<bool>,
) -> Result<SetOfIterator<'static, String>, ErrorReport> {
    let _scope = Scope::caller();
    let target = target.map(|name| name.to_string_lossy().into_owned());
    let tracked = Tracked::find(relation.ok_or_else(errors::no_source)?, target.as_deref())?;
    let online = if online == Some(false) { "" } else { "CONCURRENTLY " };
    let vector = Vector::find()?;
    let nearest = format!("USING hnsw ({} {}) {HNSW}", ident(&tracked.target), vector.named("vector_cosine_ops"));
    let mut statements = Vec::new();
    statements.extend(building(&tracked, "hnsw", &nearest, online)?);
    let attributes = Attributes::of(&tracked)?;
    let letters = lexical::letters_of(&tracked.lexical, attributes.sql_of("english_name"));
    let [letters, facts] = {
        let _scope = Scope::owner(tracked.owner);
        [letters, attributes.facts()].map(|sql| expression::parse(tracked.relation, &sql).map(|read| read.bare))
    };
    if let Some(engine) = Engine::find()? {
        statements.extend(building(&tracked, "gin", &engine.index(&letters?), online)?);
    }
    // Read as text, as any expression is; the facts are an array.
    let facts = facts?;
    let facts = facts.strip_prefix('(').and_then(|facts| facts.strip_suffix(")::text")).unwrap_or(&facts);
    statements.extend(building(&tracked, "gin", &format!("USING gin ({facts})"), online)?);
    Ok(SetOfIterator::new(statements))
}

/// Statements for an index that is not there yet; of a partitioned table, each partition's first, which the last one only joins.
fn building(tracked: &Tracked, method: &str, how: &str, online: &str) -> SqlResult<Vec<String>> {
    if built(tracked.relation, method, how)? {
        return Ok(Vec::new());
    }
    if !tracked.partitioned {
        return Ok(vec![format!("CREATE INDEX {online}ON {} {how}", tracked.qualified)]);
    }
    let leaves = "SELECT relid::oid FROM pg_catalog.pg_partition_tree($1) WHERE isleaf";
    let leaves: Vec<Option<Oid>> = sql::rows(leaves, &[tracked.relation.into()], |row| row.get(1))?;
    let mut statements = Vec::new();
    for leaf in leaves.into_iter().flatten() {
        if !built(leaf, method, how)? {
            let name = sql::qualified(leaf).unwrap_or_default();
            statements.push(format!("CREATE INDEX {online}ON {name} {how}"));
        }
    }
    statements.push(format!("CREATE INDEX ON {} {how}", tracked.qualified));
    Ok(statements)
}

/// Whether the relation has a valid index of that definition: PostgreSQL writes it back as it was given.
fn built(relation: Oid, method: &str, how: &str) -> SqlResult<bool> {
    let definitions = "SELECT pg_catalog.pg_get_indexdef(i.indexrelid) FROM pg_catalog.pg_index i
                         JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = c.relam
                        WHERE i.indrelid = $1 AND m.amname = $2 AND i.indisvalid AND i.indpred IS NULL";
    let found: Vec<Option<String>> = sql::rows(definitions, &[relation.into(), method.into()], |row| row.get(1))?;
    let columns = plain(how.split(" WITH ").next().unwrap_or(how));
    Ok(found.into_iter().flatten().any(|definition| plain(&definition).contains(&columns)))
}

/// Without blanks, quotes and parentheses, in which definitions differ though they mean the same; parameters may be others.
fn plain(definition: &str) -> String {
    definition
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '"'))
        .collect::<String>()
        .to_lowercase()
}
