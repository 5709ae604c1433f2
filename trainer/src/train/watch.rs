//! What is measured on the base and after each stage: the development tasks, and the guards of general Korean.

use crate::dev::{self, Task};
use crate::eval::guard::{self, Guard};
use crate::eval::report::{Results, losses};
use crate::recipe::Dev;
use anyhow::{Result, ensure};
use std::path::Path;

/// Allowed fall of a task's nDCG@10, and of a guard's correlation.
const POINTS: f64 = 0.01;
const GUARD_POINTS: f64 = 0.02;

#[derive(Default)]
pub struct Watch {
    pub tasks: Vec<Task>,
    pub guards: Vec<Guard>,
}

impl Watch {
    /// Reads what the recipe names; `data` is where relative paths begin.
    pub fn read(dev: &Dev, data: &Path) -> Result<Self> {
        let mut tasks = dev::read(&data.join(&dev.file))?;
        tasks.retain(|t| dev.tasks.is_empty() || dev.tasks.iter().any(|part| t.task.contains(part)));
        ensure!(!tasks.is_empty(), "{}: no task is named like {}", dev.file.display(), dev.tasks.join(", "));
        let guards: Vec<_> = dev.guard.iter().map(|g| data.join(g)).collect();
        Ok(Self { tasks, guards: guard::read_all(&guards)? })
    }
}

/// A stage's means, and what it lost: against the stage before it more than the allowed points, against the base anything.
/// `earlier` begins with the base.
pub fn verdict(earlier: &[Results], now: &Results) -> Vec<String> {
    let guards: String = now.guards.iter().map(|(name, value)| format!(", {name} {value:.3}")).collect();
    let mut lines = vec![format!(
        "{}: mean nDCG@10 {:.4}, MRR@10 {:.4}{guards}",
        now.model,
        now.mean(|m| m.ndcg),
        now.mean(|m| m.mrr)
    )];
    let mut name = |from: &Results, points: f64| {
        let lost = losses(from, now, points, GUARD_POINTS);
        lines.extend(lost.iter().map(|lost| format!("{} lost against {}: {lost}", now.model, from.model)));
    };
    if let [base, .., last] = earlier {
        name(last, POINTS);
        name(base, 0.0);
    } else if let [base] = earlier {
        name(base, 0.0);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::metrics::Metrics;

    fn results(model: &str, ndcg: [f64; 2], korsts: f64) -> Results {
        let task = |name: &str, ndcg| (name.to_owned(), Metrics { queries: 1, ndcg, mrr: 0.5, ..Metrics::default() });
        Results {
            model: model.to_owned(),
            tasks: vec![task("type", ndcg[0]), task("dur", ndcg[1])],
            guards: vec![("korsts".to_owned(), korsts)],
            cosines: Default::default(),
        }
    }

    #[test]
    fn losses_against_the_last_stage_and_the_base_are_named() {
        let base = results("base", [0.5, 0.6], 0.77);
        let first = results("1-type", [0.8, 0.595], 0.76);
        assert_eq!(
            verdict(std::slice::from_ref(&base), &first),
            [
                "1-type: mean nDCG@10 0.6975, MRR@10 0.5000, korsts 0.760",
                "1-type lost against base: dur: 0.600 -> 0.595"
            ]
        );
        // Within a point of the last stage, above the base; but the guard fell by more than two points from the base.
        let second = results("2-dur", [0.795, 0.9], 0.745);
        assert_eq!(verdict(&[base, first], &second)[1..], ["2-dur lost against base: korsts: 0.770 -> 0.745"]);
    }

    #[test]
    fn a_recipe_may_name_tasks_and_guards() {
        let folder = crate::checkpoint::tests::Folder::new("watch");
        let task = "{\"task\": \"types\", \"queries\": [[\"q\", [\"a\"]]], \"documents\": [[\"d\", [\"a\"]]]}\n";
        std::fs::write(folder.0.join("dev.jsonl"), task).unwrap();
        std::fs::write(folder.0.join("korsts_test.tsv"), "score\tsentence1\tsentence2\n5\t가\t나\n").unwrap();
        let mut dev =
            Dev { file: "dev.jsonl".into(), tasks: vec!["type".to_owned()], guard: vec![".".into()], patience: None };
        let watch = Watch::read(&dev, &folder.0).unwrap();
        assert_eq!((watch.tasks.len(), watch.guards[0].name.as_str()), (1, "korsts_test"));
        dev.tasks = vec!["dur".to_owned()];
        assert!(Watch::read(&dev, &folder.0).is_err_and(|e| e.to_string().contains("no task is named like dur")));
    }
}
