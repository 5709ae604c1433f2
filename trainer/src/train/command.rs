//! `trainer train`: runs a recipe.

use super::run::{Run, hashes};
use super::runner::{End, INTERRUPTED, Runner};
use super::state::{self, Position};
use super::watch::Watch;
use crate::checkpoint::{CONFIG, Checkpoint, TOKENIZER, WEIGHTS};
use crate::device;
use crate::eval::guard;
use crate::eval::report::markdown;
use crate::model::tiny;
use crate::pairs::{Pair, write_whole};
use crate::recipe::{Dev, Recipe, Student};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Train a model by a recipe.
#[derive(clap::Args)]
pub struct Args {
    /// The recipe (TOML).
    recipe: PathBuf,
    /// Folder of the base model: a checkpoint in the Hugging Face layout, or a bundle.
    #[arg(long)]
    base: Option<PathBuf>,
    /// Folder of the teacher, a checkpoint or a bundle: what a recipe's student starts from and its distilled stages follow; the
    /// base if absent.
    #[arg(long)]
    teacher: Option<PathBuf>,
    /// Where the recipe's relative paths begin; the recipe's own folder if absent.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Folder for the run.
    #[arg(long)]
    run: PathBuf,
    /// Development tasks to measure on the base and after each stage (JSON lines, as `pairs all` writes them); the recipe's
    /// own if absent.
    #[arg(long)]
    dev: Option<PathBuf>,
    /// Sentence pairs with human scores to measure along: KorSTS (.tsv), KLUE-STS (.json), or a folder of both. May be
    /// repeated.
    #[arg(long)]
    guard: Vec<PathBuf>,
    /// Go on with an interrupted run.
    #[arg(long)]
    resume: bool,
    /// Minutes between saved states.
    #[arg(long, default_value_t = 5.0)]
    save_minutes: f64,
    /// Minutes from the start after which training must have ended: a stage that would take longer gets fewer steps, and its
    /// learning rate's course is theirs. What is measured afterwards is not counted in.
    #[arg(long)]
    minutes: Option<f64>,
    #[command(flatten)]
    device: device::Args,
}

pub fn run(args: Args) -> Result<()> {
    let started = Instant::now();
    let mut recipe = Recipe::read(&args.recipe)?;
    recipe.dev = development(&args, recipe.dev.take())?;
    let own = || args.recipe.parent().unwrap_or(Path::new(".")).to_owned();
    let data = args.data.clone().unwrap_or_else(own);
    let pairs = pairs(&recipe, &data)?;
    let base = base(&recipe, args.base.as_deref(), &pairs)?;
    let teacher = args.teacher.as_deref().map(Checkpoint::read).transpose()?;
    if teacher.as_ref().is_some_and(|teacher| teacher.tokenizer != base.tokenizer) {
        bail!("teacher and base have different tokenizers");
    }
    let start = match &recipe.student {
        Some(student) => start(student, teacher.as_ref().unwrap_or(&base)).context("student")?,
        None => base.clone(),
    };
    let inputs = hashes(inputs(&recipe, &args, &data)?)?;
    let watch = recipe.dev.as_ref().map_or_else(|| Ok(Watch::default()), |dev| Watch::read(dev, &data))?;
    let state = args.run.join("state");
    let (run, position) = match state::position(&state)? {
        Some(position) if args.resume => (Run::resume(&args.run, &recipe, &inputs, position.total)?, position),
        None if args.resume && args.run.join("checkpoints/final").exists() => {
            bail!("\"{}\" has ended", args.run.display())
        }
        None if args.resume && args.run.join("recipe.toml").exists() => {
            (Run::resume(&args.run, &recipe, &inputs, 0)?, Position::default())
        }
        _ => (Run::create(&args.run, &recipe, &inputs)?, Position::default()),
    };
    ctrlc::set_handler(|| {
        // A second Ctrl-C doesn't wait for the step.
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })?;
    let pad = crate::model::Tokens::new(&base, recipe.max_tokens)?.pad;
    let runner = Runner {
        device: args.device.settings(pad),
        save_every: Duration::from_secs_f64(args.save_minutes.max(0.0) * 60.0),
        recipe,
        data,
        pairs,
        base,
        teacher,
        start,
        run,
        watch,
        until: args.minutes.map(|minutes| started + Duration::from_secs_f64(minutes.max(0.0) * 60.0)),
    };
    let end = device::with_backend!(args.device, |B, device| runner.train::<B>(&device, position))?;
    if end == End::Interrupted {
        eprintln!("interrupted; go on with --resume");
        std::process::exit(130);
    }
    crate::plots::draw(&runner.run)?;
    let results = runner.run.results()?;
    if !results.is_empty() {
        write_whole(&runner.run.folder.join("stages.md"), markdown(&results).as_bytes())?;
    }
    crate::card::write(&runner.run)?;
    eprintln!("the model is in {}", runner.run.final_checkpoint().display());
    Ok(())
}

/// The pairs of each stage; stages of the same sources share them.
fn pairs(recipe: &Recipe, data: &Path) -> Result<Vec<Rc<[Pair]>>> {
    let mut pairs: Vec<Rc<[Pair]>> = Vec::new();
    for (i, stage) in recipe.stage.iter().enumerate() {
        let same = recipe.stage[..i].iter().position(|earlier| earlier.source == stage.source);
        pairs.push(match same {
            Some(earlier) => pairs[earlier].clone(),
            None => stage.pairs(data, recipe.seed)?.into(),
        });
    }
    Ok(pairs)
}

/// What the options say of the development tasks, else the recipe.
fn development(args: &Args, dev: Option<Dev>) -> Result<Option<Dev>> {
    let mut dev = match (&args.dev, dev) {
        (None, None) if args.guard.is_empty() => return Ok(None),
        (None, None) => bail!("--guard is measured beside development tasks: give them with --dev"),
        (None, Some(dev)) => dev,
        (Some(_), dev) => dev.unwrap_or_default(),
    };
    // As typed, these begin where the command was started, not where the recipe's paths do.
    if let Some(file) = &args.dev {
        dev.file = std::path::absolute(file)?;
    }
    if !args.guard.is_empty() {
        dev.guard = args.guard.iter().map(std::path::absolute).collect::<Result<_, _>>()?;
    }
    Ok(Some(dev))
}

/// The base model, or the recipe's small random one.
fn base(recipe: &Recipe, folder: Option<&Path>, pairs: &[Rc<[Pair]>]) -> Result<Checkpoint> {
    match (&recipe.random_base, folder) {
        (Some(size), None) => {
            let texts =
                pairs.iter().flat_map(|of_stage| of_stage.iter()).flat_map(|p| [p.query.as_str(), p.document.as_str()]);
            Ok(tiny::random(size, texts, recipe.seed))
        }
        (_, Some(folder)) => Checkpoint::read(folder),
        (None, None) => bail!("--base is needed: the recipe names no random_base"),
    }
}

/// The student before its first step.
fn start(student: &Student, teacher: &Checkpoint) -> Result<Checkpoint> {
    let mut start = teacher.with_layers(&student.layers)?;
    start.config.activation_bits = student.activation_bits;
    if let Some(origin) = &mut start.config.origin {
        let layers: Vec<String> = student.layers.iter().map(usize::to_string).collect();
        let bits =
            student.activation_bits.map(|bits| format!(", {bits}-bit activations and weights in the training loop"));
        origin.history.push(format!(
            "of its layers {} (counted from 0){}",
            layers.join(", "),
            bits.unwrap_or_default()
        ));
    }
    Ok(start)
}

/// Every file that goes into a run, by the name under which its hash is kept.
fn inputs(recipe: &Recipe, args: &Args, data: &Path) -> Result<BTreeSet<(String, PathBuf)>> {
    let mut files = BTreeSet::new();
    let mut add = |file: &Path| files.insert((file.display().to_string(), data.join(file)));
    for stage in &recipe.stage {
        stage.source.iter().for_each(|s| _ = add(&s.file));
        stage.general.iter().for_each(|g| _ = add(&g.file));
        stage.passages.iter().for_each(|p| _ = add(&p.file));
    }
    if let Some(dev) = &recipe.dev {
        add(&dev.file);
        for path in &dev.guard {
            guard::files(&[data.join(path)])?.iter().for_each(|file| _ = add(file));
        }
    }
    for (role, folder) in [("base", &args.base), ("teacher", &args.teacher)] {
        let Some(folder) = folder else { continue };
        let names = [CONFIG, WEIGHTS, encoder::MODEL, TOKENIZER].into_iter().filter(|name| folder.join(name).exists());
        files.extend(names.map(|name| (format!("{role}/{name}"), folder.join(name))));
    }
    Ok(files)
}

/// Averages two checkpoints of one architecture.
#[derive(clap::Args)]
pub struct SoupArgs {
    /// Folder of the tuned model.
    tuned: PathBuf,
    /// Folder of the base model, or of another tuned from it.
    base: PathBuf,
    /// Share of the tuned weights.
    #[arg(long, default_value_t = 0.8)]
    share: f64,
    #[arg(long)]
    out: PathBuf,
}

pub fn soup(args: SoupArgs) -> Result<()> {
    let (mut tuned, base) = (Checkpoint::read(&args.tuned)?, Checkpoint::read(&args.base)?);
    if tuned.tokenizer != base.tokenizer {
        bail!("the models have different tokenizers");
    }
    for (name, tensor) in &mut tuned.tensors {
        let other = base.tensors.get(name).filter(|b| b.shape == tensor.shape);
        let other = other.with_context(|| format!("the base has no \"{name}\" of shape {:?}", tensor.shape))?;
        for (t, b) in tensor.data.iter_mut().zip(&other.data) {
            *t = (f64::from(*t) * args.share + f64::from(*b) * (1.0 - args.share)) as f32;
        }
    }
    if let Some(origin) = &mut tuned.config.origin {
        let other =
            base.config.origin.as_ref().and_then(|other| other.history.iter().find(|step| step.contains("fine-tuned")));
        origin.history.push(match other {
            None => format!("averaged with the base, {} of the tuned weights", args.share),
            Some(run) => format!("averaged with weights {run}, {} of these", args.share),
        });
    }
    tuned.write(&args.out)
}
