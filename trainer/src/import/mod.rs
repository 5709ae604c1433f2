//! `trainer import`: a base model becomes a checkpoint folder.

use anyhow::{Result, bail};

/// Read a base model and write it as a checkpoint folder.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_: Args) -> Result<()> {
    bail!("not written yet")
}
