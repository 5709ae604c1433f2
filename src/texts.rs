//! `text[]` arguments, read where they lie: an element that is NULL costs its bit, any other a slice.

use pgrx::callconv::{Arg, ArgAbi};
use pgrx::pg_sys;
use pgrx::varlena::varlena_to_byte_slice;

use crate::errors::{self, SqlResult};
use crate::text::{require_utf8, utf8};

/// Most elements of an array, NULLs included. The texts among them are bounded by the size of their vectors: see
/// [`crate::vector::Vectors`].
pub const MAX_ELEMENTS: usize = 10_000_000;

/// Elements that are read between two looks at interrupts.
const PIECE: usize = 1 << 12;

/// A `text[]` argument: the bytes of its `ArrayType` after the length word.
///
/// Layout (PostgreSQL `utils/array.h`), in 4-byte integers after that word: dimensions, offset of the data from the datum's start
/// (0: no NULLs), element type, then of each dimension its length, of each its lower bound; the NULLs' bitmap (a 1 is no NULL); the
/// elements that are not NULL, each a varlena.
pub struct Texts<'a>(&'a [u8]);

/// The elements of a one-dimensional array.
pub struct List<'a> {
    /// Elements, NULLs included.
    pub count: usize,
    /// Bitmap of those that are not NULL, if any is NULL.
    pub not_null: Option<&'a [u8]>,
    /// Those that are not NULL, in their order.
    pub texts: Vec<&'a str>,
}

impl<'a> Texts<'a> {
    /// Reads an array of at most `limit` texts, and of [`MAX_ELEMENTS`] with its NULLs.
    pub fn read(&self, limit: usize) -> SqlResult<List<'a>> {
        require_utf8()?;
        let dimensions = self.integer(0)?;
        if dimensions == 0 {
            return Ok(List { count: 0, not_null: None, texts: Vec::new() });
        } else if dimensions != 1 {
            return Err(errors::not_one_dimensional(dimensions));
        }
        let count = usize::try_from(self.integer(12)?).map_err(|_| errors::malformed_array())?;
        if count > MAX_ELEMENTS {
            return Err(errors::too_many("elements", count, MAX_ELEMENTS));
        }
        let (not_null, data) = match self.integer(4)? {
            0 => (None, self.0.get(20..)),
            offset => {
                let data = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset.checked_sub(4)?..));
                (Some(self.0.get(20..20 + count.div_ceil(8)).ok_or_else(errors::malformed_array)?), data)
            }
        };
        let present = not_null.map_or(count, |bits| ones(bits, count));
        if present > limit {
            return Err(errors::too_many("texts", present, limit));
        }
        let texts = elements(data.ok_or_else(errors::malformed_array)?, present)?;
        Ok(List { count, not_null, texts })
    }

    fn integer(&self, at: usize) -> SqlResult<i32> {
        let bytes = self.0.get(at..).and_then(|rest| rest.first_chunk());
        bytes.map(|bytes| i32::from_ne_bytes(*bytes)).ok_or_else(errors::malformed_array)
    }
}

/// Ones among the first `count` bits.
fn ones(bits: &[u8], count: usize) -> usize {
    (0..count).filter(|i| bits[i / 8] >> (i % 8) & 1 == 1).count()
}

/// Reads `count` varlenas, which begin at a multiple of 4 unless their header has one byte.
fn elements(data: &[u8], count: usize) -> SqlResult<Vec<&str>> {
    let mut texts = Vec::new();
    texts.try_reserve_exact(count).map_err(|_| errors::out_of_memory(Some(count * size_of::<&str>())))?;
    let mut at = 0;
    for i in 0..count {
        if i % PIECE == 0 {
            pgrx::check_for_interrupts!();
        }
        let (text, end) = element(data, at).ok_or_else(errors::malformed_array)?;
        texts.push(utf8(text)?);
        at = end;
    }
    Ok(texts)
}

/// The varlena at `at` or after the padding there, and where it ends. Elements of arrays are neither compressed nor stored apart.
fn element(data: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let at = if *data.get(at)? == 0 { at.next_multiple_of(4) } else { at };
    let first = *data.get(at)?;
    let (is_short, short_length) = match cfg!(target_endian = "big") {
        true => (first & 0x80 != 0, first & 0x7f),
        false => (first & 1 == 1, first >> 1),
    };
    let (header, length) = if is_short {
        (1, usize::from(short_length))
    } else {
        let word = u32::from_ne_bytes(*data.get(at..)?.first_chunk()?);
        let (flags, length) = match cfg!(target_endian = "big") {
            true => (word >> 30, word & 0x3fff_ffff),
            false => (word & 3, word >> 2),
        };
        if flags != 0 {
            return None;
        }
        (4, length as usize)
    };
    let end = at.checked_add(length)?;
    Some((data.get(at + header..end)?, end))
}

// SAFETY: the SQL declaration generated from impl_sql_translatable! makes the server pass a text[] datum.
unsafe impl<'fcx> ArgAbi<'fcx> for Texts<'fcx> {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: the caller's promise that this argument is not NULL.
        let datum = unsafe { arg.unbox_arg_using_from_datum::<pg_sys::Datum>() }.expect("an argument that is not NULL");
        // SAFETY: the datum is a varlena; detoasted as a whole it has a header of 4 bytes and lives in the memory context of the
        // call, `'fcx`. Everything after the header is read as bytes, within their length.
        Texts(unsafe { varlena_to_byte_slice(pg_sys::pg_detoast_datum(datum.cast_mut_ptr())) })
    }
}

pgrx::impl_sql_translatable!(Texts<'_>, "text[]");
