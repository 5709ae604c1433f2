//! 8-bit linear layers whose result for a token depends on nothing but that token's own text.
//!
//! Weights: int8, one scale a column. Activations: uint8.
//! * After a layer normalisation, and out of the attention heads, columns have fixed scales. A few columns are much larger than the
//!   rest (outliers), so every column is first divided by a power of its own range and the weight's row multiplied by it
//!   (SmoothQuant, arXiv:2211.10438, section 4); the division is folded into the normalisation or the value projection.
//! * After GELU, whose range differs a lot between tokens, every token has its own scale. GELU gives nothing below -0.17, so the
//!   zero point sits low and nearly all the bytes are left for what is above zero.

use super::encoder::{Hidden, Input};
use super::forward::{Ranges, Site};
use super::graph::{Builder, INPUT_IDS, Value, int};
use super::onnx::DataType;
use crate::checkpoint::{Checkpoint, Tensor};

/// Exponent of a column's range in what it is divided by: 1 would move all of its size into the weights, 0 none.
const SMOOTHING: f32 = 0.65;
/// A normalised column is taken to reach this many standard deviations even if the texts seen did not.
const DEVIATIONS: f32 = 3.0;
/// Room above the largest context value seen.
const CONTEXT_ROOM: f32 = 2.5;
/// Zero point of GELU's output, and the lowest value that GELU gives.
const GELU_ZERO: u8 = 24;
const GELU_LOWEST: f32 = -0.169_971;

/// Ranges of the activations: column maxima, by number of the normalisation that gives them or by layer.
pub struct Int8 {
    norms: Vec<Vec<f32>>,
    contexts: Vec<Vec<f32>>,
}

impl Int8 {
    /// `seen` holds what a few varied texts gave.
    pub fn new(checkpoint: &Checkpoint, seen: &Ranges) -> Int8 {
        let layers = checkpoint.config.num_hidden_layers;
        let norms = (0..2 * layers)
            .map(|reader| {
                let (layer, odd) = (reader / 2, reader % 2 == 1);
                let (norm, site) = match (layer, odd) {
                    (_, true) => (format!("encoder.layer.{layer}.attention.output.LayerNorm"), Site::FeedForward),
                    (0, false) => ("embeddings.LayerNorm".to_owned(), Site::Attention),
                    _ => (format!("encoder.layer.{}.output.LayerNorm", layer - 1), Site::Attention),
                };
                let gain = &checkpoint.tensor(&format!("{norm}.weight")).data;
                let shift = &checkpoint.tensor(&format!("{norm}.bias")).data;
                let expected = gain.iter().zip(shift).map(|(g, s)| s.abs() + DEVIATIONS * g.abs());
                floored(seen.of(layer, site).iter().zip(expected).map(|(seen, expected)| seen.max(expected)).collect())
            })
            .collect();
        let contexts = (0..layers)
            .map(|layer| floored(seen.of(layer, Site::Context).iter().map(|v| v * CONTEXT_ROOM).collect()))
            .collect();
        Int8 { norms, contexts }
    }

    /// Rows of the word embedding from a table of bytes with a scale a row.
    pub fn words(&self, b: &mut Builder, tensor: &Tensor) -> Value {
        let (rows, width) = (tensor.shape[0], tensor.shape[1]);
        let (mut bytes, mut scales) = (Vec::with_capacity(tensor.data.len()), Vec::with_capacity(rows));
        for row in tensor.data.chunks_exact(width) {
            let scale = scale_of(row.iter().copied());
            bytes.extend(row.iter().map(|v| to_byte(v / scale)));
            scales.push(scale);
        }
        let table = b.bytes("word_embeddings", &[rows, width], &bytes);
        let scales = b.floats("word_scales", &[rows, 1], &scales);
        let bytes = b.node("Gather", "word_bytes", &[&table, INPUT_IDS], &[]);
        let values = b.node("Cast", "word_values", &[&bytes], &[int("to", DataType::Float as i64)]);
        let scales = b.node("Gather", "word_row_scales", &[&scales, INPUT_IDS], &[]);
        b.node("Mul", "words", &[&values, &scales], &[])
    }

    pub fn norm_smoothing(&self, reader: usize) -> Vec<f32> {
        smoothing(&self.norms[reader])
    }

    pub fn context_smoothing(&self, layer: usize) -> Vec<f32> {
        smoothing(&self.contexts[layer])
    }

    /// `output` is the normalised activation divided by `smooth` already.
    pub fn after_norm(&self, b: &mut Builder, name: &str, output: &str, smooth: Vec<f32>, reader: usize) -> Hidden {
        let back = b.floats(&format!("{name}.smooth"), &[smooth.len()], &smooth);
        let plain = b.node("Mul", &format!("{name}.plain"), &[output, &back], &[]);
        Hidden { plain, input: fixed(b, name, output, smooth, &self.norms[reader]) }
    }

    /// `context` is divided by `smooth` already: the value projection was.
    pub fn context(&self, b: &mut Builder, layer: usize, context: &str, smooth: Vec<f32>) -> Input {
        fixed(b, &format!("encoder.layer.{layer}.attention.context"), context, smooth, &self.contexts[layer])
    }

    /// Token scale = the larger of what the token's largest value and GELU's lowest value need.
    ///
    /// Tokens of all texts become rows of one matrix: QuantizeLinear takes a scale for every row, not for every token of a text.
    pub fn after_gelu(&self, b: &mut Builder, name: &str, active: &str, width: usize) -> Input {
        let matrix = b.integers(&format!("{name}.matrix"), &[-1, width as i64]);
        let axis = b.integers(&format!("{name}.axis"), &[1]);
        let share = b.float(&format!("{name}.share"), 1.0 / (f32::from(u8::MAX - GELU_ZERO) + 0.49));
        let least = b.float(&format!("{name}.least"), -GELU_LOWEST / (f32::from(GELU_ZERO) + 0.49));
        let zero = b.unsigned_byte(&format!("{name}.zero"), GELU_ZERO);
        let rows = b.node("Reshape", &format!("{name}.rows"), &[active, &matrix], &[]);
        let most = b.node("ReduceMax", &format!("{name}.most"), &[&rows, &axis], &[int("keepdims", 1)]);
        let wanted = b.node("Mul", &format!("{name}.wanted"), &[&most, &share], &[]);
        let row_scale = b.node("Max", &format!("{name}.row_scale"), &[&wanted, &least], &[]);
        let scales = b.node("Squeeze", &format!("{name}.scales"), &[&row_scale, &axis], &[]);
        let zeros = self.row_zeros(b, &scales, &zero);
        let bytes = b.node("QuantizeLinear", &format!("{name}.bytes"), &[&rows, &scales, &zeros], &[int("axis", 0)]);
        Input::PerToken { bytes, row_scale, zero }
    }

    /// [`GELU_ZERO`] for every row; the same in all layers.
    fn row_zeros(&self, b: &mut Builder, scales: &str, zero: &str) -> Value {
        if !b.has("row_zeros") {
            let rows = b.node("Shape", "row_count", &[scales], &[]);
            b.node("Expand", "row_zeros", &[zero, &rows], &[]);
        }
        "row_zeros".to_owned()
    }

    /// Result of a per-token layer, `[rows, outs]`, as `[batch, tokens, outs]`.
    fn texts(b: &mut Builder, name: &str, rows: &str, outs: usize) -> Value {
        if !b.has("text_shape") {
            let width = b.integers("text_width", &[outs as i64]);
            let shape = b.node("Shape", "input_shape", &[INPUT_IDS], &[]);
            b.node("Concat", "text_shape", &[&shape, &width], &[int("axis", 0)]);
        }
        b.node("Reshape", &format!("{name}.texts"), &[rows, "text_shape"], &[])
    }
}

/// Quantises with one scale: smoothing has made the columns alike.
fn fixed(b: &mut Builder, name: &str, smoothed: &str, smooth: Vec<f32>, range: &[f32]) -> Input {
    let scale = scale_of(range.iter().zip(&smooth).map(|(r, s)| r / s));
    let scale = b.float(&format!("{name}.scale"), scale);
    let zero = b.unsigned_byte(&format!("{name}.zero"), 128);
    let bytes = b.node("QuantizeLinear", &format!("{name}.bytes"), &[smoothed, &scale, &zero], &[]);
    Input::Static { bytes, scale, zero, smooth }
}

/// `matrix` is `[in, outs]`; the result is `[batch, tokens, outs]`.
pub fn linear(b: &mut Builder, name: &str, input: &Input, matrix: &[f32], outs: usize, bias: Option<&[f32]>) -> Value {
    let one = Vec::new();
    let (bytes, zero, smooth) = match input {
        Input::Static { bytes, zero, smooth, .. } => (bytes, zero, smooth),
        Input::PerToken { bytes, zero, .. } => (bytes, zero, &one),
        Input::Fp32(_) => unreachable!("an 8-bit layer reads bytes"),
    };
    let at = |row: usize, out: usize| matrix[row * outs + out] * smooth.get(row).copied().unwrap_or(1.0);
    let ins = matrix.len() / outs;
    let scales: Vec<f32> = (0..outs).map(|out| scale_of((0..ins).map(|row| at(row, out)))).collect();
    let weights: Vec<i8> = (0..ins * outs).map(|i| to_byte(at(i / outs, i % outs) / scales[i % outs])).collect();

    let weights = b.bytes(&format!("{name}.weight"), &[ins, outs], &weights);
    let scales = b.floats(&format!("{name}.weight.scale"), &[outs], &scales);
    let weight_zero = b.signed_byte(&format!("{name}.weight.zero"), 0);
    let scale = match input {
        Input::Static { scale, .. } => scale.clone(),
        _ => b.float(&format!("{name}.one"), 1.0),
    };
    let mut inputs = vec![bytes, &weights, &scale, &scales, zero, &weight_zero];
    let bias = bias.map(|bias| b.floats(&format!("{name}.bias"), &[outs], bias));
    inputs.extend(&bias);
    let inputs: Vec<&str> = inputs.into_iter().map(String::as_str).collect();
    let product = b.fused("MatMulIntegerToFloat", name, &inputs, &[]);
    match input {
        Input::PerToken { row_scale, .. } => {
            let rows = b.node("Mul", &format!("{name}.scaled"), &[&product, row_scale], &[]);
            Int8::texts(b, name, &rows, outs)
        }
        _ => product,
    }
}

/// What columns of these ranges are divided by; the geometric mean is 1.
fn smoothing(ranges: &[f32]) -> Vec<f32> {
    let mean = ranges.iter().map(|r| r.ln()).sum::<f32>() / ranges.len() as f32;
    ranges.iter().map(|r| (SMOOTHING * (r.ln() - mean)).exp()).collect()
}

/// No column's range below a thousandth of the largest.
fn floored(ranges: Vec<f32>) -> Vec<f32> {
    let least = ranges.iter().copied().fold(f32::MIN_POSITIVE, f32::max) / 1000.0;
    ranges.into_iter().map(|r| r.max(least)).collect()
}

/// Scale at which the largest magnitude becomes 127; 1 where all is zero.
fn scale_of(values: impl Iterator<Item = f32>) -> f32 {
    let most = values.fold(0f32, |a, b| a.max(b.abs()));
    if most > 0.0 { most / 127.0 } else { 1.0 }
}

fn to_byte(value: f32) -> i8 {
    value.round_ties_even().clamp(-127.0, 127.0) as i8
}
