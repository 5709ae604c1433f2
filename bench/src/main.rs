//! `make bench`: this project and its rivals, side by side on one machine and the same texts.
//!
//! Each part interleaves the engines, writes `results/PART.json`, and `report` makes tables and charts of them.

mod agreement;
mod chart;
mod cold;
mod engine;
mod latency;
mod memory;
mod overhead;
mod products;
mod profile;
mod report;
mod results;
mod search;
mod search_report;
mod throughput;
mod world;

use anyhow::Result;
use clap::{Parser, Subcommand};

use results::Results;
use world::{Setup, World};

#[derive(Parser)]
#[command(about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    part: Part,
    #[command(flatten)]
    setup: Setup,
}

#[derive(Subcommand)]
enum Part {
    /// One text at a time, by length
    Latency,
    /// Product names in 1, 2 and 4 sessions
    Names,
    /// Texts of 256 tokens in 1, 2 and 4 sessions
    Long,
    /// First vector of a new session
    Cold,
    /// 1, 16 and 100 sessions
    Memory,
    /// Cosine to fp32
    Agreement,
    /// SQL over bare ONNX Runtime
    Overhead,
    /// Time of the graph by operator
    Profile,
    /// 30,000 products embedded and written
    Products,
    /// Index and drug_search on so many rows
    Search(search::Args),
    /// Tables and charts of what was measured
    Report,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let folder = cli.setup.cache.join("results");
    let alone = |name: &str, settings: &[&str], part: &dyn Fn(&World) -> Result<Results>| -> Result<()> {
        println!("-- {name}");
        part(&World::start(&cli.setup, settings)?)?.write(&folder, name)
    };
    let with_rivals = |name: &str, part: fn(&World) -> Result<Results>| -> Result<()> {
        println!("-- {name}");
        part(&World::start(&cli.setup, &[])?.with_plpython())?.write(&folder, name)
    };
    match &cli.part {
        Part::Latency => with_rivals("latency", latency::measure),
        Part::Names => with_rivals("names", throughput::names),
        Part::Long => with_rivals("long", throughput::long),
        Part::Cold => with_rivals("cold", cold::measure),
        Part::Memory => with_rivals("memory", memory::measure),
        Part::Agreement => with_rivals("agreement", agreement::measure),
        Part::Overhead => alone("overhead", &[], &overhead::measure),
        Part::Profile => alone("profile", &[], &profile::measure),
        Part::Products => alone("products", &["max_wal_size=8GB"], &products::measure),
        Part::Search(args) => {
            alone(&format!("search-{}", args.rows), search::SETTINGS, &|world| search::measure(world, args))
        }
        Part::Report => report::write(&folder),
    }
}
