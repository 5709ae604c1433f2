//! A model made ready for one machine: an optimised graph, and weights as its processor reads them, which are mapped, not copied.
//!
//! `<root>/<model>/` holds `model.onnx`, `model.weights`, `model.tokens` and `stamp.toml`. The stamp says what they were made from
//! and carries the proof: the bundle's hashes and goldens held, and what was made gives the same bits. So that whoever loads it
//! need not read 34 MB again, only see that no file has changed since, and that one text still gets its bits.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use ort::session::builder::GraphOptimizationLevel;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bundle::{Bundle, MANIFEST, MODEL, Role, TOKENIZER, sha256};
use crate::encoder::{Encoder, Options, Vector};
use crate::error::{Error, Result};
use crate::processor::processor;
use crate::seen::Seen;
use crate::session::{builder, commit};
use crate::tokens::{Overflow, Tokens};
use crate::{memory, runtime};

const WEIGHTS: &str = "model.weights";
/// The tokenizer, if of the kind that [`Tokens::pack`] knows.
const TOKENS: &str = "model.tokens";
const STAMP: &str = "stamp.toml";
const LOCK: &str = ".lock";
/// Begins the name of a folder that is being made or removed.
const UNFINISHED: &str = ".unfinished-";
/// Smaller tensors stay inside the graph's file: scales and biases, whose sizes are no multiple of a cache line, would put the
/// weights after them astride.
const MIN_EXTERNAL_BYTES: &str = "131072";
const LOCK_POLL: Duration = Duration::from_millis(50);

/// What a prepared folder was made from and holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stamp {
    /// `name@revision`.
    model: String,
    /// SHA-256 of `manifest.toml`, which holds those of the bundle's other files.
    manifest: String,
    /// What ONNX Runtime says of its own build.
    runtime: String,
    processor: String,
    canary: Canary,
    graph: Seen,
    weights: Seen,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens: Option<Seen>,
    tokenizer: Seen,
    library: Seen,
}

/// A text whose vector goes through every layer's weights.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Canary {
    role: Role,
    text: String,
    /// Of the vector's bytes.
    sha256: String,
}

/// A prepared folder, of which nothing but the stamp has been read.
pub(crate) struct Prepared {
    folder: PathBuf,
    stamp: Stamp,
}

/// What [`prepare`] leaves behind.
#[derive(Debug)]
pub struct Made {
    pub folder: PathBuf,
    pub bytes: u64,
    /// Whether it was made by this call, or found sound.
    pub new: bool,
}

impl Prepared {
    /// What was prepared for `bundle` under `root`, whether it fits or not; `None` when nothing was.
    pub fn find(bundle: &Bundle, root: &Path) -> Result<Option<Prepared>> {
        let folder = folder(bundle, root);
        match fs::metadata(&folder) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            _ => Prepared::read(folder).map(Some),
        }
    }

    fn read(folder: PathBuf) -> Result<Prepared> {
        let text =
            fs::read_to_string(folder.join(STAMP)).map_err(|e| unusable(&folder, format!("\"{STAMP}\": {e}")))?;
        let stamp = toml::from_str(&text).map_err(|e| unusable(&folder, format!("\"{STAMP}\": {}", e.message())))?;
        Ok(Prepared { folder, stamp })
    }

    pub fn graph(&self) -> PathBuf {
        self.folder.join(MODEL)
    }

    pub fn tokens(&self, bundle: &Bundle) -> Result<Tokens> {
        match self.stamp.tokens {
            Some(_) => Tokens::open_packed(bundle, &self.folder.join(TOKENS)),
            None => Tokens::open(bundle),
        }
    }

    /// Whether this was made from this very bundle and library, on this kind of processor, and has not changed since.
    pub fn check(&self, bundle: &Bundle, library: &Path) -> Result<()> {
        let Stamp {
            model, manifest, processor: made_for, graph, weights, tokens, tokenizer, library: made_with, ..
        } = &self.stamp;
        let held = bundle.manifest.id();
        if *model != held {
            return Err(self.unusable(format!("it was made from model \"{model}\", and this is \"{held}\"")));
        }
        let path = bundle.path(MANIFEST);
        if *manifest != sha256(&path).map_err(|source| Error::Unreadable { path, source })? {
            return Err(self.unusable(format!("another bundle of \"{model}\" was installed since it was made")));
        }
        let present = processor();
        if *made_for != present {
            return Err(self.unusable(format!("it was made for processor \"{made_for}\", and this is \"{present}\"")));
        }
        let files = [
            (graph, self.graph()),
            (weights, self.folder.join(WEIGHTS)),
            (tokenizer, bundle.path(TOKENIZER)),
            (made_with, library.to_owned()),
        ];
        for (seen, path) in files.into_iter().chain(tokens.iter().map(|seen| (seen, self.folder.join(TOKENS)))) {
            match seen.is_still(&path) {
                Ok(true) => {}
                Ok(false) => return Err(self.unusable(format!("\"{}\" has changed since", path.display()))),
                Err(e) => return Err(self.unusable(format!("\"{}\": {e}", path.display()))),
            }
        }
        Ok(())
    }

    /// Whether the runtime that this process has loaded, maybe long ago, is the one that made the files.
    pub fn check_runtime(&self) -> Result<()> {
        if self.stamp.runtime == runtime::build() {
            return Ok(());
        }
        Err(self.unusable(format!("this process has loaded another ONNX Runtime, \"{}\"", runtime::build())))
    }

    /// Whether the text that the stamp names still gets the bits that it had.
    pub fn check_canary(&self, encoder: &mut Encoder) -> Result<()> {
        let Canary { role, text, sha256 } = &self.stamp.canary;
        let vectors = encoder.embed(*role, &[text], Overflow::Truncate, &mut || Ok(()))?;
        if *sha256 == digest(&vectors[0]) { Ok(()) } else { Err(self.unusable("its vectors are not what they were")) }
    }

    fn unusable(&self, reason: impl Into<String>) -> Error {
        unusable(&self.folder, reason)
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
    let options = Options { runtime: library.to_owned(), threads: 1, cache_entries: 0 };
    if let Ok(Some(prepared)) = Prepared::find(&bundle, root)
        && Encoder::open_with(&bundle, &prepared, &options).is_ok()
    {
        return Ok(Made {
            bytes: prepared.stamp.graph.bytes + prepared.stamp.weights.bytes,
            folder: target,
            new: false,
        });
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

/// Fills the folder `part`; gives the bytes of its files.
fn make(bundle: &Bundle, options: &Options, part: &Path, check: &mut dyn FnMut() -> Result<()>) -> Result<u64> {
    let mut plain = Encoder::open(&bundle.folder, options)?;
    let goldens = bundle.goldens()?;
    plain.check_goldens(&goldens)?;
    check()?;
    save(bundle, options, part).map_err(|e| unusable(part, e.to_string()))?;
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
        graph: seen(part.join(MODEL))?,
        weights: seen(part.join(WEIGHTS))?,
        tokens: tokens.map(|_| seen(part.join(TOKENS))).transpose()?,
        tokenizer: seen(bundle.path(TOKENIZER))?,
        library: seen(options.runtime.clone())?,
    };
    let text = toml::to_string(&stamp).map_err(|e| unusable(part, e.to_string()))?;
    let path = part.join(STAMP);
    fs::write(&path, text).and_then(|()| sync(&path)).and_then(|()| sync(part)).map_err(unwritable(&path))?;

    let prepared = Prepared::read(part.to_owned())?;
    let mut ready = Encoder::open_with(bundle, &prepared, options)?;
    for golden in &goldens {
        let mut embed = |encoder: &mut Encoder| encoder.embed(golden.role, &[&golden.text], Overflow::Truncate, check);
        if digest(&embed(&mut plain)?[0]) != digest(&embed(&mut ready)?[0]) {
            return Err(unusable(part, format!("it gives other bits than the bundle for {:?}", golden.text)));
        }
    }
    Ok(stamp.graph.bytes + stamp.weights.bytes)
}

/// Loads the bundle's model so that ONNX Runtime writes what it made of it.
fn save(bundle: &Bundle, options: &Options, part: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let graph = part.join(MODEL);
    let saving = builder(&options.runtime, options.threads, GraphOptimizationLevel::All)?
        .with_optimized_model_path(&graph)?
        .with_config_entry("session.optimized_model_external_initializers_file_name", WEIGHTS)?
        .with_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", MIN_EXTERNAL_BYTES)?
        .with_config_entry("session.save_external_prepacked_constant_initializers", "1")?;
    drop(commit(saving, &bundle.path(MODEL))?);
    sync(&graph)?;
    sync(&part.join(WEIGHTS))?;
    Ok(())
}

/// Where `bundle` is prepared: its name, of which only what is plain in a file name is kept.
fn folder(bundle: &Bundle, root: &Path) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    root.join(bundle.manifest.name.chars().map(plain).collect::<String>())
}

fn digest(vector: &Vector) -> String {
    let mut hasher = Sha256::new();
    vector.iter().for_each(|x| hasher.update(x.to_le_bytes()));
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
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
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn unusable(folder: &Path, reason: impl Into<String>) -> Error {
    Error::Unprepared { folder: folder.to_owned(), reason: reason.into() }
}

fn unwritable(path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::Unwritable { path: path.to_owned(), source }
}
