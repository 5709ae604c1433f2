//! Sixteen float32 numbers that are computed with side by side.
//!
//! Every operation is one of IEEE 754's, correctly rounded, and sums over lanes follow one tree, so that a processor with vectors of
//! 4, 8 or 16 numbers gives the same bits.

/// Numbers in a [`Lanes`].
pub const LANES: usize = 16;

/// Added to a number below 2^22 in size, leaves it rounded to an integer (ties to even) in the low bits.
pub const ROUNDER: f32 = 12_582_912.0;

pub trait Lanes: Copy {
    fn splat(x: f32) -> Self;
    fn load(from: &[f32; LANES]) -> Self;
    fn store(self, to: &mut [f32; LANES]);
    /// int8 numbers as they are.
    fn from_bytes(from: &[i8; LANES]) -> Self;
    /// int32 numbers, rounded to nearest.
    fn from_integers(from: &[i32; LANES]) -> Self;

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
    fn times_two_to(self, rounded: Self) -> Self;
    /// The integers n, where `self` is n + [`ROUNDER`].
    fn store_rounded(self, to: &mut [i16; LANES]);

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

    /// Halves are added until one number is left: 16 to 8, 4, 2, 1.
    fn sum(self) -> f32;
    fn largest(self) -> f32;
}

/// Plain Rust, for processors without the instruction sets below, and the judge of those.
#[derive(Clone, Copy)]
pub struct Plain([f32; LANES]);

impl Plain {
    #[inline(always)]
    fn map(self, f: impl Fn(f32) -> f32) -> Self {
        Plain(self.0.map(f))
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Plain(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl Lanes for Plain {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Plain([x; LANES])
    }
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        Plain(*from)
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        *to = self.0;
    }
    #[inline(always)]
    fn from_bytes(from: &[i8; LANES]) -> Self {
        Plain(from.map(f32::from))
    }
    #[inline(always)]
    fn from_integers(from: &[i32; LANES]) -> Self {
        Plain(from.map(|x| x as f32))
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
        Plain(std::array::from_fn(|i| self.0[i].mul_add(by.0[i], plus.0[i])))
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
    fn times_two_to(self, rounded: Self) -> Self {
        self.zip(rounded, |x, n| f32::from_bits(x.to_bits().wrapping_add(n.to_bits() << 23)))
    }
    #[inline(always)]
    fn store_rounded(self, to: &mut [i16; LANES]) {
        *to = self.0.map(|x| x.to_bits() as i16);
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
    fn largest(self) -> f32 {
        self.0.into_iter().reduce(|a, b| if a > b { a } else { b }).unwrap_or(f32::NAN)
    }
}
