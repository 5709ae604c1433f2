//! What the search parts measured, as Markdown and curves.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::chart::{self, Axis, Curve};
use crate::report::digits;
use crate::results::Results;
use crate::search::{EF_SEARCH, KINDS, RECOMMENDED};

const WANTED_RECALL: f64 = 0.98;
const LAST_EF: usize = EF_SEARCH[EF_SEARCH.len() - 1];

/// What was measured of all sizes: `drug_search`, and the indexes. The curve is that of the largest.
#[derive(Default)]
pub struct Section {
    pub whole: String,
    pub indexes: String,
}

pub fn write(folder: &Path, pictures: &Path) -> Result<Section> {
    let mut sizes: Vec<(usize, Results)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let part = entry?.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(rows) = part.strip_prefix("search-").and_then(|rows| rows.parse().ok()) {
            sizes.extend(Results::read(folder, &part)?.map(|results| (rows, results)));
        }
    }
    sizes.sort_by_key(|(rows, _)| *rows);
    let whole = |results: &Results| results.value(RECOMMENDED, "drug_search vector", "recall@10");
    // Of some sizes only a few kinds of index may have been measured.
    let Some((most, largest)) = sizes.iter().rev().find(|(_, results)| whole(results).is_some()).or(sizes.last())
    else {
        return Ok(Section::default());
    };
    fs::write(pictures.join("search.svg"), curve(*most, largest))?;
    let mut text = String::from(
        "| rows | `drug_search`, vector: p50 / p99 | recall@10 | hybrid: p50 / p99 | of that, embedding |\n|---|---|---|---|---|\n",
    );
    for (rows, results) in &sizes {
        let Some(recall) = whole(results) else { continue };
        let times =
            |case: &str, metric: &str| results.value(RECOMMENDED, case, metric).map_or("-".into(), |s| digits(1e3 * s));
        let _ = writeln!(
            text,
            "| {} | {} / {} ms | {recall:.3} | {} / {} ms | {} ms |",
            thousands(*rows),
            times("drug_search vector", "p50"),
            times("drug_search vector", "p99"),
            times("drug_search hybrid", "p50"),
            times("drug_search hybrid", "p99"),
            times("embedding alone", "p50")
        );
    }
    text += "\n`drug_search` sets `hnsw.ef_search` to 20 k, at least 200, and `drugembed.index_sql` builds with `m = 32, ef_construction = 400`: do the same for your \
             own `ORDER BY`.\nA lay question is far from all products, and products crowd together, so pgvector's defaults (16, 64 and 40) find too few.\n";
    let whole = std::mem::take(&mut text);
    text += "![recall and time of the index](performance/search.svg)\n\n| rows | index, m/ef_construction | built in | size | least `hnsw.ef_search` of recall@10 >= 0.98 | its p50 / p99, without embedding |\n|---|---|---|---|---|---|\n";
    for (rows, results) in &sizes {
        for kind in KINDS {
            let Some(build) = results.value(kind, "index", "build") else { continue };
            let (ef, times) = match least_ef(results, kind) {
                Some(ef) => {
                    let time = |metric: &str| digits(1e3 * results.value(kind, &case(ef), metric).unwrap_or(f64::NAN));
                    (
                        format!("{ef} ({:.3})", recall(results, kind, ef)),
                        format!("{} / {} ms", time("p50"), time("p99")),
                    )
                }
                None => (format!("none ({:.3} at {LAST_EF})", recall(results, kind, LAST_EF)), "-".into()),
            };
            let size = results.value(kind, "index", "size").unwrap_or(f64::NAN);
            let _ = writeln!(
                text,
                "| {} | {} | {build:.0} s | {:.0} MB | {ef} | {times} |",
                thousands(*rows),
                label(kind),
                1e-6 * size
            );
        }
    }
    let _ = writeln!(
        text,
        "\nModel `{}`. Synthetic rows crowd around the real ones: a table of many is harder than a real one of its size.\n",
        largest.model
    );
    for (rows, results) in &sizes {
        let _ = writeln!(text, "* {} rows: {}.", thousands(*rows), results.notes.join("; "));
    }
    Ok(Section { whole, indexes: text })
}

/// `vector 16/200` of `vector/16/200`.
fn label(kind: &str) -> String {
    kind.replacen('/', " ", 1)
}

fn case(ef: usize) -> String {
    format!("ef_search {ef}")
}

fn recall(results: &Results, kind: &str, ef: usize) -> f64 {
    results.value(kind, &case(ef), "recall@10").unwrap_or(0.0)
}

fn least_ef(results: &Results, kind: &str) -> Option<usize> {
    EF_SEARCH.into_iter().find(|&ef| recall(results, kind, ef) >= WANTED_RECALL)
}

fn thousands(rows: usize) -> String {
    let text = rows.to_string();
    let groups: Vec<&str> =
        text.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap_or_default()).collect();
    groups.join(",")
}

fn curve(rows: usize, results: &Results) -> String {
    let points = |kind: &str| -> Vec<(f64, f64, String)> {
        let point =
            |ef: usize| Some((1e3 * results.value(kind, &case(ef), "p50")?, recall(results, kind, ef), ef.to_string()));
        EF_SEARCH.into_iter().filter_map(point).collect()
    };
    let curves: Vec<Curve> = KINDS
        .iter()
        .map(|kind| Curve { name: label(kind), points: points(kind) })
        .filter(|c| !c.points.is_empty())
        .collect();
    let times: Vec<f64> = curves.iter().flat_map(|c| c.points.iter().map(|p| p.0)).collect();
    let ticks: Vec<f64> = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0].into();
    let below = |limit: f64| ticks.iter().copied().rfind(|t| *t <= limit).unwrap_or(0.1);
    let above = |limit: f64| ticks.iter().copied().find(|t| *t >= limit).unwrap_or(50.0);
    let (from, to) =
        (below(times.iter().copied().fold(f64::MAX, f64::min)), above(times.iter().copied().fold(0.0, f64::max)));
    let x = Axis {
        title: "p50 of the index scan in ms, without the question's embedding (points: hnsw.ef_search)",
        from,
        to,
        ticks: ticks.into_iter().filter(|t| (from..=to).contains(t)).collect(),
        logarithmic: true,
    };
    let least = curves.iter().flat_map(|c| c.points.iter().map(|p| p.1)).fold(1.0, f64::min);
    let (from, ticks) = if least >= 0.8 {
        (0.8, vec![0.8, 0.85, 0.9, 0.95, 0.98, 1.0])
    } else {
        (0.5, vec![0.5, 0.6, 0.7, 0.8, 0.9, 0.98, 1.0])
    };
    let y = Axis { title: "recall@10", from, to: 1.0, ticks, logarithmic: false };
    let title = format!("HNSW over {} rows: recall against time", thousands(rows));
    chart::curves(&title, &format!("{}, {} cores", results.machine, results.cores), &x, &y, WANTED_RECALL, &curves)
}
