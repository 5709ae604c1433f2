//! General Korean: Spearman's correlation of cosines with human similarity, on KorSTS and KLUE-STS.

use crate::data::text;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Sentence pairs with their human score.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    pub name: String,
    pub pairs: Vec<(String, String)>,
    pub scores: Vec<f64>,
}

#[derive(Deserialize)]
struct Klue {
    sentence1: String,
    sentence2: String,
    labels: KlueLabels,
}

#[derive(Deserialize)]
struct KlueLabels {
    #[serde(rename = "real-label")]
    real: f64,
}

/// The guards of a folder: the parts of KorSTS and KLUE-STS that nothing is trained on.
const FILES: [&str; 2] = ["korsts_test.tsv", "klue_sts_dev.json"];

/// Reads files, and of folders those of [`FILES`] that are there; one must be.
pub fn read_all(paths: &[PathBuf]) -> Result<Vec<Guard>> {
    let mut guards = Vec::new();
    for path in files(paths)? {
        guards.push(read(&path)?);
    }
    Ok(guards)
}

/// The files behind the paths.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let there: Vec<PathBuf> = FILES.iter().map(|name| path.join(name)).filter(|file| file.exists()).collect();
        ensure!(!there.is_empty(), "{}: neither of {} is there", path.display(), FILES.join(", "));
        files.extend(there);
    }
    Ok(files)
}

/// Reads KorSTS (tab-separated, no quoting) or KLUE-STS (JSON), by the file's extension.
pub fn read(path: &Path) -> Result<Guard> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let body = text::read(path)?;
    let (mut pairs, mut scores) = (Vec::new(), Vec::new());
    if path.extension().is_some_and(|e| e == "json") {
        let rows: Vec<Klue> = serde_json::from_str(&body).with_context(|| path.display().to_string())?;
        for row in rows {
            pairs.push((row.sentence1, row.sentence2));
            scores.push(row.labels.real);
        }
    } else {
        let mut lines = body.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        let column = |name: &str| {
            header
                .iter()
                .position(|h| *h == name)
                .with_context(|| format!("{}: line 1: no column \"{name}\"", path.display()))
        };
        let (score, a, b) = (column("score")?, column("sentence1")?, column("sentence2")?);
        for (i, line) in lines.enumerate().filter(|(_, l)| !l.is_empty()) {
            let cells: Vec<&str> = line.split('\t').collect();
            let cell =
                |c: usize| cells.get(c).with_context(|| format!("{}: line {}: too few columns", path.display(), i + 2));
            scores.push(
                cell(score)?
                    .parse()
                    .with_context(|| format!("{}: line {}, column \"score\"", path.display(), i + 2))?,
            );
            pairs.push((cell(a)?.trim().to_owned(), cell(b)?.trim().to_owned()));
        }
    }
    if pairs.is_empty() {
        bail!("{}: no sentence pairs", path.display());
    }
    Ok(Guard { name, pairs, scores })
}
