//! Quantisation in the training loop, with straight-through gradients (Bengio et al., 2013): the forward pass computes with rounded
//! numbers, the backward pass as if they were not rounded.

use crate::backend::Backend;
use burn_tensor::{DType, Tensor};

/// The largest magnitude of a row or column becomes this whole number.
const LARGEST: f64 = 127.0;
/// Adding it rounds a float32 to a whole number, half to even, which then stands in its lowest bits. A GPU fuses this with what is
/// around it; of `round` it makes a pass of its own.
const WHOLE: f64 = 12_582_912.0;
/// Rows of zeros stay zeros.
const SMALLEST: f64 = 1e-30;

/// Symmetric 8-bit rounding, half to even, with one scale a row (`dim` 1) or column (`dim` 0): its largest magnitude over 127.
pub fn rounded<B: Backend>(x: Tensor<B, 2>, dim: usize) -> Tensor<B, 2> {
    let plain = x.clone().detach();
    let scale = plain.clone().abs().max_dim(dim).clamp_min(SMALLEST) / LARGEST;
    let steps = plain.clone() / scale.clone();
    let steps = if x.dtype() == DType::F32 { steps + WHOLE - WHOLE } else { steps.round() };
    let rounded = steps * scale;
    if !B::ad_enabled(&x.device()) {
        return rounded;
    }
    // The difference is exactly zero; its gradient is not.
    (x - plain) + rounded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encoder::floats;
    use burn_autodiff::Autodiff;
    use burn_flex::Flex;

    #[test]
    fn rounds_to_even_steps_of_the_largest_and_passes_gradients_through() {
        let device = Default::default();
        let x = Tensor::<Autodiff<Flex>, 2>::from_floats([[127.0, 0.5, -1.5, 2.4], [0.0, 0.0, 0.0, 0.0]], &device);
        let x = x.require_grad();
        let y = rounded(x.clone(), 1);
        assert_eq!(floats(&y), [127.0, 0.0, -2.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
        let weights = Tensor::from_floats([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]], &device);
        let gradient = x.grad(&(y * weights).sum().backward()).unwrap();
        assert_eq!(floats(&gradient), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        assert_eq!(floats(&rounded(x.inner().transpose(), 0)), [127.0, 0.0, 0.0, 0.0, -2.0, 0.0, 2.0, 0.0]);
    }
}
