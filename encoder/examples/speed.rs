//! Speed of the encoder alone, on one thread, and where its time goes:
//!
//!     cargo run --release -p encoder --example speed -- BUNDLE libonnxruntime.so TEXTS
//!
//! TEXTS holds a text a line, of which at most 512 are taken, as documents.

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use encoder::kernel::{Level, profiled};
use encoder::{Encoder, Options, Overflow, Role};

const TEXTS: usize = 512;
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [bundle, runtime, texts] = &arguments[..] else {
        return Err("usage: speed BUNDLE libonnxruntime.so TEXTS".into());
    };
    let runtime = runtime.canonicalize()?;
    let mut encoder = Encoder::open(bundle, &Options { runtime, cache_entries: 0 })?;
    let texts = std::fs::read_to_string(texts)?;
    let inputs = texts
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(TEXTS)
        .map(|text| Ok(encoder.inputs(Role::Document, text, Overflow::Truncate)?.remove(0)))
        .collect::<Result<Vec<_>, encoder::Error>>()?;
    let tokens: usize = inputs.iter().map(Vec::len).sum();
    println!("{} texts of {:.1} tokens, {:?}", inputs.len(), tokens as f64 / inputs.len() as f64, Level::best());

    let (mut together, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        together.push(time(|| encoder.vectors(&inputs, &mut || Ok(())).map(drop))?);
        for input in inputs.iter().take(TEXTS / 4) {
            alone.push(time(|| encoder.vectors(std::slice::from_ref(input), &mut || Ok(())).map(drop))?);
        }
    }
    println!("{:.0} texts/s in batches", inputs.len() as f64 / median(&mut together).as_secs_f64());
    println!("{:.2} ms one text alone", 1e3 * median(&mut alone).as_secs_f64());
    let (done, parts) = profiled(|| encoder.vectors(&inputs, &mut || Ok(())));
    done?;
    for (part, time) in parts {
        println!("{:8.0} us a text in batches: {}", 1e6 * time.as_secs_f64() / inputs.len() as f64, part.name());
    }
    Ok(())
}

fn time(work: impl FnOnce() -> encoder::Result<()>) -> encoder::Result<Duration> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
