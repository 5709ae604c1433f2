//! AVX2 with FMA: two registers of eight numbers; products of int8 by `vpmaddubsw`.

use std::arch::x86_64::*;

use super::{Simd, WithSimd};
use crate::kernel::gemm::{Accumulator, Epilogue, GROUP, MicroKernel, Weights, blocked, check_tile};
use crate::kernel::quantize::QuantizedRows;
use crate::kernel::simd::{LANES, SimdF32};

pub struct Avx2;

impl Simd for Avx2 {
    type F = F32x8x2;

    fn available() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn call(work: impl WithSimd) {
        work.with_simd::<Self>();
    }

    #[inline(always)]
    fn gemm(rows: &QuantizedRows, weights: &Weights, epilogue: &mut impl Epilogue) {
        blocked::<Self, Self>(rows, weights, epilogue);
    }
}

impl MicroKernel for Avx2 {
    const MR: usize = 4;

    #[inline(always)]
    fn multiply<const BLOCKS: usize>(x: &[i8], packed: [&[i8]; BLOCKS], sums: [&mut [Accumulator]; BLOCKS]) {
        for (packed, sums) in packed.into_iter().zip(sums) {
            // SAFETY: called where AVX2 is available, see `Simd`.
            unsafe {
                match sums.len() {
                    1 => tile::<1>(x, packed, sums),
                    2 => tile::<2>(x, packed, sums),
                    3 => tile::<3>(x, packed, sums),
                    _ => tile::<4>(x, packed, sums),
                }
            }
        }
    }
}

/// Adds the products of rows of activations and one block of 16 columns; `ROWS` is at most 4, for 16 registers.
///
/// `vpmaddubsw` multiplies bytes without sign by bytes with one, and adds pairs of products in int16 with saturation. So it gets the
/// weight's magnitude, and the activation with the weight's sign: the same products. It cannot saturate, since an activation is
/// at most 127 in magnitude and a weight at most 128: 2 * 127 * 128 = 32,512 is below 2^15.
#[target_feature(enable = "avx2")]
fn tile<const ROWS: usize>(x: &[i8], packed: &[i8], to: &mut [Accumulator]) {
    let width = check_tile::<ROWS>(x, packed, to);
    let ones = _mm256_set1_epi16(1);
    let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
    for k in 0..width / GROUP {
        // SAFETY: `packed` holds 64 bytes for each group of inputs.
        let weights = unsafe {
            let group: *const __m256i = packed.as_ptr().add(k * LANES * GROUP).cast();
            [_mm256_loadu_si256(group), _mm256_loadu_si256(group.add(1))]
        };
        let magnitudes = [_mm256_abs_epi8(weights[0]), _mm256_abs_epi8(weights[1])];
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `x` holds `width` numbers for each row, four of them for each group.
            let x = unsafe { x.as_ptr().add(row * width + k * GROUP).cast::<i32>().read_unaligned() };
            let x = _mm256_set1_epi32(x);
            for half in 0..2 {
                let pairs = _mm256_maddubs_epi16(magnitudes[half], _mm256_sign_epi8(x, weights[half]));
                sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(pairs, ones));
            }
        }
    }
    add(&sums, to);
}

/// Adds registers of 8 columns each to accumulators.
#[target_feature(enable = "avx2")]
pub fn add(sums: &[[__m256i; 2]], to: &mut [Accumulator]) {
    for (to, sums) in to.iter_mut().zip(sums) {
        for (to, sum) in to.as_chunks_mut::<8>().0.iter_mut().zip(sums) {
            let to: *mut __m256i = to.as_mut_ptr().cast();
            // SAFETY: reads and writes the chunk's 8 numbers.
            unsafe { _mm256_storeu_si256(to, _mm256_add_epi32(_mm256_loadu_si256(to), *sum)) };
        }
    }
}

#[derive(Clone, Copy)]
pub struct F32x8x2(__m256, __m256);

macro_rules! both {
    ($name:ident($a:ident $(, $b:ident)*) = $op:ident) => {
        #[inline(always)]
        fn $name(self $(, $b: Self)*) -> Self {
            // SAFETY: called where AVX2 and FMA are available, see `Simd`.
            unsafe { F32x8x2($op(self.0 $(, $b.0)*), $op(self.1 $(, $b.1)*)) }
        }
    };
}

/// Reduces 8 numbers to one, half by half, by an operation on four and on one.
macro_rules! reduced {
    ($x:expr, $packed:ident, $single:ident) => {{
        let x = $packed(_mm256_castps256_ps128($x), _mm256_extractf128_ps::<1>($x));
        let x = $packed(x, _mm_movehl_ps(x, x));
        _mm_cvtss_f32($single(x, _mm_shuffle_ps::<1>(x, x)))
    }};
}
pub(super) use reduced;

impl SimdF32 for F32x8x2 {
    both!(add(a, b) = _mm256_add_ps);
    both!(sub(a, b) = _mm256_sub_ps);
    both!(mul(a, b) = _mm256_mul_ps);
    both!(div(a, b) = _mm256_div_ps);
    both!(fma(a, b, c) = _mm256_fmadd_ps);
    both!(max(a, b) = _mm256_max_ps);
    both!(min(a, b) = _mm256_min_ps);
    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: called where AVX2 is available, see `Simd`.
        unsafe { F32x8x2(_mm256_set1_ps(x), _mm256_set1_ps(x)) }
    }
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        // SAFETY: called where AVX2 is available, see `Simd`; reads the array's 16 numbers.
        unsafe { F32x8x2(_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from.as_ptr().add(8))) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        // SAFETY: called where AVX2 is available, see `Simd`; writes the array's 16 numbers.
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), self.0);
            _mm256_storeu_ps(to.as_mut_ptr().add(8), self.1);
        }
    }
    #[inline(always)]
    fn from_i8(from: &[i8; LANES]) -> Self {
        // SAFETY: called where AVX2 is available, see `Simd`; reads the array's 16 bytes.
        unsafe {
            let bytes = _mm_loadu_si128(from.as_ptr().cast());
            let (low, high) = (_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128::<8>(bytes)));
            F32x8x2(_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high))
        }
    }
    #[inline(always)]
    fn from_i32(from: &[i32; LANES]) -> Self {
        // SAFETY: called where AVX2 is available, see `Simd`; reads the array's 16 numbers.
        unsafe {
            let (low, high) = (from.as_ptr().cast(), from.as_ptr().add(8).cast());
            F32x8x2(_mm256_cvtepi32_ps(_mm256_loadu_si256(low)), _mm256_cvtepi32_ps(_mm256_loadu_si256(high)))
        }
    }
    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: called where AVX2 is available, see `Simd`.
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            F32x8x2(_mm256_andnot_ps(sign, self.0), _mm256_andnot_ps(sign, self.1))
        }
    }
    #[inline(always)]
    fn mul_exp2(self, rounded: Self) -> Self {
        // SAFETY: called where AVX2 is available, see `Simd`.
        unsafe {
            let low = _mm256_slli_epi32::<23>(_mm256_castps_si256(rounded.0));
            let high = _mm256_slli_epi32::<23>(_mm256_castps_si256(rounded.1));
            F32x8x2(
                _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(self.0), low)),
                _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(self.1), high)),
            )
        }
    }
    #[inline(always)]
    fn store_rounded(self, to: &mut [i8; LANES]) {
        // SAFETY: called where AVX2 is available, see `Simd`; writes the array's 16 bytes.
        unsafe {
            // The low byte of each number, without sign, so that packing does not saturate.
            let mask = _mm256_set1_epi32(0xff);
            let low = _mm256_and_si256(_mm256_castps_si256(self.0), mask);
            let high = _mm256_and_si256(_mm256_castps_si256(self.1), mask);
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(low, high));
            let bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
            _mm_storeu_si128(to.as_mut_ptr().cast(), bytes);
        }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        // SAFETY: called where AVX2 is available, see `Simd`.
        unsafe { reduced!(_mm256_add_ps(self.0, self.1), _mm_add_ps, _mm_add_ss) }
    }
    #[inline(always)]
    fn reduce_max(self) -> f32 {
        // SAFETY: called where AVX2 is available, see `Simd`.
        unsafe { reduced!(_mm256_max_ps(self.0, self.1), _mm_max_ps, _mm_max_ss) }
    }
}
