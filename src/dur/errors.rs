//! What goes wrong with DUR lists: SQLSTATE, message, HINT.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use PgSqlErrorCode::*;

fn new(code: PgSqlErrorCode, message: impl Into<String>, hint: impl Into<String>) -> ErrorReport {
    ErrorReport::new(code, message.into(), "drugembed").set_hint(hint)
}

pub fn bad_name(name: &str) -> ErrorReport {
    new(
        ERRCODE_INVALID_NAME,
        format!("\"{name}\" is not the name of a table"),
        "Give a name, or a schema and a name, such as public.dur; names with other than lower-case letters in double quotes.",
    )
}

pub fn no_schema(name: &str) -> ErrorReport {
    new(
        ERRCODE_INVALID_SCHEMA_NAME,
        format!("no schema has been selected to create \"{name}\" in"),
        "Name the schema, as in drugembed.create_dur_list('public.dur').",
    )
}

pub fn exists(name: &str) -> ErrorReport {
    new(
        ERRCODE_DUPLICATE_TABLE,
        format!("relation \"{name}\" already exists"),
        "If it is a DUR list, load into it with drugembed.load_dur; else give another name.",
    )
}

pub fn no_list(name: &str) -> ErrorReport {
    new(
        ERRCODE_UNDEFINED_TABLE,
        format!("DUR list \"{name}\" of drugembed.dur_list does not exist"),
        "Create it with drugembed.create_dur_list, name it with its schema, or RESET drugembed.dur_list.",
    )
}

pub fn not_a_list(name: &str, reason: &str) -> ErrorReport {
    new(
        ERRCODE_WRONG_OBJECT_TYPE,
        format!("\"{name}\" is not a DUR list: {reason}"),
        "A DUR list is a table that drugembed.create_dur_list made; more columns may be added to it.",
    )
}
