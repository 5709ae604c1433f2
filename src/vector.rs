//! pgvector's `vector`: the only code that knows its bytes.
//!
//! Layout (pgvector `src/vector.h`): varlena header (4 bytes), `int16 dim`, `int16 unused` (0), `float4 x[dim]`.

use std::mem::MaybeUninit;

use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::pg_sys;

use crate::errors::{self, SqlResult};

/// Bytes before a vector's elements.
pub const HEADER_BYTES: usize = 8;

/// A `vector` to return.
pub struct Vector(pub encoder::Vector);

/// A `vector` argument.
pub struct StoredVector<'a>(&'a [u8]);

impl StoredVector<'_> {
    /// The elements, `[dim]`.
    pub fn elements(&self) -> SqlResult<Vec<f32>> {
        let (Some(header), Some(body)) = (self.0.get(..4), self.0.get(4..)) else {
            return Err(errors::malformed_vector());
        };
        let dim = u16::from_ne_bytes([header[0], header[1]]) as usize;
        if header[2..] != [0, 0] || body.len() != dim * size_of::<f32>() {
            return Err(errors::malformed_vector());
        }
        Ok(body.as_chunks::<4>().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect())
    }
}

/// Writes a vector to all of `to`, which has exactly its bytes: [`HEADER_BYTES`] and 4 an element.
///
/// # Panics
/// When `to` has another length, or there are more elements than a bundle's `dim` may be.
pub fn write(elements: &[f32], to: &mut [MaybeUninit<u8>]) {
    let dim = i16::try_from(elements.len()).expect("a bundle's dim is at most 16000");
    let (header, body) = to.split_at_mut(HEADER_BYTES);
    assert_eq!(body.len(), size_of_val(elements), "the bytes of the elements");
    header[..4].write_copy_of_slice(&varlena_header((HEADER_BYTES + body.len()) as u32));
    header[4..6].write_copy_of_slice(&dim.to_ne_bytes());
    header[6..].write_copy_of_slice(&[0, 0]);
    for (to, element) in body.as_chunks_mut::<4>().0.iter_mut().zip(elements) {
        to.write_copy_of_slice(&element.to_ne_bytes());
    }
}

/// A vector in the current memory context, for a statement's parameter.
pub fn datum(elements: &[f32]) -> pg_sys::Datum {
    // SAFETY: it lives as long as the context; the statement is run within the same call.
    let bytes = unsafe { allocate(HEADER_BYTES + size_of_val(elements)) };
    write(elements, bytes);
    pg_sys::Datum::from(bytes.as_mut_ptr())
}

/// An array of vectors and NULLs, of the element type `element`, for a statement's parameter.
pub fn array(vectors: &[Option<&encoder::Vector>], element: pg_sys::Oid) -> pg_sys::Datum {
    let mut nulls: Vec<bool> = vectors.iter().map(Option::is_none).collect();
    let mut values: Vec<pg_sys::Datum> =
        vectors.iter().map(|v| v.map_or(pg_sys::Datum::null(), |v| datum(v))).collect();
    let (mut dims, mut lower_bounds) = ([values.len() as i32], [1]);
    let align = pg_sys::TYPALIGN_INT as std::ffi::c_char;
    // SAFETY: `values` and `nulls` have `dims[0]` entries, and construct_md_array copies them.
    unsafe {
        pg_sys::Datum::from(pg_sys::construct_md_array(
            values.as_mut_ptr(),
            nulls.as_mut_ptr(),
            i32::from(!values.is_empty()),
            dims.as_mut_ptr(),
            lower_bounds.as_mut_ptr(),
            element,
            -1,
            false,
            align,
        ))
    }
}

/// The first word of a varlena of `length` bytes that is neither compressed nor stored apart (`SET_VARSIZE_4B`).
pub fn varlena_header(length: u32) -> [u8; 4] {
    if cfg!(target_endian = "big") { length } else { length << 2 }.to_ne_bytes()
}

/// Allocates `bytes` bytes, aligned to 8, in the current memory context, or raises an ERROR. Their pages are not touched.
///
/// # Safety
/// They are gone when that context is reset: nothing may be kept of them after the call of the SQL function.
pub unsafe fn allocate<'a>(bytes: usize) -> &'a mut [MaybeUninit<u8>] {
    // SAFETY: palloc gives as many bytes, which are nobody else's, or raises an ERROR; they need not be initialised. For how long
    // they are there is the caller's promise.
    unsafe { std::slice::from_raw_parts_mut(pg_sys::palloc(bytes).cast(), bytes) }
}

// SAFETY: the SQL declaration generated from impl_sql_translatable! says that the result is a vector.
unsafe impl BoxRet for Vector {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: they are the result of this call.
        let bytes = unsafe { allocate(HEADER_BYTES + size_of_val(&*self.0)) };
        write(&self.0, bytes);
        // SAFETY: all bytes are written, and are a vector.
        unsafe { fcinfo.return_raw_datum(pg_sys::Datum::from(bytes.as_mut_ptr())) }
    }
}

// SAFETY: the SQL declaration makes the server pass a vector datum.
unsafe impl<'fcx> ArgAbi<'fcx> for StoredVector<'fcx> {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: any varlena can be read as its bytes; detoasted memory lives as long as the call.
        StoredVector(unsafe { arg.unbox_arg_using_from_datum::<&[u8]>() }.unwrap_or_default())
    }
}

pgrx::impl_sql_translatable!(Vector, "vector");
pgrx::impl_sql_translatable!(StoredVector<'_>, "vector");
