//! burn's backends, and what one of them may do itself: a pass of the whole encoder with its own gradients.

use crate::model::{Batch, Dropout, Encoder};
use burn_tensor::Tensor;

/// A pass that can be taken back: vectors of every row of the batches, one batch after the other, and what makes the parameters'
/// gradients of the vectors'.
pub struct Pass<B: Backend> {
    pub vectors: Tensor<B, 2>,
    pub backward: Backward<B>,
}

/// From the gradient of a pass's vectors to those of the parameters that are trained.
pub type Backward<B> = Box<dyn FnOnce(Tensor<B, 2>) -> Vec<Option<Tensor<B, 2>>>>;

/// A backend of burn's; most have the encoder's pass as burn composes it.
pub trait Backend: burn_tensor::backend::Backend {
    /// Vectors of every row of the batches, one batch after the other, in one pass of the backend's own.
    fn forward(_encoder: &Encoder<Self>, _batches: &[&Batch]) -> Option<Tensor<Self, 2>> {
        None
    }

    /// The same with what its gradients need.
    fn pass(
        _encoder: &Encoder<Self>,
        _batches: &[&Batch],
        _trained: &[bool],
        _dropout: Option<Dropout>,
    ) -> Option<Pass<Self>> {
        None
    }
}

/// A backend of burn's that makes the gradients.
pub trait AutodiffBackend: Backend + burn_tensor::backend::AutodiffBackend<InnerBackend: Backend> {}

impl<B: Backend + burn_tensor::backend::AutodiffBackend<InnerBackend: Backend>> AutodiffBackend for B {}

impl Backend for burn_flex::Flex {}
#[cfg(feature = "cuda")]
impl Backend for burn_cuda::Cuda {}
impl<B: Backend> Backend for burn_autodiff::Autodiff<B> {}
