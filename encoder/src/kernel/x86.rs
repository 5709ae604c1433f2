//! Lanes and matrix products by AVX2 and by AVX-512 with VNNI.
//!
//! No closures here, nor in what is generic over `Arch`: one that is not inlined is compiled without these instruction sets, and
//! every operation in it becomes a call.

use std::arch::x86_64::*;

use super::gemm::{GROUP, Tile};
use super::lanes::{LANES, Lanes};

/// Two registers of eight. Made and used only where AVX2 and FMA are there.
#[derive(Clone, Copy)]
pub struct Avx2(__m256, __m256);

/// One register of sixteen. Made and used only where AVX-512 F, BW and VL are there.
#[derive(Clone, Copy)]
pub struct Avx512(__m512);

// SAFETY of the blocks in both impls: `Level` runs code that is generic over them only on processors that have their instructions;
// loads and stores go through references to arrays of the width that they read and write.
macro_rules! both {
    ($name:ident($a:ident $(, $b:ident)*) = $op:ident) => {
        #[inline(always)]
        fn $name(self $(, $b: Self)*) -> Self {
            unsafe { Avx2($op(self.0 $(, $b.0)*), $op(self.1 $(, $b.1)*)) }
        }
    };
}

/// Folds 8 numbers to one, half by half.
macro_rules! folded {
    ($x:expr, $whole:ident, $single:ident) => {{
        let x = $whole(_mm256_castps256_ps128($x), _mm256_extractf128_ps::<1>($x));
        let x = $whole(x, _mm_movehl_ps(x, x));
        _mm_cvtss_f32($single(x, _mm_shuffle_ps::<1>(x, x)))
    }};
}

impl Lanes for Avx2 {
    both!(add(a, b) = _mm256_add_ps);
    both!(sub(a, b) = _mm256_sub_ps);
    both!(mul(a, b) = _mm256_mul_ps);
    both!(div(a, b) = _mm256_div_ps);
    both!(fma(a, b, c) = _mm256_fmadd_ps);
    both!(max(a, b) = _mm256_max_ps);
    both!(min(a, b) = _mm256_min_ps);
    #[inline(always)]
    fn splat(x: f32) -> Self {
        unsafe { Avx2(_mm256_set1_ps(x), _mm256_set1_ps(x)) }
    }
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        unsafe { Avx2(_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from.as_ptr().add(8))) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), self.0);
            _mm256_storeu_ps(to.as_mut_ptr().add(8), self.1);
        }
    }
    #[inline(always)]
    fn from_bytes(from: &[i8; LANES]) -> Self {
        unsafe {
            let bytes = _mm_loadu_si128(from.as_ptr().cast());
            let (low, high) = (_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128::<8>(bytes)));
            Avx2(_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high))
        }
    }
    #[inline(always)]
    fn from_integers(from: &[i32; LANES]) -> Self {
        unsafe {
            let (low, high) = (from.as_ptr().cast(), from.as_ptr().add(8).cast());
            Avx2(_mm256_cvtepi32_ps(_mm256_loadu_si256(low)), _mm256_cvtepi32_ps(_mm256_loadu_si256(high)))
        }
    }
    #[inline(always)]
    fn abs(self) -> Self {
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            Avx2(_mm256_andnot_ps(sign, self.0), _mm256_andnot_ps(sign, self.1))
        }
    }
    #[inline(always)]
    fn times_two_to(self, rounded: Self) -> Self {
        unsafe {
            let low = _mm256_slli_epi32::<23>(_mm256_castps_si256(rounded.0));
            let high = _mm256_slli_epi32::<23>(_mm256_castps_si256(rounded.1));
            Avx2(
                _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(self.0), low)),
                _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(self.1), high)),
            )
        }
    }
    #[inline(always)]
    fn store_rounded(self, to: &mut [i16; LANES]) {
        unsafe {
            let low = _mm256_srai_epi32::<16>(_mm256_slli_epi32::<16>(_mm256_castps_si256(self.0)));
            let high = _mm256_srai_epi32::<16>(_mm256_slli_epi32::<16>(_mm256_castps_si256(self.1)));
            let packed = _mm256_packs_epi32(low, high);
            _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm256_permute4x64_epi64::<0b11_01_10_00>(packed));
        }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe { folded!(_mm256_add_ps(self.0, self.1), _mm_add_ps, _mm_add_ss) }
    }
    #[inline(always)]
    fn largest(self) -> f32 {
        unsafe { folded!(_mm256_max_ps(self.0, self.1), _mm_max_ps, _mm_max_ss) }
    }
}

macro_rules! one {
    ($name:ident($a:ident $(, $b:ident)*) = $op:ident) => {
        #[inline(always)]
        fn $name(self $(, $b: Self)*) -> Self {
            unsafe { Avx512($op(self.0 $(, $b.0)*)) }
        }
    };
}

impl Lanes for Avx512 {
    one!(add(a, b) = _mm512_add_ps);
    one!(sub(a, b) = _mm512_sub_ps);
    one!(mul(a, b) = _mm512_mul_ps);
    one!(div(a, b) = _mm512_div_ps);
    one!(fma(a, b, c) = _mm512_fmadd_ps);
    one!(max(a, b) = _mm512_max_ps);
    one!(min(a, b) = _mm512_min_ps);
    one!(abs(a) = _mm512_abs_ps);
    #[inline(always)]
    fn splat(x: f32) -> Self {
        unsafe { Avx512(_mm512_set1_ps(x)) }
    }
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        unsafe { Avx512(_mm512_loadu_ps(from.as_ptr())) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self.0) }
    }
    #[inline(always)]
    fn from_bytes(from: &[i8; LANES]) -> Self {
        unsafe { Avx512(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.as_ptr().cast())))) }
    }
    #[inline(always)]
    fn from_integers(from: &[i32; LANES]) -> Self {
        unsafe { Avx512(_mm512_cvtepi32_ps(_mm512_loadu_si512(from.as_ptr().cast()))) }
    }
    #[inline(always)]
    fn times_two_to(self, rounded: Self) -> Self {
        unsafe {
            let shifted = _mm512_slli_epi32::<23>(_mm512_castps_si512(rounded.0));
            Avx512(_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(self.0), shifted)))
        }
    }
    #[inline(always)]
    fn store_rounded(self, to: &mut [i16; LANES]) {
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm512_cvtepi32_epi16(_mm512_castps_si512(self.0))) }
    }
    #[inline(always)]
    fn transpose(rows: [Self; LANES]) -> [Self; LANES] {
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
                columns[i] = Avx512(_mm512_shuffle_f32x4::<0b10_00_10_00>(even, even_too));
                columns[4 + i] = Avx512(_mm512_shuffle_f32x4::<0b10_00_10_00>(odd, odd_too));
                columns[8 + i] = Avx512(_mm512_shuffle_f32x4::<0b11_01_11_01>(even, even_too));
                columns[12 + i] = Avx512(_mm512_shuffle_f32x4::<0b11_01_11_01>(odd, odd_too));
            }
            columns
        }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            folded!(_mm256_add_ps(_mm512_castps512_ps256(self.0), high), _mm_add_ps, _mm_add_ss)
        }
    }
    #[inline(always)]
    fn largest(self) -> f32 {
        unsafe {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            folded!(_mm256_max_ps(_mm512_castps512_ps256(self.0), high), _mm_max_ps, _mm_max_ss)
        }
    }
}

/// Adds the products of rows of activations and one block of 16 columns, by `vpmaddwd`; `ROWS` is at most 6.
///
/// A register of weights holds 4 columns x 4 inputs, so that a sum has two parts, which are added at the end. Eight columns at a time:
/// 12 sums, 2 registers of weights and 1 of activations are 15 of the 16 registers.
#[target_feature(enable = "avx2")]
pub fn tile_avx2<const ROWS: usize>(rows: [&[i16]; ROWS], weights: &[i8], to: &mut [Tile]) {
    for half in 0..2 {
        let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
        let (groups, _) = weights.as_chunks::<{ LANES * GROUP }>();
        for (k, group) in groups.iter().enumerate() {
            let packed: *const i8 = group[32 * half..].as_ptr();
            // SAFETY: reads 16 bytes each of the group's last 64 - 32 * half.
            let (a, b) = unsafe {
                let (a, b) = (_mm_loadu_si128(packed.cast()), _mm_loadu_si128(packed.add(16).cast()));
                (_mm256_cvtepi8_epi16(a), _mm256_cvtepi8_epi16(b))
            };
            for (sums, row) in sums.iter_mut().zip(rows) {
                debug_assert!(row.len() >= GROUP * groups.len());
                // SAFETY: every row holds four numbers for each group.
                let x = unsafe { _mm256_set1_epi64x(row.as_ptr().add(GROUP * k).cast::<i64>().read_unaligned()) };
                sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(x, a));
                sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(x, b));
            }
        }
        for (tile, [a, b]) in to.iter_mut().zip(sums) {
            // Pairs are added within each half of a register: columns 0, 1, 4, 5, 2, 3, 6, 7.
            let joined = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(a, b));
            // SAFETY: reads and writes 8 of the tile's 16 numbers.
            unsafe {
                let to = tile.as_mut_ptr().add(8 * half).cast();
                _mm256_storeu_si256(to, _mm256_add_epi32(_mm256_loadu_si256(to), joined));
            }
        }
    }
}

/// The same by `vpdpwssd`; `ROWS` is at most 12.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn tile_vnni<const ROWS: usize>(rows: [&[i16]; ROWS], weights: &[i8], to: &mut [Tile]) {
    let mut sums = [[_mm512_setzero_si512(); 2]; ROWS];
    let (groups, _) = weights.as_chunks::<{ LANES * GROUP }>();
    for (k, group) in groups.iter().enumerate() {
        let packed: *const i8 = group.as_ptr();
        // SAFETY: reads 32 bytes each of the group's 64.
        let (a, b) = unsafe {
            let (a, b) = (_mm256_loadu_si256(packed.cast()), _mm256_loadu_si256(packed.add(32).cast()));
            (_mm512_cvtepi8_epi16(a), _mm512_cvtepi8_epi16(b))
        };
        for (sums, row) in sums.iter_mut().zip(rows) {
            debug_assert!(row.len() >= GROUP * groups.len());
            // SAFETY: every row holds four numbers for each group.
            let x = unsafe { _mm512_set1_epi64(row.as_ptr().add(GROUP * k).cast::<i64>().read_unaligned()) };
            sums[0] = _mm512_dpwssd_epi32(sums[0], x, a);
            sums[1] = _mm512_dpwssd_epi32(sums[1], x, b);
        }
    }
    let even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    let odd = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    for (tile, [a, b]) in to.iter_mut().zip(sums) {
        let joined = _mm512_add_epi32(_mm512_permutex2var_epi32(a, even, b), _mm512_permutex2var_epi32(a, odd, b));
        // SAFETY: reads and writes the tile's 16 numbers.
        unsafe {
            let to = tile.as_mut_ptr().cast();
            _mm512_storeu_si512(to, _mm512_add_epi32(_mm512_loadu_si512(to.cast_const()), joined));
        }
    }
}
