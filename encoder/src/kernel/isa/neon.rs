//! NEON: four registers of four numbers; products of int8 by `sdot`, where the processor has it, or by `smull`.

use std::arch::aarch64::*;
use std::arch::asm;
use std::array::from_fn;

use super::{Simd, WithSimd};
use crate::kernel::gemm::{Accumulator, Epilogue, GROUP, MicroKernel, Weights, blocked, check_tile};
use crate::kernel::quantize::QuantizedRows;
use crate::kernel::simd::{LANES, SimdF32};

/// NEON, which every 64-bit Arm processor has.
pub struct Neon;

/// NEON with the dot product of FEAT_DotProd (Armv8.2).
pub struct NeonDot;

impl Simd for Neon {
    type F = F32x4x4;

    fn available() -> bool {
        std::arch::is_aarch64_feature_detected!("neon")
    }

    #[target_feature(enable = "neon")]
    unsafe fn call(work: impl WithSimd) {
        work.with_simd::<Self>();
    }

    #[inline(always)]
    fn gemm(rows: &QuantizedRows, weights: &Weights, epilogue: &mut impl Epilogue) {
        blocked::<Self, Self>(rows, weights, epilogue);
    }
}

impl Simd for NeonDot {
    type F = F32x4x4;

    fn available() -> bool {
        Neon::available() && std::arch::is_aarch64_feature_detected!("dotprod")
    }

    #[target_feature(enable = "neon,dotprod")]
    unsafe fn call(work: impl WithSimd) {
        work.with_simd::<Self>();
    }

    #[inline(always)]
    fn gemm(rows: &QuantizedRows, weights: &Weights, epilogue: &mut impl Epilogue) {
        blocked::<Self, Self>(rows, weights, epilogue);
    }
}

impl MicroKernel for Neon {
    const MR: usize = 4;

    #[inline(always)]
    fn multiply<const BLOCKS: usize>(x: &[i8], packed: [&[i8]; BLOCKS], sums: [&mut [Accumulator]; BLOCKS]) {
        for (packed, sums) in packed.into_iter().zip(sums) {
            // SAFETY: called where NEON is available, see `Simd`.
            unsafe {
                match sums.len() {
                    1 => tile_long::<1>(x, packed, sums),
                    2 => tile_long::<2>(x, packed, sums),
                    3 => tile_long::<3>(x, packed, sums),
                    _ => tile_long::<4>(x, packed, sums),
                }
            }
        }
    }
}

impl MicroKernel for NeonDot {
    const MR: usize = 5;

    #[inline(always)]
    fn multiply<const BLOCKS: usize>(x: &[i8], packed: [&[i8]; BLOCKS], sums: [&mut [Accumulator]; BLOCKS]) {
        for (packed, sums) in packed.into_iter().zip(sums) {
            // SAFETY: called where FEAT_DotProd is available, see `Simd`.
            unsafe {
                match sums.len() {
                    1 => tile_dot::<1>(x, packed, sums),
                    2 => tile_dot::<2>(x, packed, sums),
                    3 => tile_dot::<3>(x, packed, sums),
                    4 => tile_dot::<4>(x, packed, sums),
                    _ => tile_dot::<5>(x, packed, sums),
                }
            }
        }
    }
}

/// Adds the products of rows of activations and one block of 16 columns by `smull`, which multiplies int8 to int16; with 4 rows
/// there are 16 sums.
///
/// Pairs of products are added in int16, which cannot overflow: an activation is at most 127 in magnitude and a weight at most 128,
/// 2 * 127 * 128 = 32,512.
#[target_feature(enable = "neon")]
fn tile_long<const ROWS: usize>(x: &[i8], packed: &[i8], to: &mut [Accumulator]) {
    let width = check_tile::<ROWS>(x, packed, to);
    let mut sums = [[vdupq_n_s32(0); 4]; ROWS];
    for k in 0..width / GROUP {
        let weights = group(packed, k);
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `x` holds `width` numbers for each row, four of them for each group.
            let x = unsafe { x.as_ptr().add(row * width + k * GROUP).cast::<i32>().read_unaligned() };
            let x = vreinterpret_s8_s32(vdup_n_s32(x));
            for (sum, weights) in sums.iter_mut().zip(weights) {
                let low = vmull_s8(vget_low_s8(weights), x);
                let high = vmull_s8(vget_high_s8(weights), x);
                *sum = vpadalq_s16(*sum, vpaddq_s16(low, high));
            }
        }
    }
    add(&sums, to);
}

/// The same by `sdot`; with 5 rows there are 20 sums, 5 registers of activations and 4 of weights.
#[target_feature(enable = "neon,dotprod")]
fn tile_dot<const ROWS: usize>(x: &[i8], packed: &[i8], to: &mut [Accumulator]) {
    const STEP: usize = 16;
    let width = check_tile::<ROWS>(x, packed, to);
    assert!(width.is_multiple_of(STEP));
    /// Adds to each number of `sum` the products of four weights and the activations of a lane. Rust's own intrinsic is unstable.
    macro_rules! sdot {
        ($sum:expr, $weights:expr, $x:expr, $lane:literal) => {
            // SAFETY: computes with registers alone; the function has the instruction's feature.
            unsafe {
                asm!(
                    concat!("sdot {sum:v}.4s, {weights:v}.16b, {x:v}.4b[", $lane, "]"),
                    sum = inout(vreg) $sum,
                    weights = in(vreg) $weights,
                    x = in(vreg) $x,
                    options(pure, nomem, nostack, preserves_flags)
                )
            }
        };
    }
    macro_rules! by_lane {
        ($x:ident, $sums:ident, $k:expr, $($lane:literal)*) => {
            $(let weights = group(packed, $k + $lane);
            for (sums, x) in $sums.iter_mut().zip($x) {
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    sdot!(*sum, weights, x, $lane);
                }
            })*
        };
    }
    let mut sums = [[vdupq_n_s32(0); 4]; ROWS];
    for step in 0..width / STEP {
        let mut rows = [vdupq_n_s8(0); ROWS];
        for (row, to) in rows.iter_mut().enumerate() {
            // SAFETY: `x` holds `width` numbers for each row, sixteen of them for each step.
            *to = unsafe { vld1q_s8(x.as_ptr().add(row * width + step * STEP)) };
        }
        by_lane!(rows, sums, step * (STEP / GROUP), 0 1 2 3);
    }
    add(&sums, to);
}

/// Weights of a group of inputs, four columns in a register.
#[target_feature(enable = "neon")]
fn group(packed: &[i8], k: usize) -> [int8x16_t; 4] {
    let group: &[i8; LANES * GROUP] = packed[k * LANES * GROUP..].first_chunk().expect("weights of a group");
    // SAFETY: reads a quarter of the group's 64 bytes each.
    from_fn(|i| unsafe { vld1q_s8(group.as_ptr().add(i * 16)) })
}

/// Adds registers of four columns each to accumulators.
#[target_feature(enable = "neon")]
fn add(sums: &[[int32x4_t; 4]], to: &mut [Accumulator]) {
    for (to, sums) in to.iter_mut().zip(sums) {
        for (to, sum) in to.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
            // SAFETY: reads and writes the chunk's 4 numbers.
            unsafe { vst1q_s32(to.as_mut_ptr(), vaddq_s32(vld1q_s32(to.as_ptr()), *sum)) };
        }
    }
}

#[derive(Clone, Copy)]
pub struct F32x4x4([float32x4_t; 4]);

macro_rules! each {
    ($name:ident($a:ident, $b:ident) = $op:ident) => {
        #[inline(always)]
        fn $name(self, $b: Self) -> Self {
            // SAFETY: called where NEON is available, see `Simd`.
            F32x4x4(from_fn(|i| unsafe { $op(self.0[i], $b.0[i]) }))
        }
    };
}

// `fmax` and `fmin` would give a NaN where the numbers are not ordered.
#[target_feature(enable = "neon")]
fn larger(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    vbslq_f32(vcgtq_f32(a, b), a, b)
}

#[target_feature(enable = "neon")]
fn smaller(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    vbslq_f32(vcltq_f32(a, b), a, b)
}

/// Reduces 16 numbers to two, half by half.
macro_rules! reduced {
    ($x:expr, $op:ident) => {{
        let [a, b, c, d] = $x;
        let four = $op($op(a, c), $op(b, d));
        let two = $op(four, vextq_f32::<2>(four, four));
        [vgetq_lane_f32::<0>(two), vgetq_lane_f32::<1>(two)]
    }};
}

impl SimdF32 for F32x4x4 {
    each!(add(a, b) = vaddq_f32);
    each!(sub(a, b) = vsubq_f32);
    each!(mul(a, b) = vmulq_f32);
    each!(div(a, b) = vdivq_f32);
    each!(max(a, b) = larger);
    each!(min(a, b) = smaller);
    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: called where NEON is available, see `Simd`.
        F32x4x4([unsafe { vdupq_n_f32(x) }; 4])
    }
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        // SAFETY: called where NEON is available, see `Simd`; reads a quarter of the array.
        F32x4x4(from_fn(|i| unsafe { vld1q_f32(from.as_ptr().add(4 * i)) }))
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        for (x, to) in self.0.into_iter().zip(to.as_chunks_mut::<4>().0) {
            // SAFETY: called where NEON is available, see `Simd`; writes the chunk's 4 numbers.
            unsafe { vst1q_f32(to.as_mut_ptr(), x) };
        }
    }
    #[inline(always)]
    fn from_i8(from: &[i8; LANES]) -> Self {
        // SAFETY: called where NEON is available, see `Simd`; reads the array's 16 bytes.
        unsafe {
            let bytes = vld1q_s8(from.as_ptr());
            let (low, high) = (vmovl_s8(vget_low_s8(bytes)), vmovl_s8(vget_high_s8(bytes)));
            let quarters = [vget_low_s16(low), vget_high_s16(low), vget_low_s16(high), vget_high_s16(high)];
            F32x4x4(quarters.map(|x| vcvtq_f32_s32(vmovl_s16(x))))
        }
    }
    #[inline(always)]
    fn from_i32(from: &[i32; LANES]) -> Self {
        // SAFETY: called where NEON is available, see `Simd`; reads a quarter of the array.
        F32x4x4(from_fn(|i| unsafe { vcvtq_f32_s32(vld1q_s32(from.as_ptr().add(4 * i))) }))
    }
    #[inline(always)]
    fn fma(self, by: Self, plus: Self) -> Self {
        // SAFETY: called where NEON is available, see `Simd`.
        F32x4x4(from_fn(|i| unsafe { vfmaq_f32(plus.0[i], self.0[i], by.0[i]) }))
    }
    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: called where NEON is available, see `Simd`.
        F32x4x4(self.0.map(|x| unsafe { vabsq_f32(x) }))
    }
    #[inline(always)]
    fn mul_exp2(self, rounded: Self) -> Self {
        // SAFETY: called where NEON is available, see `Simd`.
        F32x4x4(from_fn(|i| unsafe {
            let shifted = vshlq_n_s32::<23>(vreinterpretq_s32_f32(rounded.0[i]));
            vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(self.0[i]), shifted))
        }))
    }
    #[inline(always)]
    fn store_rounded(self, to: &mut [i8; LANES]) {
        // SAFETY: called where NEON is available, see `Simd`; writes the array's 16 bytes.
        unsafe {
            let [a, b, c, d] = self.0.map(|x| vmovn_s32(vreinterpretq_s32_f32(x)));
            let bytes = vcombine_s8(vmovn_s16(vcombine_s16(a, b)), vmovn_s16(vcombine_s16(c, d)));
            vst1q_s8(to.as_mut_ptr(), bytes);
        }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        // SAFETY: called where NEON is available, see `Simd`.
        let [a, b] = unsafe { reduced!(self.0, vaddq_f32) };
        a + b
    }
    #[inline(always)]
    fn reduce_max(self) -> f32 {
        // SAFETY: called where NEON is available, see `Simd`.
        let [a, b] = unsafe { reduced!(self.0, larger) };
        if a > b { a } else { b }
    }
}
