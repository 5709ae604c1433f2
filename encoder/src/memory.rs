//! Memory: what a call takes is asked for, and what an idle connection should not hold is given back.

use crate::error::{Error, Result};

/// An empty vector with room for `count` elements, if there is memory for them.
pub fn reserved<T>(count: usize) -> Result<Vec<T>> {
    let mut vector = Vec::new();
    match vector.try_reserve_exact(count) {
        Ok(()) => Ok(vector),
        Err(_) => Err(Error::OutOfMemory { bytes: count.saturating_mul(size_of::<T>()) }),
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
