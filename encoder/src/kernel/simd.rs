//! Vectors of sixteen float32 numbers.
//!
//! Every operation is one of IEEE 754's, correctly rounded, and reductions follow one tree, so that a processor with registers of 4,
//! 8 or 16 numbers gives the same bits.

/// Numbers in a [`SimdF32`].
pub const LANES: usize = 16;

/// Added to a number below 2^22 in size, leaves it rounded to an integer (ties to even) in the low bits.
pub const ROUNDER: f32 = 12_582_912.0;

pub trait SimdF32: Copy {
    fn splat(x: f32) -> Self;
    fn load(from: &[f32; LANES]) -> Self;
    fn store(self, to: &mut [f32; LANES]);
    fn from_i8(from: &[i8; LANES]) -> Self;
    /// int32 numbers, rounded to nearest.
    fn from_i32(from: &[i32; LANES]) -> Self;

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// `self * by + plus`, rounded once.
    fn fma(self, by: Self, plus: Self) -> Self;
    /// The larger of both; `other` where they are not ordered.
    fn max(self, other: Self) -> Self;
    /// The smaller of both; `other` where they are not ordered.
    fn min(self, other: Self) -> Self;
    fn abs(self) -> Self;
    /// `self` times 2^n, where `rounded` is n + [`ROUNDER`]; neither may leave the normal numbers.
    fn mul_exp2(self, rounded: Self) -> Self;
    /// The low eight bits of the integers n, where `self` is n + [`ROUNDER`].
    fn store_rounded(self, to: &mut [i8; LANES]);

    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }

    /// Rows to columns.
    #[inline(always)]
    fn transpose(rows: [Self; LANES]) -> [Self; LANES] {
        let (mut from, mut to) = ([[0.0; LANES]; LANES], [[0.0; LANES]; LANES]);
        for (row, from) in rows.into_iter().zip(&mut from) {
            row.store(from);
        }
        for (column, to) in to.iter_mut().enumerate() {
            for (from, to) in from.iter().zip(to) {
                *to = from[column];
            }
        }
        let mut columns = rows;
        for (column, to) in columns.iter_mut().zip(&to) {
            *column = Self::load(to);
        }
        columns
    }

    /// Sum of all lanes: halves are added until one number is left, 16 to 8, 4, 2, 1.
    fn sum(self) -> f32;
    fn reduce_max(self) -> f32;
}

/// A slice whose length is a multiple of [`LANES`], by so many.
#[inline(always)]
pub fn lanes(x: &[f32]) -> impl Iterator<Item = &[f32; LANES]> {
    x.as_chunks().0.iter()
}
