//! One text at a time, one session: p50 and p99 by length.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::engines;
use crate::results::{Results, quantile};
use crate::world::World;
use encoder::Role;

/// Tokens of a text; 0 stands for product names as they are.
pub const LENGTHS: [usize; 5] = [0, 8, 16, 64, 256];
const ROUNDS: usize = 9;
const TEXTS: usize = 24;
/// Seconds of one engine in one round and length.
const SLICE: f64 = 0.4;

pub fn case(length: usize) -> String {
    if length == 0 { "name".into() } else { format!("{length} tokens") }
}

pub fn measure(world: &World) -> Result<Results> {
    let mut results = world.results();
    let engines = world.usable(&engines::embedding(), &mut results);
    let mut sessions = engines.iter().map(|e| Ok(world.open(e)?.0)).collect::<Result<Vec<_>>>()?;
    let encoder = world.encoder()?;
    let names = world.names(300)?;
    let counts =
        names.iter().map(|n| Ok(encoder.token_count(Role::Document, n)? as f64)).collect::<Result<Vec<_>>>()?;
    results.notes.push(format!(
        "product names: {} tokens (median), {} (p90)",
        quantile(&counts, 0.5),
        quantile(&counts, 0.9)
    ));
    let mut times: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
    for round in 0..world.options.count(ROUNDS, 1) {
        for (l, &length) in LENGTHS.iter().enumerate() {
            let texts = if length == 0 { names.clone() } else { world.texts_of(&encoder, length, TEXTS)? };
            for turn in 0..engines.len() {
                let e = (turn + round) % engines.len();
                let own = times.entry((l, e)).or_default();
                let (mut spent, mut n) = (0.0, 0);
                while spent < SLICE || n < 3 {
                    let text = &texts[(own.len() * 7 + round) % texts.len()];
                    let seconds = sessions[e].latency(std::slice::from_ref(text))?;
                    (spent, n) = (spent + seconds[0], n + 1);
                    own.extend(seconds);
                }
            }
        }
    }
    for (l, &length) in LENGTHS.iter().enumerate() {
        for (e, engine) in engines.iter().enumerate() {
            results.add_times(engine, &case(length), &times[&(l, e)]);
        }
    }
    Ok(results)
}
