//! The encoder as burn tensors: BERT, mean pooling, unit length.

pub mod batch;
pub mod embed;
pub mod encoder;
mod gelu;
mod rounding;
pub mod tiny;
pub mod tokens;
#[cfg(feature = "libtorch")]
mod torch;
pub mod trained;
mod words;

pub use batch::Batch;
pub use encoder::{Dropout, Encoder};
pub use tokens::Tokens;
pub use trained::Trained;
