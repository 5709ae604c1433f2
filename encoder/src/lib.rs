//! From a model bundle to vectors, inside one process: bundle -> tokens -> ONNX Runtime -> vectors.
//!
//! [`kernel`] holds the operators by which ONNX Runtime computes an 8-bit model.
//!
//! This crate is the only one that touches `ort` and `tokenizers`; it knows nothing of PostgreSQL.

#![warn(clippy::undocumented_unsafe_blocks)]

mod batches;
mod blank;
mod bundle;
mod call;
mod checksums;
mod document;
mod encoder;
mod error;
pub mod interrupt;
pub mod kernel;
mod last_resort;
pub mod memory;
mod new_handler;
mod prepared;
mod processor;
pub mod runtime;
mod seen;
mod session;
mod sigbus;
mod stamp;
mod tokens;
mod unigram;
mod vectors;
mod weights;

pub use blank::is_blank;
pub use bundle::{Bundle, GOLDEN, Golden, MANIFEST, MODEL, Manifest, Pooling, Prefixes, Role, TOKENIZER, sha256};
pub use document::{MAX_DOCUMENT_BYTES, document, try_document};
pub use encoder::{Encoder, Options, Start, Vector};
pub use error::{Error, Result};
pub use prepared::{Made, prepare};
pub use tokens::{MAX_TEXT_BYTES, Overflow};
pub use vectors::dot;
