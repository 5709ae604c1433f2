//! Weights as bytes, each rounded so that it makes up for the errors of those before it: GPTQ (Frantar et al. 2022), in the form
//! of LDLQ (Chee et al. 2023, QuIP), which needs one decomposition and no inverse.

use encoder::kernel::WEIGHT_MAX;
use ndarray::{Array2, s};

/// What is added to the diagonal of the products, as a share of its mean: the texts they are of are few, and others must fare as
/// well. Of 0.1, 0.3 and 1 the best on texts that were not among them.
const DAMPING: f64 = 0.3;

/// Cells of drug tables that are unlike names and sentences: weights are rounded with a view to these too.
pub const CELLS: [&str; 16] = [
    "일반의약품",
    "전문의약품",
    "정상",
    "허가",
    "신고",
    "20190321",
    "2004-11-08",
    "106",
    "7",
    "199400125",
    "8806412003417",
    "645301270,645301280,645301291",
    "5d9e0b7c41fa83261ce07f94",
    "Y",
    "[02640]진통.진양.수렴.소염제",
    "https://example.org/drug/199400125.jpg",
];

/// Numbers as bytes and what these are multiplied by: the largest magnitude becomes 127.
pub fn nearest(values: &[f32]) -> (Vec<i8>, f32) {
    let scale = scale(values);
    (values.iter().map(|v| (v / scale).round_ties_even() as i8).collect(), scale)
}

fn scale(values: &[f32]) -> f32 {
    let most = values.iter().fold(0f32, |most, v| most.max(v.abs()));
    if most > 0.0 { most / WEIGHT_MAX as f32 } else { 1.0 }
}

/// Rounds rows of weights whose inputs have certain products.
pub struct Rounding {
    /// Inputs, those that matter most first.
    order: Vec<usize>,
    /// `[ins, ins]`, unit lower triangular: row i has what the errors of the inputs before the i-th add to it.
    feedback: Array2<f64>,
}

impl Rounding {
    /// `products` is `[ins, ins]`.
    pub fn new(products: &Array2<f64>) -> Rounding {
        let diagonal = products.diag();
        let mut order: Vec<usize> = (0..diagonal.len()).collect();
        order.sort_by(|&a, &b| diagonal[b].total_cmp(&diagonal[a]));
        let mut sorted = Array2::from_shape_fn(products.dim(), |(i, j)| products[(order[i], order[j])]);
        let damping = (DAMPING * diagonal.mean().unwrap_or(0.0)).max(f64::MIN_POSITIVE);
        sorted.diag_mut().map_inplace(|x| *x += damping);
        Rounding { order, feedback: decompose(sorted) }
    }

    /// A row's bytes and what these are multiplied by.
    pub fn round(&self, values: &[f32]) -> (Vec<i8>, f32) {
        let scale = scale(values);
        let mut bytes = vec![0; values.len()];
        let mut errors: Vec<f64> = Vec::with_capacity(values.len());
        for (feedback, &input) in self.feedback.rows().into_iter().zip(&self.order) {
            let value = f64::from(values[input]);
            let made_up: f64 = feedback.iter().zip(&errors).map(|(share, error)| share * error).sum();
            let most = f64::from(WEIGHT_MAX);
            let byte = ((value + made_up) / f64::from(scale)).round_ties_even().clamp(-most, most);
            bytes[input] = byte as i8;
            errors.push(value - byte * f64::from(scale));
        }
        (bytes, scale)
    }
}

/// Of a symmetric positive matrix U D Uᵀ, with U unit upper triangular and D diagonal: Uᵀ.
fn decompose(mut matrix: Array2<f64>) -> Array2<f64> {
    let mut transposed = Array2::eye(matrix.nrows());
    for k in (0..matrix.nrows()).rev() {
        let pivot = matrix[(k, k)];
        let column = matrix.slice(s![k, ..k]).mapv(|x| x / pivot);
        for (i, share) in column.iter().enumerate() {
            matrix.slice_mut(s![i, ..=i]).scaled_add(-pivot * share, &column.slice(s![..=i]));
        }
        transposed.slice_mut(s![k, ..k]).assign(&column);
    }
    transposed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn noise(rng: &mut Rng, rows: usize, columns: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |_| (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64 - 0.5)
    }

    #[test]
    fn a_matrix_is_what_its_parts_give() {
        let x = noise(&mut Rng::new(1, "matrix"), 9, 6);
        let matrix = x.t().dot(&x);
        let transposed = decompose(matrix.clone());
        // D from the last row of what is left at each step: solve with U on both sides.
        let mut diagonal = Array2::<f64>::zeros((6, 6));
        let mut left = matrix.clone();
        for k in (0..6).rev() {
            diagonal[(k, k)] = left[(k, k)];
            let u = transposed.row(k).to_owned();
            left = left
                - diagonal[(k, k)]
                    * &u.view().insert_axis(ndarray::Axis(1)).dot(&u.view().insert_axis(ndarray::Axis(0)));
        }
        let back = transposed.t().dot(&diagonal).dot(&transposed);
        assert!((&back - &matrix).iter().all(|x| x.abs() < 1e-9), "{back} is not {matrix}");
    }

    #[test]
    fn inputs_that_move_together_are_rounded_better_than_each_to_the_nearest() {
        let mut rng = Rng::new(2, "rounding");
        // Thirty-two inputs that are mostly two.
        let x = noise(&mut rng, 400, 2).dot(&noise(&mut rng, 2, 32)) + 0.1 * noise(&mut rng, 400, 32);
        let rounding = Rounding::new(&x.t().dot(&x));
        let (mut ours, mut plain) = (0.0, 0.0);
        for _ in 0..50 {
            let values: Vec<f32> = noise(&mut rng, 1, 32).iter().map(|v| *v as f32).collect();
            let error = |(bytes, scale): (Vec<i8>, f32)| {
                let off = ndarray::Array1::from_iter(
                    values.iter().zip(bytes).map(|(v, b)| f64::from(*v) - f64::from(b) * f64::from(scale)),
                );
                x.dot(&off).mapv(|e| e * e).sum()
            };
            ours += error(rounding.round(&values));
            plain += error(nearest(&values));
        }
        assert!(ours < 0.5 * plain, "squared errors {ours} and {plain}");
    }
}
