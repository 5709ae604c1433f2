//! A recipe: everything a training run needs besides its files' places. Unknown keys are refused.

use crate::data::csv::UnclosedQuote;
use crate::model::tiny;
use crate::pairs::{self, Pair, seed};
use crate::train::optimiser;
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    pub name: String,
    pub seed: u64,
    /// Longest input in tokens, prefix and special tokens included.
    #[serde(default = "max_tokens")]
    pub max_tokens: usize,
    #[serde(default = "dropout")]
    pub dropout: f64,
    /// Train neither word nor position embeddings.
    #[serde(default)]
    pub frozen_embeddings: bool,
    #[serde(default)]
    pub prefix: Prefix,
    #[serde(default)]
    pub optimiser: optimiser::Settings,
    /// Share of the tuned weights in the final average with the base; absent = no averaging.
    pub soup: Option<f64>,
    /// Start from a small random encoder instead of a base model.
    pub random_base: Option<tiny::Size>,
    /// Start from a part of the teacher instead of the base.
    pub student: Option<Student>,
    pub dev: Option<Dev>,
    pub stage: Vec<Stage>,
}

/// The model that the first stage starts from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Student {
    /// The teacher's layers it has, counted from 0.
    pub layers: Vec<usize>,
    /// 8: it computes with 8-bit activations and weights, in training as in its bundle; absent = with neither.
    pub activation_bits: Option<u32>,
}

/// What stands before every input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prefix {
    pub query: String,
    pub document: String,
}

impl Default for Prefix {
    fn default() -> Self {
        Self { query: "query: ".to_owned(), document: "passage: ".to_owned() }
    }
}

/// The development tasks measured on the base and after each stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dev {
    pub file: PathBuf,
    /// Only tasks whose name contains one of these; empty = all.
    #[serde(default)]
    pub tasks: Vec<String>,
    /// Sentence pairs with human scores, measured along: files, or a folder that holds KorSTS and KLUE-STS.
    #[serde(default)]
    pub guard: Vec<PathBuf>,
    /// Measure the tasks after each epoch too, end a stage when their mean nDCG@10 has not risen for this many epochs, and
    /// keep the best epoch; absent = a stage runs to its end.
    pub patience: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub name: String,
    pub source: Vec<Source>,
    #[serde(default)]
    pub loss: Loss,
    #[serde(default = "one")]
    pub epochs: usize,
    pub batch: usize,
    pub lr: f64,
    #[serde(default = "temperature")]
    pub temperature: f64,
    /// Weight of 1 - cos to the teacher's vector beside the batch's similarities, for `loss = "distil"`.
    #[serde(default = "cosine_weight")]
    pub cosine_weight: f64,
    /// Weight of InfoNCE beside the teacher for `loss = "distil"`, on pairs that say what they ask for; 0 = the teacher alone.
    #[serde(default)]
    pub contrast: f64,
    /// Kinds of pairs whose questions, and whose documents, the teacher does not understand: these do not follow it, for
    /// `loss = "distil"`.
    #[serde(default)]
    pub untaught: Vec<String>,
    #[serde(default)]
    pub untaught_documents: Vec<String>,
    /// Pairs drawn for each epoch, with `shares` also more than there are; absent = as many as there are.
    pub pairs_per_epoch: Option<usize>,
    /// Weight of a question's other right answers in the batch, documents that have all it asks for; 0 = they only are no
    /// negatives.
    #[serde(default)]
    pub others: f64,
    /// Hard negatives of each question, from the pair file or mined.
    #[serde(default)]
    pub negatives: usize,
    pub mine: Option<Mine>,
    /// Share of each batch drawn from the pairs of earlier stages.
    #[serde(default)]
    pub replay: f64,
    /// Batches of one kind of pairs each (`type`, `dur`, ...), drawn in these shares; absent = all kinds mixed.
    #[serde(default)]
    pub shares: BTreeMap<String, f64>,
    pub general: Option<General>,
    pub passages: Option<Passages>,
    /// Averages this stage's result with its start: share of the tuned weights.
    pub soup: Option<f64>,
    /// Instead of the recipe's.
    pub dropout: Option<f64>,
}

/// What a stage minimises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// InfoNCE in both directions over the batch.
    #[default]
    Contrastive,
    /// Mean squared error of the cosine against the pair's label.
    Cosine,
    /// The teacher's vectors of the batch's questions and documents, and its similarities among them.
    Distil,
}

/// A file of pairs: JSON lines, or a labelled CSV of the seed project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub file: PathBuf,
    /// Only pairs of these stages; empty = all.
    #[serde(default)]
    pub only: Vec<String>,
    /// At most this many pairs, drawn at random.
    pub limit: Option<usize>,
    #[serde(default)]
    pub unclosed_quote: UnclosedQuote,
}

/// Hard negatives found with the weights the stage starts from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mine {
    /// Documents of each question to draw from, nearest first.
    pub candidates: usize,
    /// False-negative guard: candidates whose cosine exceeds this share of the positive's are taken for right answers.
    #[serde(default = "guard")]
    pub guard: f64,
}

/// General sentences among which the base's similarities are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct General {
    /// One sentence a line.
    pub file: PathBuf,
    #[serde(default = "weight")]
    pub weight: f64,
    /// Sentences of each step.
    #[serde(default = "rows")]
    pub rows: usize,
    #[serde(default)]
    pub keep: Keep,
    /// Of the softmax over the base's cosines, for `keep = "ranks"`.
    #[serde(default = "teacher_temperature")]
    pub teacher_temperature: f64,
}

/// Questions and passages between which the base's similarities are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passages {
    /// Pairs (JSON lines): questions and longer documents.
    pub file: PathBuf,
    /// Longest passage in tokens, beyond the recipe's `max_tokens`.
    pub max_tokens: usize,
    /// Pairs of each step.
    #[serde(default = "passage_rows")]
    pub rows: usize,
    /// Of the whole term.
    #[serde(default = "weight")]
    pub weight: f64,
    /// Of the squared differences of the cosines, beside the divergence of each question's softmax over the passages.
    #[serde(default = "relation_weight")]
    pub cosine_weight: f64,
    #[serde(default = "temperature")]
    pub temperature: f64,
}

/// What is kept of the base's similarities among general sentences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Which sentences are nearer than others.
    #[default]
    Ranks,
    /// The cosines, measured from the sentences' common mean (all e5 vectors share a large part, which tells nothing).
    Cosines,
}

fn max_tokens() -> usize {
    96
}
fn dropout() -> f64 {
    0.1
}
fn one() -> usize {
    1
}
fn temperature() -> f64 {
    0.05
}
fn cosine_weight() -> f64 {
    10.0
}
fn relation_weight() -> f64 {
    100.0
}
fn passage_rows() -> usize {
    24
}
fn guard() -> f64 {
    0.95
}
fn weight() -> f64 {
    1.0
}
fn rows() -> usize {
    96
}
fn teacher_temperature() -> f64 {
    0.02
}

impl Recipe {
    /// Reads and checks a recipe; errors name the file and the key.
    pub fn read(path: &Path) -> Result<Self> {
        let body = crate::data::text::read(path)?;
        let recipe: Self = toml::from_str(&body).with_context(|| path.display().to_string())?;
        recipe.check().with_context(|| path.display().to_string())?;
        Ok(recipe)
    }

    fn check(&self) -> Result<()> {
        ensure!(!self.stage.is_empty(), "no [[stage]]");
        for dropout in self.stage.iter().filter_map(|stage| stage.dropout).chain([self.dropout]) {
            ensure!((0.0..1.0).contains(&dropout), "dropout = {dropout} is not in [0, 1)");
        }
        ensure!(self.max_tokens >= 8, "max_tokens = {} is less than 8", self.max_tokens);
        let share = |name: &str, value: f64| -> Result<()> {
            ensure!((0.0..=1.0).contains(&value), "{name} = {value} is not in [0, 1]");
            Ok(())
        };
        share("soup", self.soup.unwrap_or(0.0))?;
        if let Some(student) = &self.student {
            let bits = student.activation_bits;
            ensure!(!student.layers.is_empty(), "student: no layers");
            ensure!(bits.is_none_or(|bits| bits == 8), "student: activation_bits = {} is not 8", bits.unwrap_or(0));
            ensure!(self.soup.is_none(), "student: soup would average it with a base of other layers");
        }
        let mut names = std::collections::HashSet::new();
        for stage in &self.stage {
            let context = || format!("stage \"{}\"", stage.name);
            ensure!(names.insert(&stage.name), "two stages named \"{}\"", stage.name);
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            ensure!(
                !stage.name.is_empty() && stage.name.chars().all(plain),
                "stage name \"{}\" is no file name",
                stage.name
            );
            ensure!(!stage.source.is_empty(), "{}: no source", context());
            ensure!(stage.batch >= 1 && stage.epochs >= 1, "{}: batch and epochs must be at least 1", context());
            ensure!(stage.batch >= 2 || stage.loss == Loss::Cosine, "{}: a contrastive batch needs 2 pairs", context());
            ensure!(stage.lr > 0.0 && stage.temperature > 0.0, "{}: lr and temperature must be positive", context());
            ensure!(
                stage.shares.is_empty() || stage.replay == 0.0,
                "{}: with shares, replay is a share of its own",
                context()
            );
            ensure!(stage.shares.values().all(|s| *s > 0.0), "{}: shares must be positive", context());
            ensure!(
                stage.loss == Loss::Distil && stage.contrast >= 0.0
                    || stage.contrast == 0.0 && stage.untaught.is_empty() && stage.untaught_documents.is_empty(),
                "{}: contrast and untaught are of distilled stages",
                context()
            );
            let shared = |kind: &String| stage.contrast > 0.0 && stage.shares.contains_key(kind);
            ensure!(
                stage.untaught.iter().chain(&stage.untaught_documents).all(shared),
                "{}: untaught kinds need a share of their own, and contrast to learn from",
                context()
            );
            ensure!(stage.others >= 0.0, "{}: others must not be negative", context());
            ensure!(stage.negatives > 0 || stage.mine.is_none(), "{}: mine without negatives", context());
            ensure!(
                stage.loss != Loss::Distil || stage.contrast > 0.0 || stage.negatives == 0 && stage.others == 0.0,
                "{}: a distilled batch without contrast has neither negatives nor others",
                context()
            );
            if let Some(passages) = &stage.passages {
                ensure!(passages.rows >= 2, "{}: passages need at least 2 rows", context());
                ensure!(passages.temperature > 0.0, "{}: temperature must be positive", context());
            }
            share("replay", stage.replay).with_context(context)?;
            share("soup", stage.soup.unwrap_or(0.0)).with_context(context)?;
            ensure!(stage.replay < 1.0, "{}: replay = 1 leaves no room for the stage's own pairs", context());
        }
        Ok(())
    }
}

impl Stage {
    /// The pairs of all its sources.
    pub fn pairs(&self, dir: &Path, seed: u64) -> Result<Vec<Pair>> {
        let sources = self.source.iter().map(|s| s.read(dir, seed)).collect::<Result<Vec<_>>>()?;
        Ok(sources.concat())
    }
}

impl Source {
    /// The pairs of the file that the source keeps; `dir` is where relative paths begin.
    fn read(&self, dir: &Path, seed: u64) -> Result<Vec<Pair>> {
        let path = dir.join(&self.file);
        let mut pairs = match path.extension().and_then(|e| e.to_str()) {
            Some("csv") => seed::read_labelled(&path, self.unclosed_quote)?,
            _ => pairs::read_jsonl(&path)?,
        };
        pairs.retain(|p| self.only.is_empty() || self.only.contains(&p.stage));
        if let Some(limit) = self.limit {
            crate::rng::Rng::new(seed, "source limit").shuffle(&mut pairs);
            pairs.truncate(limit);
        }
        if pairs.is_empty() {
            bail!("{}: no pairs of stage {}", path.display(), self.only.join(" or "));
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str =
        "name = \"t\"\nseed = 1\n[[stage]]\nname = \"a\"\nbatch = 8\nlr = 1e-4\nsource = [{ file = \"p.jsonl\" }]\n";

    fn parsed(body: &str) -> Result<Recipe> {
        let recipe: Recipe = toml::from_str(body)?;
        recipe.check()?;
        Ok(recipe)
    }

    #[test]
    fn the_projects_recipes_are_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
        let recipes: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(recipes.len() >= 5);
        for path in recipes {
            Recipe::read(&path).unwrap_or_else(|error| panic!("{error:#}"));
        }
    }

    /// The shipped weights' last stage and the curriculum's are one.
    #[test]
    fn the_ending_is_the_curriculums_last_stage() {
        let stages =
            |name: &str| Recipe::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes").join(name)).unwrap().stage;
        assert_eq!(stages("ending.toml").last(), stages("curriculum.toml").last());
    }

    #[test]
    fn defaults() {
        let recipe = parsed(SMALL).unwrap();
        assert_eq!((recipe.max_tokens, recipe.stage[0].epochs, recipe.stage[0].loss), (96, 1, Loss::Contrastive));
        assert_eq!(toml::from_str::<Recipe>(&toml::to_string(&recipe).unwrap()).unwrap(), recipe);
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_refused() {
        for (change, message) in [
            (("seed = 1", "seed = 1\nsead = 2"), "unknown field `sead`"),
            (("lr = 1e-4", "lr = 1e-4\nreplay = 1.5"), "stage \"a\""),
            (("lr = 1e-4", "lr = 1e-4\ndropout = 1.0"), "dropout = 1 is not in [0, 1)"),
            (("batch = 8", "batch = 1"), "a contrastive batch needs 2 pairs"),
            (("lr = 1e-4", "lr = 1e-4\nloss = \"distil\"\nnegatives = 1"), "neither negatives nor others"),
            (("seed = 1", "seed = 1\nstudent = { layers = [] }"), "student: no layers"),
            (("seed = 1", "seed = 1\nstudent = { layers = [0], activation_bits = 4 }"), "activation_bits = 4 is not 8"),
            (("name = \"a\"", "name = \"../a\""), "is no file name"),
        ] {
            let error = format!("{:#}", parsed(&SMALL.replace(change.0, change.1)).unwrap_err());
            assert!(error.contains(message), "{error}");
        }
    }
}
