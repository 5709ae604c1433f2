//! Plain Rust: for processors without the other instruction sets, and the judge of those.

use super::{Simd, WithSimd};
use crate::kernel::gemm::{Accumulator, Epilogue, GROUP, MicroKernel, Weights, blocked};
use crate::kernel::quantize::QuantizedRows;
use crate::kernel::simd::{LANES, SimdF32};

pub struct Portable;

impl Simd for Portable {
    type F = F32x16;

    fn available() -> bool {
        true
    }

    unsafe fn call(work: impl WithSimd) {
        work.with_simd::<Self>();
    }

    fn gemm(rows: &QuantizedRows, weights: &Weights, epilogue: &mut impl Epilogue) {
        blocked::<Self, Self>(rows, weights, epilogue);
    }
}

impl MicroKernel for Portable {
    const MR: usize = 1;

    fn multiply<const BLOCKS: usize>(x: &[i8], packed: [&[i8]; BLOCKS], sums: [&mut [Accumulator]; BLOCKS]) {
        for (packed, sums) in packed.into_iter().zip(sums) {
            let (groups, _) = packed.as_chunks::<{ LANES * GROUP }>();
            for (group, x) in groups.iter().zip(x.as_chunks::<GROUP>().0) {
                for (sum, weights) in sums[0].iter_mut().zip(group.as_chunks::<GROUP>().0) {
                    *sum += (0..GROUP).map(|i| i32::from(x[i]) * i32::from(weights[i])).sum::<i32>();
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
pub struct F32x16([f32; LANES]);

impl F32x16 {
    #[inline(always)]
    fn map(self, f: impl Fn(f32) -> f32) -> Self {
        F32x16(self.0.map(f))
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        F32x16(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl SimdF32 for F32x16 {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        F32x16([x; LANES])
    }
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        F32x16(*from)
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        *to = self.0;
    }
    #[inline(always)]
    fn from_i8(from: &[i8; LANES]) -> Self {
        F32x16(from.map(f32::from))
    }
    #[inline(always)]
    fn from_i32(from: &[i32; LANES]) -> Self {
        F32x16(from.map(|x| x as f32))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    fn fma(self, by: Self, plus: Self) -> Self {
        F32x16(std::array::from_fn(|i| self.0[i].mul_add(by.0[i], plus.0[i])))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.map(f32::abs)
    }
    #[inline(always)]
    fn mul_exp2(self, rounded: Self) -> Self {
        self.zip(rounded, |x, n| f32::from_bits(x.to_bits().wrapping_add(n.to_bits() << 23)))
    }
    #[inline(always)]
    fn store_rounded(self, to: &mut [i8; LANES]) {
        *to = self.0.map(|x| x.to_bits() as i8);
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        let mut x = self.0;
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                x[i] += x[i + half];
            }
        }
        x[0]
    }
    #[inline(always)]
    fn reduce_max(self) -> f32 {
        self.0.into_iter().reduce(|a, b| if a > b { a } else { b }).unwrap_or(f32::NAN)
    }
}
