//! Everything that can go wrong between a bundle and a vector.

use std::path::PathBuf;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("model bundle file \"{}\" cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("model bundle file \"{}\" is not valid: {reason}", path.display())]
    Malformed { path: PathBuf, reason: String },
    #[error("model bundle file \"{}\" does not match its recorded SHA-256", path.display())]
    Tampered { path: PathBuf },
    #[error(
        "model \"{model}\" does not reproduce its reference vectors on this machine: text {text:?}, cosine {cosine:.6}"
    )]
    GoldenMismatch { model: String, text: String, cosine: f32 },
    #[error("ONNX Runtime library \"{}\" cannot be used: {reason}", path.display())]
    Runtime { path: PathBuf, reason: String },
    #[error("\"{}\" cannot be written: {source}", path.display())]
    Unwritable { path: PathBuf, source: std::io::Error },
    #[error("prepared model \"{}\" cannot be used: {reason}", folder.display())]
    Unprepared { folder: PathBuf, reason: String },
    #[error("inference failed: {0}")]
    Inference(String),
    #[error("text cannot be tokenized: {0}")]
    Tokenize(String),
    #[error("text is empty or holds only blanks")]
    Blank,
    #[error("text of {bytes} bytes is longer than the limit of {limit} bytes")]
    TooLarge { bytes: usize, limit: usize },
    #[error("text of {tokens} tokens is longer than the model's limit of {limit}")]
    TooLong { tokens: usize, limit: usize },
    #[error("a call of more than {limit} texts")]
    TooMany { limit: usize },
    #[error("out of memory")]
    OutOfMemory {
        /// What could not be had, where that is known.
        bytes: Option<usize>,
    },
    #[error("file \"{}\" changed while it was used", path.display())]
    Changed { path: PathBuf },
    #[error("embedding was cancelled")]
    Cancelled,
}

impl Error {
    pub fn out_of_memory(bytes: usize) -> Error {
        Error::OutOfMemory { bytes: Some(bytes) }
    }

    /// Whether memory was wanting, which says nothing of the files that were read.
    pub fn is_out_of_memory(&self) -> bool {
        match self {
            Error::OutOfMemory { .. } => true,
            Error::Unreadable { source, .. } | Error::Unwritable { source, .. } => {
                source.kind() == std::io::ErrorKind::OutOfMemory
            }
            _ => false,
        }
    }

    /// Whether this says nothing of the files that were read: another way to load a model would end likewise.
    pub(crate) fn ends_a_call(&self) -> bool {
        matches!(self, Error::Cancelled) || self.is_out_of_memory()
    }

    /// What a library says of a failure: that memory was wanting, or `otherwise`.
    pub(crate) fn of_library(reason: impl ToString, otherwise: impl FnOnce(String) -> Error) -> Error {
        let reason = reason.to_string();
        let signs = ["bad_alloc", "annot allocate memory", "ailed to allocate memory", "ailed to map segment"];
        if signs.iter().any(|sign| reason.contains(sign)) {
            return Error::OutOfMemory { bytes: None };
        }
        otherwise(reason)
    }
}
