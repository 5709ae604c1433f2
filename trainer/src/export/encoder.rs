//! The graph of a BERT encoder with mean pooling; how a linear layer computes is left to a [`Precision`].

use super::graph::{ATTENTION_MASK, Builder, INPUT_IDS, OUTPUT, Value, int, real};
use super::int8::Int8;
use super::onnx::DataType;
use crate::checkpoint::{Checkpoint, Tensor};

pub enum Precision {
    Fp32,
    Int8(Int8),
}

/// What a layer normalisation hands on, `[batch, tokens, width]`.
pub struct Hidden {
    /// The activation itself, which the residual connection adds.
    pub plain: Value,
    /// What the linear layers behind it read.
    pub input: Input,
}

/// Input of a linear layer.
#[derive(Clone)]
pub enum Input {
    Fp32(Value),
    /// Bytes with their scale and zero point; column `c` stands for the activation divided by `smooth[c]`.
    Static {
        bytes: Value,
        scale: Value,
        zero: Value,
        smooth: Vec<f32>,
    },
    /// Bytes with a zero point, `[rows, width]`; the result is to be multiplied by `row_scale`, `[rows, 1]`.
    PerToken {
        bytes: Value,
        row_scale: Value,
        zero: Value,
    },
}

pub struct EncoderGraph<'a> {
    pub builder: Builder,
    pub checkpoint: &'a Checkpoint,
    pub precision: Precision,
}

impl EncoderGraph<'_> {
    /// The serialised ONNX model.
    pub fn build(checkpoint: &Checkpoint, precision: Precision) -> Vec<u8> {
        let mut graph = EncoderGraph { builder: Builder::default(), checkpoint, precision };
        let mask = graph.builder.node("Cast", "mask", &[ATTENTION_MASK], &[int("to", DataType::Int32 as i64)]);
        let mut hidden = graph.embeddings();
        for layer in 0..checkpoint.config.num_hidden_layers {
            hidden = graph.layer(layer, hidden, &mask);
        }
        graph.pool(&hidden.plain);
        graph.builder.model(checkpoint.config.hidden_size)
    }

    fn embeddings(&mut self) -> Hidden {
        let words = self.words();
        let [positions, segment] = ["position", "token_type"]
            .map(|kind| self.checkpoint.tensor(&format!("embeddings.{kind}_embeddings.weight")));
        let width = positions.shape[1];
        let sums: Vec<f32> =
            positions.data.iter().zip(segment.data[..width].iter().cycle()).map(|(a, b)| a + b).collect();
        let b = &mut self.builder;
        let table = b.floats("position_embeddings", &positions.shape, &sums);
        let (first, axis) = (b.integers("zero", &[0]), b.integers("first_axis", &[0]));
        let tokens = b.node("Shape", "tokens", &[INPUT_IDS], &[int("start", 1), int("end", 2)]);
        let positions = b.node("Slice", "positions", &[&table, &first, &tokens, &axis], &[]);
        self.layer_norm("embeddings.LayerNorm", &words, &positions, None, Some(0))
    }

    /// Rows of the word embedding, `[batch, tokens, width]`.
    fn words(&mut self) -> Value {
        let tensor = self.checkpoint.tensor("embeddings.word_embeddings.weight");
        match &self.precision {
            Precision::Fp32 => {
                let table = self.builder.floats("word_embeddings", &tensor.shape, &tensor.data);
                self.builder.node("Gather", "words", &[&table, INPUT_IDS], &[])
            }
            Precision::Int8(int8) => int8.words(&mut self.builder, tensor),
        }
    }

    fn layer(&mut self, layer: usize, hidden: Hidden, mask: &str) -> Hidden {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let smooth = self.context_smoothing(layer);
        let project = |graph: &mut Self, part: &str, divide: Option<&[f32]>| {
            graph.linear(&name(&format!("attention.self.{part}")), &hidden.input, divide, true)
        };
        let query = project(self, "query", None);
        let key = project(self, "key", None);
        let value = project(self, "value", smooth.as_deref());
        let heads = int("num_heads", self.checkpoint.config.num_attention_heads as i64);
        let context = self.builder.fused(
            "MultiHeadAttention",
            &name("attention.self"),
            &[&query, &key, &value, "", mask],
            &[heads],
        );
        let context = self.context_input(layer, context, smooth);
        let attended = self.linear(&name("attention.output.dense"), &context, None, false);
        let bias = self.bias(&name("attention.output.dense"));
        let norm = name("attention.output.LayerNorm");
        let hidden = self.layer_norm(&norm, &attended, &hidden.plain, Some(&bias), Some(2 * layer + 1));

        let wide = self.linear(&name("intermediate.dense"), &hidden.input, None, true);
        let active = self.builder.node("Gelu", &name("intermediate.gelu"), &[&wide], &[]);
        let active = match &self.precision {
            Precision::Fp32 => Input::Fp32(active),
            Precision::Int8(int8) => {
                let width = self.checkpoint.config.intermediate_size;
                int8.after_gelu(&mut self.builder, &name("intermediate"), &active, width)
            }
        };
        let narrow = self.linear(&name("output.dense"), &active, None, false);
        let bias = self.bias(&name("output.dense"));
        let last = layer + 1 == self.checkpoint.config.num_hidden_layers;
        let next = (!last).then_some(2 * layer + 2);
        self.layer_norm(&name("output.LayerNorm"), &narrow, &hidden.plain, Some(&bias), next)
    }

    fn context_smoothing(&self, layer: usize) -> Option<Vec<f32>> {
        match &self.precision {
            Precision::Fp32 => None,
            Precision::Int8(int8) => Some(int8.context_smoothing(layer)),
        }
    }

    fn context_input(&mut self, layer: usize, context: Value, smooth: Option<Vec<f32>>) -> Input {
        match (&self.precision, smooth) {
            (Precision::Int8(int8), Some(smooth)) => int8.context(&mut self.builder, layer, &context, smooth),
            _ => Input::Fp32(context),
        }
    }

    /// Normalised `sum + residual + bias`. `reader` numbers the linear layers that read it, in order of the graph; None: none does.
    fn layer_norm(
        &mut self,
        name: &str,
        sum: &str,
        residual: &str,
        bias: Option<&str>,
        reader: Option<usize>,
    ) -> Hidden {
        let gain = self.checkpoint.tensor(&format!("{name}.weight"));
        let shift = self.checkpoint.tensor(&format!("{name}.bias"));
        let epsilon = real("epsilon", self.checkpoint.config.layer_norm_eps);
        let smooth = match (&self.precision, reader) {
            (Precision::Int8(int8), Some(reader)) => Some(int8.norm_smoothing(reader)),
            _ => None,
        };
        let divided = |tensor: &Tensor| -> Vec<f32> {
            match &smooth {
                None => tensor.data.clone(),
                Some(smooth) => tensor.data.iter().zip(smooth).map(|(v, s)| v / s).collect(),
            }
        };
        let b = &mut self.builder;
        let gain = b.floats(&format!("{name}.weight"), &gain.shape, &divided(gain));
        let shift = b.floats(&format!("{name}.bias"), &shift.shape, &divided(shift));
        let mut inputs = vec![sum, residual, &gain, &shift];
        inputs.extend(bias);
        let output = b.fused("SkipLayerNormalization", name, &inputs, &[epsilon]);
        match (&self.precision, smooth, reader) {
            (Precision::Int8(int8), Some(smooth), Some(reader)) => {
                int8.after_norm(&mut self.builder, name, &output, smooth, reader)
            }
            _ => Hidden { plain: output.clone(), input: Input::Fp32(output) },
        }
    }

    /// `input` times the transposed weight, `[batch, tokens, out]`; `divide` divides the columns of the result.
    fn linear(&mut self, name: &str, input: &Input, divide: Option<&[f32]>, with_bias: bool) -> Value {
        let checkpoint = self.checkpoint;
        let weight = checkpoint.tensor(&format!("{name}.weight"));
        let divide = |out: usize| divide.map_or(1.0, |d| d[out]);
        let bias: Option<Vec<f32>> = with_bias.then(|| {
            let bias = checkpoint.tensor(&format!("{name}.bias"));
            bias.data.iter().enumerate().map(|(out, v)| v / divide(out)).collect()
        });
        let (outs, ins) = (weight.shape[0], weight.shape[1]);
        // Transposed: ONNX multiplies by [in, out].
        let matrix: Vec<f32> =
            (0..ins * outs).map(|at| weight.data[at % outs * ins + at / outs] / divide(at % outs)).collect();
        let Input::Fp32(x) = input else {
            return super::int8::linear(&mut self.builder, name, input, &matrix, outs, bias.as_deref());
        };
        let weight = self.builder.floats(&format!("{name}.weight"), &[ins, outs], &matrix);
        let product = self.builder.node("MatMul", name, &[x, &weight], &[]);
        match bias {
            None => product,
            Some(bias) => {
                let bias = self.builder.floats(&format!("{name}.bias"), &[outs], &bias);
                self.builder.node("Add", &format!("{name}.sum"), &[&product, &bias], &[])
            }
        }
    }

    fn bias(&mut self, name: &str) -> Value {
        let bias = self.checkpoint.tensor(&format!("{name}.bias"));
        self.builder.floats(&format!("{name}.bias"), &bias.shape, &bias.data)
    }

    /// L2-normalised mean over the mask's tokens. The sum has the mean's direction.
    fn pool(&mut self, hidden: &str) {
        let b = &mut self.builder;
        let middle = b.integers("middle_axis", &[1]);
        let mask = b.node("Cast", "mask_weights", &[ATTENTION_MASK], &[int("to", DataType::Float as i64)]);
        let mask = b.node("Unsqueeze", "mask_row", &[&mask, &middle], &[]);
        let sum = b.node("MatMul", "sum_row", &[&mask, hidden], &[]);
        let sum = b.node("Squeeze", "sum", &[&sum, &middle], &[]);
        b.node("LpNormalization", OUTPUT, &[&sum], &[int("axis", -1), int("p", 2)]);
    }
}
