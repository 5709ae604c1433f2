//! `trainer`: everything that happens to a model before PostgreSQL sees it.

mod backend;
mod bench;
mod bundle;
mod card;
mod checkpoint;
mod corpus;
mod data;
mod dev;
mod device;
mod eval;
mod export;
mod import;
mod model;
mod pairs;
mod plots;
mod recipe;
mod rng;
mod runtime;
mod train;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

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
    Pairs(pairs::command::Args),
    Train(train::command::Args),
    Soup(train::command::SoupArgs),
    Evaluate(eval::command::Args),
    Bench(bench::Args),
    Compare(eval::command::CompareArgs),
    Export(export::Args),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Import(args) => import::run(args),
        Command::Pairs(args) => pairs::command::run(args),
        Command::Train(args) => train::command::run(args),
        Command::Soup(args) => train::command::soup(args),
        Command::Evaluate(args) => eval::command::evaluate(args),
        Command::Bench(args) => bench::run(args),
        Command::Compare(args) => eval::command::compare(args),
        Command::Export(args) => export::run(args),
    }
}
