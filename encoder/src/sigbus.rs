//! A page of a mapped file that cannot be read: not the end of the process, but pages of zeros and a mark.
//!
//! The file was truncated, or its disk fails. The handler cannot leave the computation, whose frames are C++ and Rust; it lets the
//! computation run on with zeros, and [`Watched::lost`] says afterwards that its result is worth nothing.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

/// Mappings that are watched at once: an encoder has one or two for each of its weights that lie apart.
const MAX_WATCHED: usize = 512;

/// An address range, empty where its place is free, and whether a page of it was lost.
struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
    lost: AtomicBool,
}

static WATCHED: [Slot; MAX_WATCHED] =
    [const { Slot { start: AtomicUsize::new(0), end: AtomicUsize::new(0), lost: AtomicBool::new(false) } };
        MAX_WATCHED];

/// What was to be done about SIGBUS before. Written once, before the handler is installed, and never freed.
static BEFORE: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());
static INSTALL: Mutex<()> = Mutex::new(());

/// Private mappings of files, of which nobody writes a page, watched until this is dropped.
pub struct Watched {
    slots: Vec<usize>,
}

impl Watched {
    /// Watches `ranges` of whole pages; `None` when there are too many.
    ///
    /// # Safety
    /// Until it is dropped, every range is mapped and readable, and nobody minds if a page of it that cannot be read is replaced by
    /// zeros.
    pub unsafe fn new(ranges: &[Range<usize>]) -> Option<Watched> {
        install();
        let mut watched = Watched { slots: Vec::new() };
        for range in ranges {
            let free =
                |slot: &Slot| slot.start.compare_exchange(0, range.start, Ordering::SeqCst, Ordering::SeqCst).is_ok();
            let slot = WATCHED.iter().position(free)?;
            WATCHED[slot].lost.store(false, Ordering::SeqCst);
            WATCHED[slot].end.store(range.end, Ordering::SeqCst);
            watched.slots.push(slot);
        }
        Some(watched)
    }

    /// Whether a page could not be read since this was made.
    pub fn lost(&self) -> bool {
        self.slots.iter().any(|&slot| WATCHED[slot].lost.load(Ordering::SeqCst))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        for &slot in &self.slots {
            WATCHED[slot].end.store(0, Ordering::SeqCst);
            WATCHED[slot].start.store(0, Ordering::SeqCst);
        }
    }
}

fn install() {
    let _one = INSTALL.lock();
    if !BEFORE.load(Ordering::SeqCst).is_null() {
        return;
    }
    let mut before = Box::new(MaybeUninit::<libc::sigaction>::zeroed());
    // SAFETY: sigaction(SIGBUS, NULL, ..) writes what is set now; zeroes are a valid sigaction besides. `handle` is a handler of the
    // three-argument kind that SA_SIGINFO asks for.
    unsafe {
        libc::sigaction(libc::SIGBUS, ptr::null(), before.as_mut_ptr());
        BEFORE.store(Box::into_raw(before).cast(), Ordering::SeqCst);
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handle as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(libc::SIGBUS, &action, ptr::null_mut());
    }
}

/// Only what a signal handler may do: atomics, and the system calls mmap and sigaction.
extern "C" fn handle(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a valid siginfo_t; for a SIGBUS that it raises itself, si_addr is the address that was touched.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    let is_inside = |slot: &&Slot| {
        let (start, end) = (slot.start.load(Ordering::SeqCst), slot.end.load(Ordering::SeqCst));
        start != 0 && (start..end).contains(&address)
    };
    // A positive code is the kernel's; kill(2) has others.
    if let Some(slot) = WATCHED.iter().find(is_inside).filter(|_| code > 0)
        && replace_with_zeros(address, slot.end.load(Ordering::SeqCst))
    {
        slot.lost.store(true, Ordering::SeqCst);
        return;
    }
    // SAFETY: what was set before, as sigaction gave it; `install` stored it before this handler. The instruction, tried again, then
    // meets that disposition.
    unsafe {
        libc::sigaction(libc::SIGBUS, BEFORE.load(Ordering::SeqCst), ptr::null_mut());
        if code <= 0 {
            libc::raise(libc::SIGBUS);
        }
    }
}

/// Maps zeros from the page of `address` to `end`: what follows the end of a truncated file is lost as well.
fn replace_with_zeros(address: usize, end: usize) -> bool {
    // SAFETY: reads a constant of the system; errno is put back, since whatever was interrupted may be about to read it.
    unsafe {
        let errno = *libc::__errno_location();
        let start = address & !(libc::sysconf(libc::_SC_PAGESIZE) as usize - 1);
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        // SAFETY: the pages lie inside a watched range, of which `Watched::new` was promised that this may be done to them.
        let mapped = libc::mmap(start as *mut c_void, end - start, libc::PROT_READ, flags, -1, 0);
        *libc::__errno_location() = errno;
        mapped != libc::MAP_FAILED
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    const PAGE: usize = 4096;

    #[test]
    fn a_truncated_file_reads_as_zeros_and_is_lost() {
        let file = tempfile::tempfile().expect("a file");
        std::os::unix::fs::FileExt::write_all_at(&file, &[7; 4 * PAGE], 0).expect("written");
        // SAFETY: a new mapping of the whole file.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), 4 * PAGE, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0).cast::<u8>()
        };
        assert_ne!(start.cast(), libc::MAP_FAILED);
        let range = start as usize..start as usize + 4 * PAGE;
        // SAFETY: mapped until the end of this test.
        let watched = unsafe { Watched::new(std::slice::from_ref(&range)) }.expect("room");
        // SAFETY: inside the mapping.
        let read = |at: usize| unsafe { start.add(at).read_volatile() };
        assert_eq!((read(0), read(3 * PAGE)), (7, 7));
        assert!(!watched.lost());
        file.set_len(PAGE as u64).expect("truncated");
        assert_eq!((read(0), read(PAGE), read(3 * PAGE + 1)), (7, 0, 0));
        assert!(watched.lost());
        drop(watched);
        // SAFETY: the mapping made above, which nobody uses any more.
        unsafe { libc::munmap(start.cast(), 4 * PAGE) };
    }
}
