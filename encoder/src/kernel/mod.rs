//! The 8-bit encoder, computed by operators of our own inside ONNX Runtime's session.
//!
//! Weights have 8 bits and a scale a column, activations 8 bits (of older bundles 14) and a scale a row. Products are summed
//! exactly, and all else is done in one fixed order, so that a text has the same vector, bit by bit, in any batch and on any
//! processor.

mod attention;
mod gemm;
mod isa;
mod layer;
mod math;
mod operators;
mod profile;
mod quantize;
mod simd;
#[cfg(test)]
mod tests;

pub use gemm::{WEIGHT_MAX, check_widths, pack};
pub use isa::Isa;
pub use layer::give_back;
pub use operators::{ACTIVATION_BITS, DOMAIN, EMBEDDINGS, LAYER, MEAN, domain};
pub use profile::{Part, profiled, thread_time};
