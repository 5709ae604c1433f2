//! `trainer pairs`: training pairs, development tasks and general sentences from the knowledge and the real tables.

use super::split::{Part, Split};
use super::{Pair, Sources, dur, ingredient, product, seed, symptom, types, write_jsonl, write_whole};
use crate::data::csv::{Table, UnclosedQuote};
use crate::data::knowledge::Knowledge;
use crate::data::names;
use crate::data::products::{self, Product};
use crate::data::text;
use crate::dev;
use crate::rng::Rng;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Build training pairs, and with `all` the development tasks, as JSON lines.
#[derive(clap::Args)]
pub struct Args {
    /// Which pairs.
    kind: Kind,
    /// Folder of the project's own tables (types.csv, ingredients.csv, ...).
    #[arg(long, default_value = "trainer/data")]
    knowledge: PathBuf,
    /// Folder of the public tables (mfds/, seed/, guard/); without it there are no product pairs.
    #[arg(long)]
    data: Option<PathBuf>,
    /// File for the pairs; a folder for `all` (pairs.jsonl, dev.jsonl, general.txt).
    #[arg(long)]
    out: PathBuf,
    /// Percent of single ingredients kept from training, for the development tasks.
    #[arg(long, default_value_t = 15)]
    hold_out_ingredients: u64,
    /// Percent of the other brands kept from training.
    #[arg(long, default_value_t = 10)]
    hold_out_brands: u64,
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// What to do with a quote that is never closed (the seed's DUR file has one).
    #[arg(long, default_value = "refuse")]
    unclosed_quote: UnclosedQuote,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Drug type <-> meaning.
    Type,
    /// DUR kind <-> meaning.
    Dur,
    /// Product <-> question, and product names as typed.
    Product,
    /// Ingredient <-> meaning, type and names.
    Ingredient,
    /// All of these, the development tasks and general sentences, into a folder.
    All,
    /// The seed project's labelled pairs of the three stages, from its own files.
    Seed,
}

pub fn run(args: Args) -> Result<()> {
    if args.kind == Kind::Seed {
        return seed_files(&args);
    }
    let knowledge = Knowledge::read(&args.knowledge)?;
    let products = args.data.as_deref().map_or(Ok(Vec::new()), products::read)?;
    let split = Split::new(&products, args.seed, args.hold_out_ingredients, args.hold_out_brands);
    let known: Vec<Product> = products.iter().filter(|p| split.part(p) == Part::Known).cloned().collect();
    let sources = Sources { knowledge: &knowledge, products: &known, held_out: &split.held_out, seed: args.seed };
    let pairs = match args.kind {
        Kind::Type => types::build(&sources),
        Kind::Dur => dur::build(&sources),
        Kind::Product => product_pairs(&sources),
        Kind::Ingredient => ingredient::build(&sources),
        Kind::All | Kind::Seed => {
            [types::build(&sources), dur::build(&sources), ingredient::build(&sources), product_pairs(&sources)]
                .concat()
        }
    };
    report(&pairs, &products, &known, &split);
    if args.kind != Kind::All {
        return write_jsonl(&args.out, &pairs);
    }
    write_jsonl(&args.out.join("pairs.jsonl"), &pairs)?;
    let questions = dev::questions::read(&args.knowledge.join("eval/questions.csv"))?;
    let tasks = dev::build::build(&questions, &knowledge, &products, &split);
    for t in &tasks {
        eprintln!("{:58} {:5} queries {:6} documents", t.task, t.queries.len(), t.documents.len());
    }
    write_jsonl(&args.out.join("dev.jsonl"), &tasks)?;
    if let Some(data) = &args.data {
        let sentences = general(&data.join("guard/korsts_dev.tsv"))?;
        eprintln!("{} general sentences", sentences.len());
        write_whole(&args.out.join("general.txt"), (sentences.join("\n") + "\n").as_bytes())?;
    }
    Ok(())
}

fn product_pairs(sources: &Sources) -> Vec<Pair> {
    let mut pairs = product::build(sources);
    pairs.extend(product::bridges(sources));
    pairs.extend(product::lookups(sources));
    pairs.extend(symptom::build(sources));
    pairs
}

fn report(pairs: &[Pair], products: &[Product], known: &[Product], split: &Split) {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    pairs.iter().for_each(|p| *count.entry(&p.stage).or_default() += 1);
    let counts: Vec<String> = count.iter().map(|(stage, n)| format!("{stage} {n}")).collect();
    eprintln!("{} pairs: {}", pairs.len(), counts.join(", "));
    eprintln!(
        "{} products, {} for training; {} ingredients held out",
        products.len(),
        known.len(),
        split.held_out.len()
    );
}

/// Both sentences of each row of KorSTS (tab-separated, read without quoting), without repetition.
pub fn general(path: &Path) -> Result<Vec<String>> {
    let body = text::read(path)?;
    let mut lines = body.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| {
        header
            .iter()
            .position(|h| *h == name)
            .with_context(|| format!("{}: line 1: no column \"{name}\"", path.display()))
    };
    let columns = [column("sentence1")?, column("sentence2")?];
    let mut sentences = std::collections::BTreeSet::new();
    for (i, line) in lines.enumerate().filter(|(_, l)| !l.is_empty()) {
        let cells: Vec<&str> = line.split('\t').collect();
        for c in columns {
            let cell = cells.get(c).with_context(|| format!("{}: line {}: too few columns", path.display(), i + 2))?;
            sentences.insert(cell.trim().to_owned());
        }
    }
    Ok(sentences.into_iter().filter(|s| !s.is_empty()).collect())
}

/// Writes the three stages' labelled pairs of the seed project as `type.jsonl`, `dur.jsonl` and `product.jsonl`; those of its
/// experimental fourth as `ingredient.jsonl`, and without the excipients as `ingredient-active.jsonl`.
fn seed_files(args: &Args) -> Result<()> {
    let data = args.data.as_deref().context("--data is needed: the folder that holds seed/")?;
    let file = |name: &str| data.join("seed").join(name);
    let types = seed::read_labelled(&file("drug_type_similarity_train.csv"), args.unclosed_quote)?;
    let dur = seed::read_labelled(&file("drug_dur_type_similarity_train.csv"), args.unclosed_quote)?;
    let table = Table::read(&file("drug_type_def_list.csv"), args.unclosed_quote)?;
    let [name, definition] = table.columns(["name", "definition"])?;
    let definitions: Vec<(String, String)> =
        table.rows().iter().map(|r| (r.cells[name].trim().to_owned(), r.cells[definition].trim().to_owned())).collect();
    let products: Vec<Product> = products::read_seed(data)?;
    let mut products_pairs = seed::product_pairs(&products, &types, &definitions, args.seed);
    Rng::new(args.seed, "seed product order").shuffle(&mut products_pairs);
    let file = file("drug_product_type_ingredients_augmented_train.csv");
    let holds = |p: &Product, ingredient: &str| p.ingredient_keys().contains(&names::ingredient_key(ingredient));
    let active = |kind: &str, ingredient: &str| products.iter().any(|p| p.type_name == kind && holds(p, ingredient));
    let (ingredients, actives) = (seed::ingredient_pairs(&file, |_, _| true)?, seed::ingredient_pairs(&file, active)?);
    let files = [
        ("type", &types),
        ("dur", &dur),
        ("product", &products_pairs),
        ("ingredient", &ingredients),
        ("ingredient-active", &actives),
    ];
    for (stage, pairs) in files {
        let negatives = pairs.iter().filter(|p| p.label == Some(0.0)).count();
        eprintln!("{stage}: {} pairs, {negatives} of them negatives", pairs.len());
        write_jsonl(&args.out.join(format!("{stage}.jsonl")), pairs)?;
    }
    Ok(())
}
