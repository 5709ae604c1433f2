//! What a prepared folder says of itself: what it was made from, and the bytes that it holds.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bundle::{Bundle, MANIFEST, MODEL, Role, TOKENIZER, sha256};
use crate::checksums::Checksums;
use crate::encoder::{Encoder, Vector};
use crate::error::{Error, Result};
use crate::processor::processor;
use crate::runtime;
use crate::seen::Seen;
use crate::tokens::{Overflow, Tokens};
use crate::weights::Weights;

pub const WEIGHTS: &str = "model.weights";
/// The tokenizer, if of the kind that [`Tokens::pack`] knows.
pub const TOKENS: &str = "model.tokens";
pub const STAMP: &str = "stamp.toml";

/// The files of the folder itself are compared whenever they are read; of the two that are not read, size, inode and time of change
/// stand for the contents.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// `name@revision`.
    pub model: String,
    /// SHA-256 of `manifest.toml`, which holds those of the bundle's other files.
    pub manifest: String,
    /// What ONNX Runtime says of its own build.
    pub runtime: String,
    pub processor: String,
    pub canary: Canary,
    pub graph: Checksums,
    pub weights: Checksums,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Checksums>,
    pub tokenizer: Seen,
    pub library: Seen,
}

/// A text whose vector goes through every layer's weights.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    pub role: Role,
    pub text: String,
    /// Of the vector's bytes.
    pub sha256: String,
}

/// A prepared folder, of which nothing but the stamp has been read.
pub struct Prepared {
    pub folder: PathBuf,
    pub stamp: Stamp,
}

impl Prepared {
    pub fn read(folder: PathBuf) -> Result<Prepared> {
        let path = folder.join(STAMP);
        let text = fs::read_to_string(&path).map_err(|e| unreadable(&folder, &path, e))?;
        let stamp = toml::from_str(&text).map_err(|e| unusable(&folder, format!("\"{STAMP}\": {}", e.message())))?;
        Ok(Prepared { folder, stamp })
    }

    /// Bytes of the files that are kept in memory: the graph's and the weights'.
    pub fn bytes(&self) -> u64 {
        self.stamp.graph.bytes + self.stamp.weights.bytes
    }

    /// Whether this was made from this very bundle and library, on this kind of processor.
    pub fn check(&self, bundle: &Bundle, library: &Path) -> Result<()> {
        let Stamp { model, manifest, processor: made_for, tokenizer, library: made_with, .. } = &self.stamp;
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
        for (seen, path) in [(tokenizer, bundle.path(TOKENIZER)), (made_with, library.to_owned())] {
            match seen.is_still(&path) {
                Ok(true) => {}
                Ok(false) => return Err(self.changed(&path)),
                Err(e) => return Err(unreadable(&self.folder, &path, e)),
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

    pub fn graph(&self) -> Result<Vec<u8>> {
        self.read_file(MODEL, &self.stamp.graph)
    }

    pub fn weights(&self) -> Result<Weights> {
        let path = self.folder.join(WEIGHTS);
        let weights = Weights::open(&path, &self.stamp.weights).map_err(|e| unreadable(&self.folder, &path, e))?;
        weights.ok_or_else(|| self.changed(&path))
    }

    pub fn tokens(&self, bundle: &Bundle) -> Result<Tokens> {
        match &self.stamp.tokens {
            Some(checksums) => {
                Tokens::open_packed(bundle, &self.folder.join(TOKENS), &self.read_file(TOKENS, checksums)?)
            }
            None => Tokens::open(bundle),
        }
    }

    /// Whether the text that the stamp names still gets the bits that it had.
    pub fn check_canary(&self, encoder: &mut Encoder, check: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let Canary { role, text, sha256 } = &self.stamp.canary;
        let vectors = encoder.embed(*role, &[text], Overflow::Truncate, check)?;
        if *sha256 == digest(&vectors[0]) { Ok(()) } else { Err(self.unusable("its vectors are not what they were")) }
    }

    fn read_file(&self, name: &str, checksums: &Checksums) -> Result<Vec<u8>> {
        let path = self.folder.join(name);
        let bytes = checksums.read_all(&path).map_err(|e| unreadable(&self.folder, &path, e))?;
        bytes.ok_or_else(|| self.changed(&path))
    }

    fn changed(&self, path: &Path) -> Error {
        self.unusable(format!("\"{}\" has changed since", path.display()))
    }

    fn unusable(&self, reason: impl Into<String>) -> Error {
        unusable(&self.folder, reason)
    }
}

/// Of a vector's bytes.
pub fn digest(vector: &Vector) -> String {
    let mut hasher = Sha256::new();
    vector.iter().for_each(|x| hasher.update(x.to_le_bytes()));
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unusable(folder: &Path, reason: impl Into<String>) -> Error {
    Error::Unprepared { folder: folder.to_owned(), reason: reason.into() }
}

fn unreadable(folder: &Path, path: &Path, source: std::io::Error) -> Error {
    let error = Error::Unreadable { path: path.to_owned(), source };
    if error.is_out_of_memory() { error } else { unusable(folder, error.to_string()) }
}
