//! The note on how a run made its weights, for `trainer export --card`: filled from the run's folder, not by hand.

use crate::eval::report::Results;
use crate::pairs::write_whole;
use crate::recipe::Loss;
use crate::train::run::{Line, Run};
use anyhow::Result;
use std::fmt::Write;
use std::path::Path;

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
            Loss::Distil => "distance to the teacher's vectors, and divergence from its similarities",
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
    text += &development(&run.results()?);
    text += "\nInputs (SHA-256):\n\n";
    for (name, hash) in run.inputs()? {
        // Where a file lay on the machine of the run says nothing to the card's reader.
        let path = Path::new(&name);
        let name =
            path.file_name().filter(|_| path.is_absolute()).map_or(name.as_str().into(), |n| n.to_string_lossy());
        let _ = writeln!(text, "* {name}: `{hash}`");
    }
    write_whole(&run.folder.join("card.md"), text.as_bytes())
}

/// nDCG@10 and MRR@10 of each task, and the guards, on the base and after each stage.
fn development(results: &[Results]) -> String {
    let Some(first) = results.first() else { return String::new() };
    let names: Vec<&str> = results.iter().map(|r| r.model.as_str()).collect();
    let mut text = format!(
        "\nnDCG@10 / MRR@10 on the development tasks, on the base and after each stage:\n\n| task | {} |\n",
        names.join(" | ")
    );
    let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
    for (i, (task, _)) in first.tasks.iter().enumerate() {
        let row: Vec<String> =
            results.iter().map(|r| format!("{:.3} / {:.3}", r.tasks[i].1.ndcg, r.tasks[i].1.mrr)).collect();
        let _ = writeln!(text, "| {task} | {} |", row.join(" | "));
    }
    for (i, (guard, _)) in first.guards.iter().enumerate() {
        let row: Vec<String> = results.iter().map(|r| format!("{:.3}", r.guards[i].1)).collect();
        let _ = writeln!(text, "| {guard} (Spearman) | {} |", row.join(" | "));
    }
    text
}
