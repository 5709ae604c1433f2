//! The graph of a BERT encoder in float32, of operators that every ONNX Runtime has.

use super::graph::{ATTENTION_MASK, Builder, INPUT_IDS, OUTPUT, Value, int, real};
use super::onnx::DataType;
use crate::checkpoint::Checkpoint;

/// The serialised ONNX model: `input_ids` and `attention_mask` to `sentence_embedding`.
pub fn build(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut graph = EncoderGraph { builder: Builder::default(), checkpoint };
    let mask = graph.builder.node("Cast", "mask", &[ATTENTION_MASK], &[int("to", DataType::Int32 as i64)]);
    let mut hidden = graph.embeddings();
    for layer in 0..checkpoint.config.num_hidden_layers {
        hidden = graph.layer(layer, &hidden, &mask);
    }
    graph.pool(&hidden);
    graph.builder.model(checkpoint.config.hidden_size, &[INPUT_IDS, ATTENTION_MASK])
}

struct EncoderGraph<'a> {
    builder: Builder,
    checkpoint: &'a Checkpoint,
}

impl EncoderGraph<'_> {
    fn embeddings(&mut self) -> Value {
        let [words, positions, segment] = ["word", "position", "token_type"]
            .map(|kind| self.checkpoint.tensor(&format!("embeddings.{kind}_embeddings.weight")));
        let width = positions.shape[1];
        let sums: Vec<f32> =
            positions.data.iter().zip(segment.data[..width].iter().cycle()).map(|(a, b)| a + b).collect();
        let b = &mut self.builder;
        let table = b.floats("word_embeddings", &words.shape, &words.data);
        let words = b.node("Gather", "words", &[&table, INPUT_IDS], &[]);
        let table = b.floats("position_embeddings", &positions.shape, &sums);
        let (first, axis) = (b.integers("zero", &[0]), b.integers("first_axis", &[0]));
        let tokens = b.node("Shape", "tokens", &[INPUT_IDS], &[int("start", 1), int("end", 2)]);
        let positions = b.node("Slice", "positions", &[&table, &first, &tokens, &axis], &[]);
        self.layer_norm("embeddings.LayerNorm", &words, &positions, None)
    }

    fn layer(&mut self, layer: usize, hidden: &str, mask: &str) -> Value {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let [query, key, value] =
            ["query", "key", "value"].map(|part| self.linear(&name(&format!("attention.self.{part}")), hidden, true));
        let heads = int("num_heads", self.checkpoint.config.num_attention_heads as i64);
        let inputs = [&query, &key, &value, "", mask];
        let context = self.builder.fused("MultiHeadAttention", &name("attention.self"), &inputs, &[heads]);
        let attended = self.linear(&name("attention.output.dense"), &context, false);
        let bias = self.bias(&name("attention.output.dense"));
        let hidden = self.layer_norm(&name("attention.output.LayerNorm"), &attended, hidden, Some(&bias));

        let wide = self.linear(&name("intermediate.dense"), &hidden, true);
        let active = self.builder.node("Gelu", &name("intermediate.gelu"), &[&wide], &[]);
        let narrow = self.linear(&name("output.dense"), &active, false);
        let bias = self.bias(&name("output.dense"));
        self.layer_norm(&name("output.LayerNorm"), &narrow, &hidden, Some(&bias))
    }

    /// Normalised `sum + residual + bias`, `[batch, tokens, width]`.
    fn layer_norm(&mut self, name: &str, sum: &str, residual: &str, bias: Option<&str>) -> Value {
        let gain = self.checkpoint.tensor(&format!("{name}.weight"));
        let shift = self.checkpoint.tensor(&format!("{name}.bias"));
        let epsilon = real("epsilon", self.checkpoint.config.layer_norm_eps);
        let b = &mut self.builder;
        let gain = b.floats(&format!("{name}.weight"), &gain.shape, &gain.data);
        let shift = b.floats(&format!("{name}.bias"), &shift.shape, &shift.data);
        let mut inputs = vec![sum, residual, &gain, &shift];
        inputs.extend(bias);
        b.fused("SkipLayerNormalization", name, &inputs, &[epsilon])
    }

    /// `x` times the transposed weight, `[batch, tokens, out]`.
    fn linear(&mut self, name: &str, x: &str, with_bias: bool) -> Value {
        let weight = self.checkpoint.tensor(&format!("{name}.weight"));
        let (outs, ins) = (weight.shape[0], weight.shape[1]);
        // Transposed: ONNX multiplies by [in, out].
        let matrix: Vec<f32> = (0..ins * outs).map(|at| weight.data[at % outs * ins + at / outs]).collect();
        let weight = self.builder.floats(&format!("{name}.weight"), &[ins, outs], &matrix);
        let product = self.builder.node("MatMul", name, &[x, &weight], &[]);
        if !with_bias {
            return product;
        }
        let bias = self.bias(name);
        self.builder.node("Add", &format!("{name}.sum"), &[&product, &bias], &[])
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
