//! Memory that an idle connection should not hold.

/// Gives free heap pages back to the operating system (glibc keeps them otherwise: 32 MB after a batch, 4 MB so).
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim takes no pointer and may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
