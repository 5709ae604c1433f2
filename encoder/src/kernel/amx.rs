//! Matrix products by AMX: tiles of 16 rows x 64 bytes.
//!
//! AMX multiplies bytes, so an activation is split into a signed high and an unsigned low byte, whose products are summed apart.

use std::arch::asm;
use std::arch::x86_64::{_mm512_add_epi32, _mm512_loadu_si512, _mm512_slli_epi32, _mm512_storeu_si512};

use super::gemm::{LOW_BITS, Rows, SIDE, STEP, Sink, Tile, Weights, block_of};
use super::lanes::LANES;
use super::level::Arch;

/// Sums of 32 rows against a block of columns: those of the high bytes and of the low ones of 16 rows, then of 16 more. What is
/// behind them keeps two of these from lying a page apart, where the processor takes one for the other.
#[repr(C, align(64))]
struct Sums([[Tile; SIDE]; 4], [Tile; 5]);

impl Sums {
    const ZERO: Sums = Sums([[[0; LANES]; SIDE]; 4], [[0; LANES]; 5]);

    /// From the first four tiles.
    ///
    /// # Safety
    /// Tiles must be configured.
    #[inline(always)]
    unsafe fn store(&mut self) {
        unsafe {
            asm!(
                "tilestored [{sums} + {line}], tmm0",
                "tilestored [{sums} + {line} + 1024], tmm1",
                "tilestored [{sums} + {line} + 2048], tmm2",
                "tilestored [{sums} + {line} + 3072], tmm3",
                sums = in(reg) self,
                line = in(reg) 64_usize,
                options(nostack)
            );
        }
    }
}

/// The operand of `ldtilecfg`: palette 1, all tiles of 16 rows x 64 bytes.
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start: u8,
    reserved: [u8; 14],
    bytes: [u16; 16],
    rows: [u8; 16],
}

/// Asks Linux for leave to use AMX in this process and those forked from it; false where it is not to be had.
pub fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: changes nothing but which registers the process may use.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

/// Every 32 rows against every block of 16 columns.
///
/// # Safety
/// The processor must have AMX tiles and AMX int8, and [`permitted`] must have said yes.
#[inline(always)]
pub unsafe fn blocks<A: Arch>(rows: &Rows, weights: &Weights, sink: &mut impl Sink) {
    let mut config = Config { palette: 1, start: 0, reserved: [0; 14], bytes: [0; 16], rows: [0; 16] };
    config.bytes[..8].fill(STEP as u16);
    config.rows[..8].fill(SIDE as u8);
    // SAFETY: the configuration is one that every processor with AMX accepts.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &config, options(nostack, readonly)) };

    let mut sums = [Sums::ZERO; 2];
    for first in (0..rows.count).step_by(2 * SIDE) {
        let panel = Panel { rows, weights, first, count: (rows.count - first).min(2 * SIDE) };
        // SAFETY: as this function.
        unsafe {
            match panel.count > SIDE {
                true => panel.run::<A, 2>(&mut sums, sink),
                false => panel.run::<A, 1>(&mut sums, sink),
            }
        }
    }
    // SAFETY: the tiles are not used any more.
    unsafe { asm!("tilerelease", options(nomem, nostack)) };
}

/// Up to 32 rows that take turns with the weights.
struct Panel<'a> {
    rows: &'a Rows,
    weights: &'a Weights<'a>,
    first: usize,
    count: usize,
}

impl Panel<'_> {
    /// All blocks of columns; `TILES` times 16 are the rows, rounded up.
    #[inline(always)]
    unsafe fn run<A: Arch, const TILES: usize>(&self, sums: &mut [Sums; 2], sink: &mut impl Sink) {
        let columns = self.weights.outs / LANES;
        let mut whole = [[0; LANES]; 2 * SIDE];
        for block in 0..columns {
            // SAFETY: as this function.
            unsafe { self.multiply::<TILES>(block, &mut sums[block % 2]) };
            if block > 0 {
                // Those of the block before are written by now.
                self.hand_over::<A, TILES>(block - 1, &sums[(block - 1) % 2], &mut whole, sink);
            }
        }
        self.hand_over::<A, TILES>(columns - 1, &sums[(columns - 1) % 2], &mut whole, sink);
    }

    /// Sums of a block.
    #[inline(always)]
    unsafe fn multiply<const TILES: usize>(&self, block: usize, sums: &mut Sums) {
        let steps = self.weights.ins / STEP;
        let packed = block_of(self.weights, block);
        let bytes = &self.rows.bytes[self.first / SIDE * steps..][..TILES * steps];
        // SAFETY: all loads are inside the slices: `steps` of weights, and `steps` of each of TILES rows of bytes.
        unsafe {
            asm!("tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3", options(nomem, nostack));
            for step in 0..steps {
                asm!(
                    "tileloadd tmm6, [{weights} + {line}]",
                    "tileloadd tmm4, [{bytes} + {line}]",
                    "tdpbssd tmm0, tmm4, tmm6",
                    "tileloadd tmm5, [{bytes} + {line} + 1024]",
                    "tdpbusd tmm1, tmm5, tmm6",
                    weights = in(reg) packed.as_ptr().add(step * STEP * LANES),
                    bytes = in(reg) bytes.as_ptr().add(step),
                    line = in(reg) 64_usize,
                    options(nostack, readonly)
                );
                if TILES == 2 {
                    asm!(
                        "tileloadd tmm7, [{bytes} + {line}]",
                        "tdpbssd tmm2, tmm7, tmm6",
                        "tileloadd tmm4, [{bytes} + {line} + 1024]",
                        "tdpbusd tmm3, tmm4, tmm6",
                        bytes = in(reg) bytes.as_ptr().add(steps + step),
                        line = in(reg) 64_usize,
                        options(nostack, readonly)
                    );
                }
            }
            sums.store();
        }
    }

    /// Adds a block's high and low sums, into `whole`, and gives them to `sink`.
    #[inline(always)]
    fn hand_over<A: Arch, const TILES: usize>(
        &self,
        block: usize,
        sums: &Sums,
        whole: &mut [Tile; 2 * SIDE],
        sink: &mut impl Sink,
    ) {
        let parts = sums.0.as_chunks().0.iter().take(TILES);
        for (whole, [high, low]) in whole.as_chunks_mut::<SIDE>().0.iter_mut().zip(parts) {
            for ((whole, high), low) in whole.iter_mut().zip(high).zip(low) {
                // SAFETY: reads and writes 16 numbers each. By hand, because the compiler would go down the columns.
                unsafe {
                    let high = _mm512_slli_epi32::<LOW_BITS>(_mm512_loadu_si512(high.as_ptr().cast()));
                    let low = _mm512_loadu_si512(low.as_ptr().cast());
                    _mm512_storeu_si512(whole.as_mut_ptr().cast(), _mm512_add_epi32(high, low));
                }
            }
        }
        sink.take::<A>(self.first, block, &whole[..self.count]);
    }
}
