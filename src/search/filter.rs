//! A filter is data: `{"column": value | null | [values] | {"gte": value, "lt": value, ...}}`. Names and types come from the
//! catalog, values stay parameters.
//!
//! A value is read as the column's base type: a domain's CHECK is its owner's code.

use pgrx::JsonB;
use pgrx::pg_sys::{self, Oid};
use serde_json::{Map, Value};

use crate::tracking::catalog::Tracked;
use crate::tracking::errors::{self, SqlResult};
use crate::tracking::sql::{self, attempt, ident, literal};

/// The present row, as in [`crate::tracking::expression`].
const ROW: &str = "old";

#[derive(Default)]
pub struct Filter {
    pub columns: Vec<String>,
    values: Value,
    /// Conditions, each with AND before it.
    sql: String,
    /// Values with their casts, and the column that each is for.
    casts: Vec<(String, String)>,
}

impl Filter {
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The values, for parameter `$3`.
    pub fn values(&self) -> JsonB {
        JsonB(self.values.clone())
    }

    /// Reads every value as its column's type, so that one that is none is an error with a HINT.
    pub fn check(&self, tracked: &Tracked) -> SqlResult<()> {
        for (column, cast) in &self.casts {
            let cast = cast.replace("$3", "$1");
            attempt(|| sql::run(&format!("SELECT {cast}"), &[self.values().into()])).map_err(|failure| {
                failure.report(&format!(
                    "The filter for column \"{column}\" of table \"{}\" needs a value of that column's type.",
                    tracked.name
                ))
            })?;
        }
        Ok(())
    }

    fn add(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }
}

pub fn read(tracked: &Tracked, filter: Option<Value>) -> SqlResult<Filter> {
    let Some(filter) = filter else { return Ok(Filter::default()) };
    let Value::Object(parts) = &filter else { return Err(errors::filter_not_object()) };
    let mut read = Filter { values: filter.clone(), ..Filter::default() };
    for (name, value) in parts {
        let column = Column::find(tracked, name)?;
        column.conditions(value, &mut read)?;
        read.columns.push(name.clone());
    }
    Ok(read)
}

struct Column<'a> {
    name: &'a str,
    /// `old.column`, quoted.
    sql: String,
    /// Base type.
    oid: Oid,
    /// Its qualified name; without a length, so that char(9) is not cut to one letter.
    type_name: String,
}

impl<'a> Column<'a> {
    fn find(tracked: &Tracked, name: &'a str) -> SqlResult<Column<'a>> {
        let declared = "SELECT atttypid FROM pg_catalog.pg_attribute
                         WHERE attrelid = $1 AND attname = $2 AND attnum > 0 AND NOT attisdropped";
        let declared = sql::row(declared, &[tracked.relation.into(), name.into()], |row| row.get::<Oid>(1))?.flatten();
        let declared = declared.ok_or_else(|| errors::filter_column(&tracked.name, name))?;
        let oid = base(declared);
        let facts = "SELECT n.nspname::text, t.typname::text,
                            COALESCE(e.typtype, t.typtype) IN ('b', 'e') OR t.typtype IN ('r', 'm') AND n.nspname = 'pg_catalog'
                       FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
                       LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A' WHERE t.oid = $1";
        let found = sql::row(facts, &[oid.into()], |row| {
            let text = |i| row.get::<String>(i).map(Option::unwrap_or_default);
            Ok((format!("{}.{}", ident(text(1)?), quoted(&text(2)?)), row.get::<bool>(3)?.unwrap_or(false)))
        })?;
        match found {
            Some((type_name, true)) => {
                // An array of a domain is no array of its base type.
                let cast = if is_array(oid) && oid != declared { format!("::{type_name}") } else { String::new() };
                Ok(Column { name, sql: format!("{ROW}.{}{cast}", ident(name)), oid, type_name })
            }
            _ => Err(errors::filter_type(name, "its type is composite or not plain")),
        }
    }

    fn conditions(&self, value: &Value, filter: &mut Filter) -> SqlResult<()> {
        let path = format!("($3->>{})", literal(self.name));
        match value {
            Value::Null => filter.add(&format!("{} IS NULL", self.sql)),
            // An array of arrays is none of PostgreSQL's types: each value for itself.
            Value::Array(values) if is_array(self.oid) => {
                let equal = self.operator("eq")?;
                let one = |i| format!("($3->{}->>{i})::{}", literal(self.name), self.type_name);
                filter.casts.extend((0..values.len()).map(|i| (self.name.to_owned(), one(i))));
                let any: Vec<String> = (0..values.len()).map(|i| format!("{} {equal} {}", self.sql, one(i))).collect();
                filter.add(&if any.is_empty() { "false".to_owned() } else { format!("({})", any.join(" OR ")) });
            }
            Value::Array(_) => {
                // Named with its alias: the row has columns of any name.
                let values = format!(
                    "ARRAY(SELECT e.x::{} FROM jsonb_array_elements_text($3->{}) AS e (x))",
                    self.type_name,
                    literal(self.name)
                );
                filter.casts.push((self.name.to_owned(), values.clone()));
                let equal = self.operator("eq")?;
                filter.add(&format!("{} {equal} ANY ({values})", self.sql));
            }
            Value::Object(parts) => self.compare(parts, filter)?,
            _ => {
                let cast = format!("{path}::{}", self.type_name);
                let equal = self.operator("eq")?;
                filter.casts.push((self.name.to_owned(), cast.clone()));
                filter.add(&format!("{} {equal} {cast}", self.sql));
            }
        }
        Ok(())
    }

    fn compare(&self, parts: &Map<String, Value>, filter: &mut Filter) -> SqlResult<()> {
        for (operator, value) in parts {
            let kind = match value {
                Value::String(_) | Value::Number(_) | Value::Bool(_) => None,
                Value::Null => Some("null"),
                Value::Array(_) => Some("array"),
                Value::Object(_) => Some("object"),
            };
            if let Some(kind) = kind {
                return Err(errors::filter_operator(self.name, operator, kind));
            }
            let path = format!("($3->{}->>{})", literal(self.name), literal(operator));
            let cast = format!("{path}::{}", self.type_name);
            match operator.as_str() {
                "like" => filter.add(&format!("{}::pg_catalog.text ~~ {path}", self.sql)),
                "ilike" => filter.add(&format!("{}::pg_catalog.text ~~* {path}", self.sql)),
                "eq" | "ne" | "lt" | "lte" | "gt" | "gte" => {
                    let compared = format!("{} {} {cast}", self.sql, self.operator(operator)?);
                    filter.casts.push((self.name.to_owned(), cast));
                    filter.add(&if operator == "ne" { format!("NOT ({compared})") } else { compared });
                }
                _ => return Err(errors::filter_operator(self.name, operator, "that")),
            }
        }
        Ok(())
    }

    /// The type's own operator, of its default btree operator class; no search by name can go astray.
    fn operator(&self, name: &str) -> SqlResult<String> {
        let strategy: i16 = match name {
            "lt" => 1,
            "lte" => 2,
            "gte" => 4,
            "gt" => 5,
            _ => 3,
        };
        // SAFETY: a type that exists; the cache entry lives as long as the session.
        let operator = unsafe {
            let cached = &*pg_sys::lookup_type_cache(self.oid, pg_sys::TYPECACHE_BTREE_OPFAMILY as i32);
            match cached.btree_opf {
                Oid::INVALID => Oid::INVALID,
                family => pg_sys::get_opfamily_member(family, cached.btree_opintype, cached.btree_opintype, strategy),
            }
        };
        let named = "SELECT n.nspname::text, o.oprname::text FROM pg_catalog.pg_operator o
                       JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE o.oid = $1";
        let found = sql::row(named, &[operator.into()], |row| {
            let text = |i| row.get::<String>(i).map(Option::unwrap_or_default);
            Ok(format!("OPERATOR({}.{})", ident(text(1)?), text(2)?))
        })?;
        found.ok_or_else(|| errors::filter_type(self.name, "its type has no order"))
    }
}

fn is_array(oid: Oid) -> bool {
    // SAFETY: reads the cache of types.
    unsafe { pg_sys::get_element_type(oid) != Oid::INVALID }
}

/// The type under domains, also as the element of an array.
fn base(declared: Oid) -> Oid {
    // SAFETY: read the caches of types; InvalidOid where there is no such type.
    unsafe {
        let oid = pg_sys::getBaseType(declared);
        match pg_sys::get_element_type(oid) {
            Oid::INVALID => oid,
            element => match pg_sys::get_array_type(pg_sys::getBaseType(element)) {
                Oid::INVALID => oid,
                array => array,
            },
        }
    }
}

/// Quoted in any case: bare, `char` and `bit` mean char(1) and bit(1).
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
