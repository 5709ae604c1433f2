//! BERT (Devlin et al., 2019) with mean pooling and L2 normalisation, as a flat list of named parameters.
//!
//! Every parameter is a matrix; biases and norms are `[1, n]`. Linear weights are kept `[in, out]`, query, key and value fused.

use super::Batch;
use super::gelu::gelu;
use super::rounding::rounded;
use super::words::words;
use crate::backend::{AutodiffBackend, Backend};
use crate::checkpoint::{self, Checkpoint, Config};
use burn_tensor::{DType, Distribution, Tensor, TensorData, activation};
use std::collections::BTreeMap;

/// Parameters before the layers (word, position, norm scale, norm shift), and in each layer.
pub(super) const HEAD: usize = 4;
pub(super) const PER_LAYER: usize = 12;
const WORD: &str = "embeddings.word_embeddings.weight";
const POSITION: &str = "embeddings.position_embeddings.weight";
const TOKEN_TYPE: &str = "embeddings.token_type_embeddings.weight";
/// What is added to the attention scores of padding: far below any real score, and finite.
pub(super) const MASKED: f64 = -1e4;

/// Rows of a group (see [`grouped`]).
const GROUP: usize = 256;

/// The encoder's parameters on a device.
#[derive(Clone, Debug)]
pub struct Encoder<B: Backend> {
    config: Config,
    parameters: Vec<Tensor<B, 2>>,
    /// Token type 0, the only one used; not trained. `[1, hidden]`.
    token_type: Tensor<B, 2>,
    /// The weights are rounded already (see [`Encoder::rounded`]).
    rounded: bool,
}

/// Randomness of one forward pass in training.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    pub probability: f64,
    /// The same seed drops the same units.
    pub seed: u64,
}

impl<B: Backend> Encoder<B> {
    /// Puts a checkpoint's weights on a device. `dtype` is float32 but for tests of the arithmetic.
    pub fn new(checkpoint: &Checkpoint, device: &B::Device, dtype: DType) -> Self {
        let tensor = |data: Vec<f32>, shape: [usize; 2]| {
            Tensor::from_data(TensorData::new(data, shape).convert_dtype(dtype), (device, dtype))
        };
        let parameters = names(&checkpoint.config)
            .iter()
            .map(|name| {
                let (data, shape) = gather(checkpoint, name);
                tensor(data, shape)
            })
            .collect();
        let hidden = checkpoint.config.hidden_size;
        let token_type = tensor(checkpoint.tensor(TOKEN_TYPE).data[..hidden].to_vec(), [1, hidden]);
        Self { config: checkpoint.config.clone(), parameters, token_type, rounded: false }
    }

    /// Writes the parameters back into a copy of the checkpoint they came from.
    pub fn checkpoint(&self, origin: &Checkpoint) -> Checkpoint {
        let mut tensors: BTreeMap<String, checkpoint::Tensor> = origin.tensors.clone();
        for (name, parameter) in names(&self.config).iter().zip(&self.parameters) {
            let shape = parameter.dims();
            scatter(&mut tensors, name, &floats(parameter), shape);
        }
        Checkpoint { tensors, ..origin.clone() }
    }

    pub fn parameters(&self) -> &[Tensor<B, 2>] {
        &self.parameters
    }

    /// Length of a vector.
    pub fn width(&self) -> usize {
        self.config.hidden_size
    }

    pub fn names(&self) -> Vec<String> {
        names(&self.config)
    }

    /// Replaces the parameters, in the order of [`Encoder::parameters`].
    pub fn with_parameters(&self, parameters: Vec<Tensor<B, 2>>) -> Self {
        assert_eq!(parameters.len(), self.parameters.len());
        Self { parameters, ..self.clone() }
    }

    /// Replaces the parameters by what `change` makes of them, without a copy of any.
    pub fn update(&mut self, change: impl FnOnce(Vec<Tensor<B, 2>>) -> Vec<Tensor<B, 2>>) {
        let count = self.parameters.len();
        self.parameters = change(std::mem::take(&mut self.parameters));
        assert_eq!(self.parameters.len(), count);
    }

    #[cfg(feature = "libtorch")]
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// `[1, hidden]`, added to every token.
    #[cfg(feature = "libtorch")]
    pub(super) fn token_type(&self) -> &Tensor<B, 2> {
        &self.token_type
    }

    /// Whether the weights are rounded already.
    #[cfg(feature = "libtorch")]
    pub(super) fn has_rounded_weights(&self) -> bool {
        self.rounded
    }

    /// Whether the model computes with 8-bit activations and weights.
    pub(super) fn rounds(&self) -> bool {
        self.config.activation_bits.is_some()
    }

    /// The encoder with its weights as it multiplies by them, rounded if it computes with 8 bits: once for many passes.
    pub fn rounded(&self) -> Self {
        if !self.rounds() || self.rounded {
            return self.clone();
        }
        let weight = |(name, p): (String, &Tensor<B, 2>)| match () {
            () if name == WORD => rounded(p.clone(), 1),
            () if is_linear_weight(&name) => rounded(p.clone(), 0),
            () => p.clone(),
        };
        Self {
            parameters: self.names().into_iter().zip(&self.parameters).map(weight).collect(),
            rounded: true,
            ..self.clone()
        }
    }

    /// What a linear layer takes in: its rows rounded if the model computes with 8 bits.
    fn input(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        if self.rounds() { rounded(x, 1) } else { x }
    }

    /// `[rows, hidden]`: mean of the last layer over real tokens, of unit length.
    pub fn forward(&self, batch: &Batch, dropout: Option<Dropout>) -> Tensor<B, 2> {
        if self.rounds() && !self.rounded {
            return self.rounded().forward(batch, dropout);
        }
        let [word, position, norm_scale, norm_shift, ..] = self.parameters.as_slice() else { unreachable!() };
        let (device, dtype) = (word.device(), word.dtype());
        let (rows, tokens, hidden) = (batch.rows, batch.tokens, self.config.hidden_size);
        if let Some(dropout) = dropout {
            B::seed(&device, dropout.seed);
        }
        let drop = |x: Tensor<B, 2>| match dropout {
            Some(d) if d.probability > 0.0 => dropped(x, d.probability),
            _ => x,
        };
        let mask: Tensor<B, 2> =
            Tensor::from_data(TensorData::new(batch.mask(), [rows, tokens]).convert_dtype(dtype), (&device, dtype));
        let place = position.clone().slice([0..tokens, 0..hidden]) + self.token_type.clone();
        let words = words(word, &batch.ids).reshape([rows, tokens, hidden]);
        let x = (words + place.reshape([1, tokens, hidden])).reshape([rows * tokens, hidden]);
        let mut x = drop(self.norm(x, norm_scale, norm_shift));
        let mut bias = ((mask.clone() - 1.0) * -MASKED).reshape([rows, 1, 1, tokens]);
        if B::name(&device).contains("flex") {
            // It adds tensors of one shape many times faster than ones that have to be stretched.
            bias = bias.repeat(&[1, self.config.num_attention_heads, tokens, 1]);
        }
        for layer in self.parameters[HEAD..].chunks_exact(PER_LAYER) {
            let [qkv, qkv_b, out, out_b, scale1, shift1, up, up_b, down, down_b, scale2, shift2] = layer else {
                unreachable!()
            };
            let attended = self.attention(self.input(x.clone()), qkv, qkv_b, &bias, rows, tokens);
            x = self.norm(x + drop(linear(self.input(attended), out, out_b)), scale1, shift1);
            let wide = gelu(linear(self.input(x.clone()), up, up_b));
            x = self.norm(x + drop(linear(self.input(wide), down, down_b)), scale2, shift2);
        }
        let weights = mask.reshape([rows, tokens, 1]);
        let mean = (x.reshape([rows, tokens, hidden]) * weights.clone()).sum_dim(1) / weights.sum_dim(1);
        normalised(mean.reshape([rows, hidden]))
    }

    /// Scaled dot-product attention of all heads. The weights are cut in three, not what comes of them: the gradient of a cut is
    /// a copy of the whole.
    fn attention(
        &self,
        x: Tensor<B, 2>,
        qkv: &Tensor<B, 2>,
        qkv_b: &Tensor<B, 2>,
        bias: &Tensor<B, 4>,
        rows: usize,
        tokens: usize,
    ) -> Tensor<B, 2> {
        let (heads, hidden) = (self.config.num_attention_heads, self.config.hidden_size);
        let head = hidden / heads;
        let part = |i: usize| {
            let cut = |p: &Tensor<B, 2>| p.clone().slice([0..p.dims()[0], i * hidden..(i + 1) * hidden]);
            linear(x.clone(), &cut(qkv), &cut(qkv_b)).reshape([rows, tokens, heads, head]).swap_dims(1, 2)
        };
        let scores = part(0).matmul(part(1).swap_dims(2, 3)) * (1.0 / (head as f64).sqrt()) + bias.clone();
        let context = activation::softmax(scores, 3).matmul(part(2));
        context.swap_dims(1, 2).reshape([rows * tokens, hidden])
    }

    fn norm(&self, x: Tensor<B, 2>, scale: &Tensor<B, 2>, shift: &Tensor<B, 2>) -> Tensor<B, 2> {
        let centred = x.clone() - x.mean_dim(1);
        let variance = (centred.clone() * centred.clone()).mean_dim(1);
        let deviation = (variance + f64::from(self.config.layer_norm_eps)).sqrt();
        let [rows, columns] = centred.dims();
        let shape = grouped(rows, columns);
        ((centred / deviation).reshape(shape) * spread(scale, shape) + spread(shift, shape)).reshape([rows, columns])
    }
}

impl<B: AutodiffBackend> Encoder<B> {
    /// Parameters as leaves of a new graph; those where `trained` is false get no gradient.
    pub fn tracked(inner: &Encoder<B::InnerBackend>, trained: &[bool]) -> Self {
        let leaf = |(p, &trained): (&Tensor<B::InnerBackend, 2>, &bool)| {
            let leaf = Tensor::from_inner(p.clone());
            if trained { leaf.require_grad() } else { leaf }
        };
        Encoder {
            config: inner.config.clone(),
            parameters: inner.parameters.iter().zip(trained).map(leaf).collect(),
            token_type: Tensor::from_inner(inner.token_type.clone()),
            rounded: inner.rounded,
        }
    }
}

fn linear<B: Backend>(x: Tensor<B, 2>, weight: &Tensor<B, 2>, bias: &Tensor<B, 2>) -> Tensor<B, 2> {
    let y = x.matmul(weight.clone());
    let [rows, columns] = y.dims();
    let shape = grouped(rows, columns);
    (y.reshape(shape) + spread(bias, shape)).reshape([rows, columns])
}

/// Rows in groups: the gradient of what is added to every row is a sum over all of them, which a GPU takes in two steps ten times
/// faster than in one.
fn grouped(rows: usize, columns: usize) -> [usize; 3] {
    let groups = if rows >= 4096 && rows.is_multiple_of(GROUP) { rows / GROUP } else { 1 };
    [groups, rows / groups, columns]
}

/// A `[1, columns]` parameter for every group of rows: `[groups, 1, columns]`.
fn spread<B: Backend>(parameter: &Tensor<B, 2>, shape: [usize; 3]) -> Tensor<B, 3> {
    parameter.clone().reshape([1, 1, shape[2]]).expand([shape[0], 1, shape[2]])
}

fn dropped<B: Backend>(x: Tensor<B, 2>, probability: f64) -> Tensor<B, 2> {
    let keep = x.random_like(Distribution::Bernoulli(1.0 - probability));
    x * keep * (1.0 / (1.0 - probability))
}

/// Rows of unit length.
pub fn normalised<B: Backend>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    let length = (x.clone() * x.clone()).sum_dim(1).sqrt() + 1e-12;
    x / length
}

/// A tensor's values as float32, whatever the device holds.
pub fn floats<B: Backend, const D: usize>(tensor: &Tensor<B, D>) -> Vec<f32> {
    tensor.to_data().convert::<f32>().into_vec().expect("converted to f32")
}

/// Parameter names in order; `qkv` stands for the fused query, key and value.
fn names(config: &Config) -> Vec<String> {
    let mut names: Vec<String> =
        [WORD, POSITION, "embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias"].map(str::to_owned).to_vec();
    for layer in 0..config.num_hidden_layers {
        for part in [
            "attention.self.qkv",
            "attention.output.dense",
            "attention.output.LayerNorm",
            "intermediate.dense",
            "output.dense",
            "output.LayerNorm",
        ] {
            names.push(format!("encoder.layer.{layer}.{part}.weight"));
            names.push(format!("encoder.layer.{layer}.{part}.bias"));
        }
    }
    names
}

/// The checkpoint tensors behind a parameter: three for `qkv`, one for any other.
fn sources(name: &str) -> Vec<String> {
    if name.contains(".qkv.") {
        ["query", "key", "value"].iter().map(|part| name.replace("qkv", part)).collect()
    } else {
        vec![name.to_owned()]
    }
}

pub(super) fn is_linear_weight(name: &str) -> bool {
    name.ends_with(".weight") && name.starts_with("encoder.") && !name.contains("LayerNorm")
}

/// One parameter's values as `[in, out]` or `[1, n]`.
fn gather(checkpoint: &Checkpoint, name: &str) -> (Vec<f32>, [usize; 2]) {
    let parts: Vec<&checkpoint::Tensor> = sources(name).iter().map(|s| checkpoint.tensor(s)).collect();
    if !is_linear_weight(name) {
        let data: Vec<f32> = parts.iter().flat_map(|p| &p.data).copied().collect();
        let shape = if parts[0].shape.len() == 2 { [parts[0].shape[0], parts[0].shape[1]] } else { [1, data.len()] };
        return (data, shape);
    }
    let (out, input) = (parts[0].shape[0], parts[0].shape[1]);
    let mut data = Vec::with_capacity(parts.len() * out * input);
    for i in 0..input {
        for part in &parts {
            data.extend((0..out).map(|o| part.data[o * input + i]));
        }
    }
    (data, [input, parts.len() * out])
}

/// The inverse of [`gather`].
fn scatter(tensors: &mut BTreeMap<String, checkpoint::Tensor>, name: &str, data: &[f32], shape: [usize; 2]) {
    let sources = sources(name);
    for (part, source) in sources.iter().enumerate() {
        let target = tensors.get_mut(source).expect("a checkpoint has every parameter");
        let size = target.data.len();
        if is_linear_weight(name) {
            let (input, columns) = (shape[0], shape[1]);
            let out = columns / sources.len();
            for o in 0..out {
                for i in 0..input {
                    target.data[o * input + i] = data[i * columns + part * out + o];
                }
            }
        } else {
            target.data.copy_from_slice(&data[part * size..(part + 1) * size]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::random;
    use burn_flex::Flex;

    #[test]
    fn a_checkpoint_survives_the_device() {
        let checkpoint = random(30, 2, 5);
        let encoder: Encoder<Flex> = Encoder::new(&checkpoint, &Default::default(), DType::F32);
        assert_eq!(encoder.parameters().len(), HEAD + 2 * PER_LAYER);
        assert_eq!(encoder.checkpoint(&checkpoint), checkpoint);
    }

    #[test]
    fn groups_of_rows_change_nothing() {
        type B = burn_autodiff::Autodiff<Flex>;
        let (rows, device) = (4096, Default::default());
        assert_eq!((grouped(rows, 2), grouped(rows + 1, 2)), ([16, 256, 2], [1, 4097, 2]));
        let x: Vec<f32> = (0..rows * 2).map(|i| (i % 13) as f32 - 6.0).collect();
        let x = Tensor::<B, 2>::from_data(TensorData::new(x, [rows, 2]), &device);
        let weight = Tensor::<B, 2>::from_data([[1.0, 2.0], [3.0, 4.0]], &device);
        let bias = Tensor::<B, 2>::from_data([[0.5, -0.5]], &device).require_grad();
        let y = linear(x.clone(), &weight, &bias);
        let plain = x.clone().matmul(weight) + bias.clone().detach();
        assert_eq!(floats(&y), floats(&plain));
        let gradients = (y * x.clone()).sum().backward();
        assert_eq!(floats(&bias.grad(&gradients).unwrap()), floats(&x.sum_dim(0)));
    }

    #[test]
    fn padding_changes_nothing_and_vectors_have_unit_length() {
        let encoder: Encoder<Flex> = Encoder::new(&random(30, 2, 5), &Default::default(), DType::F32);
        let alone = floats(&encoder.forward(&Batch::new(&[&[0, 7, 9, 2]], 1, 4, 1), None));
        let padded = floats(&encoder.forward(&Batch::new(&[&[0, 7, 9, 2], &[0, 3, 4, 5, 6, 2]], 3, 8, 1), None));
        let length: f32 = alone.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
        for (a, b) in alone.iter().zip(&padded) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }

    #[test]
    fn dropout_follows_its_seed() {
        let encoder: Encoder<Flex> = Encoder::new(&random(30, 1, 5), &Default::default(), DType::F32);
        let batch = Batch::new(&[&[0, 7, 9, 2]], 1, 4, 1);
        let run = |seed| floats(&encoder.forward(&batch, Some(Dropout { probability: 0.3, seed })));
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
