//! `trainer pairs`: training pairs, development tasks and general sentences from the knowledge and the real tables.

use super::split::{self, Part, Split};
use super::{Pair, Sources, write_jsonl, write_whole};
use super::{
    asked, distil, dur, english, ingredient, label, product, seed, strength, symptom, types, variant, warning,
};
use crate::data::csv::{Table, UnclosedQuote};
use crate::data::knowledge::Knowledge;
use crate::data::names;
use crate::data::products::{self, Product};
use crate::data::text;
use crate::dev;
use crate::eval::guard;
use crate::rng::Rng;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

/// Build training pairs, and with `all` the development tasks, as JSON lines.
#[derive(clap::Args)]
pub struct Args {
    /// Which pairs.
    kind: Kind,
    /// Folder of the project's own tables (types.csv, ingredients.csv, ...) and general sentences (general.txt).
    #[arg(long, default_value = "trainer/data")]
    knowledge: PathBuf,
    /// Folder of the public tables (mfds/, seed/, guard/); without it there are no product pairs.
    #[arg(long)]
    data: Option<PathBuf>,
    /// File for the pairs; a folder for `all` (pairs.jsonl, dev.jsonl, more.jsonl, general.txt).
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    split: split::Args,
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
    /// What a student is distilled on, into a folder (distil.jsonl, passages.jsonl, general.txt): the texts of all pairs, also of
    /// products held out otherwise, general sentences and passages (general/ and mfds/easy_drug_info_500.csv of the data too).
    Distil,
    /// The seed project's labelled pairs of the three stages, from its own files.
    Seed,
}

pub fn run(args: Args) -> Result<()> {
    if args.kind == Kind::Seed {
        return seed_files(&args);
    }
    let knowledge = Knowledge::read(&args.knowledge)?;
    let products = args.data.as_deref().map_or(Ok(Vec::new()), products::read)?;
    let mut split = args.split.clone();
    if args.kind == Kind::Distil {
        // What the teacher says of products that it has not seen is as good as what it says of others.
        (split.hold_out_ingredients, split.hold_out_brands) = (0, 0);
    }
    let split = Split::new(&products, &split);
    let known: Vec<Product> = products.iter().filter(|p| split.part(p) == Part::Known).cloned().collect();
    let sources = Sources { knowledge: &knowledge, products: &known, held_out: &split.held_out, seed: split.seed };
    let pairs = match args.kind {
        Kind::Type => types::build(&sources),
        Kind::Dur => dur::build(&sources),
        Kind::Product => product_pairs(&sources),
        Kind::Ingredient => ingredient::build(&sources),
        Kind::All | Kind::Distil | Kind::Seed => {
            let mut pairs =
                [types::build(&sources), dur::build(&sources), ingredient::build(&sources), product_pairs(&sources)]
                    .concat();
            if let Some(data) = &args.data {
                pairs.extend(label::build(&sources, data)?);
            }
            pairs
        }
    };
    report(&pairs, &products, &known, &split);
    if args.kind == Kind::Distil {
        return distil_files(&args, &pairs);
    }
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
    let labels = args.data.as_deref().map_or(Ok(Vec::new()), label::read)?;
    let more = dev::build::more(&questions, &products, &labels, &split);
    write_jsonl(&args.out.join("more.jsonl"), &more)?;
    let sentences = general(&args)?;
    eprintln!("{} general sentences", sentences.len());
    write_whole(&args.out.join("general.txt"), (sentences.join("\n") + "\n").as_bytes())
}

fn product_pairs(sources: &Sources) -> Vec<Pair> {
    let mut pairs = product::build(sources);
    pairs.extend(symptom::build(sources));
    pairs.extend(symptom::terms(sources));
    pairs.extend(asked::build(sources));
    pairs.extend(strength::build(sources));
    pairs.extend(english::build(sources));
    pairs.extend(warning::build(sources));
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

/// Writes what a student is distilled on.
fn distil_files(args: &Args, pairs: &[Pair]) -> Result<()> {
    let mut sentences = general(args)?;
    let more = args.data.iter().map(|data| data.join("general/sentences.txt")).find(|file| file.exists());
    if let Some(file) = more {
        sentences.extend(text::read(&file)?.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned));
    }
    let mut texts = distil::thinned(pairs);
    let drugs = texts.len();
    texts.extend(variant::build(pairs, args.split.seed));
    texts.extend(distil::general(&sentences));
    let data = args.data.clone().unwrap_or_default();
    let passages = distil::passages(&data, &sentences, args.split.seed)?;
    eprintln!(
        "{drugs} of the pairs hold every text; {} general sentences, {} passages",
        sentences.len(),
        passages.len()
    );
    write_jsonl(&args.out.join("distil.jsonl"), &texts)?;
    write_jsonl(&args.out.join("passages.jsonl"), &passages)?;
    write_whole(&args.out.join("general.txt"), (sentences.join("\n") + "\n").as_bytes())
}

/// General sentences, related ones side by side: KorSTS's pairs as its rows have them, then the project's own.
fn general(args: &Args) -> Result<Vec<String>> {
    let mut sentences = Vec::new();
    let korsts = args.data.iter().map(|data| data.join("guard/korsts_dev.tsv")).find(|file| file.exists());
    if let Some(file) = korsts {
        let mut rows = guard::read(&file)?.pairs;
        let mut seen = HashSet::new();
        rows.retain(|row| !row.0.is_empty() && !row.1.is_empty() && seen.insert(row.clone()));
        sentences.extend(rows.into_iter().flat_map(|(a, b)| [a, b]));
    }
    let own = text::read(&args.knowledge.join("general.txt"))?;
    sentences.extend(own.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned));
    Ok(sentences)
}

/// Writes the three stages' labelled pairs of the seed project as `type.jsonl`, `dur.jsonl` and `product.jsonl`; those of its
/// experimental fourth as `ingredient.jsonl`, and without the excipients as `ingredient-active.jsonl`, with the tasks that tell
/// whether ingredients collapse (`ingredient-dev.jsonl`).
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
    let mut products_pairs = seed::product_pairs(&products, &types, &definitions, args.split.seed);
    Rng::new(args.split.seed, "seed product order").shuffle(&mut products_pairs);
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
    write_jsonl(&args.out.join("ingredient-dev.jsonl"), &seed::ingredient_tasks(&actives))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::Folder;

    #[test]
    fn general_sentences_stay_beside_their_pair() {
        let folder = Folder::new("general");
        let file = |name: &str, body: &str| {
            let path = folder.0.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, body).unwrap();
        };
        let rows = ["5.0\t하늘이 맑다\t날이 갰다", "1.0\t가\t하늘이 맑다", "5.0\t하늘이 맑다\t날이 갰다", "0.0\t나\t"];
        file("guard/korsts_dev.tsv", &format!("score\tsentence1\tsentence2\n{}\n", rows.join("\n")));
        file("general.txt", "비가 온다\n\n 우산을 썼다\n");
        let mut args = Args {
            kind: Kind::All,
            knowledge: folder.0.clone(),
            data: Some(folder.0.clone()),
            out: folder.0.clone(),
            split: split::Args { hold_out_ingredients: 0, hold_out_brands: 0, seed: 7 },
            unclosed_quote: UnclosedQuote::Refuse,
        };
        let wanted = ["하늘이 맑다", "날이 갰다", "가", "하늘이 맑다", "비가 온다", "우산을 썼다"];
        assert_eq!(general(&args).unwrap(), wanted);
        // Without KorSTS the project's own are enough; a table that is there must be read.
        args.data = None;
        assert_eq!(general(&args).unwrap(), wanted[4..]);
        file("guard/korsts_dev.tsv", "score\tsentence1\n1\t가\n");
        args.data = Some(folder.0.clone());
        assert!(general(&args).unwrap_err().to_string().ends_with("line 1: no column \"sentence2\""));
    }
}
