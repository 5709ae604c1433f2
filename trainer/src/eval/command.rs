//! `trainer evaluate` and `trainer compare`.

use super::guard::{self, Guard};
use super::models::{self, Settings};
use super::report::{Results, losses, markdown};
use super::score;
use crate::dev::{self, Task};
use crate::device;
use crate::pairs::write_whole;
use crate::recipe::Prefix;
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};

/// Where a comparison's models, tasks and guards are.
#[derive(clap::Args)]
struct Inputs {
    /// Development tasks (JSON lines), as `trainer pairs all` writes them.
    #[arg(long)]
    dev: PathBuf,
    /// Sentence pairs with human scores: KorSTS (.tsv), KLUE-STS (.json), or a folder of both. May be repeated.
    #[arg(long)]
    guard: Vec<PathBuf>,
    /// Only tasks whose name contains this. May be repeated.
    #[arg(long)]
    task: Vec<String>,
    /// What checkpoints put before a query; bundles know their own.
    #[arg(long, default_value = "query: ")]
    query_prefix: String,
    #[arg(long, default_value = "passage: ")]
    document_prefix: String,
    #[arg(long, default_value_t = 96)]
    max_tokens: usize,
    #[command(flatten)]
    device: device::Args,
}

/// Measure models on the development tasks: nDCG@10, MRR@10, top-k accuracy, recall, cosines.
#[derive(clap::Args)]
pub struct Args {
    /// Folders of bundles or checkpoints; `NAME=FOLDER` gives a column's name.
    #[arg(required = true)]
    models: Vec<String>,
    /// Add BM25 on character bigrams.
    #[arg(long)]
    bm25: bool,
    /// Folder for table.md, results.json and a histogram of each model's cosines (SVG).
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    inputs: Inputs,
}

/// Name what one model lost against another; fails when that is more than allowed.
#[derive(clap::Args)]
pub struct CompareArgs {
    /// The model before.
    from: String,
    /// The model after.
    to: String,
    /// Allowed fall of a task's nDCG@10.
    #[arg(long, default_value_t = 0.01)]
    points: f64,
    /// Allowed fall of a guard's correlation.
    #[arg(long, default_value_t = 0.02)]
    guard_points: f64,
    #[command(flatten)]
    inputs: Inputs,
}

pub fn evaluate(args: Args) -> Result<()> {
    let (tasks, guards) = args.inputs.read()?;
    let mut results = Vec::new();
    if args.bm25 {
        let model = "BM25".to_owned();
        results.push(Results { model, tasks: score::tasks_bm25(&tasks), guards: vec![], cosines: Default::default() });
    }
    for model in &args.models {
        results.push(args.inputs.measure(model, &tasks, &guards)?);
    }
    let text = markdown(&results);
    println!("{text}");
    let Some(out) = &args.out else { return Ok(()) };
    write_whole(&out.join("table.md"), text.as_bytes())?;
    write_whole(&out.join("results.json"), serde_json::to_string_pretty(&results)?.as_bytes())?;
    for r in results.iter().filter(|r| !r.cosines.related.is_empty()) {
        let file = out.join(format!("cosines-{}.svg", r.model.replace(|c: char| !c.is_ascii_alphanumeric(), "-")));
        write_whole(&file, crate::plots::histogram(&r.model, &r.cosines).as_bytes())?;
    }
    Ok(())
}

pub fn compare(args: CompareArgs) -> Result<()> {
    let (tasks, guards) = args.inputs.read()?;
    let (from, to) =
        (args.inputs.measure(&args.from, &tasks, &guards)?, args.inputs.measure(&args.to, &tasks, &guards)?);
    println!("{}", markdown(&[from.clone(), to.clone()]));
    let lost = losses(&from, &to, args.points, args.guard_points);
    ensure!(lost.is_empty(), "{} lost against {}:\n{}", to.model, from.model, lost.join("\n"));
    println!("\n{} lost nothing against {} beyond the allowed points", to.model, from.model);
    Ok(())
}

impl Inputs {
    fn read(&self) -> Result<(Vec<Task>, Vec<Guard>)> {
        let mut tasks = dev::read(&self.dev)?;
        tasks.retain(|t| self.task.is_empty() || self.task.iter().any(|part| t.task.contains(part)));
        ensure!(!tasks.is_empty(), "{}: no task is named like {}", self.dev.display(), self.task.join(", "));
        Ok((tasks, guard::read_all(&self.guard)?))
    }

    fn measure(&self, model: &str, tasks: &[Task], guards: &[Guard]) -> Result<Results> {
        let (name, folder) = model.split_once('=').unwrap_or_else(|| (last_part(model), model));
        eprintln!("measuring {name}");
        let settings = Settings {
            device: self.device.clone(),
            prefix: Prefix { query: self.query_prefix.clone(), document: self.document_prefix.clone() },
            max_tokens: self.max_tokens,
        };
        models::open(Path::new(folder), &settings, |model| score::results(name, model, tasks, guards))
    }
}

fn last_part(folder: &str) -> &str {
    folder.trim_end_matches('/').rsplit('/').next().unwrap_or(folder)
}
