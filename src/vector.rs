//! pgvector's `vector`: the only code that knows its bytes.
//!
//! Layout (pgvector `src/vector.h`): varlena header (4 bytes), `int16 dim`, `int16 unused` (0), `float4 x[dim]`.

use std::mem::size_of;
use std::ptr;

use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::pg_sys;

use crate::errors::{self, SqlResult};

const HEADER_BYTES: usize = 8;

/// A `vector` to return.
pub struct Vector(pub encoder::Vector);

/// A `vector[]` to return, with NULLs.
pub struct Vectors(pub Vec<Option<encoder::Vector>>);

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

/// An array of vectors and NULLs, of the element type `element`, in the current memory context.
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

/// Allocates the datum in the current memory context.
pub fn datum(elements: &[f32]) -> pg_sys::Datum {
    let bytes = HEADER_BYTES + size_of_val(elements);
    let dim = i16::try_from(elements.len()).expect("a bundle's dim is at most 16000");
    // SAFETY: palloc0 gives `bytes` zeroed bytes, aligned to 8, or raises an ERROR; everything written lies within them.
    unsafe {
        let start = pg_sys::palloc0(bytes).cast::<u8>();
        pgrx::set_varsize_4b(start.cast(), bytes as i32);
        start.add(4).cast::<i16>().write(dim);
        ptr::copy_nonoverlapping(elements.as_ptr(), start.add(HEADER_BYTES).cast(), elements.len());
        pg_sys::Datum::from(start)
    }
}

// SAFETY: the SQL declaration generated from impl_sql_translatable! says that the result is a vector.
unsafe impl BoxRet for Vector {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: a vector datum in the memory context of the call.
        unsafe { fcinfo.return_raw_datum(datum(&self.0)) }
    }
}

// SAFETY: as for Vector; the result is an array of vector.
unsafe impl BoxRet for Vectors {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        let vectors: Vec<Option<&encoder::Vector>> = self.0.iter().map(Option::as_ref).collect();
        // SAFETY: the element type comes from the declared result of the very function being called, so no search by name can go
        // astray.
        unsafe {
            let function = (*(*fcinfo.as_mut_ptr()).flinfo).fn_oid;
            let element = pg_sys::get_element_type(pg_sys::get_func_rettype(function));
            fcinfo.return_raw_datum(array(&vectors, element))
        }
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
pgrx::impl_sql_translatable!(Vectors, "vector[]");
pgrx::impl_sql_translatable!(StoredVector<'_>, "vector");
