//! The list: an ordinary table of the user's, made by a function that has the caller's rights alone. The extension owns no table.

use std::ffi::{CStr, CString, c_char};

use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;

use super::errors;
use crate::errors::SqlResult;
use crate::settings;
use crate::text::Text;
use crate::tracking::errors::internal;
use crate::tracking::rights::{self, Scope};
use crate::tracking::sql::{self, ident, literal};

/// A column of every list.
pub struct Column {
    pub name: &'static str,
    pub sql_type: &'static str,
    comment: &'static str,
}

const fn column(name: &'static str, sql_type: &'static str, comment: &'static str) -> Column {
    Column { name, sql_type, comment }
}

/// In the order in which a list is made.
pub const COLUMNS: [Column; 17] = [
    column("kind", "text", "combination, pregnancy, lactation, age, dose, duration, elderly, duplication or splitting"),
    column(
        "item_seq",
        "text",
        "MFDS's number of the product; NULL: the entry holds for every product of the ingredient",
    ),
    column("item_name", "text", "name of the product"),
    column("ingredient", "text", "Korean name of the active ingredient without its salt; several joined by + in order"),
    column("ingredient_english", "text", "English name of the active ingredient, as the source has it"),
    column("partner_item_seq", "text", "of a combination: the other product, as item_seq"),
    column("partner_item_name", "text", "of a combination: name of the other product"),
    column("partner_ingredient", "text", "of a combination: the other ingredient, as ingredient"),
    column("partner_ingredient_english", "text", "of a combination: English name of the other ingredient"),
    column("grade", "text", "of pregnancy: 1 (never) or 2 (only where the benefit is proved)"),
    column("months_from", "integer", "of an age: the entry holds from this age in months on; NULL: from birth"),
    column(
        "months_below",
        "integer",
        "of an age: the entry holds below this age in months; NULL: for all who are older",
    ),
    column("quantity", "text", "of dose and duration: the most that is taken in a day, or how long"),
    column("effect_group", "text", "of duplication: products of one group must not be taken together"),
    column("reason", "text", "why, in the words of the source"),
    column("notified", "date", "day of the notification"),
    column("source", "text", "what the entry was loaded from, as the caller named it"),
];

/// A list that was found.
#[derive(Debug, Clone)]
pub struct DurList {
    pub relation: Oid,
    /// As statements need it: schema and name, quoted.
    pub qualified: String,
}

impl DurList {
    /// The list of that OID, if it is one: an ordinary or partitioned table with all of [`COLUMNS`].
    pub fn of(relation: Oid) -> SqlResult<DurList> {
        let name = sql::name_of(relation).unwrap_or_default();
        // SAFETY: reads the catalog; '\0' for a relation that is gone.
        let kind = unsafe { pg_sys::get_rel_relkind(relation) } as u8;
        if !matches!(kind, pg_sys::RELKIND_RELATION | pg_sys::RELKIND_PARTITIONED_TABLE) {
            return Err(errors::not_a_list(&name, "it is not a table"));
        }
        for column in &COLUMNS {
            if type_of_column(relation, column.name) != Some(type_named(column.sql_type)) {
                let reason = format!("it has no column \"{}\" of type {}", column.name, column.sql_type);
                return Err(errors::not_a_list(&name, &reason));
            }
        }
        let qualified =
            sql::qualified(relation).ok_or_else(|| errors::not_a_list(&name, "it was dropped meanwhile"))?;
        Ok(DurList { relation, qualified })
    }

    /// An error unless the current role has `privilege` on all columns. Names are looked up by the fixed `search_path` of a
    /// [`Scope`].
    pub fn require(&self, privilege: &str) -> SqlResult<()> {
        rights::require(self.relation, &COLUMNS.map(|column| column.name.to_owned()), privilege)
    }
}

/// The list that `drugembed.dur_list` names, by the `search_path` of the moment: call it before a [`Scope`] sets another.
pub fn find() -> SqlResult<Option<DurList>> {
    let name = settings::dur_list();
    if name.trim().is_empty() {
        return Ok(None);
    }
    let parts = split(&name).ok_or_else(|| errors::bad_name(&name))?;
    match lookup(&parts)? {
        Some(relation) => DurList::of(relation).map(Some),
        None => Err(errors::no_list(&name)),
    }
}

/// `drugembed.create_dur_list`.
#[pg_extern(sql = false)]
fn create_dur_list(name: Option<Text<'_>>) -> SqlResult<Option<Oid>> {
    const NAME_BYTES: usize = 1000;
    let Some(name) = name else { return Ok(None) };
    let name = name.utf8(NAME_BYTES)?;
    let parts = split(name).ok_or_else(|| errors::bad_name(name))?;
    let schema = match parts.schema {
        Some(schema) => schema,
        None => sql::row("SELECT pg_catalog.current_schema()::text", &[], |row| row.get::<String>(1))?
            .flatten()
            .ok_or_else(|| errors::no_schema(&parts.table))?,
    };
    let parts = Parts { schema: Some(schema), table: parts.table };
    if lookup(&parts)?.is_some() {
        return Err(errors::exists(name));
    }
    let _scope = Scope::caller();
    for statement in statements(&parts.quoted()) {
        sql::run(&statement, &[])?;
    }
    lookup(&parts)?.map(Some).ok_or_else(|| internal(format!("table {} is gone", parts.quoted())))
}

/// `drugembed._dur_list`.
#[pg_extern(sql = false)]
fn dur_list() -> SqlResult<Option<String>> {
    let Some(list) = find()? else { return Ok(None) };
    let _scope = Scope::caller();
    list.require("SELECT")?;
    Ok(Some(list.qualified))
}

/// What makes a list.
fn statements(table: &str) -> Vec<String> {
    let kinds: Vec<String> = reader::DurKind::ALL.iter().map(|kind| literal(kind.code())).collect();
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|column| match column.name {
            "kind" => format!("kind text NOT NULL CHECK (kind IN ({}))", kinds.join(", ")),
            name => format!("{name} {}", column.sql_type),
        })
        .collect();
    let mut statements = vec![
        format!("CREATE TABLE {table} ({})", columns.join(", ")),
        format!(
            "COMMENT ON TABLE {table} IS 'drug utilisation review (DUR): what drugembed.load_dur loads and drug_search reads'"
        ),
    ];
    for key in ["item_seq", "partner_item_seq", "ingredient", "partner_ingredient"] {
        statements.push(format!("CREATE INDEX ON {table} (kind, {key})"));
    }
    for column in &COLUMNS {
        statements.push(format!("COMMENT ON COLUMN {table}.{} IS {}", column.name, literal(column.comment)));
    }
    statements
}

/// A name as SQL has it, read.
struct Parts {
    schema: Option<String>,
    table: String,
}

impl Parts {
    fn quoted(&self) -> String {
        let table = ident(&self.table);
        self.schema.as_ref().map_or_else(|| table.clone(), |schema| format!("{}.{table}", ident(schema)))
    }
}

/// `name`, `schema.name`, each maybe in double quotes.
fn split(name: &str) -> Option<Parts> {
    let mut parts = CString::new(name).ok().and_then(|name| identifiers(&name))?;
    let table = parts.pop()?;
    Some(Parts { schema: parts.pop(), table })
}

/// Whether `drugembed.dur_list` can be set to it; the table itself may come later.
pub fn is_name(name: &CStr) -> bool {
    name.to_bytes().trim_ascii().is_empty() || identifiers(name).is_some()
}

/// One or two identifiers, folded to lower case where they have no quotes, as PostgreSQL's own parser reads them.
fn identifiers(name: &CStr) -> Option<Vec<String>> {
    let dot = b'.' as c_char;
    // SAFETY: SplitIdentifierString writes into its copy of the text, to which the list's cells point.
    unsafe {
        let copy = pg_sys::pstrdup(name.as_ptr());
        let mut list: *mut pg_sys::List = std::ptr::null_mut();
        let read = pg_sys::SplitIdentifierString(copy, dot, &mut list);
        let length = if list.is_null() { 0 } else { (*list).length };
        let parts = (0..length).filter_map(|i| sql::owned(pg_sys::list_nth(list, i).cast())).collect::<Vec<_>>();
        pg_sys::list_free(list);
        pg_sys::pfree(copy.cast());
        (read && (1..=2).contains(&parts.len())).then_some(parts)
    }
}

/// The relation of that name, if there is one that the caller may look for.
fn lookup(parts: &Parts) -> SqlResult<Option<Oid>> {
    let find = "SELECT pg_catalog.to_regclass($1)::pg_catalog.oid";
    Ok(sql::row(find, &[parts.quoted().into()], |row| row.get::<Oid>(1))?.flatten())
}

fn type_of_column(relation: Oid, column: &str) -> Option<Oid> {
    let name = CString::new(column).ok()?;
    // SAFETY: reads the catalog; 0 for a column that is not there or was dropped.
    unsafe {
        match pg_sys::get_attnum(relation, name.as_ptr()) {
            0 => None,
            number => Some(pg_sys::get_atttype(relation, number)),
        }
    }
}

fn type_named(name: &str) -> Oid {
    match name {
        "integer" => pg_sys::INT4OID,
        "date" => pg_sys::DATEOID,
        _ => pg_sys::TEXTOID,
    }
}
