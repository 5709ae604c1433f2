//! A model bundle: the folder that holds a model and everything needed to use it exactly as its maker did.
//!
//! `manifest.toml`, `model.onnx`, `tokenizer.json`, `golden.json`, `MODEL_CARD.md`. The ONNX graph takes `input_ids` and, if
//! it wants, `attention_mask` (int64 `[batch, tokens]`) and gives `sentence_embedding` (float32 `[batch, dim]`, L2-normalised).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

pub const MANIFEST: &str = "manifest.toml";
pub const MODEL: &str = "model.onnx";
pub const TOKENIZER: &str = "tokenizer.json";
pub const GOLDEN: &str = "golden.json";

/// What a text is, which decides the prefix the model was trained with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A row of a table, to be found.
    Document,
    /// What a person asks.
    Query,
    /// Either side of a symmetric comparison.
    Similarity,
}

/// Text put before every input of a role. Kept with the model: forgetting it is the commonest silent error of E5 users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prefixes {
    pub document: String,
    pub query: String,
    pub similarity: String,
}

impl Prefixes {
    pub fn of(&self, role: Role) -> &str {
        match role {
            Role::Document => &self.document,
            Role::Query => &self.query,
            Role::Similarity => &self.similarity,
        }
    }
}

/// How the last layer's token vectors become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    Mean,
}

/// `manifest.toml`: identity and contract of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub name: String,
    /// Changes whenever the vectors change.
    pub revision: String,
    /// The vector space, if it is that of another model: a student has its teacher's. Their vectors may be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    pub base_model: String,
    pub base_revision: String,
    pub license: String,
    /// Length of a vector.
    pub dim: usize,
    /// Longest input in tokens, prefix and special tokens included.
    pub max_tokens: usize,
    pub pooling: Pooling,
    /// `fp32`, or `int8`: computed by the operators of [`crate::kernel`].
    pub precision: String,
    /// ONNX Runtime version that made the goldens.
    pub runtime: String,
    /// Lowest cosine to a golden vector that is still this model.
    pub golden_cosine: f32,
    pub prefix: Prefixes,
    /// SHA-256 in lower-case hex of every file but the manifest.
    pub files: BTreeMap<String, String>,
}

impl Manifest {
    /// `name@revision`.
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.revision)
    }

    /// The vector space: vectors of bundles with the same one may be compared, others never. By default the model's own
    /// [id](Manifest::id).
    pub fn space(&self) -> String {
        self.space.clone().unwrap_or_else(|| self.id())
    }
}

/// A text and the vector that the model's maker got for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    pub role: Role,
    pub text: String,
    /// `[dim]`, L2-normalised.
    pub vector: Vec<f32>,
}

/// An opened bundle whose files match their recorded hashes.
#[derive(Debug, Clone)]
pub struct Bundle {
    pub folder: PathBuf,
    pub manifest: Manifest,
}

impl Bundle {
    /// Reads and checks the manifest, then the hash of every file it names.
    pub fn open(folder: &Path) -> Result<Bundle> {
        let bundle = Bundle::open_unchecked(folder)?;
        for name in bundle.manifest.files.keys() {
            bundle.verify(name)?;
        }
        Ok(bundle)
    }

    /// Reads the manifest alone; the files' contents are not looked at.
    pub fn open_unchecked(folder: &Path) -> Result<Bundle> {
        let path = folder.join(MANIFEST);
        let malformed = |reason: String| Error::Malformed { path: path.clone(), reason };
        let text = fs::read_to_string(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        let manifest: Manifest = toml::from_str(&text).map_err(|e| malformed(e.message().to_owned()))?;
        for name in [MODEL, TOKENIZER, GOLDEN] {
            if !manifest.files.contains_key(name) {
                return Err(malformed(format!("no hash of \"{name}\" in [files]")));
            }
        }
        if manifest.files.keys().any(|name| name.contains(['/', '\\'])) {
            return Err(malformed("a name in [files] is not a plain file name".to_owned()));
        }
        if manifest.dim == 0 || manifest.dim > 16_000 {
            return Err(malformed(format!("dim {} is outside 1..16000", manifest.dim)));
        }
        if manifest.space.as_ref().is_some_and(|space| space.trim().is_empty()) {
            return Err(malformed("space is empty".to_owned()));
        }
        if manifest.max_tokens < 16 {
            return Err(malformed(format!("max_tokens {} is below 16", manifest.max_tokens)));
        }
        Ok(Bundle { folder: folder.to_owned(), manifest })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Recorded SHA-256 of `model.onnx`.
    pub fn model_hash(&self) -> &str {
        &self.manifest.files[MODEL]
    }

    fn verify(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        let actual = sha256(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        if actual.eq_ignore_ascii_case(&self.manifest.files[name]) { Ok(()) } else { Err(Error::Tampered { path }) }
    }

    pub fn goldens(&self) -> Result<Vec<Golden>> {
        let path = self.path(GOLDEN);
        let malformed = |reason: String| Error::Malformed { path: path.clone(), reason };
        let text = fs::read_to_string(&path).map_err(|source| Error::Unreadable { path: path.clone(), source })?;
        let goldens: Vec<Golden> = serde_json::from_str(&text).map_err(|e| malformed(e.to_string()))?;
        if goldens.is_empty() {
            return Err(malformed("it holds no golden vectors".to_owned()));
        }
        match goldens.iter().find(|g| g.vector.len() != self.manifest.dim) {
            Some(g) => Err(malformed(format!(
                "a golden vector has {} dimensions, the manifest says {}",
                g.vector.len(),
                self.manifest.dim
            ))),
            None => Ok(goldens),
        }
    }
}

/// SHA-256 of a file in lower-case hex.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The manifest with this line, opened.
    fn opened(line: &str) -> Result<Manifest> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = format!(
            "name = 'student'\nrevision = '2'\n{line}\nbase_model = 'b'\nbase_revision = '1'\nlicense = 'MIT'\ndim = 4\n\
             max_tokens = 16\npooling = 'mean'\nprecision = 'int8'\nruntime = '1'\ngolden_cosine = 1\n\
             [prefix]\ndocument = ''\nquery = ''\nsimilarity = ''\n\
             [files]\n'model.onnx' = ''\n'tokenizer.json' = ''\n'golden.json' = ''\n"
        );
        fs::write(folder.path().join(MANIFEST), text).expect("a manifest");
        Bundle::open_unchecked(folder.path()).map(|bundle| bundle.manifest)
    }

    #[test]
    fn a_space_is_the_models_own_unless_the_manifest_names_another() {
        let own = opened("").expect("a manifest without space");
        assert_eq!((own.id(), own.space()), ("student@2".to_owned(), "student@2".to_owned()));
        let shared = opened("space = 'teacher@1'").expect("a manifest with space");
        assert_eq!((shared.id(), shared.space()), ("student@2".to_owned(), "teacher@1".to_owned()));
        assert!(matches!(opened("space = ' '"), Err(Error::Malformed { .. })));
        for manifest in [own, shared] {
            let text = toml::to_string(&manifest).expect("toml");
            assert_eq!(toml::from_str::<Manifest>(&text).expect("a manifest"), manifest);
        }
    }
}
