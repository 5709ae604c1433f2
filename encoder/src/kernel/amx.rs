//! Matrix products by AMX: tiles of 16 rows x 64 bytes.
//!
//! AMX multiplies bytes, so an activation is split into a signed high and an unsigned low byte, whose products are summed apart.

use std::arch::asm;
use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use super::gemm::{LOW_BITS, Rows, Sink, Tile, Weights, block_of};
use super::lanes::LANES;
use super::level::Arch;

/// Rows of a tile.
const TILE_ROWS: usize = 16;
/// Bytes of a tile's row: inputs of one step.
const STEP: usize = 64;

/// Inputs that are multiplied together: 32 rows of them, in two bytes, fit the smallest cache while all weights pass by.
const INPUTS: usize = 512;
/// Weights are fetched so many bytes before they are needed.
const AHEAD: usize = 8192;

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
    config.rows[..8].fill(TILE_ROWS as u8);
    // SAFETY: the configuration is one that every processor with AMX accepts.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &config, options(nostack, readonly)) };

    let mut partial = Vec::new();
    let mut tiles = [[0; LANES]; 2 * TILE_ROWS];
    for first in (0..rows.count).step_by(2 * TILE_ROWS) {
        let count = (rows.count - first).min(2 * TILE_ROWS);
        if weights.ins > INPUTS {
            partial.clear();
            partial.resize(weights.outs / LANES, [[0; LANES]; 2 * TILE_ROWS]);
        }
        for input in (0..weights.ins).step_by(INPUTS) {
            let inputs = (weights.ins - input).min(INPUTS);
            #[expect(clippy::needless_range_loop, reason = "there are no partial sums where one step has all inputs")]
            for block in 0..weights.outs / LANES {
                let packed = &block_of(weights, block)[input * LANES..][..inputs * LANES];
                // SAFETY: as this function.
                unsafe { multiply(rows, first, count, input, packed, &mut tiles) };
                if weights.ins == inputs {
                    sink.take::<A>(first, block, &tiles[..count]);
                    continue;
                }
                for (sums, more) in partial[block].iter_mut().zip(&tiles) {
                    for (sum, more) in sums.iter_mut().zip(more) {
                        *sum += more;
                    }
                }
                if input + inputs == weights.ins {
                    sink.take::<A>(first, block, &partial[block][..count]);
                }
            }
        }
    }
    // SAFETY: the tiles are not used any more.
    unsafe { asm!("tilerelease", options(nomem, nostack)) };
}

/// Sums of up to 32 rows against a block, for the inputs from `input` on that `packed` has weights of.
#[inline(always)]
unsafe fn multiply(
    rows: &Rows,
    first: usize,
    count: usize,
    input: usize,
    packed: &[i8],
    to: &mut [Tile; 2 * TILE_ROWS],
) {
    let inputs = packed.len() / LANES;
    let at = first * rows.width + input;
    let (high, low) = (&rows.high[at..], &rows.low[at..]);
    let next = TILE_ROWS * rows.width;
    let two = count > TILE_ROWS;
    // The last row of the last tile ends here.
    let end = (if two { 2 } else { 1 }) * next - rows.width + inputs;
    assert!(inputs.is_multiple_of(STEP) && high.len() >= end && low.len() >= end);
    let mut parts = [[[0; LANES]; TILE_ROWS]; 4];
    // SAFETY: all loads are inside the slices, by the assertion; prefetching may go beyond. The stores are the tiles of `parts`.
    unsafe {
        asm!("tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3", options(nomem, nostack));
        for k in (0..inputs).step_by(STEP) {
            let weights = packed.as_ptr().add(k * LANES);
            for line in (0..STEP * LANES).step_by(64) {
                _mm_prefetch::<_MM_HINT_T0>(weights.wrapping_add(AHEAD + line));
            }
            asm!(
                "tileloadd tmm6, [{weights} + {step}]",
                "tileloadd tmm4, [{high} + {stride}]",
                "tdpbssd tmm0, tmm4, tmm6",
                "tileloadd tmm5, [{low} + {stride}]",
                "tdpbusd tmm1, tmm5, tmm6",
                weights = in(reg) weights,
                high = in(reg) high.as_ptr().add(k),
                low = in(reg) low.as_ptr().add(k),
                step = in(reg) STEP,
                stride = in(reg) rows.width,
                options(nostack, readonly)
            );
            if two {
                asm!(
                    "tileloadd tmm7, [{high} + {stride}]",
                    "tdpbssd tmm2, tmm7, tmm6",
                    "tileloadd tmm4, [{low} + {stride}]",
                    "tdpbusd tmm3, tmm4, tmm6",
                    high = in(reg) high.as_ptr().add(next + k),
                    low = in(reg) low.as_ptr().add(next + k),
                    stride = in(reg) rows.width,
                    options(nostack, readonly)
                );
            }
        }
        asm!(
            "tilestored [{a} + {step}], tmm0",
            "tilestored [{b} + {step}], tmm1",
            "tilestored [{c} + {step}], tmm2",
            "tilestored [{d} + {step}], tmm3",
            a = in(reg) &mut parts[0],
            b = in(reg) &mut parts[1],
            c = in(reg) &mut parts[2],
            d = in(reg) &mut parts[3],
            step = in(reg) STEP,
            options(nostack)
        );
    }
    let [high, low, higher, lower] = &parts;
    let apart = high.iter().zip(low).chain(higher.iter().zip(lower));
    for (sums, (high, low)) in to.iter_mut().zip(apart).take(count) {
        for ((sum, high), low) in sums.iter_mut().zip(high).zip(low) {
            *sum = (high << LOW_BITS) + low;
        }
    }
}
