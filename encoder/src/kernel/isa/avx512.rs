//! AVX-512 with VNNI: one register of sixteen numbers; products of int8 by `vpdpbusd` on registers of 64 bytes.

use std::arch::x86_64::*;

use super::avx2::{Avx2, reduced};
use super::avxvnni::{OFFSET, offset_start};
use super::{Simd, WithSimd};
use crate::kernel::gemm::{Accumulator, Epilogue, GROUP, MicroKernel, Weights, blocked, check_tile};
use crate::kernel::quantize::QuantizedRows;
use crate::kernel::simd::{LANES, SimdF32};

pub struct Avx512;

impl Simd for Avx512 {
    type F = F32x16;

    fn available() -> bool {
        Avx2::available()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni")
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn call(work: impl WithSimd) {
        work.with_simd::<Self>();
    }

    #[inline(always)]
    fn gemm(rows: &QuantizedRows, weights: &Weights, epilogue: &mut impl Epilogue) {
        blocked::<Self, Self>(rows, weights, epilogue);
    }
}

impl MicroKernel for Avx512 {
    const MR: usize = 12;

    #[inline(always)]
    fn start(row: &[i8]) -> i32 {
        offset_start(row)
    }

    #[inline(always)]
    fn multiply<const BLOCKS: usize>(x: &[i8], packed: [&[i8]; BLOCKS], sums: [&mut [Accumulator]; BLOCKS]) {
        macro_rules! by_rows {
            ($($rows:literal)*) => {
                match sums[0].len() {
                    // SAFETY: called where AVX-512 with VNNI is available, see `Simd`.
                    $($rows => unsafe { tile::<$rows, BLOCKS>(x, packed, sums) },)*
                    // SAFETY: the same.
                    _ => unsafe { tile::<12, BLOCKS>(x, packed, sums) },
                }
            };
        }
        by_rows!(1 2 3 4 5 6 7 8 9 10 11);
    }
}

/// Adds the products of rows of activations and blocks of 16 columns, the weights increased by [`OFFSET`] to be without sign; with
/// 12 rows and 2 blocks there are 24 sums, 2 registers of weights, 1 of activations and 1 for the offset.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn tile<const ROWS: usize, const BLOCKS: usize>(x: &[i8], packed: [&[i8]; BLOCKS], to: [&mut [Accumulator]; BLOCKS]) {
    let mut width = 0;
    for (packed, to) in packed.iter().zip(&to) {
        width = check_tile::<ROWS>(x, packed, to);
    }
    let offset = _mm512_set1_epi8(OFFSET);
    let mut sums = [[_mm512_setzero_si512(); BLOCKS]; ROWS];
    for k in 0..width / GROUP {
        let mut weights = [offset; BLOCKS];
        for (weights, packed) in weights.iter_mut().zip(packed) {
            // SAFETY: `packed` holds 64 bytes for each group of inputs.
            let group = unsafe { _mm512_loadu_si512(packed.as_ptr().add(k * LANES * GROUP).cast()) };
            *weights = _mm512_xor_si512(group, offset);
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `x` holds `width` numbers for each row, four of them for each group.
            let x = unsafe { x.as_ptr().add(row * width + k * GROUP).cast::<i32>().read_unaligned() };
            let x = _mm512_set1_epi32(x);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm512_dpbusd_epi32(*sum, weights, x);
            }
        }
    }
    for (block, to) in to.into_iter().enumerate() {
        for (to, sums) in to.iter_mut().zip(&sums) {
            let to: *mut __m512i = to.as_mut_ptr().cast();
            // SAFETY: reads and writes the accumulator's 16 numbers.
            unsafe { _mm512_storeu_si512(to, _mm512_add_epi32(_mm512_loadu_si512(to), sums[block])) };
        }
    }
}

#[derive(Clone, Copy)]
pub struct F32x16(__m512);

macro_rules! whole {
    ($name:ident($a:ident $(, $b:ident)*) = $op:ident) => {
        #[inline(always)]
        fn $name(self $(, $b: Self)*) -> Self {
            // SAFETY: called where AVX-512 F is available, see `Simd`.
            unsafe { F32x16($op(self.0 $(, $b.0)*)) }
        }
    };
}

impl SimdF32 for F32x16 {
    whole!(add(a, b) = _mm512_add_ps);
    whole!(sub(a, b) = _mm512_sub_ps);
    whole!(mul(a, b) = _mm512_mul_ps);
    whole!(div(a, b) = _mm512_div_ps);
    whole!(fma(a, b, c) = _mm512_fmadd_ps);
    whole!(max(a, b) = _mm512_max_ps);
    whole!(min(a, b) = _mm512_min_ps);
    whole!(abs(a) = _mm512_abs_ps);
    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: called where AVX-512 F is available, see `Simd`.
        unsafe { F32x16(_mm512_set1_ps(x)) }
    }
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        // SAFETY: called where AVX-512 F is available, see `Simd`; reads the array's 16 numbers.
        unsafe { F32x16(_mm512_loadu_ps(from.as_ptr())) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        // SAFETY: called where AVX-512 F is available, see `Simd`; writes the array's 16 numbers.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self.0) }
    }
    #[inline(always)]
    fn from_i8(from: &[i8; LANES]) -> Self {
        // SAFETY: called where AVX-512 F is available, see `Simd`; reads the array's 16 bytes.
        unsafe { F32x16(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.as_ptr().cast())))) }
    }
    #[inline(always)]
    fn from_i32(from: &[i32; LANES]) -> Self {
        // SAFETY: called where AVX-512 F is available, see `Simd`; reads the array's 16 numbers.
        unsafe { F32x16(_mm512_cvtepi32_ps(_mm512_loadu_si512(from.as_ptr().cast()))) }
    }
    #[inline(always)]
    fn mul_exp2(self, rounded: Self) -> Self {
        // SAFETY: called where AVX-512 F is available, see `Simd`.
        unsafe {
            let shifted = _mm512_slli_epi32::<23>(_mm512_castps_si512(rounded.0));
            F32x16(_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(self.0), shifted)))
        }
    }
    #[inline(always)]
    fn store_rounded(self, to: &mut [i8; LANES]) {
        // SAFETY: called where AVX-512 F is available, see `Simd`; writes the array's 16 bytes.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(_mm512_castps_si512(self.0))) }
    }
    #[inline(always)]
    fn transpose(rows: [Self; LANES]) -> [Self; LANES] {
        // SAFETY: called where AVX-512 F is available, see `Simd`.
        unsafe {
            // In each quarter of a register, 4 x 4 numbers change places; then the quarters do.
            let mut quarters = [_mm512_setzero_ps(); LANES];
            for i in 0..4 {
                let [a, b, c, d] = [rows[4 * i].0, rows[4 * i + 1].0, rows[4 * i + 2].0, rows[4 * i + 3].0];
                let (ab_low, ab_high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
                let (cd_low, cd_high) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
                quarters[4 * i] = _mm512_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low);
                quarters[4 * i + 1] = _mm512_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low);
                quarters[4 * i + 2] = _mm512_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high);
                quarters[4 * i + 3] = _mm512_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high);
            }
            let mut columns = rows;
            for i in 0..4 {
                let [a, b, c, d] = [quarters[i], quarters[4 + i], quarters[8 + i], quarters[12 + i]];
                let (even, odd) =
                    (_mm512_shuffle_f32x4::<0b10_00_10_00>(a, b), _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b));
                let (even_too, odd_too) =
                    (_mm512_shuffle_f32x4::<0b10_00_10_00>(c, d), _mm512_shuffle_f32x4::<0b11_01_11_01>(c, d));
                columns[i] = F32x16(_mm512_shuffle_f32x4::<0b10_00_10_00>(even, even_too));
                columns[4 + i] = F32x16(_mm512_shuffle_f32x4::<0b10_00_10_00>(odd, odd_too));
                columns[8 + i] = F32x16(_mm512_shuffle_f32x4::<0b11_01_11_01>(even, even_too));
                columns[12 + i] = F32x16(_mm512_shuffle_f32x4::<0b11_01_11_01>(odd, odd_too));
            }
            columns
        }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        // SAFETY: called where AVX-512 F is available, see `Simd`.
        unsafe {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            reduced!(_mm256_add_ps(_mm512_castps512_ps256(self.0), high), _mm_add_ps, _mm_add_ss)
        }
    }
    #[inline(always)]
    fn reduce_max(self) -> f32 {
        // SAFETY: called where AVX-512 F is available, see `Simd`.
        unsafe {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            reduced!(_mm256_max_ps(_mm512_castps512_ps256(self.0), high), _mm_max_ps, _mm_max_ss)
        }
    }
}
