//! `trainer`: everything that happens to a model before PostgreSQL sees it.

mod checkpoint;
mod corpus;
mod export;
mod import;
mod runtime;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Makes the drugembed model: a base model in, a fine-tuned bundle out.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Each subcommand is a module with `Args` and `run`.
#[derive(Subcommand)]
enum Command {
    Import(import::Args),
    Export(export::Args),
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Import(args) => import::run(args),
        Command::Export(args) => export::run(args),
    }
}
