//! Where the time of the project's graph goes, by ONNX Runtime's profiler.

use anyhow::Result;

use crate::results::Results;
use crate::world::{BARE, World};

const NAMES: usize = 512;

pub fn measure(world: &World) -> Result<Results> {
    let mut results = world.results();
    let mut worker = world.worker(BARE)?.0;
    let profile = worker.profile(&world.names(NAMES)?)?;
    let per_name = 1.0 / NAMES as f64;
    for (operator, seconds) in &profile.kernels {
        results.add(operator, "512 names", "a name", seconds * per_name, NAMES);
    }
    results.add(BARE, "512 names", "a name", profile.runs * per_name, NAMES);
    Ok(results)
}
