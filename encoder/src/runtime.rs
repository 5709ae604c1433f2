//! The ONNX Runtime library: found, checked and loaded once in a process.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use once_cell::sync::OnceCell;
use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::bundle::sha256;
use crate::error::{Error, Result};
use crate::new_handler;

struct Loaded {
    path: PathBuf,
    environment: Environment,
}

static LOADED: OnceCell<Loaded> = OnceCell::new();
/// Whether ONNX Runtime failed while it set itself up, as for want of memory: it registers its operators once in a process, and what
/// it has left half done it refuses for ever.
static SPOILT: AtomicBool = AtomicBool::new(false);

/// Loads the library at `path`, or gives what is loaded already when it is the same file.
///
/// A process can hold one ONNX Runtime: asking for another is an [`Error::Runtime`]. A file `<library>.sha256` beside the library
/// says what it must hash to: a damaged library runs its own code before anybody can look at it.
pub fn load(path: &Path) -> Result<&'static Environment> {
    load_if(path, check_hash)
}

/// As [`load`], of a file whose contents are known to be right.
pub(crate) fn load_known(path: &Path) -> Result<&'static Environment> {
    load_if(path, |_| Ok(()))
}

/// What the loaded ONNX Runtime says of its own build: version, commit, compiler flags.
///
/// # Panics
/// When none has been loaded.
pub(crate) fn build() -> &'static str {
    ort::info()
}

fn load_if(path: &Path, check: impl Fn(&Path) -> Result<()>) -> Result<&'static Environment> {
    if SPOILT.load(Ordering::Relaxed) {
        return Err(failed(path, "it could not be started when this process first tried; a new session can"));
    }
    let loaded = LOADED.get_or_try_init(|| open(path, check))?;
    if loaded.path != path {
        return Err(failed(path, format!("this process has already loaded \"{}\"", loaded.path.display())));
    }
    Ok(&loaded.environment)
}

fn open(path: &Path, check: impl Fn(&Path) -> Result<()>) -> Result<Loaded> {
    if !path.is_absolute() {
        return Err(failed(path, "the path is not absolute"));
    }
    check_elf(path).map_err(|e| failed(path, e))?;
    check(path)?;
    // SAFETY: changes the environment before ONNX Runtime reads it; callers load from a single thread.
    unsafe { std::env::set_var("ORT_DISABLE_TELEMETRY", "1") };
    let initializer = ort::init_from(path).map_err(|e| failed(path, e))?;
    new_handler::find();
    let environment = initializer.with_name("drugembed").with_telemetry(false).build().map_err(|e| {
        SPOILT.store(true, Ordering::Relaxed);
        failed(path, e)
    })?;
    // Every failure comes back as an error; what is logged goes to a server's log, also of a statement that was cancelled.
    environment.set_log_level(LogLevel::Fatal);
    Ok(Loaded { path: path.to_owned(), environment })
}

/// Refuses a library shorter than its own headers say: mapping one ends in SIGBUS, which no error handling can catch.
fn check_elf(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut header = [0u8; 64];
    let not_a_library = || io::Error::other("it is not a 64-bit ELF shared library");
    file.read_exact(&mut header).map_err(|_| not_a_library())?;
    if header[..6] != *b"\x7fELF\x02\x01" {
        return Err(not_a_library());
    }
    let u16_at = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let sections_at = u64::from_le_bytes(header[0x28..0x30].try_into().expect("eight bytes"));
    let needed = sections_at.saturating_add(u16_at(0x3a) * u16_at(0x3c));
    let actual = file.metadata()?.len();
    if actual < needed {
        return Err(io::Error::other(format!("it is truncated: {actual} bytes of {needed}")));
    }
    Ok(())
}

fn check_hash(path: &Path) -> Result<()> {
    let mut recorded = path.as_os_str().to_owned();
    recorded.push(".sha256");
    let text = std::fs::read_to_string(&recorded)
        .map_err(|e| failed(path, format!("its hash cannot be read from \"{}\": {e}", recorded.display())))?;
    let expected = text.split_whitespace().next().unwrap_or_default();
    let actual = sha256(path).map_err(|e| failed(path, e))?;
    if actual.eq_ignore_ascii_case(expected) { Ok(()) } else { Err(Error::Tampered { path: path.to_owned() }) }
}

fn failed(path: &Path, reason: impl ToString) -> Error {
    Error::of_library(reason, |reason| Error::Runtime { path: path.to_owned(), reason })
}
