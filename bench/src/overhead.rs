//! What tokens, SQL and the wire add to bare ONNX Runtime on the same bundle.

use std::time::Instant;

use anyhow::Result;
use encoder::{Overflow, Role};

use crate::results::{Results, quantile};
use crate::world::{BARE, OWN, World};

/// The encoder crate in this process: tokens and ONNX Runtime, no SQL.
pub const ENCODER: &str = "encoder";
const ROUNDS: usize = 15;
const NAMES: usize = 512;
const SINGLE: usize = 40;

pub fn measure(world: &World) -> Result<Results> {
    let mut results = world.results();
    let engines = world.usable(&[OWN, BARE], &mut results);
    let mut sessions = engines.iter().map(|e| Ok(world.open(e)?.0)).collect::<Result<Vec<_>>>()?;
    let mut encoder = world.encoder()?;
    let names = world.names(NAMES)?;
    let keys: Vec<&str> = engines.iter().copied().chain([ENCODER]).collect();
    let mut single = vec![Vec::new(); keys.len()];
    let mut batch = vec![Vec::new(); keys.len()];
    let mut embed = |texts: &[String]| -> Result<f64> {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let start = Instant::now();
        encoder.embed(Role::Document, &texts, Overflow::Error, &mut || Ok(()))?;
        Ok(start.elapsed().as_secs_f64())
    };
    for round in 0..ROUNDS {
        let from = round * SINGLE % (names.len() - SINGLE);
        let some = &names[from..from + SINGLE];
        for turn in 0..keys.len() {
            let e = (turn + round) % keys.len();
            match sessions.get_mut(e) {
                Some(session) => {
                    single[e].extend(session.latency(some)?);
                    batch[e].push(session.batch(&names)?);
                }
                None => {
                    for name in some {
                        single[e].push(embed(std::slice::from_ref(name))?);
                    }
                    batch[e].push(embed(&names)?);
                }
            }
        }
    }
    for (e, key) in keys.iter().enumerate() {
        results.add(key, "one name", "p50", quantile(&single[e], 0.5), single[e].len());
        results.add(key, "512 names", "texts/s", names.len() as f64 / quantile(&batch[e], 0.5), ROUNDS);
    }
    Ok(results)
}
