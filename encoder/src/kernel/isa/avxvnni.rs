//! AVX-VNNI: AVX2, and products of int8 by `vpdpbusd` on registers of 32 bytes.

use std::arch::x86_64::*;

use super::avx2::{Avx2, F32x8x2, add};
use super::{Simd, WithSimd};
use crate::kernel::gemm::{Accumulator, Epilogue, GROUP, MicroKernel, Weights, blocked, check_tile};
use crate::kernel::quantize::QuantizedRows;
use crate::kernel::simd::LANES;

pub struct AvxVnni;

impl Simd for AvxVnni {
    type F = F32x8x2;

    fn available() -> bool {
        Avx2::available() && is_x86_feature_detected!("avxvnni")
    }

    #[target_feature(enable = "avx2,fma,avxvnni")]
    unsafe fn call(work: impl WithSimd) {
        work.with_simd::<Self>();
    }

    #[inline(always)]
    fn gemm(rows: &QuantizedRows, weights: &Weights, epilogue: &mut impl Epilogue) {
        blocked::<Self, Self>(rows, weights, epilogue);
    }
}

impl MicroKernel for AvxVnni {
    const MR: usize = 6;

    #[inline(always)]
    fn start(row: &[i8]) -> i32 {
        offset_start(row)
    }

    #[inline(always)]
    fn multiply<const BLOCKS: usize>(x: &[i8], packed: [&[i8]; BLOCKS], sums: [&mut [Accumulator]; BLOCKS]) {
        for (packed, sums) in packed.into_iter().zip(sums) {
            // SAFETY: called where AVX-VNNI is available, see `Simd`.
            unsafe {
                match sums.len() {
                    1 => tile::<1>(x, packed, sums),
                    2 => tile::<2>(x, packed, sums),
                    3 => tile::<3>(x, packed, sums),
                    4 => tile::<4>(x, packed, sums),
                    5 => tile::<5>(x, packed, sums),
                    _ => tile::<6>(x, packed, sums),
                }
            }
        }
    }
}

/// Makes a weight w the unsigned byte w + 128, by exclusive or, for `vpdpbusd`, which multiplies bytes without sign by bytes with one. See
/// [`offset_start`].
pub const OFFSET: i8 = i8::MIN;

/// Where sums begin that come out right if the weights are increased by 128: sum (w + 128) x = sum w x + 128 sum x.
#[inline(always)]
pub fn offset_start(row: &[i8]) -> i32 {
    let mut sum = 0;
    for &x in row {
        sum += i32::from(x);
    }
    -128 * sum
}

/// Adds the products of rows of activations and one block of 16 columns, the weights increased by [`OFFSET`] to be without sign;
/// `ROWS` is at most 6: 12 sums, 2 registers of weights, 1 of activations, 1 for the offset.
#[target_feature(enable = "avx2,avxvnni")]
fn tile<const ROWS: usize>(x: &[i8], packed: &[i8], to: &mut [Accumulator]) {
    let width = check_tile::<ROWS>(x, packed, to);
    let offset = _mm256_set1_epi8(OFFSET);
    let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
    for k in 0..width / GROUP {
        // SAFETY: `packed` holds 64 bytes for each group of inputs.
        let (a, b) = unsafe {
            let group: *const __m256i = packed.as_ptr().add(k * LANES * GROUP).cast();
            (_mm256_loadu_si256(group), _mm256_loadu_si256(group.add(1)))
        };
        let (a, b) = (_mm256_xor_si256(a, offset), _mm256_xor_si256(b, offset));
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `x` holds `width` numbers for each row, four of them for each group.
            let x = unsafe { x.as_ptr().add(row * width + k * GROUP).cast::<i32>().read_unaligned() };
            let x = _mm256_set1_epi32(x);
            sums[0] = _mm256_dpbusd_avx_epi32(sums[0], a, x);
            sums[1] = _mm256_dpbusd_avx_epi32(sums[1], b, x);
        }
    }
    add(&sums, to);
}
