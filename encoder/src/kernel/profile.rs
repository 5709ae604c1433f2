//! Where the time of a layer goes.

use std::cell::Cell;
use std::time::Duration;

/// Parts of a layer's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The other matrix products.
    Products,
    Attention,
    /// The matrix product whose results go through GELU, with it.
    Gelu,
    Quantizing,
    /// Residual connections and layer normalisations.
    Norms,
}

impl Part {
    /// What a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Part::Products => "the other matrix products",
            Part::Attention => "attention",
            Part::Gelu => "the matrix product before GELU, and GELU",
            Part::Quantizing => "quantizing",
            Part::Norms => "residuals and norms",
        }
    }
}

const PARTS: [Part; 5] = [Part::Products, Part::Attention, Part::Gelu, Part::Quantizing, Part::Norms];

thread_local! {
    static TIMES: Cell<Option<[Duration; PARTS.len()]>> = const { Cell::new(None) };
}

/// Does `work` and says what its layers, as far as this thread computes them, spent on each part.
pub fn profiled<T>(work: impl FnOnce() -> T) -> (T, [(Part, Duration); PARTS.len()]) {
    TIMES.set(Some(Default::default()));
    let done = work();
    let times = TIMES.take().unwrap_or_default();
    (done, std::array::from_fn(|i| (PARTS[i], times[i])))
}

/// Does `$work`, and counts its time if [`profiled`] asks. A macro, since `$work` must be compiled as what is around it.
macro_rules! timed {
    ($part:expr, $work:expr) => {{
        let before = $crate::kernel::profile::begin();
        let done = $work;
        $crate::kernel::profile::end($part, before);
        done
    }};
}
pub(crate) use timed;

/// The thread's time, if [`profiled`] asks for it.
pub fn begin() -> Option<Duration> {
    TIMES.get().map(|_| thread_time())
}

pub fn end(part: Part, before: Option<Duration>) {
    if let (Some(before), Some(mut times)) = (before, TIMES.get()) {
        times[part as usize] += thread_time() - before;
        TIMES.set(Some(times));
    }
}

/// What this thread has had of the processor: not what others took meanwhile.
pub fn thread_time() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the struct that it is given; every Linux has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_is_counted() {
        let work = || {
            let start = thread_time();
            while thread_time() - start < Duration::from_millis(2) {}
        };
        timed!(Part::Gelu, work());
        let (done, times) = profiled(|| timed!(Part::Norms, work()));
        assert_eq!(done, ());
        for (part, time) in times {
            assert_eq!(time >= Duration::from_millis(2), part == Part::Norms, "{part:?} {time:?}");
        }
    }
}
