//! A source expression as its owner wrote it, and as PostgreSQL writes it back: every name qualified, every column as
//! `old.column`, so that it means the same in any session.

use std::ffi::{CString, c_char};
use std::panic::AssertUnwindSafe;
use std::ptr;

use pgrx::pg_sys::panic::CaughtError;
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;

use super::errors::{self, SqlResult};
use super::rights::Scope;
use super::sql;

pub struct Expression {
    /// With `old.` before every column.
    pub text: String,
    /// Without it, for CREATE INDEX.
    pub bare: String,
    /// Numbers of the columns that it reads; 0 stands for the whole row.
    pub columns: Vec<i16>,
    /// Whether an index on it is possible.
    pub immutable: bool,
}

/// Reads `expression` over a row of `relation` by the present search_path.
pub fn parse(relation: Oid, expression: &str) -> SqlResult<Expression> {
    // In parentheses and on lines of its own, so that a comment at its end harms nothing.
    let statement = CString::new(format!("SELECT (\n{expression}\n)::pg_catalog.text")).map_err(|_| {
        errors::bad_source(relation, expression, PgSqlErrorCode::ERRCODE_SYNTAX_ERROR, "it holds a NUL")
    })?;
    let analysed = PgTryBuilder::new(AssertUnwindSafe(|| {
        // SAFETY: in a transaction, with a relation that exists; an ERROR unwinds to here and is raised again below.
        unsafe { analyse(relation, &statement) }
            .ok_or_else(|| (PgSqlErrorCode::ERRCODE_SYNTAX_ERROR, "it is more than one expression".to_owned()))
    }))
    .catch_others(|error| Err(reason(error)))
    .execute();
    analysed.map_err(|(code, reason)| errors::bad_source(relation, expression, code, &reason))
}

/// What the parser has against an expression; anything but its own objections goes on as it is.
fn reason(error: CaughtError) -> (PgSqlErrorCode, String) {
    let (CaughtError::PostgresError(report)
    | CaughtError::ErrorReport(report)
    | CaughtError::RustPanic { ereport: report, .. }) = &error;
    if sql::sqlstate(report.sql_error_code()).starts_with("57") {
        error.rethrow();
    }
    (report.sql_error_code(), report.message().to_owned())
}

/// # Safety
/// In a transaction; `relation` exists.
unsafe fn analyse(relation: Oid, statement: &CString) -> Option<Expression> {
    // SAFETY: nodes are palloc'd by PostgreSQL in the present context and only read here.
    unsafe {
        let parsed = raw_parse(statement.as_ptr());
        let value = single_value(parsed)?;
        let table = pg_sys::table_open(relation, pg_sys::AccessShareLock as i32);
        let state = pg_sys::make_parsestate(ptr::null_mut());
        (*state).p_sourcetext = statement.as_ptr();
        let alias = pg_sys::makeAlias(c"old".as_ptr(), ptr::null_mut());
        let item =
            pg_sys::addRangeTableEntryForRelation(state, table, pg_sys::AccessShareLock as i32, alias, false, true);
        pg_sys::addNSItemToQuery(state, item, false, true, true);
        let node = pg_sys::transformExpr(state, value, pg_sys::ParseExprKind::EXPR_KIND_TRIGGER_WHEN);
        pg_sys::assign_expr_collations(state, node);
        let columns = columns(node);
        // Without planning it first, which would run immutable functions on constants.
        let immutable = !pg_sys::contain_mutable_functions(node);
        // The rest is written for any session.
        let scope = Scope::caller();
        let text = deparse(node, relation, true);
        let bare = deparse(node, relation, false);
        drop(scope);
        pg_sys::table_close(table, pg_sys::AccessShareLock as i32);
        Some(Expression { text, bare, columns, immutable })
    }
}

#[cfg(feature = "pg13")]
unsafe fn raw_parse(statement: *const c_char) -> *mut pg_sys::List {
    // SAFETY: a C string.
    unsafe { pg_sys::raw_parser(statement) }
}

#[cfg(not(feature = "pg13"))]
unsafe fn raw_parse(statement: *const c_char) -> *mut pg_sys::List {
    // SAFETY: a C string.
    unsafe { pg_sys::raw_parser(statement, pg_sys::RawParseMode::RAW_PARSE_DEFAULT) }
}

/// The value of `SELECT value` and of nothing more.
///
/// # Safety
/// `parsed` is a list of the raw parser.
unsafe fn single_value(parsed: *mut pg_sys::List) -> Option<*mut pg_sys::Node> {
    // SAFETY: the node tags are looked at before a node is read as what they say.
    unsafe {
        let raw = only::<pg_sys::RawStmt>(parsed, pg_sys::NodeTag::T_RawStmt)?;
        if (*(*raw).stmt).type_ != pg_sys::NodeTag::T_SelectStmt {
            return None;
        }
        let select = (*raw).stmt.cast::<pg_sys::SelectStmt>();
        let s = &*select;
        let lists = [
            s.distinctClause,
            s.fromClause,
            s.groupClause,
            s.windowClause,
            s.valuesLists,
            s.sortClause,
            s.lockingClause,
        ];
        let nodes = [s.whereClause, s.havingClause, s.limitOffset, s.limitCount];
        let more = lists.iter().any(|list| !list.is_null()) || nodes.iter().any(|node| !node.is_null());
        if more || !s.intoClause.is_null() || !s.withClause.is_null() || s.op != pg_sys::SetOperation::SETOP_NONE {
            return None;
        }
        let target = only::<pg_sys::ResTarget>(s.targetList, pg_sys::NodeTag::T_ResTarget)?;
        (*target).name.is_null().then_some((*target).val)
    }
}

/// # Safety
/// `list` is NULL or a list of nodes.
unsafe fn only<T>(list: *mut pg_sys::List, tag: pg_sys::NodeTag) -> Option<*mut T> {
    // SAFETY: a list of length 1 has a first element; its tag is compared before the cast.
    unsafe {
        if list.is_null() || (*list).length != 1 {
            return None;
        }
        let node = (*(*list).elements).ptr_value.cast::<pg_sys::Node>();
        ((*node).type_ == tag).then_some(node.cast())
    }
}

/// # Safety
/// `node` is an analysed expression over one relation.
unsafe fn columns(node: *mut pg_sys::Node) -> Vec<i16> {
    // SAFETY: pull_varattnos fills a set of numbers, each raised so that system columns are positive too.
    unsafe {
        let mut set = ptr::null_mut();
        pg_sys::pull_varattnos(node, 1, &mut set);
        let mut columns = Vec::new();
        let mut member = pg_sys::bms_next_member(set, -1);
        while member >= 0 {
            columns.push((member + pg_sys::FirstLowInvalidHeapAttributeNumber) as i16);
            member = pg_sys::bms_next_member(set, member);
        }
        columns
    }
}

/// # Safety
/// As for [`columns`].
unsafe fn deparse(node: *mut pg_sys::Node, relation: Oid, prefixed: bool) -> String {
    // SAFETY: gives a palloc'd C string.
    unsafe {
        let context = pg_sys::deparse_context_for(c"old".as_ptr(), relation);
        sql::owned(pg_sys::deparse_expression(node, context, prefixed, false)).unwrap_or_default()
    }
}

/// Splits the arguments of the first call of `function` in an expression as PostgreSQL writes it; none if there is no call.
///
/// Quotes and parentheses are followed; `standard_conforming_strings` is on, so that a backslash is a letter like any other.
pub fn arguments_of(function: &str, text: &str) -> Option<Vec<String>> {
    let (mut start, mut depth, mut quote) = (None, 0_usize, None);
    let mut arguments = Vec::new();
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(' | '[') => {
                depth += 1;
                if start.is_none() && text[..at].ends_with(function) {
                    (start, depth) = (Some(at + 1), 1);
                }
            }
            (None, ')' | ']' | ',') => {
                if let Some(from) = start.filter(|_| depth == 1) {
                    arguments.push(text[from..at].trim().to_owned());
                    start = Some(at + 1);
                }
                if letter != ',' {
                    depth = depth.saturating_sub(1);
                    if start.is_some() && depth == 0 {
                        return Some(arguments);
                    }
                }
            }
            _ => {}
        }
    }
    None
}

/// The column that `old.column` names.
pub fn column_of(text: &str) -> Option<String> {
    let name = text.strip_prefix("old.")?;
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => Some(quoted.replace("\"\"", "\"")),
        None => name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$').then(|| name.to_owned()),
    }
}
