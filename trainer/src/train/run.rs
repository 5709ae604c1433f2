//! The folder a run writes: recipe, input hashes, metrics, state, checkpoints, plots, model card.

use crate::eval::report::Results;
use crate::pairs::write_whole;
use crate::recipe::Recipe;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

const RECIPE: &str = "recipe.toml";
const INPUTS: &str = "inputs.json";
const METRICS: &str = "metrics.jsonl";

pub struct Run {
    pub folder: PathBuf,
}

/// One line of metrics.jsonl. `step` counts over the whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Line {
    Step {
        step: usize,
        stage: String,
        epoch: usize,
        loss: f32,
        distillation: f32,
        /// Of the passages, where there are any.
        #[serde(default, skip_serializing_if = "is_zero")]
        passages: f32,
        rate: f64,
    },
    /// How many steps a stage has that must end in time.
    Fitted { step: usize, stage: String, steps: usize },
    /// Development tasks after an epoch.
    Dev { step: usize, stage: String, epoch: usize, tasks: BTreeMap<String, crate::eval::metrics::Metrics> },
    /// Development tasks and guards of the base (`number` 0), of each stage's result, and of the average that ends the run.
    Stage { step: usize, number: usize, results: Results },
}

fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

impl Line {
    pub fn step(&self) -> usize {
        match self {
            Line::Step { step, .. } | Line::Fitted { step, .. } | Line::Dev { step, .. } | Line::Stage { step, .. } => {
                *step
            }
        }
    }
}

impl Run {
    /// Starts a new folder, writing the recipe as run and the inputs' hashes before the first step.
    pub fn create(folder: &Path, recipe: &Recipe, inputs: &BTreeMap<String, String>) -> Result<Self> {
        if folder.join(RECIPE).exists() {
            bail!("\"{}\" holds a run already; continue it with --resume or give another folder", folder.display());
        }
        fs::create_dir_all(folder).with_context(|| format!("cannot create \"{}\"", folder.display()))?;
        write_whole(&folder.join(INPUTS), serde_json::to_string_pretty(inputs)?.as_bytes())?;
        write_whole(&folder.join(METRICS), b"")?;
        write_whole(&folder.join(RECIPE), toml::to_string(recipe)?.as_bytes())?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Opens a folder to go on with, refusing another recipe or changed inputs; metrics after `step` are dropped.
    pub fn resume(folder: &Path, recipe: &Recipe, inputs: &BTreeMap<String, String>, step: usize) -> Result<Self> {
        let run = Self { folder: folder.to_owned() };
        let known = Recipe::read(&folder.join(RECIPE))?;
        if known != *recipe {
            bail!("\"{}\" was started with another recipe", folder.display());
        }
        let known: BTreeMap<String, String> = serde_json::from_str(&run.text(INPUTS)?)?;
        if let Some((name, _)) = inputs.iter().find(|(name, hash)| known.get(*name) != Some(hash)) {
            bail!("\"{}\" was started with another \"{name}\"", folder.display());
        }
        // As they are: to write parsed numbers again could change their last digit.
        let text = run.text(METRICS)?;
        let lines = run.lines()?;
        let kept = text.lines().zip(&lines).filter(|(_, line)| line.step() <= step);
        let kept: String = kept.map(|(text, _)| format!("{text}\n")).collect();
        write_whole(&folder.join(METRICS), kept.as_bytes())?;
        Ok(run)
    }

    pub fn append(&self, line: &Line) -> Result<()> {
        let path = self.folder.join(METRICS);
        let mut file = OpenOptions::new().append(true).open(&path).with_context(|| path.display().to_string())?;
        file.write_all(json_line(line).as_bytes()).with_context(|| path.display().to_string())
    }

    /// All complete metric lines; a last line cut off by a kill is left out.
    pub fn lines(&self) -> Result<Vec<Line>> {
        let text = self.text(METRICS)?;
        let whole = &text[..text.rfind('\n').map_or(0, |i| i + 1)];
        whole.lines().map(|l| serde_json::from_str(l).with_context(|| format!("{METRICS}: {l}"))).collect()
    }

    /// What was measured on the base and after each stage so far, in order.
    pub fn results(&self) -> Result<Vec<Results>> {
        let of = |line| match line {
            Line::Stage { results, .. } => Some(results),
            _ => None,
        };
        Ok(self.lines()?.into_iter().filter_map(of).collect())
    }

    /// The hashes of what went in.
    pub fn inputs(&self) -> Result<BTreeMap<String, String>> {
        Ok(serde_json::from_str(&self.text(INPUTS)?)?)
    }

    pub fn recipe(&self) -> Result<Recipe> {
        Recipe::read(&self.folder.join(RECIPE))
    }

    /// Where a stage's checkpoint lies; `final` is the last.
    pub fn checkpoint(&self, index: usize, name: &str) -> PathBuf {
        self.folder.join("checkpoints").join(format!("{}-{name}", index + 1))
    }

    pub fn final_checkpoint(&self) -> PathBuf {
        self.folder.join("checkpoints").join("final")
    }

    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    fn text(&self, name: &str) -> Result<String> {
        crate::data::text::read(&self.folder.join(name))
    }
}

fn json_line(line: &Line) -> String {
    let value: Value = serde_json::to_value(line).expect("a metrics line is plain data");
    format!("{value}\n")
}

/// Sha256 of the files, by the name they are given.
pub fn hashes(files: impl IntoIterator<Item = (String, PathBuf)>) -> Result<BTreeMap<String, String>> {
    files
        .into_iter()
        .map(|(name, path)| {
            let hash = encoder::sha256(&path).with_context(|| format!("cannot read \"{}\"", path.display()))?;
            Ok((name, hash))
        })
        .collect()
}
