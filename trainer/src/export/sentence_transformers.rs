//! A checkpoint as a folder that Python's `SentenceTransformer(folder)` loads as it is: Hugging Face's files, the modules
//! (transformer, mean pooling, unit length), the prefixes as prompts, and the vectors that must come out.

use std::fs;
use std::path::Path;

use ::encoder::{GOLDEN, Golden, Manifest};
use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{card, content_revision, write_goldens};
use crate::checkpoint::{Checkpoint, TOKENIZER, WEIGHTS, write_folder};
use crate::corpus::parse_tokenizer;

const MODULES: &str = "modules.json";

/// Writes the folder, reads its weights back, and moves it to its place.
pub fn write(
    output: &Path,
    checkpoint: &Checkpoint,
    mut manifest: Manifest,
    goldens: &[Golden],
    note: Option<&str>,
) -> Result<()> {
    let mut checkpoint = checkpoint.clone();
    let tokenizer_config = tokenizer_config(&checkpoint)?;
    let other = &mut checkpoint.config.other;
    other.insert("model_type".to_owned(), json!("bert"));
    other.insert("architectures".to_owned(), json!(["BertModel"]));
    other.insert("pad_token_id".to_owned(), json!(parse_tokenizer(&checkpoint.tokenizer)?.token_to_id("<pad>")));
    other.insert("tokenizer_class".to_owned(), tokenizer_config["tokenizer_class"].clone());

    write_folder(output, &[MODULES, WEIGHTS, TOKENIZER], |folder| {
        let json = |name: &str, value: &Value| -> Result<()> {
            Ok(fs::write(folder.join(name), serde_json::to_string_pretty(value)? + "\n")?)
        };
        checkpoint.write(folder)?;
        ensure!(Checkpoint::read(folder)? == checkpoint, "the weights do not read back as they were written");
        if manifest.revision.is_empty() {
            manifest.revision = content_revision(folder, WEIGHTS)?;
        }
        fs::create_dir(folder.join("1_Pooling"))?;
        json("1_Pooling/config.json", &pooling(manifest.dim))?;
        json(MODULES, &modules())?;
        json("sentence_bert_config.json", &json!({"max_seq_length": manifest.max_tokens, "do_lower_case": false}))?;
        json("config_sentence_transformers.json", &prompts(&manifest))?;
        json("tokenizer_config.json", &tokenizer_config)?;
        fs::write(folder.join("README.md"), card::of_sentence_transformers(&manifest, &checkpoint, note))?;
        write_goldens(folder, goldens)
    })?;
    eprintln!("wrote {} as {}, with the vectors to expect in {GOLDEN}", output.display(), manifest.id());
    Ok(())
}

fn modules() -> Value {
    let module = |(i, (path, kind)): (usize, (&str, &str))| json!({"idx": i, "name": i.to_string(), "path": path, "type": format!("sentence_transformers.models.{kind}")});
    [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
        .into_iter()
        .enumerate()
        .map(module)
        .collect()
}

fn pooling(dim: usize) -> Value {
    json!({
        "word_embedding_dimension": dim,
        "pooling_mode_cls_token": false,
        "pooling_mode_mean_tokens": true,
        "pooling_mode_max_tokens": false,
        "pooling_mode_mean_sqrt_len_tokens": false,
    })
}

fn prompts(manifest: &Manifest) -> Value {
    let prefix = &manifest.prefix;
    json!({
        "prompts": {"query": prefix.query, "document": prefix.document, "similarity": prefix.similarity},
        "default_prompt_name": null,
        "similarity_fn_name": "cosine",
    })
}

/// What Python's tokenizers need besides `tokenizer.json`: which tokens are special, and the limit.
fn tokenizer_config(checkpoint: &Checkpoint) -> Result<Value> {
    Ok(json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": checkpoint.config.max_position_embeddings,
        "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>",
        "pad_token": "<pad>", "unk_token": "<unk>",
    }))
}
