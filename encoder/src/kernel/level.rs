//! What the processor can do, and code compiled once for each of it.

use std::sync::OnceLock;

use super::gemm::{Multiply, Rows, Sink, Tile, Weights, by_tiles, tile_plain};
use super::lanes::{Lanes, Plain};
#[cfg(target_arch = "x86_64")]
use crate::processor;

/// How numbers are computed with; every way gives the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Plain Rust, on any processor.
    Plain,
    Avx2,
    /// AVX-512 with VNNI.
    Avx512,
    /// AVX-512, and AMX for the matrix products.
    Amx,
}

/// The types and functions of a [`Level`].
pub trait Arch {
    type F: Lanes;
    /// Whether [`Rows`] must be kept as bytes too.
    const BYTES: bool = false;
    /// Hands `sink` the sums of all rows against all columns.
    fn blocks(rows: &Rows, weights: &Weights, sink: &mut impl Sink);
}

impl Level {
    pub const ALL: [Level; 4] = [Level::Plain, Level::Avx2, Level::Avx512, Level::Amx];

    /// The best that this processor has.
    pub fn best() -> Level {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| Level::ALL.into_iter().rev().find(|level| level.here()).unwrap_or(Level::Plain))
    }

    /// Whether this processor has it.
    pub fn here(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return match self {
            Level::Plain => true,
            Level::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Level::Avx512 => {
                Level::Avx2.here()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
            }
            Level::Amx => {
                Level::Avx512.here()
                    && processor::has_amx(processor::AMX_TILE)
                    && processor::has_amx(processor::AMX_INT8)
                    && super::amx::permitted()
            }
        };
        #[cfg(not(target_arch = "x86_64"))]
        return self == Level::Plain;
    }
}

/// Work that is generic over [`Arch`]; all that it calls must be inlined into it, without closures.
pub trait Work {
    fn run<A: Arch>(self);
}

/// Does `work` as `level` does.
///
/// # Panics
/// When this processor does not have the level.
pub fn run(level: Level, work: impl Work) {
    assert!(level <= Level::best(), "this processor has no {level:?}");
    match level {
        Level::Plain => work.run::<PlainArch>(),
        // SAFETY: the assertion. Levels are ordered, each includes those below it.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { x86::avx2(work) },
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { x86::avx512(work) },
        #[cfg(target_arch = "x86_64")]
        Level::Amx => unsafe { x86::amx(work) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("only x86-64 has it"),
    }
}

struct PlainArch;

impl Arch for PlainArch {
    type F = Plain;
    fn blocks(rows: &Rows, weights: &Weights, sink: &mut impl Sink) {
        by_tiles::<Self, Self, 1>(rows, weights, sink);
    }
}

impl Multiply for PlainArch {
    fn multiply(rows: &Rows, first: usize, input: usize, packed: &[i8], sums: &mut [Tile]) {
        tile_plain(&rows.row(first)[input..], packed, &mut sums[0]);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::array::from_fn;

    use super::super::amx;
    use super::super::x86::{Avx2, Avx512, tile_avx2, tile_vnni};
    use super::{Arch, Multiply, Rows, Sink, Tile, Weights, Work, by_tiles};

    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn avx2(work: impl Work) {
        work.run::<Avx2Arch>();
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni")]
    pub unsafe fn avx512(work: impl Work) {
        work.run::<Avx512Arch>();
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni")]
    pub unsafe fn amx(work: impl Work) {
        work.run::<AmxArch>();
    }

    struct Avx2Arch;

    impl Arch for Avx2Arch {
        type F = Avx2;
        #[inline(always)]
        fn blocks(rows: &Rows, weights: &Weights, sink: &mut impl Sink) {
            by_tiles::<Self, Self, 6>(rows, weights, sink);
        }
    }

    struct Avx512Arch;

    impl Arch for Avx512Arch {
        type F = Avx512;
        #[inline(always)]
        fn blocks(rows: &Rows, weights: &Weights, sink: &mut impl Sink) {
            by_tiles::<Self, Self, 12>(rows, weights, sink);
        }
    }

    struct AmxArch;

    impl Arch for AmxArch {
        type F = Avx512;
        const BYTES: bool = true;
        #[inline(always)]
        fn blocks(rows: &Rows, weights: &Weights, sink: &mut impl Sink) {
            // SAFETY: only `run` names the arch, on a processor that has AMX, with the system's leave.
            unsafe { amx::blocks::<Self>(rows, weights, sink) }
        }
    }

    /// Multiplies by `$tile`, compiled for every number of rows.
    macro_rules! multiply {
        ($arch:ident, $tile:ident: $($n:literal)*) => {
            impl Multiply for $arch {
                #[inline(always)]
                fn multiply(rows: &Rows, first: usize, input: usize, packed: &[i8], sums: &mut [Tile]) {
                    match sums.len() {
                        // SAFETY: only `run` names the arch, on a processor that has its instructions.
                        $($n => unsafe { $tile::<$n>(from_fn(|i| &rows.row(first + i)[input..]), packed, sums) },)*
                        _ => unreachable!("at most so many rows at a time"),
                    }
                }
            }
        };
    }

    multiply!(Avx2Arch, tile_avx2: 1 2 3 4 5 6);
    multiply!(Avx512Arch, tile_vnni: 1 2 3 4 5 6 7 8 9 10 11 12);
}
