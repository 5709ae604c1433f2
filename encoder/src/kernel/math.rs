//! Functions of numbers and rows.

use super::isa::Simd;
use super::simd::{LANES, ROUNDER, SimdF32, lanes};

/// e^x for x <= 0, to 2 units in the last place; below -87, where it is less than 2e-38, as at -87. Cephes' `expf`.
#[inline(always)]
pub fn exp<F: SimdF32>(x: F) -> F {
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const POLYNOMIAL: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5];
    let x = x.max(F::splat(-87.0));
    let rounded = x.fma(F::splat(std::f32::consts::LOG2_E), F::splat(ROUNDER));
    let n = rounded.sub(F::splat(ROUNDER));
    let rest = n.fma(F::splat(-LN_2[1]), n.fma(F::splat(-LN_2[0]), x));
    let p = polynomial(rest, POLYNOMIAL);
    p.fma(rest.mul(rest), rest).add(F::splat(1.0)).mul_exp2(rounded)
}

/// x times the normal distribution function, to 3e-7 of the larger of |x| and 1.
///
/// erf by a quotient of polynomials, as in Eigen's `generic_fast_erf_float`.
#[inline(always)]
pub fn gelu<F: SimdF32>(x: F) -> F {
    const ABOVE: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const BELOW: [f32; 5] = [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_474e-2];
    let z = x.mul(F::splat(std::f32::consts::FRAC_1_SQRT_2)).min(F::splat(4.0)).max(F::splat(-4.0));
    let square = z.mul(z);
    let erf = z.mul(polynomial(square, ABOVE)).div(polynomial(square, BELOW));
    let half = x.mul(F::splat(0.5));
    half.fma(erf, half)
}

/// By Horner's rule, highest power first.
#[inline(always)]
fn polynomial<F: SimdF32, const N: usize>(x: F, coefficients: [f32; N]) -> F {
    let mut sum = F::splat(coefficients[0]);
    for c in &coefficients[1..] {
        sum = sum.fma(x, F::splat(*c));
    }
    sum
}

/// Gain and beta of a layer normalisation, `[width]` each.
#[derive(Clone, Copy)]
pub struct Norm<'a> {
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

impl Norm<'_> {
    /// Normalises a row to mean 0 and variance 1, then applies gamma and beta.
    #[inline(always)]
    pub fn apply<S: Simd>(&self, x: &mut [f32]) {
        let width = x.len() as f32;
        let mean = S::F::splat(total::<S>(x) / width);
        let mut squares = S::F::zero();
        for x in lanes(x) {
            let off = S::F::load(x).sub(mean);
            squares = off.fma(off, squares);
        }
        let scale = S::F::splat(1.0 / (squares.sum() / width + self.epsilon).sqrt());
        for ((x, gamma), beta) in x.as_chunks_mut::<LANES>().0.iter_mut().zip(lanes(self.gamma)).zip(lanes(self.beta)) {
            S::F::load(x).sub(mean).mul(scale).fma(S::F::load(gamma), S::F::load(beta)).store(x);
        }
    }
}

#[inline(always)]
pub fn total<S: Simd>(x: &[f32]) -> f32 {
    let mut sum = S::F::zero();
    for x in lanes(x) {
        sum = sum.add(S::F::load(x));
    }
    sum.sum()
}

/// `x += y`.
#[inline(always)]
pub fn add_row<S: Simd>(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.as_chunks_mut::<LANES>().0.iter_mut().zip(lanes(y)) {
        S::F::load(x).add(S::F::load(y)).store(x);
    }
}

/// Divides a row by its length in the Euclidean sense.
#[inline(always)]
pub fn to_unit_length<S: Simd>(x: &mut [f32]) {
    let mut squares = S::F::zero();
    for x in lanes(x) {
        squares = S::F::load(x).fma(S::F::load(x), squares);
    }
    let length = S::F::splat(squares.sum().sqrt());
    for x in x.as_chunks_mut().0 {
        S::F::load(x).div(length).store(x);
    }
}
