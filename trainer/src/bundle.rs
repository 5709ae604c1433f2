//! A bundle read back as a checkpoint: its 8-bit weights times their scales, so that a shipped model can be a teacher or a base
//! where its float32 checkpoint is long gone.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use encoder::kernel::LAYER;
use encoder::{Bundle, MODEL, TOKENIZER};
use prost::Message;
use serde_json::Map;

use crate::checkpoint::{Checkpoint, Config, Origin, Tensor};
use crate::export::onnx;

/// Rows and columns of a block of packed weights (`encoder::kernel::pack`).
const BLOCK: [usize; 2] = [16, 4];

/// Reads an int8 bundle.
pub fn read(folder: &Path) -> Result<Checkpoint> {
    let bundle = Bundle::open(folder)?;
    let manifest = &bundle.manifest;
    if manifest.precision != "int8" {
        bail!("\"{}\" is a bundle of precision {}: only int8 ones are read back", folder.display(), manifest.precision);
    }
    let path = folder.join(MODEL);
    let bytes = fs::read(&path).with_context(|| format!("cannot read \"{}\"", path.display()))?;
    let model = onnx::Model::decode(bytes.as_slice()).with_context(|| format!("\"{}\" is no graph", path.display()))?;
    let graph = model.graph.with_context(|| format!("\"{}\" holds no graph", path.display()))?;
    let origin = Origin {
        base_model: manifest.base_model.clone(),
        base_revision: manifest.base_revision.clone(),
        license: manifest.license.clone(),
        history: vec![format!("the 8-bit weights of the bundle {}", manifest.id())],
        space: Some(manifest.space()),
    };
    let graph = Graph::new(&graph);
    let config = graph.config(manifest.max_tokens, origin)?;
    let tensors = graph.tensors(&config)?;
    let tokenizer = folder.join(TOKENIZER);
    let tokenizer =
        fs::read_to_string(&tokenizer).with_context(|| format!("cannot read \"{}\"", tokenizer.display()))?;
    Ok(Checkpoint { config, tensors, tokenizer })
}

/// The parts of an exported graph by name.
struct Graph<'a> {
    layers: Vec<&'a onnx::Node>,
    values: HashMap<&'a str, &'a onnx::Tensor>,
}

impl<'a> Graph<'a> {
    fn new(graph: &'a onnx::Graph) -> Self {
        Self {
            layers: graph.node.iter().filter(|node| node.op_type == LAYER).collect(),
            values: graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect(),
        }
    }

    fn value(&self, name: &str) -> Result<&onnx::Tensor> {
        self.values.get(name).copied().with_context(|| format!("the graph has no value \"{name}\""))
    }

    fn floats(&self, name: &str) -> Result<Vec<f32>> {
        let bytes = &self.value(name)?.raw_data;
        Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    fn dims<const N: usize>(&self, name: &str) -> Result<[usize; N]> {
        let dims: Vec<usize> = self.value(name)?.dims.iter().map(|d| *d as usize).collect();
        dims.try_into().map_err(|dims| anyhow::anyhow!("the graph's \"{name}\" has the shape {dims:?}"))
    }

    fn config(&self, max_tokens: usize, origin: Origin) -> Result<Config> {
        let first = self.layers.first().context("the graph has no layers")?;
        let attribute = |name: &str| first.attribute.iter().find(|a| a.name == name);
        let [vocab_size, hidden_size] = self.dims("word_embeddings")?;
        let [blocks, _, lanes, _]: [usize; 4] = self.dims("encoder.layer.0.intermediate.dense.weight")?;
        Ok(Config {
            vocab_size,
            hidden_size,
            num_hidden_layers: self.layers.len(),
            num_attention_heads: attribute("heads").context("a layer without \"heads\"")?.i as usize,
            intermediate_size: blocks * lanes,
            max_position_embeddings: max_tokens,
            type_vocab_size: 1,
            layer_norm_eps: attribute("epsilon").context("a layer without \"epsilon\"")?.f,
            hidden_act: "gelu".to_owned(),
            activation_bits: attribute("activation_bits").map(|a| a.i as u32),
            origin: Some(origin),
            other: Map::from_iter([("model_type".to_owned(), "bert".into())]),
        })
    }

    fn tensors(&self, config: &Config) -> Result<BTreeMap<String, Tensor>> {
        let hidden = config.hidden_size;
        let mut tensors = BTreeMap::new();
        let words = &self.value("word_embeddings")?.raw_data;
        let scales = self.floats("word_scales")?;
        let words = words.chunks_exact(hidden).zip(&scales);
        let words = words.flat_map(|(row, scale)| row.iter().map(move |b| f32::from(*b as i8) * scale)).collect();
        let mut put = |name: String, shape: Vec<usize>, data: Vec<f32>| -> Result<()> {
            ensure!(shape.iter().product::<usize>() == data.len(), "\"{name}\" has {} numbers", data.len());
            tensors.insert(name, Tensor::new(shape, data));
            Ok(())
        };
        put("embeddings.word_embeddings.weight".to_owned(), vec![config.vocab_size, hidden], words)?;
        let places = vec![config.max_position_embeddings, hidden];
        put("embeddings.position_embeddings.weight".to_owned(), places, self.floats("position_embeddings")?)?;
        // The graph's positions have the segment's vector in them.
        put("embeddings.token_type_embeddings.weight".to_owned(), vec![1, hidden], vec![0.0; hidden])?;
        let norms = (0..config.num_hidden_layers).flat_map(|layer| {
            ["attention.output", "output"].map(|part| format!("encoder.layer.{layer}.{part}.LayerNorm"))
        });
        for norm in norms.chain(["embeddings.LayerNorm".to_owned()]) {
            put(format!("{norm}.weight"), vec![hidden], self.floats(&format!("{norm}.gain"))?)?;
            put(format!("{norm}.bias"), vec![hidden], self.floats(&format!("{norm}.shift"))?)?;
        }
        for layer in 0..config.num_hidden_layers {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            for part in ["attention.output.dense", "intermediate.dense", "output.dense"] {
                let (weight, shape) = self.linear(&name(part))?;
                put(format!("{}.weight", name(part)), shape.to_vec(), weight)?;
                put(format!("{}.bias", name(part)), vec![shape[0]], self.floats(&format!("{}.bias", name(part)))?)?;
            }
            let fused = name("attention.self.qkv");
            let ((weight, [_, ins]), bias) = (self.linear(&fused)?, self.floats(&format!("{fused}.bias"))?);
            ensure!(bias.len() == 3 * hidden, "\"{fused}.bias\" has {} numbers", bias.len());
            for (i, part) in ["query", "key", "value"].iter().enumerate() {
                let own = name(&format!("attention.self.{part}"));
                let rows = weight[i * hidden * ins..(i + 1) * hidden * ins].to_vec();
                put(format!("{own}.weight"), vec![hidden, ins], rows)?;
                put(format!("{own}.bias"), vec![hidden], bias[i * hidden..(i + 1) * hidden].to_vec())?;
            }
        }
        for (name, shape) in config.tensor_shapes() {
            let found = tensors.get(&name).map(|t| &t.shape);
            ensure!(found == Some(&shape), "\"{name}\" has the shape {found:?}, expected {shape:?}");
        }
        Ok(tensors)
    }

    /// A linear layer's unpacked weights, `[outs, ins]`.
    fn linear(&self, name: &str) -> Result<(Vec<f32>, [usize; 2])> {
        let (weight, scales) = (format!("{name}.weight"), self.floats(&format!("{name}.scale"))?);
        let [blocks, groups, lanes, inputs] = self.dims(&weight)?;
        let (outs, ins) = (blocks * lanes, groups * inputs);
        let bytes = &self.value(&weight)?.raw_data;
        ensure!(
            [lanes, inputs] == BLOCK && bytes.len() == outs * ins && scales.len() == outs,
            "\"{weight}\" is damaged"
        );
        let packed = |out: usize, i: usize| {
            let (block, lane, group, input) = (out / lanes, out % lanes, i / inputs, i % inputs);
            bytes[((block * groups + group) * lanes + lane) * inputs + input] as i8
        };
        let rows = (0..outs).flat_map(|out| (0..ins).map(move |i| (out, i)));
        Ok((rows.map(|(out, i)| f32::from(packed(out, i)) * scales[out]).collect(), [outs, ins]))
    }
}
