//! The encoder computed in plain Rust, float32, one text at a time: the judge of what ONNX Runtime makes of an exported graph.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};

use super::rounding::nearest;
use crate::checkpoint::Checkpoint;

/// `[ins, ins]` of each linear layer: its inputs' products with each other, summed over tokens.
pub type Products = BTreeMap<String, Array2<f64>>;

pub struct Forward<'a> {
    /// Of an 8-bit model with its weights rounded.
    checkpoint: Cow<'a, Checkpoint>,
    products: Option<RefCell<Products>>,
}

impl<'a> Forward<'a> {
    pub fn new(checkpoint: &'a Checkpoint) -> Forward<'a> {
        let checkpoint = match checkpoint.config.activation_bits {
            Some(_) => Cow::Owned(rounded(checkpoint)),
            None => Cow::Borrowed(checkpoint),
        };
        Forward { checkpoint, products: None }
    }

    /// What the linear layers get to see when texts of these ids are embedded. Query, key and value see the same, which is kept for
    /// the query.
    pub fn products(checkpoint: &Checkpoint, texts: &[Vec<u32>]) -> Products {
        let forward = Forward { products: Some(RefCell::default()), ..Forward::new(checkpoint) };
        for ids in texts {
            forward.embed(ids);
        }
        forward.products.map(RefCell::into_inner).unwrap_or_default()
    }

    /// L2-normalised mean of the last layer's token vectors.
    pub fn embed(&self, ids: &[u32]) -> Vec<f32> {
        let config = &self.checkpoint.config;
        let mut x = self.embeddings(ids);
        for layer in 0..config.num_hidden_layers {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            let context = self.attention(layer, &x);
            let attended = self.linear(&name("attention.output.dense"), &context) + &x;
            x = self.layer_norm(&name("attention.output.LayerNorm"), attended);
            let mut hidden = self.linear(&name("intermediate.dense"), &x);
            hidden.mapv_inplace(gelu);
            x = self.layer_norm(&name("output.LayerNorm"), self.linear(&name("output.dense"), &hidden) + &x);
        }
        let mean = x.sum_axis(Axis(0));
        let norm = mean.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        mean.iter().map(|v| (f64::from(*v) / norm) as f32).collect()
    }

    fn embeddings(&self, ids: &[u32]) -> Array2<f32> {
        let words = self.matrix("embeddings.word_embeddings.weight");
        let positions = self.matrix("embeddings.position_embeddings.weight");
        let segment = self.matrix("embeddings.token_type_embeddings.weight");
        let mut x = Array2::zeros((ids.len(), words.ncols()));
        for (position, (mut row, id)) in x.rows_mut().into_iter().zip(ids).enumerate() {
            row.assign(&words.row(*id as usize));
            row += &positions.row(position);
            row += &segment.row(0);
        }
        self.layer_norm("embeddings.LayerNorm", x)
    }

    fn attention(&self, layer: usize, x: &Array2<f32>) -> Array2<f32> {
        let project = |part: &str| self.linear(&format!("encoder.layer.{layer}.attention.self.{part}"), x);
        let (q, k, v) = (project("query"), project("key"), project("value"));
        let heads = self.checkpoint.config.num_attention_heads;
        let width = x.ncols() / heads;
        let mut context = Array2::zeros(x.dim());
        for head in 0..heads {
            let columns = s![.., head * width..(head + 1) * width];
            let mut weights = q.slice(columns).dot(&k.slice(columns).t()) / (width as f32).sqrt();
            for mut row in weights.rows_mut() {
                let most = row.fold(f32::NEG_INFINITY, |a, b| a.max(*b));
                row.mapv_inplace(|v| (v - most).exp());
                let total = row.sum();
                row /= total;
            }
            context.slice_mut(columns).assign(&weights.dot(&v.slice(columns)));
        }
        context
    }

    fn linear(&self, name: &str, x: &Array2<f32>) -> Array2<f32> {
        let again = name.ends_with(".key") || name.ends_with(".value");
        if let (Some(products), false) = (&self.products, again) {
            let more = x.t().dot(x).mapv(f64::from);
            let mut products = products.borrow_mut();
            match products.get_mut(name) {
                Some(sum) => *sum += &more,
                None => drop(products.insert(name.to_owned(), more)),
            }
        }
        let product = |x: &Array2<f32>| x.dot(&self.matrix(&format!("{name}.weight")).t());
        let product = match self.checkpoint.config.activation_bits {
            Some(_) => product(&rounded_rows(x)),
            None => product(x),
        };
        product + self.vector(&format!("{name}.bias"))
    }

    fn layer_norm(&self, name: &str, mut x: Array2<f32>) -> Array2<f32> {
        let (gain, bias) = (self.vector(&format!("{name}.weight")), self.vector(&format!("{name}.bias")));
        for mut row in x.rows_mut() {
            let mean = row.iter().map(|v| f64::from(*v)).sum::<f64>() / row.len() as f64;
            let variance = row.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / row.len() as f64;
            let scale = 1.0 / (variance + f64::from(self.checkpoint.config.layer_norm_eps)).sqrt();
            row.mapv_inplace(|v| ((f64::from(v) - mean) * scale) as f32);
            row *= &gain;
            row += &bias;
        }
        x
    }

    fn matrix(&self, name: &str) -> ArrayView2<'_, f32> {
        let tensor = self.checkpoint.tensor(name);
        ArrayView2::from_shape((tensor.shape[0], tensor.shape[1]), &tensor.data).expect("a matrix")
    }

    fn vector(&self, name: &str) -> ArrayView1<'_, f32> {
        ArrayView1::from(&self.checkpoint.tensor(name).data)
    }
}

/// The checkpoint with the weights that an 8-bit bundle has: token vectors and what linear layers multiply by, row by row (a row of
/// `[outs, ins]` makes one output).
fn rounded(checkpoint: &Checkpoint) -> Checkpoint {
    let mut checkpoint = checkpoint.clone();
    let small =
        |name: &str| name.ends_with("LayerNorm.weight") || name.contains("position") || name.contains("token_type");
    for (name, tensor) in &mut checkpoint.tensors {
        if name.ends_with(".weight") && !small(name) {
            let width = tensor.shape[1];
            tensor.data.chunks_exact_mut(width).for_each(round);
        }
    }
    checkpoint
}

fn rounded_rows(x: &Array2<f32>) -> Array2<f32> {
    let mut x = x.as_standard_layout().into_owned();
    x.rows_mut().into_iter().for_each(|mut row| round(row.as_slice_mut().expect("rows in order")));
    x
}

/// Numbers as 8 bits have them.
fn round(values: &mut [f32]) {
    let (bytes, scale) = nearest(values);
    values.iter_mut().zip(bytes).for_each(|(v, b)| *v = f32::from(b) * scale);
}

/// x times the normal distribution function, by Abramowitz and Stegun 7.1.26 for erf (error below 1.5e-7).
fn gelu(x: f32) -> f32 {
    let z = f64::from(x.abs()) / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let poly =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let erf = (1.0 - poly * (-z * z).exp()).copysign(f64::from(x));
    (f64::from(x) * 0.5 * (1.0 + erf)) as f32
}
