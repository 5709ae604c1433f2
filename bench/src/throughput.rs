//! Texts per second of 1, 2 and 4 sessions side by side.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use anyhow::Result;

use crate::engine::Session;
use crate::engines;
use crate::results::{Results, quantile};
use crate::world::World;

pub const SESSIONS: [usize; 3] = [1, 2, 4];
const ROUNDS: usize = 3;
/// Seconds of one engine in one round.
const SLICE: f64 = 1.2;

/// Product names, 128 in a call.
pub fn names(world: &World) -> Result<Results> {
    measure(world, &world.names(512)?, 128)
}

/// Texts of 256 tokens, 4 in a call.
pub fn long(world: &World) -> Result<Results> {
    measure(world, &world.texts_of(&world.encoder()?, 256, 64)?, 4)
}

fn measure(world: &World, texts: &[String], in_call: usize) -> Result<Results> {
    let mut results = world.results();
    let engines = world.usable(&engines::embedding(), &mut results);
    let sessions_of = &SESSIONS[..world.options.count(SESSIONS.len(), 1)];
    let most = sessions_of[sessions_of.len() - 1];
    let open = |engine: &&str| (0..most).map(|_| Ok(world.open(engine)?.0)).collect::<Result<Vec<_>>>();
    let mut sessions = engines.iter().map(open).collect::<Result<Vec<_>>>()?;
    let calls: Vec<&[String]> = texts.chunks(in_call).collect();
    let mut rates: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
    for round in 0..world.options.count(ROUNDS, 1) {
        for turn in 0..engines.len() {
            let e = (turn + round) % engines.len();
            for &count in sessions_of {
                rates.entry((e, count)).or_default().push(rate(&mut sessions[e][..count], &calls)?);
            }
        }
    }
    for (e, engine) in engines.iter().enumerate() {
        for &count in sessions_of {
            let rates = &rates[&(e, count)];
            results.add(engine, format!("{count} sessions"), "texts/s", quantile(rates, 0.5), rates.len());
        }
    }
    Ok(results)
}

/// Sum of the rates of sessions that work at the same time.
fn rate(sessions: &mut [Box<dyn Session>], calls: &[&[String]]) -> Result<f64> {
    let barrier = Barrier::new(sessions.len());
    let one = |s: usize, session: &mut Box<dyn Session>| -> Result<f64> {
        barrier.wait();
        let start = Instant::now();
        let mut texts = 0;
        for n in s.. {
            let call = calls[n % calls.len()];
            session.batch(call)?;
            texts += call.len();
            if start.elapsed().as_secs_f64() > SLICE {
                break;
            }
        }
        Ok(texts as f64 / start.elapsed().as_secs_f64())
    };
    let one = &one;
    thread::scope(|scope| {
        let running: Vec<_> =
            sessions.iter_mut().enumerate().map(|(s, session)| scope.spawn(move || one(s, session))).collect();
        running.into_iter().map(|thread| thread.join().expect("a session")).sum()
    })
}
