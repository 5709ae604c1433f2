//! The first vector of a new session: a connection, or a process.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::engines::{self, INSTALLED, LAZY};
use crate::results::{Results, quantile};
use crate::world::{World, open_sql, start, start_as_installed};

const ROUNDS: usize = 5;

pub fn measure(world: &World) -> Result<Results> {
    let mut results = world.results();
    let mut engines = world.usable(&engines::embedding(), &mut results);
    let lazy = start(&world.install, "lazy", &world.options.model, &[]);
    let installed = start_as_installed(&world.install, "installed", &world.options.model);
    for server in [&lazy, &installed] {
        server.connect("postgres").batch_execute("CREATE EXTENSION drugembed CASCADE")?;
    }
    engines.extend([LAZY, INSTALLED]);
    let mut times: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for round in 0..ROUNDS {
        for turn in 0..engines.len() {
            let engine = engines[(turn + round) % engines.len()];
            let (_, cold, _) = match engine {
                LAZY => open_sql(&lazy, "drug_embed($1::text)", "drug_embed($1::text[])")?,
                INSTALLED => open_sql(&installed, "drug_embed($1::text)", "drug_embed($1::text[])")?,
                engine => world.open(engine)?,
            };
            let (whole, load) = times.entry(engine).or_default();
            whole.push(cold.whole);
            load.push(cold.load);
        }
    }
    for engine in engines {
        let (whole, load) = &times[engine];
        results.add(engine, "whole", "p50", quantile(whole, 0.5), ROUNDS);
        results.add(engine, "load", "p50", quantile(load, 0.5), ROUNDS);
    }
    Ok(results)
}
