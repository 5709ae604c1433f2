//! `text` and `text[]` arguments. A server that does not store UTF-8 gets an ERROR, not a panic in a conversion.

use std::ptr;

use pgrx::callconv::{Arg, ArgAbi};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::errors::{self, SqlResult};

/// A `text` argument as the server stores it.
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    pub fn utf8(&self) -> SqlResult<&'a str> {
        require_utf8()?;
        std::str::from_utf8(self.0).map_err(|_| errors::invalid_utf8())
    }
}

/// A `text[]` argument.
pub struct Texts<'a> {
    dimensions: i32,
    elements: Vec<Option<Text<'a>>>,
}

impl<'a> Texts<'a> {
    pub fn utf8(&self) -> SqlResult<Vec<Option<&'a str>>> {
        if self.dimensions > 1 {
            return Err(errors::not_one_dimensional(self.dimensions));
        }
        self.elements.iter().map(|text| text.as_ref().map(Text::utf8).transpose()).collect()
    }
}

fn require_utf8() -> SqlResult<()> {
    // SAFETY: reads a variable that is set before a session runs its first statement.
    match unsafe { pg_sys::GetDatabaseEncoding() } as u32 {
        pg_sys::pg_enc::PG_UTF8 => Ok(()),
        _ => Err(errors::not_utf8()),
    }
}

// SAFETY: the SQL declaration generated from impl_sql_translatable! makes the server pass a text datum.
unsafe impl<'fcx> ArgAbi<'fcx> for Text<'fcx> {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: text and bytea share their layout; detoasted memory lives as long as the call.
        Text(unsafe { arg.unbox_arg_using_from_datum::<&[u8]>() }.unwrap_or_default())
    }
}

// SAFETY: as for Text; the datum is a text[].
unsafe impl<'fcx> ArgAbi<'fcx> for Texts<'fcx> {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: the datum is not NULL (the functions are strict) and holds an array of text.
        unsafe { deconstruct(arg.unbox_arg_using_from_datum::<pg_sys::Datum>().expect("a strict function's argument")) }
    }
}

/// # Safety
/// `datum` is a `text[]` that lives for `'a`.
unsafe fn deconstruct<'a>(datum: pg_sys::Datum) -> Texts<'a> {
    let (mut values, mut nulls, mut count) = (ptr::null_mut(), ptr::null_mut(), 0);
    // SAFETY: detoasting gives a plain ArrayType; deconstruct_array fills arrays of `count` entries in the call's memory.
    unsafe {
        let array = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        let align = pg_sys::TYPALIGN_INT as std::ffi::c_char;
        pg_sys::deconstruct_array(array, pg_sys::TEXTOID, -1, false, align, &mut values, &mut nulls, &mut count);
        let element = |i: usize| <&[u8]>::from_datum(*values.add(i), *nulls.add(i)).map(Text);
        Texts { dimensions: (*array).ndim, elements: (0..count as usize).map(element).collect() }
    }
}

pgrx::impl_sql_translatable!(Text<'_>, "text");
pgrx::impl_sql_translatable!(Texts<'_>, "text[]");
