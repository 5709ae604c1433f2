//! From a model bundle to vectors, inside one process: bundle -> tokens -> ONNX Runtime -> vectors.
//!
//! This crate is the only one that touches `ort` and `tokenizers`; it knows nothing of PostgreSQL.
//!
//! * [`bundle`]: the folder a model is shipped in, its manifest, hashes and goldens.
//! * [`error`]: everything that can go wrong, one enum.

pub mod bundle;
pub mod error;

pub use bundle::{Bundle, Golden, Manifest, Prefixes, Role};
pub use error::{Error, Result};
