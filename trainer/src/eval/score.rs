//! Runs the development tasks and the guards against a model or BM25.

use super::bm25::Bm25;
use super::guard::Guard;
use super::metrics::{self, Metrics};
use super::report::Results;
use crate::dev::Task;
use anyhow::Result;
use std::collections::HashMap;

/// What a text is embedded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Query,
    Document,
}

/// Something that turns texts into unit vectors, `texts.len()` x `hidden`.
pub trait Model {
    fn embed(&mut self, role: Role, texts: &[&str]) -> Result<Vec<f32>>;
}

/// Cosines of related and unrelated pairs, sampled for histograms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cosines {
    pub related: Vec<f32>,
    pub unrelated: Vec<f32>,
}

/// Unrelated pairs kept of each query.
const UNRELATED_OF_QUERY: usize = 20;

/// Everything that is measured of a model.
pub fn results(name: &str, model: &mut dyn Model, of: &[Task], guards: &[Guard]) -> Result<Results> {
    let (tasks, cosines) = tasks(model, of)?;
    let guards = guards.iter().map(|g| Ok((g.name.clone(), guard(model, g)?))).collect::<Result<_>>()?;
    Ok(Results { model: name.to_owned(), tasks, guards, cosines })
}

/// Metrics of every task, by name and in order, and their cosines.
pub fn tasks(model: &mut dyn Model, tasks: &[Task]) -> Result<(Vec<(String, Metrics)>, Cosines)> {
    let queries = vectors(model, Role::Query, tasks.iter().flat_map(|t| &t.queries))?;
    let documents = vectors(model, Role::Document, tasks.iter().flat_map(|t| &t.documents))?;
    let (mut results, mut cosines) = (Vec::new(), Cosines::default());
    for task in tasks {
        let relevance = task.relevance();
        let metrics = metrics::of_task(&relevance, |i| {
            let query = &queries[task.queries[i].0.as_str()];
            let scores: Vec<f32> = task.documents.iter().map(|(d, _)| dot(query, &documents[d.as_str()])).collect();
            let relevant = &relevance[i].relevant;
            let of = |wanted: bool| scores.iter().zip(relevant).filter(move |&(_, &r)| r == wanted).map(|(s, _)| *s);
            cosines.related.extend(of(true).take(UNRELATED_OF_QUERY));
            let step = (scores.len() / UNRELATED_OF_QUERY).max(1);
            cosines.unrelated.extend(of(false).step_by(step));
            scores
        });
        results.push((task.task.clone(), metrics));
    }
    Ok((results, cosines))
}

/// BM25's metrics of every task; its scores are no cosines.
pub fn tasks_bm25(tasks: &[Task]) -> Vec<(String, Metrics)> {
    tasks
        .iter()
        .map(|task| {
            let index = Bm25::new(task.documents.iter().map(|(d, _)| d.as_str()));
            (task.task.clone(), metrics::of_task(&task.relevance(), |i| index.scores(&task.queries[i].0)))
        })
        .collect()
}

/// Spearman's correlation of the cosines with the human scores.
pub fn guard(model: &mut dyn Model, guard: &Guard) -> Result<f64> {
    let of = |texts: Vec<&str>, model: &mut dyn Model| model.embed(Role::Query, &texts);
    let a = of(guard.pairs.iter().map(|(a, _)| a.as_str()).collect(), model)?;
    let b = of(guard.pairs.iter().map(|(_, b)| b.as_str()).collect(), model)?;
    let hidden = a.len() / guard.pairs.len();
    let cosines: Vec<f64> =
        a.chunks_exact(hidden).zip(b.chunks_exact(hidden)).map(|(a, b)| f64::from(dot(a, b))).collect();
    Ok(metrics::spearman(&cosines, &guard.scores))
}

/// Mean nDCG@10 over tasks.
pub fn mean_ndcg(results: &[(String, Metrics)]) -> f64 {
    results.iter().map(|(_, m)| m.ndcg).sum::<f64>() / results.len().max(1) as f64
}

type Vectors<'a> = HashMap<&'a str, Vec<f32>>;

/// Vectors of the distinct texts.
fn vectors<'a>(
    model: &mut dyn Model,
    role: Role,
    texts: impl Iterator<Item = &'a (String, Vec<String>)>,
) -> Result<Vectors<'a>> {
    let mut distinct: Vec<&str> = texts.map(|(t, _)| t.as_str()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let all = model.embed(role, &distinct)?;
    let hidden = all.len() / distinct.len().max(1);
    Ok(distinct.into_iter().zip(all.chunks_exact(hidden.max(1)).map(<[f32]>::to_vec)).collect())
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Eight sums side by side, so that the compiler can use vector registers.
    let mut sums = [0.0f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a8.zip(b8) {
        (0..8).for_each(|i| sums[i] += x[i] * y[i]);
    }
    sums.iter().sum::<f32>() + rest
}
