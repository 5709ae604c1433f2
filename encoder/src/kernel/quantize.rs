//! Quantised activations: int8, with one scale a row.

use super::gemm::WEIGHT_MAX;
use super::isa::Simd;
use super::simd::{LANES, ROUNDER, SimdF32, lanes};

/// Bits of a quantised activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ActivationBits {
    #[default]
    Eight,
    /// Multiplied in two passes of 8 bits: an activation is `high * 2^7 + low`, both of at most 64 in magnitude.
    Fourteen,
}

/// What a high part counts, in low ones.
const HIGH: f32 = 128.0;

impl ActivationBits {
    pub fn of(bits: i64) -> Option<ActivationBits> {
        [ActivationBits::Eight, ActivationBits::Fourteen].into_iter().find(|known| known.count() == bits)
    }

    fn count(self) -> i64 {
        match self {
            ActivationBits::Eight => 8,
            ActivationBits::Fourteen => 14,
        }
    }

    /// Largest magnitude of a quantised activation.
    pub fn max(self) -> i32 {
        (1 << (self.count() - 1)) - 1
    }

    /// What is wrong with sums of so many products, if anything is.
    pub fn check_inputs(self, ins: usize) -> Result<(), String> {
        match i32::try_from(ins).ok().and_then(|ins| ins.checked_mul(self.max() * WEIGHT_MAX)) {
            Some(_) => Ok(()),
            None => Err(format!("a layer of {ins} inputs: their products may not fit 32 bits")),
        }
    }
}

/// Rows of activations, `[count, width]`, quantised.
#[derive(Default)]
pub struct QuantizedRows {
    pub bits: ActivationBits,
    pub width: usize,
    /// `[count]`: what a row's integers are multiplied by.
    pub scales: Vec<f32>,
    /// `[lines, width]`: a row is one line or, of 14 bits, two, its high and its low parts.
    values: Vec<i8>,
}

impl QuantizedRows {
    /// Quantises `x`, `[rows, width]`: a row's largest magnitude becomes the largest of its integers.
    #[inline(always)]
    pub fn set<S: Simd>(&mut self, bits: ActivationBits, x: &[f32], width: usize) {
        let count = x.len() / width;
        (self.bits, self.width) = (bits, width);
        self.scales.resize(count, 0.0);
        match bits {
            ActivationBits::Eight => {
                self.values.resize(count * width, 0);
                let lines = self.values.chunks_exact_mut(width);
                for ((x, line), scale) in x.chunks_exact(width).zip(lines).zip(&mut self.scales) {
                    let inverse;
                    (*scale, inverse) = scale_of::<S>(bits, x);
                    for (x, to) in lanes(x).zip(line.as_chunks_mut().0) {
                        S::F::load(x).fma(S::F::splat(inverse), S::F::splat(ROUNDER)).store_rounded(to);
                    }
                }
            }
            ActivationBits::Fourteen => {
                self.values.resize(2 * count * width, 0);
                let lines = self.values.chunks_exact_mut(2 * width);
                for ((x, line), scale) in x.chunks_exact(width).zip(lines).zip(&mut self.scales) {
                    let inverse;
                    (*scale, inverse) = scale_of::<S>(bits, x);
                    let (high, low) = line.split_at_mut(width);
                    let parts = high.as_chunks_mut().0.iter_mut().zip(low.as_chunks_mut().0);
                    for (x, (high, low)) in lanes(x).zip(parts) {
                        split::<S>(x, inverse, high, low);
                    }
                }
            }
        }
    }

    /// Lines of int8 numbers: what is multiplied.
    pub fn lines(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// `[count, width]` from a line on.
    pub fn of(&self, first: usize, count: usize) -> &[i8] {
        &self.values[first * self.width..][..count * self.width]
    }
}

/// What a row's integers are to be multiplied by, and its inverse.
#[inline(always)]
fn scale_of<S: Simd>(bits: ActivationBits, x: &[f32]) -> (f32, f32) {
    let mut max_abs = S::F::zero();
    for x in lanes(x) {
        max_abs = S::F::load(x).abs().max(max_abs);
    }
    match max_abs.reduce_max() {
        0.0 => (0.0, 0.0),
        max_abs => (max_abs / bits.max() as f32, bits.max() as f32 / max_abs),
    }
}

/// Quantises to 14 bits, in parts. Every step but the first is exact.
#[inline(always)]
fn split<S: Simd>(x: &[f32; LANES], inverse: f32, high: &mut [i8; LANES], low: &mut [i8; LANES]) {
    let rounder = S::F::splat(ROUNDER);
    let whole = S::F::load(x).fma(S::F::splat(inverse), rounder).sub(rounder);
    let rounded = whole.fma(S::F::splat(1.0 / HIGH), rounder);
    rounded.store_rounded(high);
    rounded.sub(rounder).fma(S::F::splat(-HIGH), whole).add(rounder).store_rounded(low);
}
