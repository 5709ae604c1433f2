//! `make bench`: this project and its rivals, side by side on one machine and the same texts.
//!
//! Each part interleaves the engines, writes `results/PART.json`, and `report` makes tables and charts of them.

mod agreement;
mod chart;
mod cold;
mod engine;
mod engines;
mod latency;
mod memory;
mod overhead;
mod parts;
mod products;
mod profile;
mod report;
mod results;
mod search;
mod search_report;
mod throughput;
mod world;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use parts::Part;
use world::{Setup, World};

#[derive(Parser)]
#[command(about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    setup: Setup,
}

#[derive(Subcommand)]
enum Command {
    /// Measures one part
    Part { part: Part },
    /// Measures index and drug_search on so many rows
    Search(search::Args),
    /// Prints how the rivals compare, of what was measured
    Rivals,
    /// Tables and charts of all that was measured
    Report,
    /// Prints the names of the parts
    List,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let folder = cli.setup.results();
    match &cli.command {
        Command::Part { part } => part.measure(&cli.setup),
        Command::Search(args) => {
            let name = format!("search-{}", args.rows);
            println!("-- {name}");
            search::measure(&World::start(&cli.setup, search::SETTINGS)?, args)?.write(&folder, &name)
        }
        Command::Rivals => report::print_rivals(&folder),
        Command::Report => report::write(&folder),
        Command::List => {
            Part::value_variants().iter().for_each(|part| println!("{}", part.name()));
            Ok(())
        }
    }
}
