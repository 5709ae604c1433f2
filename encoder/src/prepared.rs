//! A model made ready for one machine: an optimised graph, and weights as its processor reads them, which are mapped, not copied.
//!
//! `<root>/<model>/` holds `model.onnx`, `model.weights`, `model.tokens` and `stamp.toml`. The stamp says what they were made from
//! and carries the proof: the bundle's hashes and goldens held, and what was made gives the same bits. So that whoever loads it
//! need not hash 34 MB and embed every golden text again, only compare checksums and see that one text still gets its bits.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use ort::session::builder::GraphOptimizationLevel;

use crate::bundle::{Bundle, MANIFEST, MODEL, TOKENIZER, sha256};
use crate::checksums::Checksums;
use crate::encoder::{Encoder, Options};
use crate::error::{Error, Result};
use crate::processor::processor;
use crate::seen::Seen;
use crate::session::{builder, commit};
use crate::stamp::{Canary, Prepared, STAMP, Stamp, TOKENS, WEIGHTS, digest, unusable};
use crate::tokens::{Overflow, Tokens};
use crate::{memory, runtime};

const LOCK: &str = ".lock";
/// Begins the name of a folder that is being made or removed.
const UNFINISHED: &str = ".unfinished-";
/// Smaller tensors stay inside the graph's file: scales and biases, whose sizes are no multiple of a cache line, would put the
/// weights after them astride.
const MIN_EXTERNAL_BYTES: &str = "131072";
const LOCK_POLL: Duration = Duration::from_millis(50);

/// What [`prepare`] leaves behind.
#[derive(Debug)]
pub struct Made {
    pub folder: PathBuf,
    pub bytes: u64,
    /// Whether it was made by this call, or found sound.
    pub new: bool,
}

/// What was prepared for `bundle` under `root`, whether it fits or not; `None` when nothing was.
pub(crate) fn find(bundle: &Bundle, root: &Path) -> Result<Option<Prepared>> {
    let folder = folder(bundle, root);
    match fs::metadata(&folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        _ => Prepared::read(folder).map(Some),
    }
}

/// Makes the prepared files of a bundle under `root`, unless they are there and sound.
///
/// Opens the bundle as [`Encoder::open`] does, saves what ONNX Runtime made of it, asserts that this gives every golden text the
/// same bits, and renames the folder into place. One process at a time; others wait, calling `check` meanwhile.
pub fn prepare(folder: &Path, root: &Path, library: &Path, check: &mut dyn FnMut() -> Result<()>) -> Result<Made> {
    let bundle = Bundle::open(folder)?;
    let target = self::folder(&bundle, root);
    fs::create_dir_all(root).map_err(unwritable(root))?;
    let _lock = lock(root, check)?;
    let options = Options { runtime: library.to_owned(), cache_entries: 0 };
    if let Some(made) = sound(&bundle, root, &options, check)? {
        return Ok(made);
    }
    sweep(root);
    let part = root.join(format!("{UNFINISHED}{}", std::process::id()));
    fs::create_dir(&part).map_err(unwritable(&part))?;
    let made = make(&bundle, &options, &part, check).and_then(|bytes| {
        replace(&part, &target).map_err(unwritable(&target))?;
        Ok(Made { folder: target, bytes, new: true })
    });
    sweep(root);
    memory::give_back();
    made
}

/// What is there, if it can be used. Of a copy, as a base backup makes for a standby, the stamp then knows the files of this
/// machine: sessions need not hash them again.
fn sound(
    bundle: &Bundle,
    root: &Path,
    options: &Options,
    check: &mut dyn FnMut() -> Result<()>,
) -> Result<Option<Made>> {
    let Ok(Some(mut prepared)) = find(bundle, root) else { return Ok(None) };
    match Encoder::open_with(bundle, &prepared, options, check) {
        Ok(_) => {}
        Err(error) if error.ends_a_call() => return Err(error),
        Err(_) => return Ok(None),
    }
    let files = [
        (&mut prepared.stamp.tokenizer, bundle.path(TOKENIZER)),
        (&mut prepared.stamp.library, options.runtime.clone()),
    ];
    let mut moved = false;
    for (seen, path) in files {
        let now = seen.again(&path).map_err(|source| Error::Unreadable { path, source })?;
        moved |= now != *seen;
        *seen = now;
    }
    if moved {
        let part = root.join(format!("{UNFINISHED}{}", std::process::id()));
        let stamp = prepared.folder.join(STAMP);
        write_stamp(&prepared.stamp, &part)?;
        fs::rename(&part, &stamp).and_then(|()| sync(&prepared.folder)).map_err(unwritable(&stamp))?;
    }
    Ok(Some(Made { bytes: prepared.bytes(), folder: prepared.folder, new: false }))
}

fn write_stamp(stamp: &Stamp, path: &Path) -> Result<()> {
    let text = toml::to_string(stamp).map_err(|e| unusable(path, e.to_string()))?;
    fs::write(path, text).and_then(|()| sync(path)).map_err(unwritable(path))
}

/// Fills the folder `part`; gives the bytes of its files.
fn make(bundle: &Bundle, options: &Options, part: &Path, check: &mut dyn FnMut() -> Result<()>) -> Result<u64> {
    let mut plain = Encoder::open_checked(&bundle.folder, options, check)?;
    let goldens = bundle.goldens()?;
    plain.agree(&goldens, check)?;
    save(bundle, options, part)?;
    let tokens = Tokens::pack(bundle)?;
    if let Some(packed) = &tokens {
        let path = part.join(TOKENS);
        fs::write(&path, packed).and_then(|()| sync(&path)).map_err(unwritable(&path))?;
    }
    check()?;
    // The shortest: every session that comes up embeds it.
    let canary = goldens.iter().min_by_key(|golden| golden.text.len());
    let canary = canary.ok_or_else(|| unusable(part, "the bundle has no golden text"))?;
    let seen = |path: PathBuf| Seen::now(&path).map_err(|source| Error::Unreadable { path, source });
    let checksums = |name: &str| {
        let path = part.join(name);
        Checksums::of(&path).map_err(|source| Error::Unreadable { path, source })
    };
    let stamp = Stamp {
        model: bundle.manifest.id(),
        manifest: sha256(&bundle.path(MANIFEST))
            .map_err(|source| Error::Unreadable { path: bundle.path(MANIFEST), source })?,
        runtime: runtime::build().to_owned(),
        processor: processor(),
        canary: Canary {
            role: canary.role,
            text: canary.text.clone(),
            sha256: digest(&plain.embed(canary.role, &[&canary.text], Overflow::Truncate, check)?[0]),
        },
        graph: checksums(MODEL)?,
        weights: checksums(WEIGHTS)?,
        tokens: tokens.map(|_| checksums(TOKENS)).transpose()?,
        tokenizer: seen(bundle.path(TOKENIZER))?,
        library: seen(options.runtime.clone())?,
    };
    write_stamp(&stamp, &part.join(STAMP))?;
    sync(part).map_err(unwritable(part))?;

    let prepared = Prepared::read(part.to_owned())?;
    let mut ready = Encoder::open_with(bundle, &prepared, options, check)?;
    for golden in &goldens {
        let mut embed = |encoder: &mut Encoder| encoder.embed(golden.role, &[&golden.text], Overflow::Truncate, check);
        if digest(&embed(&mut plain)?[0]) != digest(&embed(&mut ready)?[0]) {
            return Err(unusable(part, format!("it gives other bits than the bundle for {:?}", golden.text)));
        }
    }
    Ok(prepared.bytes())
}

/// Loads the bundle's model so that ONNX Runtime writes what it made of it.
fn save(bundle: &Bundle, options: &Options, part: &Path) -> Result<()> {
    let graph = part.join(MODEL);
    let save = || -> Result<(), Box<dyn std::error::Error>> {
        let saving = builder(&options.runtime, GraphOptimizationLevel::All)?
            .with_optimized_model_path(&graph)?
            .with_config_entry("session.optimized_model_external_initializers_file_name", WEIGHTS)?
            .with_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", MIN_EXTERNAL_BYTES)?
            .with_config_entry("session.save_external_prepacked_constant_initializers", "1")?;
        drop(commit(saving, |builder| builder.commit_from_file(bundle.path(MODEL)))?);
        Ok(())
    };
    save().map_err(|e| Error::of_library(e, |reason| unusable(part, reason)))?;
    for path in [graph, part.join(WEIGHTS)] {
        sync(&path).map_err(unwritable(&path))?;
    }
    Ok(())
}

/// Where `bundle` is prepared: its name, of which only what is plain in a file name is kept.
fn folder(bundle: &Bundle, root: &Path) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    root.join(bundle.manifest.name.chars().map(plain).collect::<String>())
}

/// Waits until no other process prepares under `root`; the lock ends with its file.
fn lock(root: &Path, check: &mut dyn FnMut() -> Result<()>) -> Result<File> {
    let path = root.join(LOCK);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unwritable(&path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => check()?,
            Err(TryLockError::Error(e)) => return Err(unwritable(&path)(e)),
        }
        sleep(LOCK_POLL);
    }
}

/// Puts `part` where `target` is. A folder cannot be renamed onto another, so for a moment there is none: readers then find
/// nothing prepared.
fn replace(part: &Path, target: &Path) -> io::Result<()> {
    let old = part.with_extension("old");
    match fs::rename(target, &old) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => fs::rename(part, target)?,
    }
    part.parent().map_or(Ok(()), sync)
}

/// Removes what an earlier call left unfinished. Called with the lock held.
fn sweep(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
        }
    }
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn unwritable(path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::Unwritable { path: path.to_owned(), source }
}
