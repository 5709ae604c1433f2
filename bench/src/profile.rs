//! Where the time of the model goes, by its own clock.

use std::time::Instant;

use anyhow::Result;
use encoder::kernel::profiled;

use crate::overhead::inputs;
use crate::results::Results;
use crate::world::World;

const NAMES: usize = 512;
/// The session's run.
pub const WHOLE: &str = "whole";

pub fn measure(world: &World) -> Result<Results> {
    let mut results = world.results();
    let mut encoder = world.encoder()?;
    let inputs = inputs(&encoder, &world.names(NAMES)?)?;
    encoder.vectors(&inputs, &mut || Ok(()))?;
    let start = Instant::now();
    let (done, parts) = profiled(|| encoder.vectors(&inputs, &mut || Ok(())));
    done?;
    let per_name = 1.0 / NAMES as f64;
    results.add(WHOLE, "512 names", "a name", start.elapsed().as_secs_f64() * per_name, NAMES);
    for (part, time) in parts {
        results.add(part.name(), "512 names", "a name", time.as_secs_f64() * per_name, NAMES);
    }
    Ok(results)
}
