//! SQL that Rust runs: names quoted, rows read, errors caught in a subtransaction.

use std::ffi::{CString, c_char};
use std::panic::AssertUnwindSafe;

use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::{CaughtError, ErrorReport};
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;
use pgrx::spi::{self, SpiHeapTupleData};

use super::errors::{self, SqlResult};

pub use pgrx::spi::{quote_identifier as ident, quote_literal as literal};

/// Runs `sql` and reads each row by `read`. Names in `sql` must be qualified: the caller holds a [`super::rights::Scope`].
pub fn rows<T>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
    mut read: impl FnMut(&SpiHeapTupleData) -> spi::Result<T>,
) -> SqlResult<Vec<T>> {
    Spi::connect(|_| {
        // SAFETY: connected; the table of tuples lives until the connection ends, and holds as many as were processed.
        unsafe {
            let count = execute(sql, arguments)?;
            let Some(table) = pg_sys::SPI_tuptable.as_ref() else { return Ok(Vec::new()) };
            let (descriptor, tuples) = (table.tupdesc, table.vals);
            let row = |n| SpiHeapTupleData::new(descriptor, *tuples.add(n))?.ok_or(spi::Error::NoTupleTable);
            (0..count).map(|n| read(&row(n)?)).collect::<spi::Result<Vec<T>>>().map_err(unexpected)
        }
    })
}

/// Runs `sql` and reads its first row, if there is one.
pub fn row<T>(
    sql: &str,
    arguments: &[DatumWithOid<'_>],
    read: impl FnMut(&SpiHeapTupleData) -> spi::Result<T>,
) -> SqlResult<Option<T>> {
    Ok(rows(sql, arguments, read)?.into_iter().next())
}

/// Runs `sql` for its effect; the number of rows that it touched.
pub fn run(sql: &str, arguments: &[DatumWithOid<'_>]) -> SqlResult<usize> {
    // SAFETY: connected.
    Spi::connect(|_| unsafe { execute(sql, arguments) })
}

/// Each statement sees all that happened before it. That is what pgrx's `SpiClient::update` does too, but it gives every transaction
/// an id, which a search must not use up and a standby does not have.
///
/// # Safety
/// Within an SPI connection.
unsafe fn execute(sql: &str, arguments: &[DatumWithOid<'_>]) -> SqlResult<usize> {
    let statement =
        CString::new(sql).map_err(|_| errors::internal("a statement of drugembed holds a NUL".to_owned()))?;
    let mut types: Vec<Oid> = arguments.iter().map(DatumWithOid::oid).collect();
    let datums = arguments.iter().map(|argument| argument.datum().map(|datum| datum.sans_lifetime()));
    let (mut values, nulls): (Vec<pg_sys::Datum>, Vec<c_char>) = datums
        .map(|datum| (datum.unwrap_or_else(pg_sys::Datum::null), if datum.is_none() { b'n' } else { b' ' } as c_char))
        .unzip();
    // SAFETY: the caller's promise; as many types, values and nulls as there are arguments.
    unsafe {
        pg_sys::SPI_tuptable = std::ptr::null_mut();
        let (types, values) = (types.as_mut_ptr(), values.as_mut_ptr());
        let count = arguments.len() as i32;
        let status = pg_sys::SPI_execute_with_args(statement.as_ptr(), count, types, values, nulls.as_ptr(), false, 0);
        Spi::check_status(status).map_err(unexpected)?;
        Ok(pg_sys::SPI_processed as usize)
    }
}

fn unexpected(error: spi::Error) -> ErrorReport {
    errors::internal(format!("a statement of drugembed went wrong: {error}"))
}

/// A relation's name as messages show it: `product`.
pub fn name_of(relation: Oid) -> Option<String> {
    // SAFETY: get_rel_name gives a palloc'd C string, or NULL for a relation that is gone.
    unsafe { owned(pg_sys::get_rel_name(relation)) }
}

/// A relation's name as statements need it: `public.product`, quoted.
pub fn qualified(relation: Oid) -> Option<String> {
    // SAFETY: as above.
    let schema = unsafe { owned(pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relation))) }?;
    Some(format!("{}.{}", ident(schema), ident(name_of(relation)?)))
}

/// # Safety
/// `text` is NULL or a C string.
pub unsafe fn owned(text: *const std::ffi::c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    (!text.is_null()).then(|| unsafe { std::ffi::CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// Runs `work` in a subtransaction. An error undoes what it did and is returned; a cancel goes on as it is.
pub fn attempt<T>(work: impl FnOnce() -> SqlResult<T>) -> Result<T, Failure> {
    // SAFETY: the pattern of PL/pgSQL's exception blocks: memory context and resource owner are put back by hand.
    let (context, owner) = unsafe {
        let kept = (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner);
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(kept.0);
        kept
    };
    let caught = PgTryBuilder::new(AssertUnwindSafe(|| work().map_err(raise))).catch_others(Err).execute();
    // SAFETY: one of the two ends of the subtransaction begun above.
    unsafe {
        match caught {
            Ok(_) => pg_sys::ReleaseCurrentSubTransaction(),
            Err(_) => pg_sys::RollbackAndReleaseCurrentSubTransaction(),
        }
        pg_sys::MemoryContextSwitchTo(context);
        pg_sys::CurrentResourceOwner = owner;
    }
    caught.map_err(Failure::of)
}

/// Raised, a report is caught as what the server raises is, its SQLSTATE with it.
fn raise(report: ErrorReport) -> CaughtError {
    report.report(PgLogLevel::ERROR);
    unreachable!("an ERROR does not return")
}

/// An error that was caught.
pub struct Failure {
    pub code: PgSqlErrorCode,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

impl Failure {
    fn of(error: CaughtError) -> Failure {
        let (CaughtError::PostgresError(report)
        | CaughtError::ErrorReport(report)
        | CaughtError::RustPanic { ereport: report, .. }) = &error;
        let code = report.sql_error_code();
        if code == PgSqlErrorCode::ERRCODE_QUERY_CANCELED {
            error.rethrow();
        }
        Failure {
            code,
            message: report.message().to_owned(),
            detail: report.detail().map(str::to_owned),
            hint: report.hint().map(str::to_owned),
        }
    }

    /// The class of its SQLSTATE: the first two letters.
    pub fn class(&self) -> String {
        sqlstate(self.code)[..2].to_owned()
    }

    /// The same error, raised again, with `hint` where it had none.
    pub fn report(self, hint: &str) -> ErrorReport {
        let report =
            ErrorReport::new(self.code, self.message, "drugembed").set_hint(self.hint.as_deref().unwrap_or(hint));
        match self.detail {
            Some(detail) => report.set_detail(detail),
            None => report,
        }
    }
}

/// The five letters of an SQLSTATE.
pub fn sqlstate(code: PgSqlErrorCode) -> String {
    // MAKE_SQLSTATE of elog.h: six bits a letter, counted from '0'.
    let code = code as u32;
    (0..5).map(|i| char::from(((code >> (6 * i)) & 0x3f) as u8 + b'0')).collect()
}

/// A `name` to return.
pub struct Name(pub String);

// SAFETY: the SQL declaration says that the result is a name.
unsafe impl BoxRet for Name {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> pgrx::datum::Datum<'fcx> {
        let text = std::ffi::CString::new(self.0).unwrap_or_default();
        // SAFETY: namein copies the C string into a NameData of the call's memory.
        unsafe {
            let name: *mut pg_sys::NameData = pg_sys::palloc0(size_of::<pg_sys::NameData>()).cast();
            pg_sys::namestrcpy(name, text.as_ptr());
            fcinfo.return_raw_datum(pg_sys::Datum::from(name))
        }
    }
}

pgrx::impl_sql_translatable!(Name, "name");
