//! `trainer export`: a checkpoint becomes a bundle that the extension loads.

mod card;
mod encoder;
mod forward;
mod golden;
mod graph;
mod int8;
pub mod onnx;
mod rounding;
mod sentence_transformers;
mod verify;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ::encoder::{GOLDEN, Golden, MANIFEST, MODEL, Manifest, Pooling, Prefixes, Role, TOKENIZER, sha256};
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use self::forward::Forward;
use self::verify::Inputs;
use crate::checkpoint::{Checkpoint, write_folder};

const CARD: &str = "MODEL_CARD.md";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Bits {
    /// Float32 as trained: exact, 4 times larger and several times slower
    Fp32,
    /// 8-bit weights, and activations of 14 bits or the checkpoint's own 8; a text's vector is the same bits in any batch and on any processor
    Int8,
}

impl Bits {
    fn name(self) -> &'static str {
        match self {
            Bits::Fp32 => "fp32",
            Bits::Int8 => "int8",
        }
    }

    /// Lowest cosine to the checkpoint's own vectors that an export may have. A checkpoint that itself computes with 8 bits loses
    /// nothing.
    fn least_cosine(self, checkpoint: &Checkpoint) -> f32 {
        match (self, checkpoint.config.activation_bits) {
            (Bits::Fp32, _) => 0.99999,
            (Bits::Int8, None) => 0.999,
            (Bits::Int8, Some(_)) => 0.9999,
        }
    }

    /// Lowest cosine between two machines that run the same bundle: ONNX Runtime's float32 differs by processor in the last bits,
    /// the encoder's own operators do not differ at all.
    fn golden_cosine(self) -> f32 {
        match self {
            Bits::Fp32 => 0.99999,
            Bits::Int8 => 0.999_999,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A model bundle, which the extension loads
    Bundle,
    /// A folder that Python's SentenceTransformer(folder) loads as it is, with float32 weights
    SentenceTransformers,
}

/// Write a checkpoint as a model bundle, or as a folder for Python's sentence-transformers.
///
/// Builds the ONNX graph from the weights, runs it in ONNX Runtime on texts of every kind, compares the vectors with the
/// checkpoint's own (computed in plain Rust), and only then moves the bundle to its place. A bundle is what the extension loads:
/// model.onnx, tokenizer.json, golden.json, manifest.toml and MODEL_CARD.md.
#[derive(clap::Args)]
pub struct Args {
    /// Checkpoint folder: what import or train wrote
    checkpoint: PathBuf,
    /// Bundle folder to write; a bundle that is there already is replaced
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    /// Name of the model [default: the output folder's name]
    #[arg(long)]
    name: Option<String>,
    /// Revision of the model [default: the first 8 hex digits of the hash of graph and tokenizer]
    #[arg(long)]
    revision: Option<String>,
    #[arg(long, value_enum, default_value = "bundle")]
    format: Format,
    /// Precision of a bundle
    #[arg(long, value_enum, default_value = "int8")]
    precision: Bits,
    /// Vector space, name@revision of its first model, where this model's vectors may be compared with another's [default: what the
    /// checkpoint says, a student its teacher's]
    #[arg(long, value_name = "NAME@REVISION")]
    space: Option<String>,
    /// Text put before every document
    #[arg(long, default_value = "passage: ")]
    document_prefix: String,
    /// Text put before every query
    #[arg(long, default_value = "query: ")]
    query_prefix: String,
    /// Text put before both sides of a comparison
    #[arg(long, default_value = "query: ")]
    similarity_prefix: String,
    /// More texts to compare on: .csv and .tsv by cell, anything else by line
    #[arg(long, value_name = "FILE")]
    check: Vec<PathBuf>,
    /// Compare on at most this many of the --check texts, evenly spread
    #[arg(long, value_name = "TEXTS", default_value_t = 2000)]
    check_limit: usize,
    /// ONNX Runtime library [default: $DRUGEMBED_ONNXRUNTIME, else .cache/onnxruntime/libonnxruntime.so.1.28.0]
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// Lowest cosine to the checkpoint's own vectors at which the bundle is written [default: 0.99999 fp32, 0.999 int8,
    /// 0.9999 int8 of a checkpoint that computes with 8 bits itself]
    #[arg(long, value_name = "COSINE")]
    least_cosine: Option<f32>,
    /// A paragraph for the model card on how the weights were made, as a Markdown file
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<()> {
    let mut checkpoint = Checkpoint::read(&args.checkpoint)?;
    if args.format == Format::SentenceTransformers || args.precision == Bits::Fp32 {
        // In float32 the weights count as they are: near what the 8-bit bundle computes, and not the same.
        checkpoint.config.activation_bits = None;
    }
    let prefixes = Prefixes {
        document: args.document_prefix.clone(),
        query: args.query_prefix.clone(),
        similarity: args.similarity_prefix.clone(),
    };
    let inputs = Inputs::new(&checkpoint, &prefixes)?;
    let note = args.card.as_deref().map(read_text).transpose()?;
    eprintln!("computing {} reference vectors", golden::TEXTS.len());
    let references = references(&checkpoint, &inputs)?;
    if args.format == Format::SentenceTransformers {
        let manifest = manifest(&args, &checkpoint, prefixes.clone(), Bits::Fp32, "")?;
        return sentence_transformers::write(&args.output, &checkpoint, manifest, &references, note.as_deref());
    }
    let runtime = crate::runtime::find(args.onnxruntime.as_deref())?;
    eprintln!("building the {} graph", args.precision.name());
    let model = match args.precision {
        Bits::Fp32 => encoder::build(&checkpoint),
        Bits::Int8 => {
            let cells = rounding::CELLS.map(|text| (Role::Document, text));
            let texts = golden::TEXTS.iter().chain(&cells).map(|&(role, text)| inputs.ids(role, text));
            let texts = texts.collect::<Result<Vec<_>>>()?;
            int8::build(&checkpoint, &texts)?
        }
    };
    let version = crate::runtime::version(&runtime);
    let mut manifest = manifest(&args, &checkpoint, prefixes.clone(), args.precision, &version)?;

    write_folder(&args.output, &[MANIFEST, MODEL], |folder| {
        fs::write(folder.join(MODEL), &model)?;
        fs::write(folder.join(TOKENIZER), &checkpoint.tokenizer)?;
        if args.revision.is_none() {
            manifest.revision = content_revision(folder, MODEL)?;
        }
        let least = args.least_cosine.unwrap_or(args.precision.least_cosine(&checkpoint));
        let agreement = agree(folder, &mut manifest, &references, &runtime, least)?;
        eprintln!("  ONNX Runtime against the checkpoint: {agreement}");
        fs::write(folder.join(CARD), card::of_bundle(&manifest, &checkpoint, &agreement, note.as_deref()))?;
        seal(folder, &mut manifest)?;
        // Opens it as the extension will: hashes and goldens.
        verify::open(folder, &runtime)?.check_goldens(&::encoder::Bundle::open(folder)?.goldens()?)?;
        if !args.check.is_empty() {
            let texts = check_texts(&args)?;
            eprintln!("comparing {} more texts", texts.len());
            eprintln!("  {}", verify::compare(folder, &runtime, &checkpoint, &inputs, &texts)?);
        }
        Ok(())
    })?;
    eprintln!("wrote {} as {}", args.output.display(), manifest.id());
    Ok(())
}

/// The checkpoint's own vector of every golden text.
fn references(checkpoint: &Checkpoint, inputs: &Inputs) -> Result<Vec<Golden>> {
    let forward = Forward::new(checkpoint);
    let reference = |&(role, text): &(_, &str)| {
        Ok(Golden { role, text: text.to_owned(), vector: forward.embed(&inputs.ids(role, text)?) })
    };
    golden::TEXTS.iter().map(reference).collect()
}

fn manifest(
    args: &Args,
    checkpoint: &Checkpoint,
    prefix: Prefixes,
    precision: Bits,
    runtime: &str,
) -> Result<Manifest> {
    let folder_name = args.output.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = args.name.clone().or(folder_name).context("give the model a name with --name")?;
    ensure!(
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)),
        "the model's name {name:?} may hold only letters, digits, '-', '_' and '.'; give another with --name"
    );
    let Some(origin) = &checkpoint.config.origin else {
        bail!(
            "\"{}\" does not say where its weights come from: pass it through trainer import",
            args.checkpoint.display()
        );
    };
    Ok(Manifest {
        name,
        revision: args.revision.clone().unwrap_or_default(),
        base_model: origin.base_model.clone(),
        base_revision: origin.base_revision.clone(),
        space: args.space.clone().or(origin.space.clone()),
        license: origin.license.clone(),
        dim: checkpoint.config.hidden_size,
        max_tokens: checkpoint.config.max_position_embeddings,
        pooling: Pooling::Mean,
        precision: precision.name().to_owned(),
        runtime: runtime.to_owned(),
        golden_cosine: precision.golden_cosine(),
        prefix,
        files: BTreeMap::new(),
    })
}

/// Depends on nothing but what decides the vectors.
fn content_revision(folder: &Path, model: &str) -> Result<String> {
    use sha2::{Digest, Sha256};
    let both = sha256(&folder.join(model))? + &sha256(&folder.join(TOKENIZER))?;
    Ok(Sha256::digest(both.as_bytes())[..4].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Runs the graph through the encoder with the references as goldens, checks the cosines, and puts its own vectors in their place.
fn agree(
    folder: &Path,
    manifest: &mut Manifest,
    references: &[Golden],
    runtime: &Path,
    needed: f32,
) -> Result<verify::Agreement> {
    let golden_cosine = std::mem::replace(&mut manifest.golden_cosine, -1.0);
    write_goldens(folder, references)?;
    seal(folder, manifest)?;
    let mut encoder = verify::open(folder, runtime)?;
    let mut goldens = references.to_vec();
    for golden in &mut goldens {
        golden.vector = verify::embed(&mut encoder, golden.role, &golden.text)?.to_vec();
    }
    let cosines = references.iter().zip(&goldens).map(|(a, b)| ::encoder::dot(&a.vector, &b.vector) as f32).collect();
    let agreement = verify::Agreement::new(cosines);
    ensure!(
        agreement.least >= needed,
        "the {} graph gives other vectors than the checkpoint: {agreement}, {needed} is needed",
        manifest.precision,
    );
    manifest.golden_cosine = golden_cosine;
    write_goldens(folder, &goldens)?;
    Ok(agreement)
}

fn write_goldens(folder: &Path, goldens: &[Golden]) -> Result<()> {
    let lines: Vec<String> = goldens.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    Ok(fs::write(folder.join(GOLDEN), format!("[\n{}\n]\n", lines.join(",\n")))?)
}

/// Writes the manifest with the hashes of the files that are there.
fn seal(folder: &Path, manifest: &mut Manifest) -> Result<()> {
    manifest.files.clear();
    for name in [MODEL, TOKENIZER, GOLDEN, CARD] {
        let path = folder.join(name);
        if path.exists() {
            manifest.files.insert(name.to_owned(), sha256(&path)?);
        }
    }
    Ok(fs::write(folder.join(MANIFEST), toml::to_string_pretty(manifest)?)?)
}

fn check_texts(args: &Args) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for path in &args.check {
        texts.extend(crate::corpus::read(path)?);
    }
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    let step = texts.len().div_ceil(args.check_limit.max(1)).max(1);
    Ok(texts.into_iter().step_by(step).collect())
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read \"{}\"", path.display()))
}

#[cfg(test)]
mod tests;
