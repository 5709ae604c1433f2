//! The one encoder of this process: loaded at first use, or inherited from the postmaster that preloaded it.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use encoder::{Encoder, Options, Role, Vector};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::errors::{self, SqlResult};
use crate::settings;

struct Resident {
    encoder: Encoder,
    folder: PathBuf,
    runtime: PathBuf,
    preloaded: bool,
}

thread_local! {
    /// A backend has one thread; fork copies it.
    static RESIDENT: RefCell<Option<Resident>> = const { RefCell::new(None) };
}

/// Runs `f` with the encoder that the settings name, loading it if need be.
pub fn with_encoder<T>(f: impl FnOnce(&mut Encoder) -> SqlResult<T>) -> SqlResult<T> {
    with_resident(|resident| f(&mut resident.encoder))
}

/// Whether this process answers with the encoder that the postmaster loaded.
pub fn is_preloaded() -> SqlResult<bool> {
    with_resident(|resident| Ok(resident.preloaded))
}

/// One vector for each text, in their order; an interrupt ends it between batches.
pub fn embed(role: Role, texts: &[&str], overflow: encoder::Overflow) -> SqlResult<Vec<Vector>> {
    with_encoder(|encoder| embed_with(encoder, role, texts, overflow))
}

pub fn embed_with(
    encoder: &mut Encoder,
    role: Role,
    texts: &[&str],
    overflow: encoder::Overflow,
) -> SqlResult<Vec<Vector>> {
    let mut check = || {
        pgrx::check_for_interrupts!();
        Ok(())
    };
    encoder.embed(role, texts, overflow, &mut check).map_err(errors::report)
}

fn with_resident<T>(f: impl FnOnce(&mut Resident) -> SqlResult<T>) -> SqlResult<T> {
    RESIDENT.with(|cell| {
        let mut slot = cell.try_borrow_mut().map_err(|_| errors::busy())?;
        let (folder, runtime) = (settings::model().1, settings::onnxruntime());
        let held = slot.take_if(|held| held.folder == folder && held.runtime == runtime);
        let resident = match held {
            Some(held) => slot.insert(held),
            None => slot.insert(load(folder, runtime, false).map_err(errors::report)?),
        };
        resident.encoder.set_cache_entries(settings::cache_entries());
        f(resident)
    })
}

fn load(folder: PathBuf, runtime: PathBuf, preloaded: bool) -> encoder::Result<Resident> {
    // One thread: a backend is one process of many, and more would change how work is shared between sessions.
    let options = Options { runtime: runtime.clone(), threads: 1, cache_entries: settings::cache_entries() };
    Ok(Resident { encoder: Encoder::open(&folder, &options)?, folder, runtime, preloaded })
}

/// In the postmaster: loads the encoder so that every backend inherits it. Whatever goes wrong is a WARNING, and backends load it themselves.
pub fn preload() {
    // SAFETY: a plain variable of the server, read by its only thread.
    if !unsafe { pg_sys::process_shared_preload_libraries_in_progress } {
        return;
    }
    let threads = thread_count();
    let loaded = catch_unwind(AssertUnwindSafe(|| load(settings::model().1, settings::onnxruntime(), true)));
    match loaded {
        Ok(Ok(_)) if threads.is_none() || thread_count() != threads => {
            warning!("drugembed is not preloaded: ONNX Runtime started a thread, which a forking server must not have");
        }
        Ok(Ok(resident)) => {
            log!("drugembed preloaded model \"{}\"", resident.encoder.manifest().id());
            RESIDENT.set(Some(resident));
        }
        Ok(Err(error)) => {
            let report = errors::report(error);
            warning!(
                "drugembed is not preloaded: {}{}",
                report.message(),
                report.detail().map(|detail| format!(" ({detail})")).unwrap_or_default()
            );
        }
        Err(_) => warning!("drugembed is not preloaded: loading the model failed unexpectedly"),
    }
}

fn thread_count() -> Option<usize> {
    std::fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}
