//! A checkpoint: weights, their configuration and their tokenizer, as a folder in the Hugging Face layout.
//!
//! `config.json`, `model.safetensors` (float32, tensors named as `BertModel` names them) and `tokenizer.json`.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub const CONFIG: &str = "config.json";
pub const WEIGHTS: &str = "model.safetensors";
pub const TOKENIZER: &str = "tokenizer.json";

/// The part of a BERT `config.json` that decides the computation. Other keys are kept as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub max_position_embeddings: usize,
    pub type_vocab_size: usize,
    pub layer_norm_eps: f32,
    pub hidden_act: String,
    /// 8 of a model trained with rounding in the loop: what goes into each linear layer is rounded to 8 bits with a scale a token, the
    /// layer's weights with a scale an output, word embeddings with a scale a token of the vocabulary. Absent: nothing is rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_bits: Option<u32>,
    /// Where the weights come from; the model card and the manifest repeat it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Where a checkpoint's weights come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    pub base_model: String,
    /// Identifies the exact base weights: a commit, or a file name with the start of its SHA-256.
    pub base_revision: String,
    pub license: String,
    /// What happened to the weights since, oldest first, one sentence each.
    #[serde(default)]
    pub history: Vec<String>,
    /// The vector space, `name@revision` of its first model, where another model's vectors may be compared with these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
}

/// Row-major float32 values; `data.len()` is the product of `shape`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

impl Tensor {
    /// Panics unless `data` fills `shape`: a caller's mistake, never a file's.
    pub fn new(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Tensor {
        let shape = shape.into();
        assert_eq!(shape.iter().product::<usize>(), data.len(), "tensor data does not fill its shape");
        Tensor { shape, data }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    pub config: Config,
    /// Exactly the tensors of [`Config::tensor_shapes`].
    pub tensors: BTreeMap<String, Tensor>,
    /// Contents of `tokenizer.json`.
    pub tokenizer: String,
}

impl Config {
    /// Name and shape of every weight of a BERT encoder without its pooler. Linear weights are `[out, in]`.
    pub fn tensor_shapes(&self) -> Vec<(String, Vec<usize>)> {
        let (h, f) = (self.hidden_size, self.intermediate_size);
        let mut shapes = vec![
            ("embeddings.word_embeddings.weight".to_owned(), vec![self.vocab_size, h]),
            ("embeddings.position_embeddings.weight".to_owned(), vec![self.max_position_embeddings, h]),
            ("embeddings.token_type_embeddings.weight".to_owned(), vec![self.type_vocab_size, h]),
            ("embeddings.LayerNorm.weight".to_owned(), vec![h]),
            ("embeddings.LayerNorm.bias".to_owned(), vec![h]),
        ];
        for layer in 0..self.num_hidden_layers {
            let linear = [
                ("attention.self.query", h, h),
                ("attention.self.key", h, h),
                ("attention.self.value", h, h),
                ("attention.output.dense", h, h),
                ("intermediate.dense", f, h),
                ("output.dense", h, f),
            ];
            for (name, out, input) in linear {
                shapes.push((format!("encoder.layer.{layer}.{name}.weight"), vec![out, input]));
                shapes.push((format!("encoder.layer.{layer}.{name}.bias"), vec![out]));
            }
            for name in ["attention.output.LayerNorm", "output.LayerNorm"] {
                shapes.push((format!("encoder.layer.{layer}.{name}.weight"), vec![h]));
                shapes.push((format!("encoder.layer.{layer}.{name}.bias"), vec![h]));
            }
        }
        shapes
    }

    fn check(&self) -> Result<()> {
        ensure!(self.hidden_act == "gelu", "hidden_act is {:?}, only \"gelu\" is supported", self.hidden_act);
        ensure!(
            self.num_attention_heads > 0 && self.hidden_size.is_multiple_of(self.num_attention_heads),
            "hidden_size {} is not a multiple of num_attention_heads {}",
            self.hidden_size,
            self.num_attention_heads
        );
        let position = self.other.get("position_embedding_type").and_then(Value::as_str).unwrap_or("absolute");
        ensure!(position == "absolute", "position_embedding_type is {position:?}, only \"absolute\" is supported");
        let bits = self.activation_bits;
        ensure!(bits.is_none_or(|bits| bits == 8), "activation_bits is {}, only 8 is supported", bits.unwrap_or(0));
        Ok(())
    }
}

impl Checkpoint {
    /// Reads a Hugging Face folder, or a bundle. Half-precision weights are widened; the pooler and buffers are left out.
    pub fn read(folder: &Path) -> Result<Checkpoint> {
        if folder.join(encoder::MANIFEST).exists() {
            return crate::bundle::read(folder);
        }
        let config = folder.join(CONFIG);
        let config: Config = serde_json::from_slice(&read(&config)?)
            .with_context(|| format!("\"{}\" is not a BERT configuration", config.display()))?;
        config.check().with_context(|| format!("the model in \"{}\" cannot be used", folder.display()))?;

        let weights = folder.join(WEIGHTS);
        let bytes = read(&weights)?;
        let tensors = read_tensors(&config, &bytes)
            .with_context(|| format!("\"{}\" does not hold the weights that {CONFIG} describes", weights.display()))?;

        let tokenizer = folder.join(TOKENIZER);
        let tokenizer = String::from_utf8(read(&tokenizer)?)
            .with_context(|| format!("\"{}\" is not UTF-8", tokenizer.display()))?;
        Ok(Checkpoint { config, tensors, tokenizer })
    }

    /// Writes the folder beside its final place and moves it there, replacing a checkpoint that is already there.
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_folder(folder, &[CONFIG, WEIGHTS], |temporary| {
            fs::write(temporary.join(CONFIG), serde_json::to_string_pretty(&self.config)? + "\n")?;
            fs::write(temporary.join(TOKENIZER), &self.tokenizer)?;
            let bytes: Vec<(&String, Vec<u8>)> = self
                .tensors
                .iter()
                .map(|(name, tensor)| (name, tensor.data.iter().flat_map(|v| v.to_le_bytes()).collect()))
                .collect();
            let views = bytes
                .iter()
                .map(|(name, data)| Ok((*name, TensorView::new(Dtype::F32, self.tensors[*name].shape.clone(), data)?)))
                .collect::<Result<Vec<_>>>()?;
            // Python's transformers refuses weights that do not say which framework's layout they have.
            let layout = HashMap::from([("format".to_owned(), "pt".to_owned())]);
            fs::write(temporary.join(WEIGHTS), safetensors::serialize(views, Some(layout))?)?;
            Ok(())
        })
    }

    /// A shallower model of these layers, in this order.
    pub fn with_layers(&self, layers: &[usize]) -> Result<Checkpoint> {
        let count = self.config.num_hidden_layers;
        if let Some(layer) = layers.iter().find(|&&layer| layer >= count) {
            bail!("there is no layer {layer}: the model has {count}, counted from 0");
        }
        let mut config = self.config.clone();
        config.num_hidden_layers = layers.len();
        let source = |name: &str| match name.strip_prefix("encoder.layer.").and_then(|rest| rest.split_once('.')) {
            Some((layer, rest)) => format!("encoder.layer.{}.{rest}", layers[layer.parse::<usize>().unwrap_or(0)]),
            None => name.to_owned(),
        };
        let tensors =
            config.tensor_shapes().into_iter().map(|(name, _)| (name.clone(), self.tensor(&source(&name)).clone()));
        Ok(Checkpoint { tensors: tensors.collect(), config, tokenizer: self.tokenizer.clone() })
    }

    /// A weight by its `BertModel` name; panics on a name outside [`Config::tensor_shapes`].
    pub fn tensor(&self, name: &str) -> &Tensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("checkpoint has no tensor {name:?}"))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read \"{}\"", path.display()))
}

fn read_tensors(config: &Config, bytes: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    let file = SafeTensors::deserialize(bytes)?;
    let mut tensors = BTreeMap::new();
    for (name, shape) in config.tensor_shapes() {
        let view = file
            .tensor(&name)
            .or_else(|_| file.tensor(&format!("bert.{name}")))
            .with_context(|| format!("no tensor {name:?}"))?;
        ensure!(view.shape() == shape, "tensor {name:?} has shape {:?}, expected {shape:?}", view.shape());
        let data = widen(view.dtype(), view.data()).with_context(|| format!("tensor {name:?}"))?;
        if let Some(at) = data.iter().position(|v| !v.is_finite()) {
            bail!("tensor {name:?} holds {} at position {at}", data[at]);
        }
        tensors.insert(name, Tensor::new(shape, data));
    }
    Ok(tensors)
}

fn widen(dtype: Dtype, bytes: &[u8]) -> Result<Vec<f32>> {
    let pairs = || bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
    Ok(match dtype {
        Dtype::F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        Dtype::F16 => pairs().map(|b| half::f16::from_le_bytes(b).to_f32()).collect(),
        Dtype::BF16 => pairs().map(|b| half::bf16::from_le_bytes(b).to_f32()).collect(),
        other => bail!("{other:?} is not a weight type this program reads (float32, float16, bfloat16)"),
    })
}

/// Fills a temporary sibling of `folder` and moves it into place. An existing `folder` is replaced only if it
/// is empty or holds every file of `marks`, so that a mistyped path destroys nothing.
pub fn write_folder(folder: &Path, marks: &[&str], fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let failed = || format!("cannot write the folder \"{}\"", folder.display());
    let occupied = folder.exists() && fs::read_dir(folder).with_context(failed)?.next().is_some();
    if occupied && !marks.iter().all(|name| folder.join(name).is_file()) {
        bail!("\"{}\" exists and holds something else; give another folder or remove it", folder.display());
    }
    let temporary = sibling(folder, "new")?;
    let result = fs::create_dir_all(&temporary).map_err(Into::into).and_then(|()| fill(&temporary)).and_then(|()| {
        if folder.exists() {
            let old = sibling(folder, "old")?;
            fs::rename(folder, &old)?;
            fs::rename(&temporary, folder)?;
            fs::remove_dir_all(&old)?;
        } else {
            fs::rename(&temporary, folder)?;
        }
        Ok(())
    });
    if result.is_err() {
        let _ = fs::remove_dir_all(&temporary);
    }
    result.with_context(failed)
}

fn sibling(folder: &Path, suffix: &str) -> Result<PathBuf> {
    let name = folder.file_name().with_context(|| format!("\"{}\" does not name a folder", folder.display()))?;
    Ok(folder.with_file_name(format!(".{}.{suffix}.{}", name.to_string_lossy(), std::process::id())))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A small random encoder; the same seed gives the same weights.
    pub fn random(vocab_size: usize, layers: usize, seed: u64) -> Checkpoint {
        let config = Config {
            vocab_size,
            hidden_size: 64,
            num_hidden_layers: layers,
            num_attention_heads: 4,
            intermediate_size: 128,
            max_position_embeddings: 64,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            hidden_act: "gelu".to_owned(),
            activation_bits: None,
            origin: None,
            other: Map::new(),
        };
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut uniform = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let tensors = config
            .tensor_shapes()
            .into_iter()
            .map(|(name, shape)| {
                let centre = if name.ends_with("LayerNorm.weight") { 1.0 } else { 0.0 };
                let data = (0..shape.iter().product()).map(|_| centre + 0.2 * uniform()).collect();
                (name, Tensor::new(shape, data))
            })
            .collect();
        Checkpoint { config, tensors, tokenizer: "{}".to_owned() }
    }

    /// An empty folder of this test's own, removed when dropped.
    pub struct Folder(pub PathBuf);

    impl Folder {
        pub fn new(test: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("trainer-{test}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_written_checkpoint_reads_back_the_same() {
        let folder = Folder::new("round-trip");
        let path = folder.0.join("model");
        let checkpoint = random(10, 2, 1);
        checkpoint.write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), checkpoint);

        let second = random(11, 1, 2);
        second.write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), second);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "temporary folders are left behind");
    }

    #[test]
    fn a_shallower_model_has_the_layers_it_names() {
        let checkpoint = random(10, 3, 1);
        let shallow = checkpoint.with_layers(&[0, 2]).unwrap();
        assert_eq!(shallow.config.num_hidden_layers, 2);
        let weight =
            |c: &Checkpoint, layer: usize| c.tensor(&format!("encoder.layer.{layer}.output.dense.weight")).clone();
        assert_eq!((weight(&shallow, 0), weight(&shallow, 1)), (weight(&checkpoint, 0), weight(&checkpoint, 2)));
        assert_eq!(shallow.tensors.len(), shallow.config.tensor_shapes().len());
        assert!(checkpoint.with_layers(&[3]).unwrap_err().to_string().starts_with("there is no layer 3"));
    }

    #[test]
    fn a_folder_of_something_else_is_not_replaced() {
        let folder = Folder::new("occupied");
        fs::write(folder.0.join("thesis.txt"), "ten years of work").unwrap();
        let error = random(4, 1, 3).write(&folder.0).unwrap_err();
        assert!(error.to_string().contains("holds something else"), "{error}");
        assert!(folder.0.join("thesis.txt").is_file());
    }

    #[test]
    fn a_wrong_shape_is_named() {
        let folder = Folder::new("shape");
        let path = folder.0.join("model");
        let mut checkpoint = random(10, 1, 4);
        checkpoint.write(&path).unwrap();
        checkpoint.config.vocab_size = 12;
        fs::write(path.join(CONFIG), serde_json::to_string(&checkpoint.config).unwrap()).unwrap();
        let error = format!("{:#}", Checkpoint::read(&path).unwrap_err());
        assert!(error.contains("word_embeddings") && error.contains("[10, 64]"), "{error}");
    }
}
