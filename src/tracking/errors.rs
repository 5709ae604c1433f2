//! What tracking and search have to say: SQLSTATE, message, HINT.

use std::io;
use std::path::Path;

use pgrx::pg_sys::Oid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use super::sql::{self, Failure};

pub use crate::errors::SqlResult;

use PgSqlErrorCode::*;

fn new(code: PgSqlErrorCode, message: impl Into<String>, hint: impl Into<String>) -> ErrorReport {
    ErrorReport::new(code, message.into(), "drugembed").set_hint(hint)
}

pub fn internal(message: String) -> ErrorReport {
    new(ERRCODE_INTERNAL_ERROR, message, "Please report it, with the statement that led to it.")
}

pub fn no_source() -> ErrorReport {
    new(
        ERRCODE_NULL_VALUE_NOT_ALLOWED,
        "table, source and target must be given",
        "For example: SELECT drugembed.track('drug_summary', 'item_name').",
    )
}

pub fn bad_source(relation: Oid, expression: &str, code: PgSqlErrorCode, reason: &str) -> ErrorReport {
    let table = sql::name_of(relation).unwrap_or_default();
    new(
        code,
        format!("source \"{expression}\" is not an expression over a row of \"{table}\": {reason}"),
        "Give a column, or an expression such as drug_document(item_name, product_type, ingredient_name).",
    )
}

pub fn reads_whole_row() -> ErrorReport {
    new(
        ERRCODE_FEATURE_NOT_SUPPORTED,
        "the source reads the whole row, and with it the vector column itself",
        "Name the columns whose text is to be found.",
    )
}

pub fn reads_its_target() -> ErrorReport {
    new(
        ERRCODE_INVALID_PARAMETER_VALUE,
        "the source reads the vector column itself",
        "Give the columns whose text is to be found.",
    )
}

pub fn lexical_not_immutable() -> ErrorReport {
    new(
        ERRCODE_INVALID_OBJECT_DEFINITION,
        "the expression for lexical search is not immutable, so it cannot be indexed",
        "Use columns, the operator || and functions marked IMMUTABLE; concat and concat_ws are not.",
    )
}

pub fn tracked_already(table: &str, target: &str) -> ErrorReport {
    new(
        ERRCODE_DUPLICATE_OBJECT,
        format!("column \"{target}\" of table \"{table}\" is tracked already"),
        "To change its source, untrack it first: SELECT drugembed.untrack(table, keep => true).",
    )
}

pub fn not_tracked(table: &str, target: Option<&str>) -> ErrorReport {
    let with = target.map(|target| format!(" with vector column \"{target}\"")).unwrap_or_default();
    new(
        ERRCODE_UNDEFINED_OBJECT,
        format!("table \"{table}\" is not tracked{with}"),
        "Track it first: SELECT drugembed.track(table, source).",
    )
}

pub fn several_targets(table: &str) -> ErrorReport {
    new(
        ERRCODE_AMBIGUOUS_PARAMETER,
        format!("table \"{table}\" is tracked with more than one vector column"),
        "Name the one meant: target => 'embedding'.",
    )
}

pub fn table_gone(table: &str) -> ErrorReport {
    new(ERRCODE_UNDEFINED_TABLE, format!("{table} does not exist"), "It was dropped meanwhile.")
}

pub fn not_a_table(table: &str) -> ErrorReport {
    new(
        ERRCODE_WRONG_OBJECT_TYPE,
        format!("\"{table}\" is not a permanent table of a user"),
        "Only tables, partitioned ones included, can be tracked.",
    )
}

pub fn a_typed_table(table: &str) -> ErrorReport {
    new(
        ERRCODE_WRONG_OBJECT_TYPE,
        format!("table \"{table}\" is of a type, so columns cannot be added"),
        "Make it a table of its own: ALTER TABLE ... NOT OF.",
    )
}

pub fn a_partition(table: &str) -> ErrorReport {
    new(
        ERRCODE_WRONG_OBJECT_TYPE,
        format!("\"{table}\" is a partition, or has a parent or children by inheritance"),
        "Track the partitioned table: its partitions, later ones included, are then kept in step.",
    )
}

pub fn not_owner(table: &str) -> ErrorReport {
    new(
        ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("must be owner of table \"{table}\""),
        "Tracking adds and drops columns and triggers: let the owner of the table do it.",
    )
}

pub fn no_primary_key(table: &str) -> ErrorReport {
    new(
        ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("table \"{table}\" has no primary key"),
        "Add one, so that a row that is found can be named: ALTER TABLE ... ADD PRIMARY KEY (...).",
    )
}

pub fn no_pgvector() -> ErrorReport {
    new(ERRCODE_UNDEFINED_OBJECT, "extension \"vector\" is not installed", "Install it: CREATE EXTENSION vector.")
}

pub fn attributes_not_object() -> ErrorReport {
    new(
        ERRCODE_INVALID_PARAMETER_VALUE,
        "attributes is not a JSON object",
        "For example: {\"form\": \"dosage_form\", \"company\": \"maker\"}; null says that there is no such column.",
    )
}

pub fn no_attribute(name: &str) -> ErrorReport {
    let known: Vec<String> = super::attributes::NAMES.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    new(
        ERRCODE_INVALID_PARAMETER_VALUE,
        format!("attribute \"{name}\" is unknown"),
        format!("Attributes are {}.", known.join(", ")),
    )
}

pub fn attribute_not_text(name: &str) -> ErrorReport {
    new(
        ERRCODE_INVALID_PARAMETER_VALUE,
        format!("attribute \"{name}\" is neither a string nor null"),
        "Give the name of a column, or an expression over the row.",
    )
}

pub fn attribute_not_immutable(name: &str) -> ErrorReport {
    new(
        ERRCODE_INVALID_OBJECT_DEFINITION,
        format!("attribute \"{name}\" is not IMMUTABLE"),
        "An index holds what it says: give a text column, or an expression of IMMUTABLE functions.",
    )
}

pub fn other_target(table: &str, target: &str, present: &str, dim: usize) -> ErrorReport {
    new(
        ERRCODE_DATATYPE_MISMATCH,
        format!("column \"{target}\" of table \"{table}\" is {present}, but the model makes vector({dim})"),
        "Name another vector column by target => ..., or drop this one; a generated column cannot be tracked.",
    )
}

pub fn column_in_the_way(table: &str, column: &str, wanted: &str) -> ErrorReport {
    new(
        ERRCODE_DUPLICATE_COLUMN,
        format!("column \"{column}\" of table \"{table}\" is not the {wanted} that tracking keeps under that name"),
        "Drop or rename it, or give the vector column another name by target => ....",
    )
}

pub fn later_trigger(table: &str, trigger: &str) -> ErrorReport {
    new(
        ERRCODE_WARNING,
        format!(
            "trigger \"{trigger}\" of table \"{table}\" fires after drugembed's, which does not see what it changes"
        ),
        format!("Rename it: ALTER TRIGGER {} ON {} RENAME TO ....", sql::ident(trigger), sql::ident(table)),
    )
}

pub fn marker_off(table: &str) -> ErrorReport {
    new(
        ERRCODE_WARNING,
        format!(
            "changed rows of table \"{table}\" are not all noticed: drugembed's trigger is gone, disabled or not ALWAYS"
        ),
        "See pg_trigger; ALTER TABLE ... ENABLE ALWAYS TRIGGER ..., then drugembed.refresh(table).",
    )
}

pub fn no_privilege(table: &str, column: &str, privilege: &str) -> ErrorReport {
    new(
        ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("permission denied for column \"{column}\" of table \"{table}\""),
        format!("Its owner can grant it: GRANT {privilege} ({}) ON {} TO ....", sql::ident(column), sql::ident(table)),
    )
}

pub fn no_schema(table: &str) -> ErrorReport {
    new(
        ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("permission denied for the schema of table \"{table}\""),
        "Its owner can grant it: GRANT USAGE ON SCHEMA ... TO ....",
    )
}

/// For a NOTICE.
pub fn left_out(table: &str, reason: &str) -> ErrorReport {
    new(
        ERRCODE_SUCCESSFUL_COMPLETION,
        format!("table \"{table}\" is left out: {reason}"),
        "Ask again when its owner is done with it.",
    )
}

/// For a WARNING.
pub fn passed_by(table: &str, rows: usize) -> ErrorReport {
    new(
        ERRCODE_WARNING,
        format!("{rows} rows of table \"{table}\" were passed by: writers or other sessions had them locked"),
        "They wait for the next backfill, unless another session embeds them just now.",
    )
}

pub fn name_is_taken(table: &str, state: &str) -> ErrorReport {
    new(
        ERRCODE_DUPLICATE_OBJECT,
        format!(
            "a vector column of table \"{table}\" was tracked with the state column \"{state}\", which was renamed since"
        ),
        "Give the new vector column another name by target => ..., or rename that column back.",
    )
}

pub fn bad_batch(batch: Option<i32>) -> ErrorReport {
    let batch = batch.map_or_else(|| "NULL".to_owned(), |batch| batch.to_string());
    new(
        ERRCODE_INVALID_PARAMETER_VALUE,
        format!("batch is {batch}, not between 1 and 10000"),
        "Rows of a batch stay locked while they are written: a few hundred is a good size.",
    )
}

pub fn in_transaction() -> ErrorReport {
    new(
        ERRCODE_INVALID_TRANSACTION_TERMINATION,
        "a backfill commits after every batch, so it cannot run inside a transaction",
        "Run CALL alone and outside of BEGIN: with autocommit on in psycopg, JDBC and the like.",
    )
}

pub fn on_standby() -> ErrorReport {
    new(
        ERRCODE_READ_ONLY_SQL_TRANSACTION,
        "a standby cannot be written, so it has no backfill",
        "Run it on the primary: the vectors arrive here by replication.",
    )
}

pub fn read_only() -> ErrorReport {
    new(
        ERRCODE_READ_ONLY_SQL_TRANSACTION,
        "embeddings cannot be written in a read-only transaction",
        "Use the primary, and a session whose default_transaction_read_only is off.",
    )
}

pub fn has_rule(table: &str, rule: &str) -> ErrorReport {
    new(
        ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("embeddings of table \"{table}\" cannot be written beside its rule \"{rule}\" on UPDATE"),
        format!("Do by a trigger what it does, and DROP RULE {} ON {}.", sql::ident(rule), sql::ident(table)),
    )
}

/// For a WARNING.
pub fn binds_its_owner(table: &str) -> ErrorReport {
    new(
        ERRCODE_WARNING,
        format!("policies of table \"{table}\" bind its owner too, as whom a backfill reads and writes"),
        "Rows that they hide from him wait for ever: let them pass, or ALTER TABLE ... NO FORCE ROW LEVEL SECURITY.",
    )
}

pub fn bad_max_rows(max_rows: i64) -> ErrorReport {
    new(
        ERRCODE_INVALID_PARAMETER_VALUE,
        format!("max_rows is {max_rows}, not at least 1"),
        "Leave it out, or give NULL, to embed every row that waits.",
    )
}

pub fn no_run() -> ErrorReport {
    new(
        ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        "no backfill is running in this session",
        "Run CALL drugembed.backfill(table).",
    )
}

pub fn untracked_meanwhile(table: &str) -> ErrorReport {
    new(
        ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("table \"{table}\" was dropped or untracked during the backfill"),
        "What was embedded before is kept, if the table is.",
    )
}

pub fn model_changed() -> ErrorReport {
    new(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the model changed during the backfill", "Run the backfill again.")
}

pub fn journal(path: &Path, error: &io::Error) -> ErrorReport {
    new(
        if error.kind() == io::ErrorKind::StorageFull { ERRCODE_DISK_FULL } else { ERRCODE_IO_ERROR },
        format!("could not write \"{}\": {error}", path.display()),
        "A backfill notes there what it has in hand: see that the server's data folder can be written.",
    )
}

/// The error of a row whose process ended again and again.
pub fn process_ended() -> Failure {
    Failure {
        code: ERRCODE_INTERNAL_ERROR,
        message: "the server process ended each time it embedded this row".to_owned(),
        detail: None,
        hint: Some("See the server log; change the row, or call drugembed.retry(table).".to_owned()),
    }
}

pub fn left_alone(table: &str, tid: &str) -> ErrorReport {
    new(
        ERRCODE_WARNING,
        format!(
            "the row at {tid} of table \"{table}\" is left alone: the server process ended each time it was written"
        ),
        format!("See the server log, and the row: SELECT * FROM {} WHERE ctid = '{tid}'.", sql::ident(table)),
    )
}

pub fn not_written(table: &str, tid: &str, failure: Failure) -> ErrorReport {
    new(
        ERRCODE_WARNING,
        format!("the embedding of the row at {tid} of table \"{table}\" could not be written: {}", failure.message),
        failure.hint.unwrap_or_else(|| "A trigger or constraint of the table refused it; the row waits.".to_owned()),
    )
}

pub fn refused(table: &str, rows: u64) -> ErrorReport {
    new(
        ERRCODE_WARNING,
        format!(
            "{rows} rows of table \"{table}\" were not written and wait: a trigger, rule or constraint of the table refused them"
        ),
        "Let it pass the columns of drugembed, and run the backfill again.",
    )
}

pub fn bad_query() -> ErrorReport {
    new(ERRCODE_INVALID_PARAMETER_VALUE, "query is empty", "Give a question, a name or a part of a name.")
}

pub fn bad_k(k: Option<i32>) -> ErrorReport {
    let k = k.map_or_else(|| "NULL".to_owned(), |k| k.to_string());
    new(ERRCODE_INVALID_PARAMETER_VALUE, format!("k is {k}, not between 1 and 1000"), "k is the number of rows wanted.")
}

pub fn bad_mode(mode: &str) -> ErrorReport {
    new(ERRCODE_INVALID_PARAMETER_VALUE, format!("mode is \"{mode}\""), "Give \"hybrid\", \"vector\" or \"lexical\".")
}

pub fn no_pg_trgm() -> ErrorReport {
    new(ERRCODE_FEATURE_NOT_SUPPORTED, "lexical search needs the extension pg_trgm", PG_TRGM)
}

/// For a NOTICE.
pub fn without_pg_trgm() -> ErrorReport {
    new(ERRCODE_SUCCESSFUL_COMPLETION, "extension pg_trgm is missing: searching by vector alone", PG_TRGM)
}

const PG_TRGM: &str = "Install it: CREATE EXTENSION pg_trgm; then build its index as drugembed.index_sql(table) says.";

/// An error where no row can be compared, a WARNING where some can.
pub fn other_model(table: &str, model: &str, relation: &str, some: bool) -> ErrorReport {
    let message = match some {
        true => format!("table \"{table}\" still has vectors of another model than \"{model}\": they are left out"),
        false => {
            format!("vectors of table \"{table}\" were made by another model than \"{model}\", which this server holds")
        }
    };
    new(
        ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        message,
        format!("Run CALL drugembed.backfill({}).", sql::literal(relation)),
    )
}

/// For a NOTICE.
pub fn not_told(table: &str, attribute: &str, asked: &str, known: &str) -> ErrorReport {
    let hint = match known {
        "company" | "status" => format!(
            "Name the column that does: drugembed.track(..., attributes => '{{\"{known}\": \"column\"}}'), after drugembed.untrack(..., keep => true)."
        ),
        _ => "Check it by the label: neither MFDS's columns nor the lists of drugembed say so.".to_owned(),
    };
    new(
        ERRCODE_SUCCESSFUL_COMPLETION,
        format!("\"{asked}\" ({attribute}) was asked for, but nothing in table \"{table}\" tells it"),
        hint,
    )
}

/// For a NOTICE.
pub fn nothing_known_of(name: &str, table: &str) -> ErrorReport {
    new(
        ERRCODE_SUCCESSFUL_COMPLETION,
        format!("table \"{table}\" does not tell the active ingredients of \"{name}\""),
        "Ask by the ingredient's name, or give the table a column of ingredients.",
    )
}

/// For a NOTICE. `implied`: rows are given all the same.
pub fn no_dur_list(kind: &str, listed: bool, implied: bool) -> ErrorReport {
    let what = if listed { "the DUR list has no entry" } else { "there is no DUR list" };
    let then = if implied { "the rows are not checked for it" } else { "no row is given" };
    new(
        ERRCODE_SUCCESSFUL_COMPLETION,
        format!("the question asks about DUR warnings ({kind}), and {what} for it: {then}"),
        "Load MFDS's list (drugembed.load_dur) and name it: SET drugembed.dur_list = 'public.dur'. drug_search(..., read => false) orders by meaning alone, whatever the question asks.",
    )
}

/// For a NOTICE.
pub fn no_proof_of_safety(kind: &str) -> ErrorReport {
    new(
        ERRCODE_SUCCESSFUL_COMPLETION,
        format!("products that the DUR list warns of ({kind}) are left out; not being listed is no proof of safety"),
        "Ask a doctor or pharmacist, and read the label.",
    )
}

pub fn filter_not_object() -> ErrorReport {
    new(
        ERRCODE_INVALID_PARAMETER_VALUE,
        "filter is not a JSON object",
        "For example: {\"product_type\": \"0114\", \"item_permit_date\": {\"gte\": \"20200101\"}}.",
    )
}

pub fn filter_column(table: &str, column: &str) -> ErrorReport {
    new(
        ERRCODE_UNDEFINED_COLUMN,
        format!("column \"{column}\" of table \"{table}\" does not exist"),
        "The keys of filter are column names, as they are stored.",
    )
}

pub fn filter_operator(column: &str, operator: &str, kind: &str) -> ErrorReport {
    new(
        ERRCODE_INVALID_PARAMETER_VALUE,
        format!("filter for column \"{column}\" has \"{operator}\" with a value of type {kind}"),
        "Use \"eq\", \"ne\", \"lt\", \"lte\", \"gt\", \"gte\", \"like\" or \"ilike\" with one value, or an array of values for any of them.",
    )
}

pub fn filter_type(column: &str, what: &str) -> ErrorReport {
    new(
        ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("column \"{column}\" cannot be filtered: {what}"),
        "Filter by a column of a plain type, or join the result of drug_search with the table.",
    )
}

/// An error as a row keeps it in its error column.
pub fn kept(failure: &Failure) -> String {
    let hint = failure.hint.as_deref().map(|hint| format!("\nHINT: {hint}")).unwrap_or_default();
    format!("{}: {}{hint}", sql::sqlstate(failure.code), failure.message)
}

/// SQLSTATE, message and HINT of what [`kept`] wrote.
pub fn unkept(text: &str) -> (String, String, Option<String>) {
    let (error, hint) = match text.split_once("\nHINT: ") {
        Some((error, hint)) => (error, Some(hint.to_owned())),
        None => (text, None),
    };
    match error.split_once(": ") {
        Some((state, message)) if state.len() == 5 => (state.to_owned(), message.to_owned(), hint),
        _ => (String::new(), error.to_owned(), hint),
    }
}
