//! The exact GELU (Hendrycks and Gimpel, 2016): x times the normal distribution's share below x.

use crate::backend::Backend;
use burn_tensor::{DType, Tensor, TensorData, activation};
use rayon::prelude::*;
use std::f32::consts::{FRAC_1_SQRT_2, LN_2, LOG2_E};

/// Numbers of one task; rayon's own split would be finer than they are worth.
const PART: usize = 8192;

/// With the exact gradient on every device: composed where burn's own is that of the tanh approximation (every backend but flex and libtorch),
/// and on flex in one pass on every core, whose own calls a scalar `erf` on one.
pub fn gelu<B: Backend>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    let device = x.device();
    if B::name(&device).contains("libtorch") {
        return activation::gelu(x);
    }
    if !B::name(&device).contains("flex") {
        return (x.clone() * std::f64::consts::FRAC_1_SQRT_2).erf().add_scalar(1.0) * x * 0.5;
    }
    if x.dtype() != DType::F32 {
        return activation::gelu(x);
    }
    let shape = x.dims();
    let tensor = |values: Vec<f32>| Tensor::<B, 2>::from_data(TensorData::new(values, shape), &device);
    let mut values: Vec<f32> = x.to_data().into_vec().expect("checked to be float32");
    if !B::ad_enabled(&device) {
        values.par_chunks_mut(PART).flatten_iter().for_each(|v| *v = value_and_slope(*v).0);
        return tensor(values);
    }
    let mut slopes = vec![0.0; values.len()];
    values.par_chunks_mut(PART).zip(slopes.par_chunks_mut(PART)).for_each(|(values, slopes)| {
        values.iter_mut().zip(slopes).for_each(|(v, slope)| (*v, *slope) = value_and_slope(*v));
    });
    // A line through the point: its value here is the constant's, its gradient the slope.
    (x.clone() - x.detach()) * tensor(slopes) + tensor(values)
}

/// GELU at x and its derivative there. Without branches or calls, so that the compiler can use vector registers.
fn value_and_slope(x: f32) -> (f32, f32) {
    let below = 0.5 + 0.5 * erf(x * FRAC_1_SQRT_2);
    let density = 0.398_942_3 * exp(-0.5 * x * x);
    (x * below, below + x * density)
}

/// erf in single precision, to 5e-7: the rational approximation that Eigen and XLA use.
fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let s = x * x;
    let mut p = -2.726_142_3e-10;
    for c in [2.770_681_4e-8, -2.101_024e-6, -5.692_506_5e-5, -7.349_906_3e-4, -2.954_6e-3, -1.609_603_3e-2] {
        p = p * s + c;
    }
    let mut q = -1.456_607_2e-5;
    for c in [-2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_474e-2] {
        q = q * s + c;
    }
    x * p / q
}

/// exp of x <= 0 in single precision (Cephes' expf): 2 to the nearest whole power times a polynomial of the rest.
fn exp(x: f32) -> f32 {
    // Adding it rounds to a whole number, which then stands in the lowest bits.
    const WHOLE: f32 = 12_582_912.0;
    let x = x.max(-87.0);
    let shifted = x * LOG2_E + WHOLE;
    let rest = x - (shifted - WHOLE) * LN_2;
    let mut p = 1.987_569_1e-4;
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5] {
        p = p * rest + c;
    }
    let power = shifted.to_bits().wrapping_sub(WHOLE.to_bits()).wrapping_add(127) << 23;
    (p * rest * rest + rest + 1.0) * f32::from_bits(power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encoder::floats;
    use burn_autodiff::Autodiff;
    use burn_flex::Flex;

    fn points() -> Vec<f64> {
        (-2000..=2000).map(|i| f64::from(i) * 0.005).collect()
    }

    /// Values and gradients by burn's own GELU in double precision.
    fn reference() -> (Vec<f64>, Vec<f64>) {
        let device = Default::default();
        let data = TensorData::new(points(), [1, points().len()]);
        let x = Tensor::<Autodiff<Flex>, 2>::from_data(data, (&device, DType::F64)).require_grad();
        let y = activation::gelu(x.clone());
        let gradient = x.grad(&y.clone().sum().backward()).unwrap();
        (y.to_data().into_vec().unwrap(), gradient.to_data().into_vec().unwrap())
    }

    #[test]
    fn values_and_gradients_are_exact_to_single_precision() {
        let (values, slopes) = reference();
        let device = Default::default();
        let data: Vec<f32> = points().iter().map(|x| *x as f32).collect();
        let x = Tensor::<Autodiff<Flex>, 2>::from_data(TensorData::new(data, [1, points().len()]), &device);
        let plain = floats(&gelu(x.clone().inner()));
        let x = x.require_grad();
        let y = gelu(x.clone());
        let gradient = floats(&x.grad(&y.clone().sum().backward()).unwrap());
        for (i, (value, slope)) in values.iter().zip(&slopes).enumerate() {
            let at = points()[i];
            assert!((f64::from(floats(&y)[i]) - value).abs() < 2e-6, "gelu({at})");
            assert!((f64::from(gradient[i]) - slope).abs() < 2e-6, "gelu'({at}): {} {slope}", gradient[i]);
            assert_eq!(plain[i], floats(&y)[i]);
        }
    }
}
