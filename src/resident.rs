//! The encoder of this process: loaded at first use, or inherited from the postmaster that preloaded it.
//!
//! Threads do not survive a fork, so what the postmaster loads has none of its own; a session that asks for more than one thread
//! (`drugembed.threads`) loads an encoder for itself.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use encoder::{Encoder, Options, Overflow, Role, Start, Vector};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::errors::{self, SqlResult};
use crate::settings;

struct Resident {
    encoder: Encoder,
    folder: PathBuf,
    runtime: PathBuf,
    threads: usize,
    start: Start,
    preloaded: bool,
}

/// What this process holds: at most one encoder that runs in the calling thread, and one with threads of its own.
#[derive(Default)]
struct Residents {
    single: Option<Resident>,
    threaded: Option<Resident>,
}

thread_local! {
    /// PostgreSQL calls from one thread only; fork copies it.
    static RESIDENTS: RefCell<Residents> = RefCell::default();
}

/// Runs `f` with the encoder that the settings name, loading it if need be.
pub fn with_encoder<T>(f: impl FnOnce(&mut Encoder) -> SqlResult<T>) -> SqlResult<T> {
    with_resident(|resident| f(&mut resident.encoder))
}

/// Whether this process answers with the encoder that the postmaster loaded, and whether that came from prepared files.
pub fn origin() -> SqlResult<(bool, bool)> {
    with_resident(|resident| Ok((resident.preloaded, resident.start == Start::Prepared)))
}

/// Makes the next call load the model anew, unless the postmaster loaded it.
pub fn forget() {
    RESIDENTS.with(|cell| {
        if let Ok(mut residents) = cell.try_borrow_mut() {
            residents.single.take_if(|held| !held.preloaded);
            residents.threaded = None;
        }
    });
}

/// The vector of a text.
pub fn embed_one(encoder: &mut Encoder, role: Role, text: &str, overflow: Overflow) -> SqlResult<Vector> {
    Ok(embed(encoder, role, &[text], overflow)?.remove(0))
}

/// One vector for each text, in their order; an interrupt ends it between batches.
pub fn embed(encoder: &mut Encoder, role: Role, texts: &[&str], overflow: Overflow) -> SqlResult<Vec<Vector>> {
    encoder.embed(role, texts, overflow, &mut check).map_err(errors::report)
}

/// Calls `found` with the vector of each text, in no order; an interrupt ends it between batches.
pub fn embed_each(
    encoder: &mut Encoder,
    role: Role,
    texts: &[&str],
    overflow: Overflow,
    found: &mut dyn FnMut(usize, &Vector),
) -> SqlResult<()> {
    encoder.embed_each(role, texts, overflow, &mut check, found).map_err(errors::report)
}

/// Raises the ERROR of an interrupt, if there was one.
pub fn check() -> encoder::Result<()> {
    pgrx::check_for_interrupts!();
    Ok(())
}

fn with_resident<T>(f: impl FnOnce(&mut Resident) -> SqlResult<T>) -> SqlResult<T> {
    RESIDENTS.with(|cell| {
        let mut residents = cell.try_borrow_mut().map_err(|_| errors::busy())?;
        let (folder, runtime, threads) = (settings::model().1, settings::onnxruntime(), settings::threads());
        let slot = if threads == 1 {
            residents.threaded = None;
            &mut residents.single
        } else {
            &mut residents.threaded
        };
        let held = slot.take_if(|held| held.folder == folder && held.runtime == runtime && held.threads == threads);
        let resident = match held {
            Some(held) => slot.insert(held),
            None => {
                let resident = slot.insert(load(folder, runtime, threads, false).map_err(errors::report)?);
                resident.warn();
                resident
            }
        };
        resident.encoder.set_cache_entries(settings::cache_entries());
        f(resident)
    })
}

fn load(folder: PathBuf, runtime: PathBuf, threads: usize, preloaded: bool) -> encoder::Result<Resident> {
    let options = Options { runtime: runtime.clone(), threads, cache_entries: settings::cache_entries() };
    let (encoder, start) = Encoder::open_prepared(&folder, &settings::prepared_folder(), &options)?;
    Ok(Resident { encoder, folder, runtime, threads, start, preloaded })
}

impl Resident {
    /// A WARNING when prepared files are there and of no use.
    fn warn(&self) {
        if let Start::Fallback(reason) = &self.start {
            errors::not_prepared(reason).report(PgLogLevel::WARNING);
        }
    }
}

/// In the postmaster: loads the encoder so that every backend inherits it. Whatever goes wrong is a WARNING, and backends load it themselves.
pub fn preload() {
    // SAFETY: a plain variable of the server, read by its only thread.
    if !unsafe { pg_sys::process_shared_preload_libraries_in_progress } {
        return;
    }
    let threads = thread_count();
    let loaded = catch_unwind(AssertUnwindSafe(|| load(settings::model().1, settings::onnxruntime(), 1, true)));
    match loaded {
        Ok(Ok(_)) if threads.is_none() || thread_count() != threads => {
            warning!("drugembed is not preloaded: ONNX Runtime started a thread, which a forking server must not have");
        }
        Ok(Ok(resident)) => {
            resident.warn();
            log!("drugembed preloaded model \"{}\"", resident.encoder.manifest().id());
            RESIDENTS.with_borrow_mut(|residents| residents.single = Some(resident));
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
