//! What a part of the benchmark measured, as JSON in the results folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// One number: `metric` of `engine` in `case`, over `samples` measurements. Times are seconds, memory is bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    pub engine: String,
    pub case: String,
    pub metric: String,
    pub value: f64,
    pub samples: usize,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Results {
    pub machine: String,
    pub cores: usize,
    /// Where the texts came from.
    pub texts: String,
    pub model: String,
    pub figures: Vec<Figure>,
    /// Engine -> versions of its software.
    pub versions: BTreeMap<String, String>,
    /// Engine -> why it is missing.
    pub skipped: BTreeMap<String, String>,
    /// Facts that a reader needs, as "texts of `name`: 20 tokens (median)".
    pub notes: Vec<String>,
}

impl Results {
    pub fn new(texts: &str, model: &str) -> Results {
        let (machine, cores) = machine();
        Results { machine, cores, texts: texts.into(), model: model.into(), ..Results::default() }
    }

    pub fn add(&mut self, engine: &str, case: impl Into<String>, metric: &str, value: f64, samples: usize) {
        let case = case.into();
        println!("{engine:<24} {case:<28} {metric:<14} {value:>14.6}   ({samples})");
        self.figures.push(Figure { engine: engine.into(), case, metric: metric.into(), value, samples });
    }

    /// Median and 99th percentile of times, in seconds.
    pub fn add_times(&mut self, engine: &str, case: &str, times: &[f64]) {
        self.add(engine, case, "p50", quantile(times, 0.5), times.len());
        self.add(engine, case, "p99", quantile(times, 0.99), times.len());
    }

    pub fn value(&self, engine: &str, case: &str, metric: &str) -> Option<f64> {
        let wanted = |f: &&Figure| f.engine == engine && f.case == case && f.metric == metric;
        self.figures.iter().find(wanted).map(|f| f.value)
    }

    pub fn write(&self, folder: &Path, part: &str) -> Result<()> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{part}.json"));
        let partial = path.with_extension("part");
        fs::write(&partial, serde_json::to_string_pretty(self)? + "\n")?;
        fs::rename(&partial, &path).with_context(|| path.display().to_string())
    }

    /// `None` when the part has not been measured.
    pub fn read(folder: &Path, part: &str) -> Result<Option<Results>> {
        let path = folder.join(format!("{part}.json"));
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path)?;
        Ok(Some(serde_json::from_str(&text).with_context(|| path.display().to_string())?))
    }
}

/// Nearest-rank quantile; 0 of nothing.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(0.0)
}

fn machine() -> (String, usize) {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let flags = field("flags");
    let has = |flag: &str| flags.split_whitespace().any(|f| f == flag);
    let wanted = [
        ("avx512_vnni", "AVX-512 VNNI"),
        ("avx_vnni", "AVX-VNNI"),
        ("avx512_bf16", "AVX-512 bf16"),
        ("amx_int8", "AMX int8"),
        ("amx_bf16", "AMX bf16"),
    ];
    let known: Vec<&str> = wanted.iter().filter(|(flag, _)| has(flag)).map(|(_, name)| *name).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (
        format!(
            "{} (family {} model {}; {})",
            field("model name"),
            field("cpu family"),
            field("model"),
            known.join(", ")
        ),
        cores,
    )
}
