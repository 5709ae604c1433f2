//! Plots of a run as SVG, drawn by hand: a few lines, bars and dots need no library.

mod chart;
mod histogram;
mod stages;
mod svg;

pub use histogram::histogram;

use crate::eval::metrics::Metrics;
use crate::eval::report::Results;
use crate::eval::score::{Cosines, mean_ndcg};
use crate::pairs::write_whole;
use crate::train::run::{Line, Run};
use anyhow::Result;
use chart::{Series, chart};
use stages::{Row, stages};

/// Writes `plots/loss.svg`, and `distillation.svg` and `passages.svg` where the base's similarities are kept; with development tasks `plots/stages-ndcg.svg` and `-mrr.svg`, and with early stopping
/// `plots/epochs.svg`.
pub fn draw(run: &Run) -> Result<()> {
    let (mut losses, mut distillation, mut epochs): (Vec<Series>, Vec<Series>, Vec<Series>) = Default::default();
    let mut passage_losses: Vec<Series> = Vec::new();
    for line in run.lines()? {
        match line {
            Line::Step { step, stage, loss, distillation: held, passages, .. } => {
                if passages > 0.0 {
                    push(&mut passage_losses, &stage, step, f64::from(passages));
                }
                push(&mut losses, &stage, step, f64::from(loss));
                if held > 0.0 {
                    push(&mut distillation, &stage, step, f64::from(held));
                }
            }
            Line::Dev { step, stage, tasks, .. } => {
                push(&mut epochs, &stage, step, mean_ndcg(&tasks.into_iter().collect::<Vec<_>>()));
            }
            Line::Fitted { .. } | Line::Stage { .. } => (),
        }
    }
    write(run, "loss", &chart("loss", &losses))?;
    if !distillation.is_empty() {
        write(run, "distillation", &chart("distillation loss on general sentences", &distillation))?;
    }
    if !passage_losses.is_empty() {
        write(run, "passages", &chart("distillation loss between questions and passages", &passage_losses))?;
    }
    if !epochs.is_empty() {
        write(run, "epochs", &chart("mean nDCG@10 of the development tasks after each epoch", &epochs))?;
    }
    let results = run.results()?;
    let names: Vec<&str> = results.iter().map(|r| r.model.as_str()).collect();
    if !results.is_empty() {
        write(run, "stages-ndcg", &stages("nDCG@10 after each stage", &names, &rows(&results, |m| m.ndcg, true)))?;
        write(run, "stages-mrr", &stages("MRR@10 after each stage", &names, &rows(&results, |m| m.mrr, false)))?;
    }
    Ok(())
}

/// Writes `plots/cosines-NAME.svg`.
pub fn cosines(run: &Run, name: &str, cosines: &Cosines) -> Result<()> {
    write(run, &format!("cosines-{name}"), &histogram(name, cosines))
}

fn write(run: &Run, name: &str, svg: &str) -> Result<()> {
    write_whole(&run.folder.join("plots").join(format!("{name}.svg")), svg.as_bytes())
}

/// Adds a point to the stage's line.
fn push(series: &mut Vec<Series>, stage: &str, step: usize, value: f64) {
    match series.last_mut().filter(|(name, _)| name == stage) {
        Some((_, points)) => points.push((step as f64, value)),
        None => series.push((stage.to_owned(), vec![(step as f64, value)])),
    }
}

/// The tasks' values, and below them the guards' correlations where wanted.
fn rows(results: &[Results], metric: fn(&Metrics) -> f64, guards: bool) -> Vec<Row> {
    let first = &results[0];
    let tasks = first
        .tasks
        .iter()
        .enumerate()
        .map(|(i, (task, _))| (task.clone(), results.iter().map(|r| metric(&r.tasks[i].1)).collect()));
    let held = first
        .guards
        .iter()
        .enumerate()
        .filter(|_| guards)
        .map(|(i, (guard, _))| (format!("{guard} (Spearman)"), results.iter().map(|r| r.guards[i].1).collect()));
    tasks.chain(held).collect()
}
