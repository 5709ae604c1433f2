//! Matrix products by AMX: tiles of 16 rows x 64 bytes.
//!
//! AMX multiplies bytes, so an activation is split into a signed high and an unsigned low byte, whose products are summed apart.

use std::arch::asm;

use super::gemm::{LOW_BITS, Rows, Sink, Tile, Weights, block_of};
use super::lanes::LANES;
use super::level::Arch;

/// Rows of a tile.
const TILE_ROWS: usize = 16;
/// Bytes of a tile's row: inputs of one step.
const STEP: usize = 64;

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

/// Every block of 16 columns against every 32 rows.
///
/// # Safety
/// The processor must have AMX tiles and AMX int8, and [`permitted`] must have said yes.
#[inline(always)]
pub unsafe fn blocks<A: Arch>(rows: &Rows, weights: &Weights, sink: &mut impl Sink) {
    let mut config = Config { palette: 1, start: 0, reserved: [0; 14], bytes: [0; 16], rows: [0; 16] };
    config.bytes[..8].fill(STEP as u16);
    config.rows[..8].fill(TILE_ROWS as u8);
    // SAFETY: the configuration is one that every processor with AMX accepts.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &config, options(nostack, readonly)) };

    let mut sums = [[[0; LANES]; TILE_ROWS]; 4];
    let mut tiles = [[0; LANES]; 2 * TILE_ROWS];
    for block in 0..weights.outs / LANES {
        let packed = block_of(weights, block);
        for first in (0..rows.count).step_by(2 * TILE_ROWS) {
            let count = (rows.count - first).min(2 * TILE_ROWS);
            // SAFETY: `Rows` keeps whole tiles of rows, and a block has 16 rows of 64 bytes for each step.
            unsafe {
                if count > TILE_ROWS {
                    pair(rows, first, packed, &mut sums)
                } else {
                    single(rows, first, packed, &mut sums)
                }
            }
            let [high, low, higher, lower] = &sums;
            let apart = high.iter().zip(low).chain(higher.iter().zip(lower));
            for (tile, (high, low)) in tiles.iter_mut().zip(apart).take(count) {
                for ((sum, high), low) in tile.iter_mut().zip(high).zip(low) {
                    *sum = (high << LOW_BITS) + low;
                }
            }
            sink.take::<A>(first, block, &tiles[..count]);
        }
    }
    // SAFETY: the tiles are not used any more.
    unsafe { asm!("tilerelease", options(nomem, nostack)) };
}

/// Sums of 32 rows: high and low of the first 16, high and low of the others.
unsafe fn pair(rows: &Rows, first: usize, packed: &[i8], sums: &mut [[Tile; TILE_ROWS]; 4]) {
    let at = first * rows.width;
    let (high, low) = (&rows.high[at..], &rows.low[at..]);
    let next = TILE_ROWS * rows.width;
    assert!(high.len() >= 2 * next && low.len() >= 2 * next && packed.len() >= rows.width * LANES);
    // SAFETY: all loads are inside the slices, by the assertion; the four stores are the four tiles of `sums`.
    unsafe {
        asm!("tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3", options(nomem, nostack));
        for k in (0..rows.width).step_by(STEP) {
            asm!(
                "tileloadd tmm6, [{weights} + {step}]",
                "tileloadd tmm4, [{high} + {stride}]",
                "tdpbssd tmm0, tmm4, tmm6",
                "tileloadd tmm5, [{low} + {stride}]",
                "tdpbusd tmm1, tmm5, tmm6",
                "tileloadd tmm7, [{higher} + {stride}]",
                "tdpbssd tmm2, tmm7, tmm6",
                "tileloadd tmm4, [{lower} + {stride}]",
                "tdpbusd tmm3, tmm4, tmm6",
                weights = in(reg) packed.as_ptr().add(k * LANES),
                high = in(reg) high.as_ptr().add(k),
                low = in(reg) low.as_ptr().add(k),
                higher = in(reg) high.as_ptr().add(next + k),
                lower = in(reg) low.as_ptr().add(next + k),
                step = in(reg) STEP,
                stride = in(reg) rows.width,
                options(nostack, readonly)
            );
        }
        asm!(
            "tilestored [{a} + {step}], tmm0",
            "tilestored [{b} + {step}], tmm1",
            "tilestored [{c} + {step}], tmm2",
            "tilestored [{d} + {step}], tmm3",
            a = in(reg) &mut sums[0],
            b = in(reg) &mut sums[1],
            c = in(reg) &mut sums[2],
            d = in(reg) &mut sums[3],
            step = in(reg) STEP,
            options(nostack)
        );
    }
}

/// Sums of 16 rows: high and low.
unsafe fn single(rows: &Rows, first: usize, packed: &[i8], sums: &mut [[Tile; TILE_ROWS]; 4]) {
    let at = first * rows.width;
    let (high, low) = (&rows.high[at..], &rows.low[at..]);
    let whole = TILE_ROWS * rows.width;
    assert!(high.len() >= whole && low.len() >= whole && packed.len() >= rows.width * LANES);
    // SAFETY: as in `pair`.
    unsafe {
        asm!("tilezero tmm0", "tilezero tmm1", options(nomem, nostack));
        for k in (0..rows.width).step_by(STEP) {
            asm!(
                "tileloadd tmm6, [{weights} + {step}]",
                "tileloadd tmm4, [{high} + {stride}]",
                "tdpbssd tmm0, tmm4, tmm6",
                "tileloadd tmm5, [{low} + {stride}]",
                "tdpbusd tmm1, tmm5, tmm6",
                weights = in(reg) packed.as_ptr().add(k * LANES),
                high = in(reg) high.as_ptr().add(k),
                low = in(reg) low.as_ptr().add(k),
                step = in(reg) STEP,
                stride = in(reg) rows.width,
                options(nostack, readonly)
            );
        }
        asm!(
            "tilestored [{a} + {step}], tmm0",
            "tilestored [{b} + {step}], tmm1",
            a = in(reg) &mut sums[0],
            b = in(reg) &mut sums[1],
            step = in(reg) STEP,
            options(nostack)
        );
    }
}
