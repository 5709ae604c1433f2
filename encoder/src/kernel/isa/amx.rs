//! AMX: products of int8 by `tdpbssd` on tiles of 16 rows x 64 bytes; vectors by AVX-512.

use std::arch::asm;

use super::avx512::Avx512;
use super::{Simd, WithSimd};
use crate::kernel::gemm::{Accumulator, Epilogue, Weights};
use crate::kernel::quantize::QuantizedRows;
use crate::kernel::simd::LANES;
use crate::processor::{AMX_INT8, AMX_TILE, has_amx};

/// Rows of a tile.
const TILE_ROWS: usize = 16;
/// Inputs of a tile.
const TILE_K: usize = 64;

pub struct Amx;

impl Simd for Amx {
    type F = <Avx512 as Simd>::F;

    fn available() -> bool {
        Avx512::available() && has_amx(AMX_TILE) && has_amx(AMX_INT8) && permitted()
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn call(work: impl WithSimd) {
        work.with_simd::<Self>();
    }

    /// Every 32 rows against every 32 columns.
    #[inline(always)]
    fn gemm(rows: &QuantizedRows, weights: &Weights, epilogue: &mut impl Epilogue) {
        assert!(rows.width == weights.ins, "rows and weights are equally wide");
        let mut sums = [Sums::ZERO; 2];
        let mut configured = 0;
        for first in (0..rows.lines()).step_by(2 * TILE_ROWS) {
            let count = (rows.lines() - first).min(2 * TILE_ROWS);
            if count != configured {
                TileConfig::of(count).load();
                configured = count;
            }
            let panel = Panel { x: rows.of(first, count), weights, first, count };
            panel.multiply_all::<Self>(&mut sums, epilogue);
        }
        // SAFETY: called where AMX is available, see `Simd`. No tile is used from here on.
        unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
    }
}

/// Asks Linux for leave to use AMX in this process and those forked from it; false where it is not to be had.
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: changes nothing but which registers the process may use.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

/// The operand of `ldtilecfg`, palette 1. Tiles 0 to 3 are sums, 4 and 5 activations, 6 and 7 weights.
#[repr(C, align(64))]
struct TileConfig {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_per_row: [u16; 16],
    rows: [u8; 16],
}

impl TileConfig {
    /// For up to 32 rows of activations: tiles 0, 1 and 4 are of the first 16, tiles 2, 3 and 5 of the others.
    fn of(rows: usize) -> TileConfig {
        let first = rows.min(TILE_ROWS);
        let mut config =
            TileConfig { palette: 1, start_row: 0, reserved: [0; 14], bytes_per_row: [0; 16], rows: [0; 16] };
        config.bytes_per_row[..8].fill(TILE_K as u16);
        for (tile, rows) in [first, first, rows - first, rows - first, first, rows - first].into_iter().enumerate() {
            // A tile has at least one row, even one that is not used.
            config.rows[tile] = rows.max(1) as u8;
        }
        config.rows[6..8].fill(TILE_ROWS as u8);
        config
    }

    /// Makes it the thread's configuration. It holds until `tilerelease`: no compiled code changes it in between.
    #[inline(always)]
    fn load(&self) {
        // SAFETY: called where AMX is available, see `Simd`; the configuration is one that every processor with AMX accepts.
        unsafe { asm!("ldtilecfg [{}]", in(reg) self, options(nostack, readonly, preserves_flags)) };
    }
}

/// int32 accumulators of a 32 x 32 output block: `[half of the rows][block of columns][row]`. The padding at the end keeps two of
/// these from lying a page apart (4K aliasing: a load would falsely wait for a store whose address agrees in the low 12 bits).
#[repr(C, align(64))]
struct Sums([[[Accumulator; TILE_ROWS]; 2]; 2], [Accumulator; 5]);

impl Sums {
    const ZERO: Sums = Sums([[[[0; LANES]; TILE_ROWS]; 2]; 2], [[0; LANES]; 5]);
}

/// Up to 32 rows, for which the tiles are configured.
struct Panel<'a> {
    /// `[count, width]`.
    x: &'a [i8],
    weights: &'a Weights<'a>,
    first: usize,
    count: usize,
}

impl Panel<'_> {
    /// All blocks of columns, two at a time.
    #[inline(always)]
    fn multiply_all<S: Simd>(&self, sums: &mut [Sums; 2], epilogue: &mut impl Epilogue) {
        let blocks = self.weights.outs / LANES;
        for block in (0..blocks).step_by(2) {
            // The last block of an odd number is multiplied twice.
            self.multiply([block, (block + 1).min(blocks - 1)], &mut sums[block / 2 % 2]);
            if block > 0 {
                // The stores of the blocks before have reached the cache by now.
                self.finish::<S>(block - 2, &sums[(block / 2 - 1) % 2], epilogue);
            }
        }
        let last = (blocks - 1) / 2 * 2;
        self.finish::<S>(last, &sums[last / 2 % 2], epilogue);
    }

    /// Sums of two blocks of columns.
    #[inline(always)]
    fn multiply(&self, blocks: [usize; 2], sums: &mut Sums) {
        let width = self.weights.ins;
        let packed = blocks.map(|block| self.weights.block(block));
        assert!(self.x.len() == self.count * width && width > 0 && width.is_multiple_of(TILE_K));
        assert!(self.count <= 2 * TILE_ROWS && packed.iter().all(|packed| packed.len() == width * LANES));
        // SAFETY: called where AMX is available, see `Simd`, with the tiles configured for `count` rows; no tile holds anything
        // before or after. Each of the `width / 64` steps reads 64 of each row's `width` numbers, and the next 1,024 of the `width *
        // 16` weights of each block; the stores write the 16 rows of a half at most.
        unsafe {
            if self.count > TILE_ROWS {
                asm!(
                    "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
                    "2:",
                    "tileloadd tmm4, [{x} + {width}]",
                    "tileloadd tmm6, [{a} + {line}]",
                    "tdpbssd tmm0, tmm4, tmm6",
                    "tileloadd tmm7, [{b} + {line}]",
                    "tdpbssd tmm1, tmm4, tmm7",
                    "tileloadd tmm5, [{y} + {width}]",
                    "tdpbssd tmm2, tmm5, tmm6",
                    "tdpbssd tmm3, tmm5, tmm7",
                    "add {x}, 64",
                    "add {y}, 64",
                    "add {a}, 1024",
                    "add {b}, 1024",
                    "dec {steps}",
                    "jnz 2b",
                    "tilestored [{sums} + {line}], tmm0",
                    "tilestored [{sums} + {line} + 1024], tmm1",
                    "tilestored [{sums} + {line} + 2048], tmm2",
                    "tilestored [{sums} + {line} + 3072], tmm3",
                    x = inout(reg) self.x.as_ptr() => _,
                    y = inout(reg) self.x[TILE_ROWS * width..].as_ptr() => _,
                    a = inout(reg) packed[0].as_ptr() => _,
                    b = inout(reg) packed[1].as_ptr() => _,
                    steps = inout(reg) width / TILE_K => _,
                    width = in(reg) width,
                    line = in(reg) TILE_K,
                    sums = in(reg) sums,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack)
                );
            } else {
                asm!(
                    "tilezero tmm0", "tilezero tmm1",
                    "2:",
                    "tileloadd tmm4, [{x} + {width}]",
                    "tileloadd tmm6, [{a} + {line}]",
                    "tdpbssd tmm0, tmm4, tmm6",
                    "tileloadd tmm7, [{b} + {line}]",
                    "tdpbssd tmm1, tmm4, tmm7",
                    "add {x}, 64",
                    "add {a}, 1024",
                    "add {b}, 1024",
                    "dec {steps}",
                    "jnz 2b",
                    "tilestored [{sums} + {line}], tmm0",
                    "tilestored [{sums} + {line} + 1024], tmm1",
                    x = inout(reg) self.x.as_ptr() => _,
                    a = inout(reg) packed[0].as_ptr() => _,
                    b = inout(reg) packed[1].as_ptr() => _,
                    steps = inout(reg) width / TILE_K => _,
                    width = in(reg) width,
                    line = in(reg) TILE_K,
                    sums = in(reg) sums,
                    out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
                    options(nostack)
                );
            }
        }
    }

    /// Hands the sums of a block of columns and of the one after it, if there is one, to `epilogue`.
    #[inline(always)]
    fn finish<S: Simd>(&self, block: usize, sums: &Sums, epilogue: &mut impl Epilogue) {
        let blocks = (self.weights.outs / LANES - block).min(2);
        for (half, sums) in sums.0.iter().enumerate().take(self.count.div_ceil(TILE_ROWS)) {
            let rows = (self.count - half * TILE_ROWS).min(TILE_ROWS);
            for (next, sums) in sums.iter().enumerate().take(blocks) {
                epilogue.take::<S>(self.first + half * TILE_ROWS, block + next, &sums[..rows]);
            }
        }
    }
}
