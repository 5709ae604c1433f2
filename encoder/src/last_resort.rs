//! A few kilobytes of the library itself, for allocations that nothing else can serve.
//!
//! Blocks are cut off one after the other, and the space is whole again when all are freed.

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

const BYTES: usize = 1 << 16;

#[repr(align(64))]
struct Space(UnsafeCell<[u8; BYTES]>);

// SAFETY: only `allocate` hands out pointers into it, and each byte to one block at a time.
unsafe impl Sync for Space {}

static SPACE: Space = Space(UnsafeCell::new([0; BYTES]));
/// Blocks in use (high half) and bytes cut off (low half), changed together.
static STATE: AtomicU64 = AtomicU64::new(0);

/// A block for `layout`, or NULL.
pub fn allocate(layout: Layout) -> *mut u8 {
    let mut start = 0;
    let cut = |state: u64| {
        let (blocks, used) = (state >> 32, (state & u64::from(u32::MAX)) as usize);
        start = used.next_multiple_of(layout.align());
        let end =
            start.checked_add(layout.size()).filter(|end| *end <= BYTES && layout.align() <= align_of::<Space>())?;
        Some((blocks + 1) << 32 | end as u64)
    };
    match STATE.fetch_update(Ordering::AcqRel, Ordering::Acquire, cut) {
        // SAFETY: start is at most BYTES.
        Ok(_) => unsafe { SPACE.0.get().cast::<u8>().add(start) },
        Err(_) => ptr::null_mut(),
    }
}

/// Whether `block` is one of these.
#[inline]
pub fn has(block: *mut u8) -> bool {
    (block as usize).wrapping_sub(SPACE.0.get() as usize) < BYTES
}

/// Takes one block back.
pub fn free() {
    let give = |state: u64| {
        let blocks = (state >> 32).saturating_sub(1);
        Some(if blocks == 0 { 0 } else { blocks << 32 | state & u64::from(u32::MAX) })
    };
    // Never an error: `give` always gives a state.
    let _ = STATE.fetch_update(Ordering::AcqRel, Ordering::Acquire, give);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_apart_and_all_come_back() {
        let layout = |size, align| Layout::from_size_align(size, align).expect("a layout");
        let blocks: Vec<*mut u8> = (0..40).map(|i| allocate(layout(1000 + i, 1 << (i % 7)))).collect();
        for (i, &block) in blocks.iter().enumerate() {
            assert!(has(block) && (block as usize).is_multiple_of(1 << (i % 7)));
        }
        assert!(blocks.windows(2).all(|pair| pair[1] as usize - pair[0] as usize >= 1000));
        assert!(allocate(layout(BYTES / 2, 8)).is_null() && allocate(layout(8, 4096)).is_null());
        assert!(!has(&mut 0_u8));
        blocks.iter().for_each(|_| free());
        assert!(!allocate(layout(BYTES, 1)).is_null());
        free();
    }
}
