//! What tokens, SQL and the wire add to ONNX Runtime's session on the same bundle.

use std::time::Instant;

use anyhow::Result;
use encoder::{Encoder, Overflow, Role};

use crate::engines::OWN;
use crate::results::{Results, quantile};
use crate::world::World;

/// The session alone, in this process: token ids to vectors.
pub const BARE: &str = "bare";
/// The encoder crate in this process: tokens and session, no SQL.
pub const ENCODER: &str = "encoder";
const ROUNDS: usize = 15;
const NAMES: usize = 512;
const SINGLE: usize = 40;

pub fn measure(world: &World) -> Result<Results> {
    let mut results = world.results();
    world.usable(&[OWN], &mut results);
    let mut sql = world.open(OWN)?.0;
    let mut encoder = world.encoder()?;
    let names = world.names(NAMES)?;
    let keys = [OWN, BARE, ENCODER];
    let mut single = vec![Vec::new(); keys.len()];
    let mut batch = vec![Vec::new(); keys.len()];
    for round in 0..ROUNDS {
        let from = round * SINGLE % (names.len() - SINGLE);
        let some = &names[from..from + SINGLE];
        for turn in 0..keys.len() {
            let e = (turn + round) % keys.len();
            match keys[e] {
                OWN => {
                    single[e].extend(sql.latency(some)?);
                    batch[e].push(sql.batch(&names)?);
                }
                key => {
                    let embed = if key == BARE { session } else { texts };
                    for name in some {
                        single[e].push(embed(&mut encoder, std::slice::from_ref(name))?);
                    }
                    batch[e].push(embed(&mut encoder, &names)?);
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

/// Seconds that the encoder needs.
fn texts(encoder: &mut Encoder, texts: &[String]) -> Result<f64> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let start = Instant::now();
    encoder.embed(Role::Document, &texts, Overflow::Error, &mut || Ok(()))?;
    Ok(start.elapsed().as_secs_f64())
}

/// Seconds that its session needs, once the tokens are there.
fn session(encoder: &mut Encoder, texts: &[String]) -> Result<f64> {
    let inputs = inputs(encoder, texts)?;
    let start = Instant::now();
    encoder.vectors(&inputs, &mut || Ok(()))?;
    Ok(start.elapsed().as_secs_f64())
}

pub fn inputs(encoder: &Encoder, texts: &[String]) -> Result<Vec<Vec<u32>>> {
    let windows = texts.iter().map(|text| encoder.inputs(Role::Document, text, Overflow::Error));
    Ok(windows.collect::<Result<Vec<_>, _>>()?.concat())
}
