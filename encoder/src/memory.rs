//! Memory: what a call takes is asked for, so that none is an error and not the end of the process; what an idle connection should
//! not hold is given back.
//!
//! Rust ends the process when an allocation fails that cannot say so, which is most of them, and C++ does in a function that must not
//! throw. Three things keep that from happening, in a process in which no other thread allocates:
//! * what grows with input is reserved by [`reserved`], which can say so;
//! * before C++, a tokenizer or a parser works, [`require`] makes sure of what it takes at most;
//! * what remains is small, and something is put aside for it, by [`Reserving`] for Rust and [`crate::new_handler`] for C++, which
//!   [`restore_reserve`] makes up for before the next piece of work begins; a little more is part of the library itself, for what is allocated before that.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::{last_resort, new_handler};

use crate::error::{Error, Result};

/// What is put aside; none of its pages is touched but the first.
const RESERVE: Layout = match Layout::from_size_align(1 << 20, 16) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};
/// Larger allocations are left to fail: whoever makes them asks first.
const LARGEST: usize = RESERVE.size() / 2;

static PUT_ASIDE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

/// The system's allocator with something put aside: when an allocation fails, that is freed and the allocation tried again. It
/// never unwinds, as the contract of allocators demands; whether it had to help shows in [`restore_reserve`].
pub struct Reserving;

impl Reserving {
    #[cold]
    fn again(layout: Layout, allocate: impl Fn() -> *mut u8) -> *mut u8 {
        if layout.size() > LARGEST {
            return ptr::null_mut();
        }
        let block = if give_up_reserve() { allocate() } else { ptr::null_mut() };
        or_else(block, || last_resort::allocate(layout))
    }
}

/// Frees what is put aside; `false` when nothing was.
pub(crate) fn give_up_reserve() -> bool {
    let reserve = PUT_ASIDE.swap(ptr::null_mut(), Ordering::Relaxed);
    if !reserve.is_null() {
        // SAFETY: allocated with this layout by `restore_reserve`; the swap has made it ours alone.
        unsafe { System.dealloc(reserve, RESERVE) };
    }
    !reserve.is_null()
}

// SAFETY: every block is the system allocator's, asked with the caller's arguments, or one of `last_resort`'s, which fits the layout
// and is told apart by its address.
unsafe impl GlobalAlloc for Reserving {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout`.
        let allocate = || unsafe { System.alloc(layout) };
        or_else(allocate(), || Reserving::again(layout, allocate))
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout`. Blocks of the last resort may have been used before.
        let allocate = || unsafe { System.alloc_zeroed(layout) };
        or_else(allocate(), || {
            let block = Reserving::again(layout, allocate);
            if last_resort::has(block) {
                // SAFETY: a block of as many bytes.
                unsafe { block.write_bytes(0, layout.size()) };
            }
            block
        })
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !last_resort::has(block) {
            // SAFETY: the caller's promise about `block` and `layout`.
            let new = unsafe { System.realloc(block, layout, size) };
            if !new.is_null() {
                return new;
            }
        }
        // SAFETY: the caller's promise about `block`, `layout` and `size`, which together make a valid layout.
        unsafe { moved(self, block, layout, Layout::from_size_align_unchecked(size, layout.align())) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match last_resort::has(block) {
            true => last_resort::free(),
            // SAFETY: the caller's promise about `block` and `layout`.
            false => unsafe { System.dealloc(block, layout) },
        }
    }
}

/// What `realloc` does where the block can't grow in its place: NULL leaves it as it is.
///
/// # Safety
/// As for `realloc`, with `new` for its size.
#[cold]
unsafe fn moved(allocator: &Reserving, block: *mut u8, layout: Layout, new: Layout) -> *mut u8 {
    // SAFETY: the caller's promise; both blocks have the bytes that are copied, and they are two.
    unsafe {
        let to = allocator.alloc(new);
        if !to.is_null() {
            ptr::copy_nonoverlapping(block, to, layout.size().min(new.size()));
            allocator.dealloc(block, layout);
        }
        to
    }
}

#[inline]
fn or_else(block: *mut u8, otherwise: impl FnOnce() -> *mut u8) -> *mut u8 {
    if block.is_null() { otherwise() } else { block }
}

/// Puts aside what [`Reserving`] helps with, unless it is there: called before each piece of work.
pub fn restore_reserve() -> Result<()> {
    if !PUT_ASIDE.load(Ordering::Relaxed).is_null() {
        return Ok(());
    }
    // SAFETY: a layout of more than no bytes.
    let block = unsafe { System.alloc(RESERVE) };
    if block.is_null() {
        return Err(Error::out_of_memory(RESERVE.size()));
    }
    let other = PUT_ASIDE.swap(block, Ordering::Relaxed);
    if !other.is_null() {
        // SAFETY: as in `give_up_reserve`.
        unsafe { System.dealloc(other, RESERVE) };
    }
    new_handler::install();
    Ok(())
}

/// An error unless `bytes` can be allocated, and what is put aside besides. They are free again afterwards, for work that cannot
/// say that it has no memory; none of their pages is touched.
pub fn require(bytes: usize) -> Result<()> {
    restore_reserve()?;
    // SAFETY: a block is freed that was allocated just before. Without black_box the compiler may leave both out.
    unsafe {
        let block = black_box(libc::malloc(bytes));
        if block.is_null() {
            return Err(Error::out_of_memory(bytes));
        }
        libc::free(block);
    }
    Ok(())
}

/// An empty vector with room for `count` elements, if there is memory for them.
pub fn reserved<T>(count: usize) -> Result<Vec<T>> {
    let mut vector = Vec::new();
    match vector.try_reserve_exact(count) {
        Ok(()) => Ok(vector),
        Err(_) => Err(Error::out_of_memory(count.saturating_mul(size_of::<T>()))),
    }
}

/// Lets the heap keep what an inference frees until [`give_back`]: of activations of up to some megabytes, glibc would otherwise
/// return the pages after every batch and fault them in again for the next, a third of its time.
///
/// It is what glibc does by itself once a block of 32 MB was freed, as when a bundle was loaded that is not prepared.
pub fn keep_between_batches() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes no pointer; these are limits that glibc documents.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 64 << 20);
    }
}

/// Gives free heap pages back to the operating system (glibc keeps them otherwise: 32 MB after a batch, 4 MB so).
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim takes no pointer and may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_an_error() {
        assert!(require(1 << 16).is_ok());
        assert!(matches!(require(usize::MAX / 4), Err(Error::OutOfMemory { .. })));
        assert!(matches!(reserved::<u64>(usize::MAX / 16), Err(Error::OutOfMemory { .. })));
    }

    #[test]
    fn the_reserve_helps_once_and_is_restored() {
        let helped = |size| {
            let calls = std::cell::Cell::new(0);
            let layout = Layout::from_size_align(size, 8).expect("a layout");
            let block = Reserving::again(layout, || {
                calls.set(calls.get() + 1);
                ptr::dangling_mut()
            });
            assert!(calls.get() == 1 || block.is_null() || last_resort::has(block));
            calls.get() == 1
        };
        restore_reserve().expect("memory");
        assert!(!helped(LARGEST + 1), "a large allocation does not use it up");
        assert!(helped(100));
        assert!(!helped(100));
        restore_reserve().expect("memory");
        assert!(helped(100));
    }
}
