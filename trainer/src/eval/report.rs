//! Results of several models side by side, as Markdown.

use super::metrics::Metrics;
use super::score::Cosines;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// One model's results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    pub model: String,
    /// Task name and metrics, in the tasks' order.
    pub tasks: Vec<(String, Metrics)>,
    /// Guard name and Spearman's correlation.
    pub guards: Vec<(String, f64)>,
    #[serde(skip)]
    pub cosines: Cosines,
}

type Column = (&'static str, fn(&Metrics) -> f64);

/// The metrics that have a table of their own.
const COLUMNS: &[Column] = &[
    ("nDCG@10", |m| m.ndcg),
    ("graded nDCG@10", |m| m.graded_ndcg),
    ("MRR@10", |m| m.mrr),
    ("top-1 accuracy", |m| m.top1),
    ("top-3 accuracy", |m| m.top3),
    ("recall@10", |m| m.recall),
    ("related minus unrelated cosine", |m| m.related - m.unrelated),
    ("mean cosine of related pairs", |m| m.related),
    ("mean cosine of unrelated pairs", |m| m.unrelated),
];

/// A table of each metric, models as columns; then the guards. All models have the same tasks.
pub fn markdown(results: &[Results]) -> String {
    let mut text = String::new();
    let names: Vec<&str> = results.iter().map(|r| r.model.as_str()).collect();
    let head = |text: &mut String, first: &str| {
        let _ = writeln!(text, "| {first} | queries | {} |", names.join(" | "));
        let _ = writeln!(text, "|---|---|{}", "---|".repeat(names.len()));
    };
    for (metric, value) in COLUMNS {
        let _ = writeln!(text, "\n## {metric}\n");
        head(&mut text, "task");
        for (i, (task, metrics)) in results[0].tasks.iter().enumerate() {
            let row: Vec<String> = results.iter().map(|r| format!("{:.3}", value(&r.tasks[i].1))).collect();
            let _ = writeln!(text, "| {task} | {} | {} |", metrics.queries, row.join(" | "));
        }
        let row: Vec<String> = results.iter().map(|r| format!("{:.3}", r.mean(value))).collect();
        let _ = writeln!(text, "| {metric}, mean of the tasks | | {} |", row.join(" | "));
    }
    let guarded = results.iter().find(|r| !r.guards.is_empty());
    if let Some(first) = guarded {
        let _ = writeln!(text, "\n## Spearman's correlation with human similarity\n");
        head(&mut text, "sentences");
        for (guard, _) in &first.guards {
            let of = |r: &Results| {
                r.guards.iter().find(|(g, _)| g == guard).map_or("".to_owned(), |(_, s)| format!("{s:.3}"))
            };
            let row: Vec<String> = results.iter().map(of).collect();
            let _ = writeln!(text, "| {guard} | | {} |", row.join(" | "));
        }
    }
    text
}

impl Results {
    /// Mean of a metric over the tasks.
    pub fn mean(&self, metric: impl Fn(&Metrics) -> f64) -> f64 {
        self.tasks.iter().map(|(_, m)| metric(m)).sum::<f64>() / self.tasks.len().max(1) as f64
    }
}

/// What `to` lost against `from`: tasks whose nDCG@10 fell by more than `points`, guards by more than `guard_points`.
pub fn losses(from: &Results, to: &Results, points: f64, guard_points: f64) -> Vec<String> {
    let tasks = from.tasks.iter().zip(&to.tasks).map(|((name, a), (_, b))| (name, a.ndcg, b.ndcg, points));
    let guards = from.guards.iter().zip(&to.guards).map(|((name, a), (_, b))| (name, *a, *b, guard_points));
    let lost = tasks.chain(guards).filter(|(_, a, b, allowed)| a - b > *allowed);
    lost.map(|(name, a, b, _)| format!("{name}: {a:.3} -> {b:.3}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(model: &str, ndcg: f64, guard: f64) -> Results {
        let metrics = Metrics { queries: 3, ndcg, ..Metrics::default() };
        let guards = vec![("korsts".to_owned(), guard)];
        Results {
            model: model.to_owned(),
            tasks: vec![("types".to_owned(), metrics)],
            guards,
            cosines: Cosines::default(),
        }
    }

    #[test]
    fn table_has_models_side_by_side() {
        let text = markdown(&[results("base", 0.25, 0.7), results("tuned", 0.5, 0.69)]);
        assert!(
            text.contains("| task | queries | base | tuned |\n|---|---|---|---|\n| types | 3 | 0.250 | 0.500 |"),
            "{text}"
        );
        assert!(text.contains("| korsts | | 0.700 | 0.690 |"), "{text}");
    }

    #[test]
    fn losses_beyond_the_tolerance_are_named() {
        let (a, b) = (results("a", 0.5, 0.77), results("b", 0.48, 0.76));
        assert_eq!(losses(&a, &b, 0.01, 0.02), ["types: 0.500 -> 0.480"]);
        assert_eq!(losses(&a, &b, 0.03, 0.005), ["korsts: 0.770 -> 0.760"]);
    }
}
