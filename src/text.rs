//! `text` arguments. A server that does not store UTF-8 gets an ERROR, not a panic in a conversion.

use std::marker::PhantomData;

use pgrx::callconv::{Arg, ArgAbi};
use pgrx::pg_sys;
use pgrx::varlena::varlena_to_byte_slice;

use crate::errors::{self, SqlResult};
use crate::literal;

/// A `text` argument as the server passes it, perhaps compressed or stored apart.
pub struct Text<'a> {
    datum: pg_sys::Datum,
    call: PhantomData<&'a [u8]>,
}

impl<'a> Text<'a> {
    /// The text, if it has at most `limit` bytes; of a longer one not even the compressed bytes are read.
    pub fn utf8(&self, limit: usize) -> SqlResult<&'a str> {
        require_utf8()?;
        let bytes = self.len();
        if bytes > limit {
            return Err(errors::report(encoder::Error::TooLarge { bytes, limit }));
        }
        utf8(self.bytes())
    }

    /// The text to embed. What is an array or a vector in its text form was not meant as a text: `dimension` is that of the
    /// model's vectors.
    pub fn to_embed(&self, dimension: usize) -> SqlResult<&'a str> {
        let text = self.utf8(encoder::MAX_TEXT_BYTES)?;
        if literal::is_list(text) {
            return Err(errors::list_as_text(text));
        }
        if literal::vector_dimension(text) == Some(dimension) {
            return Err(errors::vector_as_text(text, dimension));
        }
        Ok(text)
    }

    /// Whether [`encoder::is_blank`], of a text of any length.
    pub fn is_blank(&self) -> SqlResult<bool> {
        /// Bytes between two looks at interrupts.
        const PIECE: usize = 1 << 16;
        require_utf8()?;
        let mut rest = self.bytes();
        while !rest.is_empty() {
            pgrx::check_for_interrupts!();
            let is_inside = |at: &usize| rest.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
            let end = (rest.len().min(PIECE)..=rest.len()).find(|at| !is_inside(at)).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(end);
            if !encoder::is_blank(utf8(piece)?) {
                return Ok(false);
            }
            rest = after;
        }
        Ok(true)
    }

    /// Bytes of the text, without reading it.
    fn len(&self) -> usize {
        // SAFETY: `datum` is a varlena (see `unbox_arg_unchecked`), of which only the header is read; the size includes a header
        // of 4 bytes whatever the stored one has.
        unsafe { pg_sys::toast_raw_datum_size(self.datum) }.saturating_sub(pg_sys::VARHDRSZ)
    }

    fn bytes(&self) -> &'a [u8] {
        // SAFETY: `datum` is a varlena; what it is detoasted into is allocated in the memory context of the call, `'a`.
        unsafe { varlena_to_byte_slice(pg_sys::pg_detoast_datum_packed(self.datum.cast_mut_ptr())) }
    }
}

/// Checks a text's bytes.
pub fn utf8(bytes: &[u8]) -> SqlResult<&str> {
    std::str::from_utf8(bytes).map_err(|_| errors::invalid_utf8())
}

pub fn require_utf8() -> SqlResult<()> {
    // SAFETY: reads a variable that is set before a session runs its first statement.
    match unsafe { pg_sys::GetDatabaseEncoding() } as u32 {
        pg_sys::pg_enc::PG_UTF8 => Ok(()),
        _ => Err(errors::not_utf8()),
    }
}

// SAFETY: the SQL declaration generated from impl_sql_translatable! makes the server pass a text datum.
unsafe impl<'fcx> ArgAbi<'fcx> for Text<'fcx> {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: the caller's promise that this argument is not NULL; its datum is taken as it is.
        let datum = unsafe { arg.unbox_arg_using_from_datum::<pg_sys::Datum>() };
        Text { datum: datum.expect("an argument that is not NULL"), call: PhantomData }
    }
}

pgrx::impl_sql_translatable!(Text<'_>, "text");
