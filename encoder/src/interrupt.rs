//! Interrupts: a long computation inside ONNX Runtime ends soon after somebody asks for it.
//!
//! A server's handlers only set a flag. The operators of [`crate::kernel`] look at it, one after the other, and fail; the caller then
//! asks its `check` what to do.

use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::{mem, ptr};

static PENDING: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());
/// Whether [`stop`] has said so since the last [`taken`].
static STOPPED: AtomicBool = AtomicBool::new(false);
/// Whether interrupts are to be ignored.
static IGNORED: AtomicBool = AtomicBool::new(false);

/// Says how to see that an interrupt waits: `pending` is called often, in the middle of computations, and must only look.
pub fn watch(pending: fn() -> bool) {
    PENDING.store(pending as *mut (), Ordering::Relaxed);
}

/// Whether a computation should stop now.
pub fn stop() -> bool {
    let pending = PENDING.load(Ordering::Relaxed);
    if pending.is_null() || IGNORED.load(Ordering::Relaxed) {
        return false;
    }
    // SAFETY: only `watch` stores here, and what it stores is such a function.
    let stop = unsafe { mem::transmute::<*mut (), fn() -> bool>(pending) }();
    if stop {
        STOPPED.store(true, Ordering::Relaxed);
    }
    stop
}

/// Runs `work`; where [`stop`] made it fail, calls `check` and runs it once more, then to its end.
pub fn resumed<T, E>(check: &mut dyn FnMut() -> Result<(), E>, mut work: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    STOPPED.store(false, Ordering::Relaxed);
    match work() {
        Err(_) if STOPPED.swap(false, Ordering::Relaxed) => {
            check()?;
            let _ignored = Ignored::new();
            work()
        }
        result => result,
    }
}

/// Until dropped, interrupts are ignored: `check` has let the work go on, though one may still wait.
struct Ignored;

impl Ignored {
    fn new() -> Ignored {
        IGNORED.store(true, Ordering::Relaxed);
        Ignored
    }
}

impl Drop for Ignored {
    fn drop(&mut self) {
        IGNORED.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_was_stopped_runs_again_to_its_end() {
        let mut calls = 0;
        let work = |calls: &mut i32| {
            *calls += 1;
            if stop() { Err("stopped") } else { Ok(*calls) }
        };
        assert_eq!(resumed(&mut || Ok(()), || work(&mut calls)), Ok(1));
        watch(|| true);
        assert_eq!(resumed(&mut || Ok(()), || work(&mut calls)), Ok(3));
        assert_eq!(resumed(&mut || Err("cancelled"), || work(&mut calls)), Err("cancelled"));
        assert_eq!(calls, 4);
        watch(|| false);
        assert_eq!(resumed(&mut || Ok(()), || Err::<(), _>("failed")), Err("failed"));
    }
}
