//! Threads that take no signals.

use std::mem::MaybeUninit;

/// Runs `start` with all signals blocked. A thread inherits the mask of the one that starts it, so that a server's handlers, which
/// know of one thread only, never run in another.
pub fn blocked<T>(start: impl FnOnce() -> T) -> T {
    let _blocked = Blocked::new();
    start()
}

/// Until dropped, the calling thread takes no signals; those that come wait.
struct Blocked {
    before: libc::sigset_t,
}

impl Blocked {
    fn new() -> Blocked {
        let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: sigfillset writes `all`, pthread_sigmask reads it and writes `before`; with a valid set neither can fail.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            Blocked { before: before.assume_init() }
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the mask that this thread had.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked_signals() -> String {
        let status = std::fs::read_to_string("/proc/thread-self/status").expect("status");
        status.lines().find(|line| line.starts_with("SigBlk:")).expect("a mask").to_owned()
    }

    #[test]
    fn the_thread_takes_none_and_the_caller_takes_them_again() {
        let before = blocked_signals();
        let inside = blocked(|| std::thread::spawn(blocked_signals)).join().expect("a mask");
        assert_ne!(inside, before);
        assert_eq!(blocked_signals(), before);
    }
}
