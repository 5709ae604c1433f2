//! The 8-bit encoder, computed by operators of our own inside ONNX Runtime's session.
//!
//! Weights have 8 bits and a scale a column, activations 14 bits and a scale a row. Products are summed exactly, and all else is
//! done in one fixed order, so that a text has the same vector, bit by bit, in any batch and on any processor.

#[cfg(target_arch = "x86_64")]
mod amx;
mod attention;
mod gemm;
mod lanes;
mod layer;
mod level;
mod math;
mod operators;
mod profile;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use gemm::{WEIGHT_MAX, check_widths, pack};
pub use layer::give_back;
pub use level::Level;
pub use operators::{DOMAIN, EMBEDDINGS, LAYER, MEAN, domain};
pub use profile::{Part, profiled};
