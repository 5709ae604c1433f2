//! Asks the development questions of a private server, and prints how well `drug_search` answers them:
//!
//!     cargo run --profile fast -p server-tests --example questions -- ../shared/data
//!     ... -- ../shared/data --without-dur        the same questions, no DUR data
//!     ... -- ../shared/data --modes vector       the model's own part
//!
//! It needs what `make private` makes. Truth comes from columns of the tables: see trainer/data/eval/search/README.md.

mod ask;
mod database;
mod report;

use std::path::PathBuf;

use clap::Parser;
use server_tests::questions::corpus::Corpus;
use server_tests::questions::{file, folder, unseen};

use ask::Mode;

#[derive(Parser)]
#[command(about = "How well drug_search answers the development questions")]
pub struct Options {
    /// Folder of the public tables
    data: PathBuf,
    /// Products to load
    #[arg(long, default_value_t = 20_000)]
    size: usize,
    /// The text that is embedded
    #[arg(long, default_value = "drug_document(item_name, product_type, ingredient_name)")]
    source: String,
    /// `attributes` of drugembed.track, as JSON
    #[arg(long)]
    attributes: Option<String>,
    /// Load no DUR data
    #[arg(long)]
    without_dur: bool,
    /// Ways of asking: search (drug_search at its defaults), unread (read => false), vector (mode => 'vector')
    #[arg(long, value_delimiter = ',', default_value = "search,unread,vector")]
    modes: Vec<Mode>,
    /// Ask only the questions whose id begins so
    #[arg(long)]
    only: Option<String>,
    /// Keep the brands of the products that answer questions marked new
    #[arg(long)]
    keep_brands: bool,
    /// Sessions that embed
    #[arg(long, default_value_t = 2)]
    sessions: usize,
    /// Worst questions to print
    #[arg(long, default_value_t = 10)]
    worst: usize,
}

fn main() {
    let options = Options::parse();
    let (mut questions, classes) = (file::read(&folder()), file::classes(&folder()));
    let mut corpus = Corpus::read(&options.data, options.size);
    if !options.keep_brands {
        let renamed = unseen::rename(&mut corpus, &questions, &classes);
        eprintln!("{renamed} products got brands that no model has seen");
    }
    if let Some(only) = &options.only {
        questions.retain(|question| question.id.starts_with(only.as_str()));
    }
    let truths = ask::truths(&corpus, &questions, &classes);
    let database = database::Database::load(&corpus, &options);
    for mode in &options.modes {
        let Some(answers) = ask::ask(&database, *mode, &corpus, &questions) else {
            println!("\n## {mode}: this drug_search has no parameter \"read\"");
            continue;
        };
        report::print(*mode, &corpus, &questions, &truths, &answers, options.worst);
    }
}
