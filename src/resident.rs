//! The encoder of this process: loaded at first use, or inherited from the postmaster that preloaded it.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use encoder::{Encoder, Options, Overflow, Role, Start, Vector, memory};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::errors::{self, SqlResult};
use crate::settings;

struct Resident {
    encoder: Encoder,
    folder: PathBuf,
    runtime: PathBuf,
    start: Start,
    preloaded: bool,
}

thread_local! {
    /// PostgreSQL calls from one thread only; fork copies it.
    static RESIDENT: RefCell<Option<Resident>> = const { RefCell::new(None) };
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
    RESIDENT.with(|cell| {
        if let Ok(mut slot) = cell.try_borrow_mut() {
            slot.take_if(|held| !held.preloaded);
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

/// Lets a computation end early when an interrupt waits.
pub fn watch_interrupts() {
    // SAFETY: reads a flag that the server's handlers set, in the thread that they interrupt.
    encoder::interrupt::watch(|| unsafe { (&raw const pg_sys::InterruptPending).read_volatile() } != 0);
}

/// Raises the ERROR of an interrupt, if there was one.
pub fn check() -> encoder::Result<()> {
    pgrx::check_for_interrupts!();
    Ok(())
}

fn with_resident<T>(f: impl FnOnce(&mut Resident) -> SqlResult<T>) -> SqlResult<T> {
    memory::restore_reserve().map_err(errors::report)?;
    RESIDENT.with(|cell| {
        let mut slot = cell.try_borrow_mut().map_err(|_| errors::busy())?;
        let (folder, runtime) = (settings::model().1, settings::onnxruntime());
        let is_wanted =
            |held: &mut Resident| held.folder == folder && held.runtime == runtime && held.encoder.is_sound();
        let resident = match slot.take_if(is_wanted) {
            Some(held) => slot.insert(held),
            None => {
                // Two at once would take twice the memory.
                *slot = None;
                let resident = slot.insert(load(folder, runtime, false).map_err(errors::report)?);
                resident.warn();
                resident
            }
        };
        resident.encoder.set_cache_entries(settings::cache_entries());
        f(resident)
    })
}

fn load(folder: PathBuf, runtime: PathBuf, preloaded: bool) -> encoder::Result<Resident> {
    let options = Options { runtime: runtime.clone(), cache_entries: settings::cache_entries() };
    let (encoder, start) = Encoder::open_prepared(&folder, &settings::prepared_folder(), &options, &mut check)?;
    Ok(Resident { encoder, folder, runtime, start, preloaded })
}

impl Resident {
    /// A WARNING when prepared files are there and of no use.
    fn warn(&self) {
        if let Start::Fallback(reason) = &self.start {
            errors::not_prepared(reason).report(PgLogLevel::WARNING);
        }
    }
}

/// In the postmaster: loads the encoder so that every backend inherits it, with weights that nothing can change. Whatever goes wrong is a WARNING, and backends load it themselves.
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
        Ok(Ok(mut resident)) => {
            resident.warn();
            if let Err(error) = resident.encoder.seal() {
                warning!("drugembed maps the prepared model from its file, which must not change: {error}");
            }
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
