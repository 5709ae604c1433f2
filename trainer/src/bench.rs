//! `trainer bench`: training speed and memory on this machine.

use crate::backend::{AutodiffBackend, Backend};
use crate::checkpoint::Checkpoint;
use crate::device::{self, with_backend};
use crate::model::embed::embed;
use crate::model::{Dropout, Encoder, tiny};
use crate::rng::Rng;
use crate::train::items::{Document, Ids, Item};
use crate::train::optimiser::{AdamW, Settings};
use crate::train::step::{self, Step};
use anyhow::Result;
use burn_tensor::DType;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Measure training steps on random tokens: pairs a second and peak memory.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of the model; a random one of e5-small's size if absent.
    #[arg(long)]
    base: Option<PathBuf>,
    /// Pairs of a step.
    #[arg(long, default_value_t = 64)]
    pairs: usize,
    /// Tokens of every text.
    #[arg(long, default_value_t = 24)]
    tokens: usize,
    /// Measured steps; one more goes before them.
    #[arg(long, default_value_t = 5)]
    steps: usize,
    #[command(flatten)]
    device: device::Args,
}

const SIZE: tiny::Size = tiny::Size { layers: 12, hidden: 384, heads: 12, intermediate: 1536 };
/// Rows of the word embeddings of the random model.
const VOCABULARY: u32 = 27_000;

pub fn run(args: Args) -> Result<()> {
    let checkpoint = match &args.base {
        Some(folder) => Checkpoint::read(folder)?,
        None => {
            let characters: String = ('\u{4E00}'..).take(VOCABULARY as usize).collect();
            tiny::random(&SIZE, [characters.as_str()], 1)
        }
    };
    with_backend!(args.device, |B, device| measure::<B>(&args, &checkpoint, &device))
}

fn measure<B: AutodiffBackend>(args: &Args, checkpoint: &Checkpoint, device: &B::Device) -> Result<()> {
    let settings = args.device.settings(1);
    let mut encoder = Encoder::<B::InnerBackend>::new(checkpoint, device, DType::F32);
    let trained = vec![true; encoder.parameters().len()];
    let mut adam = AdamW::new(Settings::default(), encoder.parameters(), &trained);
    let mut rng = Rng::new(1, "bench");
    let words = checkpoint.config.vocab_size;
    let mut times: Vec<Duration> = Vec::new();
    for number in 0..=args.steps {
        let items: Vec<Item> = (0..args.pairs).map(|_| item(&mut rng, words, args.tokens)).collect();
        let step = Step::contrastive(&items.iter().collect::<Vec<_>>(), &[], 0.05, 0.0);
        let started = Instant::now();
        let dropout = Some(Dropout { probability: 0.1, seed: number as u64 });
        let outcome = step.run::<B>(&encoder, &trained, dropout, settings);
        encoder.update(|parameters| adam.step(parameters, outcome.gradients, 1e-5));
        // Reading a loss alone would not wait for the update.
        <B::InnerBackend as burn_tensor::backend::Backend>::sync(device)?;
        times.push(started.elapsed());
    }
    let first = times.remove(0);
    times.sort();
    let median = times[times.len() / 2].as_secs_f64();
    println!("{} pairs of {} tokens, {}", args.pairs, args.tokens, B::name(device));
    println!("first step {:.2} s (compiling included)", first.as_secs_f64());
    println!("step {median:.3} s (median of {}), {:.1} pairs/s", times.len(), args.pairs as f64 / median);
    report_inference(args, &encoder, settings, &mut rng, words);
    if let Some(peak) = peak_memory() {
        println!("peak memory {:.2} GB", peak as f64 / 1e9);
    }
    if let Some(used) = gpu_memory() {
        println!("GPU memory in use {used}");
    }
    Ok(())
}

fn report_inference<B: Backend>(
    args: &Args,
    encoder: &Encoder<B>,
    settings: step::Device,
    rng: &mut Rng,
    words: usize,
) {
    let texts: Vec<Ids> = (0..args.pairs * 8).map(|_| ids(rng, words, args.tokens)).collect();
    embed(encoder, &texts, settings.shapes, 1);
    let started = Instant::now();
    embed(encoder, &texts, settings.shapes, 1);
    println!("embedding {:.0} texts/s", texts.len() as f64 / started.elapsed().as_secs_f64());
}

fn item(rng: &mut Rng, words: usize, tokens: usize) -> Item {
    let document = Document { ids: ids(rng, words, tokens), labels: Some(Vec::new()) };
    Item {
        query: ids(rng, words, tokens),
        asks: Vec::new(),
        document,
        negatives: Vec::new(),
        label: 1.0,
        kind: String::new(),
    }
}

fn ids(rng: &mut Rng, words: usize, tokens: usize) -> Ids {
    (0..tokens).map(|_| rng.below(words) as u32).collect()
}

/// Largest resident memory of this process so far, in bytes.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|k| k * 1024)
}

fn gpu_memory() -> Option<String> {
    let output = Command::new("nvidia-smi").args(["--query-gpu=memory.used", "--format=csv,noheader"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
