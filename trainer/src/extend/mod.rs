//! `trainer extend`: tokens of their own for the brands and terms of the drug tables.

pub mod pieces;
mod terms;

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::Result;

use crate::checkpoint::Checkpoint;
use crate::corpus;
use crate::data::knowledge::Knowledge;
use crate::data::products;
use crate::pairs::split::{self, Split};
use pieces::Vocabulary;

/// Give a checkpoint tokens of its own for the brands and terms of the drug tables.
///
/// A multilingual vocabulary cuts a Korean trade name into single syllables, and what a brand means has to be learnt by all
/// weights. A token of its own holds it in one row, and makes names and documents shorter. New tokens: words of ingredients (Korean
/// and English, salts apart), types, forms and units that --least products have, and the brands of known products. Brands and
/// ingredients that `pairs` holds out get none (give it the same numbers), nor does any word of the --spare texts, whose tokens stay
/// what they are. A new token begins as the mean of those it takes the place of, so the model hardly changes before it is trained.
#[derive(clap::Args)]
pub struct Args {
    /// Checkpoint folder to start from
    checkpoint: PathBuf,
    /// Checkpoint folder to write; one that is there already is replaced
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    /// Folder of the public tables (mfds/, seed/)
    #[arg(long)]
    data: PathBuf,
    /// Folder of the project's own tables
    #[arg(long, default_value = "trainer/data")]
    knowledge: PathBuf,
    #[command(flatten)]
    split: split::Args,
    /// Products in which a term must occur
    #[arg(long, default_value_t = 3)]
    least: usize,
    /// Products that a brand must have
    #[arg(long, default_value_t = 1)]
    least_of_brand: usize,
    /// Texts whose tokens must not change: .csv and .tsv by cell, anything else by line
    #[arg(long, value_name = "FILE", num_args = 1..)]
    spare: Vec<PathBuf>,
    /// Texts of which it is only told how many change
    #[arg(long, value_name = "FILE", num_args = 1..)]
    check: Vec<PathBuf>,
}

pub fn run(args: Args) -> Result<()> {
    let checkpoint = Checkpoint::read(&args.checkpoint)?;
    let knowledge = Knowledge::read(&args.knowledge)?;
    let products = products::read(&args.data)?;
    let split = Split::new(&products, &args.split);
    let chosen = terms::choose(&products, &knowledge, &split, (args.least, args.least_of_brand));

    let mut vocabulary = Vocabulary::new(&checkpoint.tokenizer)?;
    let terms = vocabulary.add(&chosen.terms, |_| true);
    let brands = vocabulary.add(&chosen.brands, |path| path.iter().all(|piece| !terms.contains(*piece)));
    let mut spared = HashSet::new();
    for path in &args.spare {
        spared.extend(vocabulary.spare(&corpus::read(path)?)?);
    }
    let left = |of: &HashSet<String>| of.difference(&spared).count();
    eprintln!(
        "{} terms and {} brands have tokens now; {} that the texts to spare hold have none",
        left(&terms),
        left(&brands),
        spared.len()
    );
    let extended = vocabulary.extend(checkpoint.clone())?;
    report(&args, &checkpoint, &extended)?;
    extended.write(&args.output)?;
    eprintln!("wrote {}", args.output.display());
    Ok(())
}

/// Tokens of names before and after, and how many of the texts to check stay as they were.
fn report(args: &Args, before: &Checkpoint, after: &Checkpoint) -> Result<()> {
    let (old, new) = (corpus::parse_tokenizer(&before.tokenizer)?, corpus::parse_tokenizer(&after.tokenizer)?);
    let kept: Vec<u32> = (0..after.config.vocab_size as u32).collect();
    for path in args.spare.iter().chain(&args.check) {
        eprintln!("  {}: {}", path.display(), corpus::compare(&old, &new, &kept, &corpus::read(path)?)?);
    }
    Ok(())
}
