//! The marker: a row whose text changes waits for a backfill from then on.

use std::ffi::{CStr, CString};

use pgrx::pg_sys;
use pgrx::prelude::*;

use super::catalog::Tracked;
use super::rights::Scope;
use super::state;

#[unsafe(no_mangle)]
#[doc(hidden)]
pub extern "C" fn pg_finfo_drugembed_mark_stale() -> &'static pg_sys::Pg_finfo_record {
    static VERSION: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
    &VERSION
}

/// `drugembed._mark_stale(state, error)`: a row trigger before UPDATE that sets the state of the new row to NULL, and notes in the
/// error column what it was, so that a text that comes back is not embedded again. Its WHEN says when. It reads no row but this one
/// and refuses none: a writer must not notice it.
#[unsafe(no_mangle)]
#[pg_guard]
unsafe extern "C-unwind" fn drugembed_mark_stale(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the server passes a call of this function; its context is looked at before it is read as a trigger's.
    unsafe {
        let data = (*fcinfo).context.cast::<pg_sys::TriggerData>();
        if data.is_null() || (*data).type_ != pg_sys::NodeTag::T_TriggerData || !is_before_update((*data).tg_event) {
            ereport!(
                ERROR,
                PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                "drugembed._mark_stale runs only as a row trigger before UPDATE",
                "drugembed.track makes the trigger."
            );
        }
        let row = (*data).tg_newtuple;
        let descriptor = (*(*data).tg_relation).rd_att;
        let columns = named(descriptor, (*data).tg_trigger)
            .or_else(|| renamed((*(*data).tg_relation).rd_id, descriptor, (*data).tg_trigger));
        let Some(columns) = columns else { return pg_sys::Datum::from(row) };
        let mut null = false;
        let state = pg_sys::SPI_getbinval(row, descriptor, columns[0], &mut null);
        if null {
            return pg_sys::Datum::from(row); // it waits already
        }
        let bytes = *state.cast_mut_ptr::<[u8; 16]>();
        let note = CString::new(format!("{}{}", state::WAS, state::uuid(bytes))).unwrap_or_default();
        let mut columns = columns;
        let mut values = [pg_sys::Datum::null(), pg_sys::Datum::from(pg_sys::cstring_to_text(note.as_ptr()))];
        let mut nulls = [true, false];
        let marked = pg_sys::heap_modify_tuple_by_cols(
            row,
            descriptor,
            2,
            columns.as_mut_ptr(),
            values.as_mut_ptr(),
            nulls.as_mut_ptr(),
        );
        pg_sys::Datum::from(marked)
    }
}

fn is_before_update(event: u32) -> bool {
    event & pg_sys::TRIGGER_EVENT_OPMASK == pg_sys::TRIGGER_EVENT_UPDATE
        && event & pg_sys::TRIGGER_EVENT_ROW != 0
        && event & pg_sys::TRIGGER_EVENT_TIMINGMASK == pg_sys::TRIGGER_EVENT_BEFORE
}

/// The columns of the trigger's arguments, if there are a uuid and a text of these names.
///
/// # Safety
/// A descriptor and a trigger of one relation.
unsafe fn named(descriptor: pg_sys::TupleDesc, trigger: *mut pg_sys::Trigger) -> Option<[i32; 2]> {
    // SAFETY: an array of tgnargs C strings.
    unsafe {
        if (*trigger).tgnargs != 2 {
            return None;
        }
        let arguments = (*trigger).tgargs;
        Some([
            number(descriptor, *arguments, pg_sys::UUIDOID)?,
            number(descriptor, *arguments.add(1), pg_sys::TEXTOID)?,
        ])
    }
}

/// The columns as the keeper knows them, who follows renames; seldom needed, so it may take longer.
///
/// # Safety
/// As for [`named`].
unsafe fn renamed(
    relation: pg_sys::Oid,
    descriptor: pg_sys::TupleDesc,
    trigger: *mut pg_sys::Trigger,
) -> Option<[i32; 2]> {
    // SAFETY: the trigger's arguments are C strings.
    unsafe {
        if (*trigger).tgnargs != 2 {
            return None;
        }
        let _scope = Scope::caller();
        let argument = CStr::from_ptr(*(*trigger).tgargs).to_string_lossy().into_owned();
        let [state, error] =
            Tracked::columns_of(relation, &argument).ok()??.map(|name| CString::new(name).unwrap_or_default());
        Some([
            number(descriptor, state.as_ptr(), pg_sys::UUIDOID)?,
            number(descriptor, error.as_ptr(), pg_sys::TEXTOID)?,
        ])
    }
}

/// # Safety
/// A descriptor and a C string.
unsafe fn number(descriptor: pg_sys::TupleDesc, name: *const std::ffi::c_char, oid: pg_sys::Oid) -> Option<i32> {
    // SAFETY: the caller's promise; SPI_gettypeid takes the numbers that SPI_fnumber gives.
    unsafe {
        let number = pg_sys::SPI_fnumber(descriptor, name);
        (number > 0 && pg_sys::SPI_gettypeid(descriptor, number) == oid).then_some(number)
    }
}
