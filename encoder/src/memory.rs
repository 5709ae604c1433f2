//! Memory that an idle connection should not hold.

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
