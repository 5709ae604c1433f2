//! What goes wrong with DUR lists: SQLSTATE, message, HINT.

use dur_lists::{Error, Report};
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

pub fn bad_kind(name: &str) -> ErrorReport {
    let kinds: Vec<&str> = reader::DurKind::ALL.iter().map(|kind| kind.code()).collect();
    new(
        ERRCODE_INVALID_PARAMETER_VALUE,
        format!("\"{name}\" is not a kind of DUR entry"),
        format!("Give one of {}, or its Korean name.", kinds.join(", ")),
    )
}

/// Data that is no list.
pub fn unreadable(error: Error) -> ErrorReport {
    let message = match &error {
        Error::Answer { .. } => error.to_string(),
        _ => format!("could not read a DUR list: {error}"),
    };
    let (code, hint) = match &error {
        Error::Empty => (ERRCODE_INVALID_PARAMETER_VALUE, "Check how the file was read or fetched."),
        Error::Xml => (
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Ask the service with type=json. It refuses a key in XML whatever was asked: see what the file says.",
        ),
        Error::Binary => (ERRCODE_INVALID_PARAMETER_VALUE, "Unpack it, or save the sheet as CSV."),
        Error::Json { .. } => (ERRCODE_INVALID_TEXT_REPRESENTATION, "Check that the file is whole."),
        Error::NoEntries => (
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Give answers of DURPrdlstInfoService or DURIrdntInfoService, or their items, with keys such as ITEM_SEQ, \
             INGR_NAME and TYPE_NAME.",
        ),
        Error::Answer { .. } => (
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Check the service key, that its use was approved at data.go.kr, and the requests of the day.",
        ),
        Error::UnknownHeader { .. } => (
            ERRCODE_UNDEFINED_COLUMN,
            "The first lines must name a product or ingredient (제품코드, 제품명, 성분명; of pairs 제품코드1, 성분명2, ...) and what \
             is said of it (금기등급, 특정연령, 연령처리조건, 1일최대투여량, 최대투여기간일수, 효능군, 상세정보, ...).",
        ),
        Error::Csv { .. } => (ERRCODE_INVALID_TEXT_REPRESENTATION, "Check the quotes from there on."),
        Error::NoKind => (
            ERRCODE_INVALID_PARAMETER_VALUE,
            "Say it: drugembed.load_dur(list, data, kind => 'elderly'), or another kind.",
        ),
        Error::OtherKind { .. } => (ERRCODE_INVALID_PARAMETER_VALUE, "Leave out kind, or give the one of the data."),
        Error::Stopped => (ERRCODE_INTERNAL_ERROR, "Please report it, with the statement that led to it."),
    };
    let report = new(code, message, hint);
    match error {
        Error::Json { reason, .. } | Error::Csv { reason, .. } => report.set_detail(format!("{reason}.")),
        _ => report,
    }
}

/// For NOTICEs: what a list held beside entries, and what the entries don't tell.
pub fn left_out(report: &Report) -> Vec<ErrorReport> {
    let others: Vec<&str> = report.other_kinds.iter().map(String::as_str).collect();
    let missing = report.total.unwrap_or(0).saturating_sub(report.records);
    let notice = |count: u64, message: String, hint: &str| {
        (count > 0).then(|| new(ERRCODE_SUCCESSFUL_COMPLETION, message, hint.to_owned()))
    };
    [
        notice(
            missing,
            format!("the data holds {} of the {} entries that the service counts", report.records, report.records + missing),
            "Load the other pages, too. The service gives at most 500 entries a page, and none where more are asked for.",
        ),
        notice(
            report.deleted,
            format!("{} entries were left out: their source has deleted them", report.deleted),
            "Nothing is to be done.",
        ),
        notice(
            report.of_other_kinds,
            format!("{} entries of other kinds were left out: {}", report.of_other_kinds, others.join(", ")),
            "A DUR list holds the kinds that drugembed.create_dur_list documents.",
        ),
        notice(
            report.nameless,
            format!("{} entries were left out: they name no product or ingredient, or no partner", report.nameless),
            "Compare the number with the lines that a title or a footnote takes.",
        ),
        notice(
            report.ageless,
            format!("{} entries of kind age do not tell the age", report.ageless),
            "MFDS's list by product has no ages: load its list by ingredient (DURIrdntInfoService), too.",
        ),
        notice(
            report.other_codes,
            format!("{} entries name products by a number that is no item_seq", report.other_codes),
            "KIDS and HIRA use the health insurance's numbers: put item_seq in their place by your product table's EDI_CODE.",
        ),
        notice(
            report.unreadable,
            format!("{} entries hold characters that could not be decoded", report.unreadable),
            "Save the file as UTF-8.",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
