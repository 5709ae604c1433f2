//! What `operator new` of C++ does when it has no memory: first it asks a handler for some.
//!
//! Without one it throws, which ends the process where a function must not throw, and ONNX Runtime has such. The handler gives up what
//! [`crate::memory`] has put aside, and when that is gone takes itself away: then `operator new` throws.

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

type Handler = extern "C" fn();
/// `std::set_new_handler`.
type SetHandler = unsafe extern "C" fn(Option<Handler>) -> Option<Handler>;

const LIBRARY: &std::ffi::CStr = c"libstdc++.so.6";
/// `std::set_new_handler(void (*)())` in the C++ ABI's spelling.
const FUNCTION: &std::ffi::CStr = c"_ZSt15set_new_handlerPFvvE";

static SET_HANDLER: AtomicPtr<libc::c_void> = AtomicPtr::new(ptr::null_mut());

/// Finds the C++ library, which ONNX Runtime has loaded; without it `operator new` throws at once.
pub fn find() {
    // SAFETY: asks for a library that is loaded already, and for one of its functions; either may be missing.
    unsafe {
        let library = libc::dlopen(LIBRARY.as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD);
        if !library.is_null() {
            SET_HANDLER.store(libc::dlsym(library, FUNCTION.as_ptr()), Ordering::Relaxed);
        }
    }
    install();
}

/// Installs the handler; called whenever something was put aside.
pub fn install() {
    set(Some(handle));
}

extern "C" fn handle() {
    if !crate::memory::give_up_reserve() {
        set(None);
    }
}

fn set(handler: Option<Handler>) {
    let function = SET_HANDLER.load(Ordering::Relaxed);
    if !function.is_null() {
        // SAFETY: only `find` stores here: the address of `std::set_new_handler`, which may be called at any time.
        unsafe { mem::transmute::<*mut libc::c_void, SetHandler>(function)(handler) };
    }
}
