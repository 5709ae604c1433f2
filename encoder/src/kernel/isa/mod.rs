//! Instruction sets: each is a file of this folder and a line of the list below.
//!
//! What is compiled for one is generic over [`Simd`] and `#[inline(always)]`, without closures: a closure would not inherit the
//! `#[target_feature]`s of [`Simd::call`], and every operation in it would become a call.

use std::cell::Cell;
use std::fmt;
use std::sync::OnceLock;

use super::gemm::{Epilogue, Weights};
use super::quantize::QuantizedRows;
use super::simd::SimdF32;

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avxvnni;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

macro_rules! instruction_sets {
    ($($(#[$when:meta])* $module:ident::$name:ident,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Name {
            $($(#[$when])* $name,)*
        }

        const PREFERENCE: &[(Name, fn() -> bool)] = &[$($(#[$when])* (Name::$name, $module::$name::available),)*];

        /// Does `work` by an instruction set.
        pub fn dispatch(isa: Isa, work: impl WithSimd) {
            match isa.0 {
                // SAFETY: an `Isa` is made by `Isa::all` alone, of what is available.
                $($(#[$when])* Name::$name => unsafe { $module::$name::call(work) },)*
            }
        }
    };
}

// In the order of preference: the first that the processor has is taken.
instruction_sets! {
    #[cfg(target_arch = "x86_64")] amx::Amx,
    #[cfg(target_arch = "x86_64")] avx512::Avx512,
    #[cfg(target_arch = "x86_64")] avxvnni::AvxVnni,
    #[cfg(target_arch = "x86_64")] avx2::Avx2,
    #[cfg(target_arch = "aarch64")] neon::NeonDot,
    #[cfg(target_arch = "aarch64")] neon::Neon,
    portable::Portable,
}

/// Vectors and matrix products of an instruction set; those of all have the same bits.
///
/// Its functions and those of its vectors are called only from [`Simd::call`], so only where it is available: [`dispatch`] is the
/// one place that names an implementation from outside.
pub trait Simd {
    type F: SimdF32;

    /// Whether this processor has it, and the operating system lets it be used.
    fn available() -> bool;

    /// Does `work`, compiled for this instruction set.
    ///
    /// # Safety
    /// It must be [available](Simd::available).
    unsafe fn call(work: impl WithSimd);

    /// Hands `epilogue` the sums of all `rows` against all columns of `weights`, which are as wide.
    fn gemm(rows: &QuantizedRows, weights: &Weights, epilogue: &mut impl Epilogue);
}

/// Work that is generic over the instruction set.
pub trait WithSimd {
    fn with_simd<S: Simd>(self);
}

/// An instruction set that this processor has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Isa(Name);

impl Isa {
    /// All that this processor has, the best first.
    pub fn all() -> &'static [Isa] {
        static ALL: OnceLock<Vec<Isa>> = OnceLock::new();
        ALL.get_or_init(|| PREFERENCE.iter().filter(|(_, available)| available()).map(|(name, _)| Isa(*name)).collect())
    }

    /// The best of this processor, or what [`Isa::within`] asks for.
    pub fn current() -> Isa {
        CHOSEN.get().unwrap_or(Isa::all()[0])
    }

    /// Does `work`; models that this thread opens meanwhile compute by this instruction set. For tests and measurements.
    pub fn within<T>(self, work: impl FnOnce() -> T) -> T {
        struct Restore(Option<Isa>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CHOSEN.set(self.0);
            }
        }
        let _restore = Restore(CHOSEN.replace(Some(self)));
        work()
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(f)
    }
}

thread_local! {
    static CHOSEN: Cell<Option<Isa>> = const { Cell::new(None) };
}
