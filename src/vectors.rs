//! `vector[]` to return, filled vector by vector where it will lie: no copy of all vectors is held beside it.

use std::mem::MaybeUninit;

use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::pg_sys;

use crate::errors::{self, SqlResult};
use crate::texts::List;
use crate::vector::{self, HEADER_BYTES, allocate, varlena_header};

/// Largest datum (`MaxAllocSize`).
const MAX_BYTES: usize = 0x3fff_ffff;

/// An `ArrayType`: see [`crate::texts::Texts`] for its layout. Vectors are a multiple of 4 bytes long, so nothing lies between them.
pub struct Vectors {
    bytes: &'static mut [MaybeUninit<u8>],
    /// Where the first vector begins; what comes before it is written.
    data: usize,
    /// Bytes of a vector.
    stride: usize,
}

/// An array of which every vector is set.
pub struct Finished(Vectors);

impl Vectors {
    /// Most vectors of `dimension` that fit an array of any number of elements that is allowed.
    pub fn limit(dimension: usize) -> usize {
        (MAX_BYTES - header_bytes(crate::texts::MAX_ELEMENTS)) / stride(dimension)
    }

    /// An array with NULLs where the list has NULLs, and room for vectors where it has texts.
    pub fn new(list: &List, dimension: usize) -> Vectors {
        let bits = if list.not_null.is_some() { list.count } else { 0 };
        let (data, stride) = (if list.count == 0 { 16 } else { header_bytes(bits) }, stride(dimension));
        // SAFETY: `Vectors` is the result of the SQL function that makes it, and returned by it.
        let bytes = unsafe { allocate(data + list.texts.len() * stride) };
        let length = varlena_header(bytes.len() as u32);
        let dimensions = i32::from(list.count > 0);
        let data_offset = if list.not_null.is_some() { data as i32 } else { 0 };
        bytes[..data].fill(MaybeUninit::new(0));
        bytes[..4].write_copy_of_slice(&length);
        let integers = [dimensions, data_offset, 0, list.count as i32, 1];
        for (to, integer) in bytes[4..data].as_chunks_mut::<4>().0.iter_mut().zip(integers) {
            to.write_copy_of_slice(&integer.to_ne_bytes());
        }
        if let Some(not_null) = list.not_null {
            bytes[24..24 + not_null.len()].write_copy_of_slice(not_null);
        }
        Vectors { bytes, data, stride }
    }

    /// Has `fill` set the vector of every text, each once, with what it is given.
    pub fn filled(mut self, fill: impl FnOnce(&mut dyn FnMut(usize, &[f32])) -> SqlResult<()>) -> SqlResult<Finished> {
        let (count, mut set) = ((self.bytes.len() - self.data) / self.stride, 0);
        fill(&mut |i, vector| {
            self.set(i, vector);
            set += 1;
        })?;
        if set == count { Ok(Finished(self)) } else { Err(errors::vectors_missing(set, count)) }
    }

    /// Puts the vector of the `i`th text in its place.
    fn set(&mut self, i: usize, vector: &[f32]) {
        vector::write(vector, &mut self.bytes[self.data + i * self.stride..][..self.stride]);
    }
}

fn stride(dimension: usize) -> usize {
    HEADER_BYTES + dimension * size_of::<f32>()
}

/// Bytes before the data of an array of one dimension with a bitmap of `bits`, a multiple of 8 (`ARR_OVERHEAD_WITHNULLS`).
fn header_bytes(bits: usize) -> usize {
    (24 + bits.div_ceil(8)).next_multiple_of(8)
}

// SAFETY: the SQL declaration generated from impl_sql_translatable! says that the result is an array of vector.
unsafe impl BoxRet for Finished {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        // SAFETY: the element type comes from the declared result of the very function being called, so no search by name can go
        // astray; the server calls it with its FmgrInfo.
        let element = unsafe {
            let function = (*(*fcinfo.as_mut_ptr()).flinfo).fn_oid;
            pg_sys::get_element_type(pg_sys::get_func_rettype(function))
        };
        let bytes = self.0.bytes;
        bytes[12..16].write_copy_of_slice(&element.to_u32().to_ne_bytes());
        // SAFETY: all bytes are written, and are an array of that type.
        unsafe { fcinfo.return_raw_datum(pg_sys::Datum::from(bytes.as_mut_ptr())) }
    }
}

pgrx::impl_sql_translatable!(Finished, "vector[]");
