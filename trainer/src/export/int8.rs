//! The graph of an 8-bit encoder: operators of the encoder crate, one for each layer.
//!
//! Weights become int8 with one scale a column, embeddings int8 with one scale a row. Activations are quantised as they come, with
//! one scale a token, so that their ranges need not be measured beforehand. Weights that were trained with this rounding are rounded
//! to the nearest, as in training; others make up for each other's errors (GPTQ), and their activations have 14 bits.

use encoder::kernel::{DOMAIN, EMBEDDINGS, LAYER, MEAN, check_widths, pack};

use anyhow::{Result, ensure};

use super::forward::{Forward, Products};
use super::graph::{Builder, INPUT_IDS, OUTPUT, Value, int, real};
use super::rounding::{Rounding, nearest};
use crate::checkpoint::Checkpoint;

/// The serialised ONNX model: `input_ids` to `sentence_embedding`. Weights are rounded with a view to texts of these ids.
pub fn build(checkpoint: &Checkpoint, texts: &[Vec<u32>]) -> Result<Vec<u8>> {
    let config = &checkpoint.config;
    for (ins, outs) in [
        (config.hidden_size, 3 * config.hidden_size),
        (config.hidden_size, config.intermediate_size),
        (config.intermediate_size, config.hidden_size),
    ] {
        check_widths(ins, outs).map_err(anyhow::Error::msg)?;
    }
    ensure!(
        (config.hidden_size / config.num_attention_heads).is_multiple_of(16),
        "8 bits need attention heads whose width is a multiple of 16; export with --precision fp32"
    );
    let products = match config.activation_bits {
        Some(_) => Products::new(),
        None => Forward::products(checkpoint, texts),
    };
    let mut graph = Int8Graph { builder: Builder::default(), checkpoint, products };
    let mut hidden = graph.embeddings();
    for layer in 0..config.num_hidden_layers {
        hidden = graph.layer(layer, &hidden);
    }
    graph.builder.add(DOMAIN, MEAN, OUTPUT, &[&hidden], &[]);
    Ok(graph.builder.model(config.hidden_size, &[INPUT_IDS]))
}

struct Int8Graph<'a> {
    builder: Builder,
    checkpoint: &'a Checkpoint,
    products: Products,
}

impl Int8Graph<'_> {
    fn embeddings(&mut self) -> Value {
        let table = |kind: &str| self.checkpoint.tensor(&format!("embeddings.{kind}_embeddings.weight"));
        let (words, positions, segment) = (table("word"), table("position"), table("token_type"));
        let width = words.shape[1];
        let (bytes, scales): (Vec<Vec<i8>>, Vec<f32>) = words.data.chunks_exact(width).map(nearest).unzip();
        // Every token is of the first segment.
        let places: Vec<f32> =
            positions.data.iter().zip(segment.data[..width].iter().cycle()).map(|(a, b)| a + b).collect();
        let b = &mut self.builder;
        let mut inputs = vec![
            INPUT_IDS.to_owned(),
            b.bytes("word_embeddings", &words.shape, &bytes.concat()),
            b.floats("word_scales", &[words.shape[0]], &scales),
            b.floats("position_embeddings", &positions.shape, &places),
        ];
        inputs.extend(self.norm("embeddings.LayerNorm"));
        self.node(EMBEDDINGS, "embeddings", &inputs, false)
    }

    fn layer(&mut self, layer: usize, hidden: &str) -> Value {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let project = |part: &str| name(&format!("attention.self.{part}"));
        let mut inputs = vec![hidden.to_owned()];
        inputs.extend(self.linear(&name("attention.self.qkv"), &["query", "key", "value"].map(project)));
        inputs.extend(self.linear(&name("attention.output.dense"), &[name("attention.output.dense")]));
        inputs.extend(self.norm(&name("attention.output.LayerNorm")));
        inputs.extend(self.linear(&name("intermediate.dense"), &[name("intermediate.dense")]));
        inputs.extend(self.linear(&name("output.dense"), &[name("output.dense")]));
        inputs.extend(self.norm(&name("output.LayerNorm")));
        self.node(LAYER, &format!("encoder.layer.{layer}"), &inputs, true)
    }

    fn node(&mut self, operator: &str, name: &str, inputs: &[Value], with_heads: bool) -> Value {
        let config = &self.checkpoint.config;
        let mut attributes = vec![real("epsilon", config.layer_norm_eps)];
        if with_heads {
            attributes.push(int("heads", config.num_attention_heads as i64));
            attributes.extend(config.activation_bits.map(|bits| int("activation_bits", i64::from(bits))));
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        self.builder.add(DOMAIN, operator, name, &inputs, &attributes)
    }

    /// Packed weights, scales and bias of linear layers side by side.
    fn linear(&mut self, name: &str, parts: &[String]) -> [Value; 3] {
        let rows = |part: &String| {
            let weight = self.checkpoint.tensor(&format!("{part}.weight"));
            (weight.shape[1], weight.data.chunks_exact(weight.shape[1]))
        };
        let ins = rows(&parts[0]).0;
        // A checkpoint keeps `[outs, ins]`: a row is what becomes a column.
        let rounding = self.products.get(&parts[0]).map(Rounding::new);
        let round = |row: &[f32]| rounding.as_ref().map_or_else(|| nearest(row), |rounding| rounding.round(row));
        let (columns, scales): (Vec<Vec<i8>>, Vec<f32>) = parts.iter().flat_map(|part| rows(part).1.map(round)).unzip();
        let outs = columns.len();
        let matrix: Vec<i8> = (0..ins * outs).map(|i| columns[i % outs][i / outs]).collect();
        let bias: Vec<f32> =
            parts.iter().flat_map(|part| self.checkpoint.tensor(&format!("{part}.bias")).data.clone()).collect();
        let b = &mut self.builder;
        [
            b.bytes(&format!("{name}.weight"), &[outs / 16, ins / 4, 16, 4], &pack(&matrix, ins, outs)),
            b.floats(&format!("{name}.scale"), &[outs], &scales),
            b.floats(&format!("{name}.bias"), &[outs], &bias),
        ]
    }

    fn norm(&mut self, name: &str) -> [Value; 2] {
        [("gain", "weight"), ("shift", "bias")].map(|(value, part)| {
            let tensor = self.checkpoint.tensor(&format!("{name}.{part}"));
            self.builder.floats(&format!("{name}.{value}"), &tensor.shape, &tensor.data)
        })
    }
}
