//! The note on how a run made its weights, for `trainer export --card`: filled from the run's folder, not by hand.

use crate::eval::metrics::Metrics;
use crate::pairs::write_whole;
use crate::recipe::Loss;
use crate::train::run::{Line, Run};
use anyhow::Result;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Writes `card.md`: the stages, the inputs' hashes and each stage's last figures on the development tasks.
pub fn write(run: &Run) -> Result<()> {
    let recipe = run.recipe()?;
    let mut text = format!("## How it was trained\n\nRecipe `{}`, seed {}.\n\n", recipe.name, recipe.seed);
    text += "| stage | loss | epochs | batch | learning rate | temperature | hard negatives | replay | last loss |\n";
    text += "|---|---|---|---|---|---|---|---|---|\n";
    let lines = run.lines()?;
    for stage in &recipe.stage {
        let last = lines.iter().rev().find_map(|line| match line {
            Line::Step { stage: name, loss, .. } if *name == stage.name => Some(*loss),
            _ => None,
        });
        let loss = match stage.loss {
            Loss::Contrastive => "InfoNCE",
            Loss::Cosine => "squared error of the cosine",
        };
        let _ = writeln!(
            text,
            "| {} | {loss} | {} | {} | {} | {} | {} | {} | {} |",
            stage.name,
            stage.epochs,
            stage.batch,
            stage.lr,
            stage.temperature,
            stage.negatives,
            stage.replay,
            last.map_or("-".to_owned(), |l| format!("{l:.4}"))
        );
    }
    if let Some(share) = recipe.soup {
        let _ = writeln!(
            text,
            "\nThe result is the average of {share} of the tuned and {:.2} of the base weights.",
            1.0 - share
        );
    }
    text += &development(&lines);
    text += "\nInputs (SHA-256):\n\n";
    for (name, hash) in run.inputs()? {
        let _ = writeln!(text, "* {name}: `{hash}`");
    }
    write_whole(&run.folder.join("card.md"), text.as_bytes())
}

/// nDCG@10 of each task at the end of each stage, before averaging.
fn development(lines: &[Line]) -> String {
    let mut stages: Vec<(&str, &BTreeMap<String, Metrics>)> = Vec::new();
    for line in lines {
        if let Line::Dev { stage, tasks, .. } = line {
            stages.retain(|(name, _)| name != stage);
            stages.push((stage, tasks));
        }
    }
    let Some((_, tasks)) = stages.first() else { return String::new() };
    let names: Vec<&str> = stages.iter().map(|(name, _)| *name).collect();
    let mut text =
        format!("\nnDCG@10 on the development tasks after each stage:\n\n| task | {} |\n", names.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
    for task in tasks.keys() {
        let row: Vec<String> =
            stages.iter().map(|(_, t)| t.get(task).map_or("".to_owned(), |m| format!("{:.3}", m.ndcg))).collect();
        let _ = writeln!(text, "| {task} | {} |", row.join(" | "));
    }
    text
}
