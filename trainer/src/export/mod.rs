//! `trainer export`: a checkpoint becomes a bundle that the extension loads.

use anyhow::{Result, bail};

/// Write a checkpoint as a model bundle.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_: Args) -> Result<()> {
    bail!("not written yet")
}
