//! Builds the tasks from the development questions, the knowledge and the real products.

use super::Task;
use super::questions::Question;
use crate::data::knowledge::Knowledge;
use crate::data::names;
use crate::data::products::Product;
use crate::pairs::label::Label;
use crate::pairs::split::{Part, Split};
use crate::pairs::{forms, perturb, strength};
use crate::rng::{self, Rng};
use std::collections::{HashMap, HashSet};

/// How many products of one type and first ingredient a corpus holds at most.
const PER_INGREDIENT: usize = 3;
/// Queries of each generated trade-name task, and the other brands among which they must be found.
const TRADE_QUERIES: usize = 200;
const TRADE_DISTRACTORS: usize = 3000;

/// Every task; those without queries or documents are left out.
pub fn build(questions: &[Question], knowledge: &Knowledge, products: &[Product], split: &Split) -> Vec<Task> {
    let mut tasks = Vec::new();
    let of_task = |task: &str| -> Vec<&Question> { questions.iter().filter(|q| q.task == task).collect() };

    let types = queries(&of_task("type"), |l| l.starts_with("type:"));
    let by_type = |text: fn(&str, &str) -> String| {
        knowledge.types.iter().map(|t| (text(&t.name, &t.definition), vec![forms::type_label(&t.code)])).collect()
    };
    tasks.push(task("question -> type by name", &types, by_type(|name, _| name.to_owned())));
    tasks.push(task("question -> type by name + definition", &types, by_type(|name, text| format!("{name}: {text}"))));

    let dur = queries(&of_task("dur"), |l| l.starts_with("dur:"));
    let by_kind = |text: fn(&str, &str) -> String| {
        knowledge.dur_kinds.iter().map(|k| (text(&k.kind, &k.definition), vec![forms::dur_label(&k.kind)])).collect()
    };
    tasks.push(task("question -> DUR kind by name", &dur, by_kind(|kind, _| kind.to_owned())));
    tasks.push(task(
        "question -> DUR kind by name + definition",
        &dur,
        by_kind(|kind, text| format!("{kind}: {text}")),
    ));

    let corpus = Corpus::new(questions);
    // The type labels of product and symptom questions are for rankings of types; products answer by ingredient or efficacy.
    let (typed, asked) = (&types, &queries(&of_task("product"), |l| l.starts_with("ingredient:")));
    let parts = [
        ("known", Part::Known),
        ("unseen product", Part::UnseenProduct),
        ("unseen ingredient", Part::UnseenIngredient),
    ];
    for (name, part) in parts {
        let chosen = corpus.choose(split, products, |p| split.part(p) == part && !p.type_code.is_empty());
        for (asks, queries) in [("type question", typed), ("product question", asked)] {
            tasks.push(task(
                &format!("{asks} -> {name} by name"),
                queries,
                corpus.documents(&chosen, |p| p.name.clone()),
            ));
            tasks.push(task(
                &format!("{asks} -> {name} by name + type + ingredients"),
                queries,
                corpus.documents(&chosen, forms::product_full),
            ));
        }
    }

    let symptoms = queries(&of_task("symptom"), |l| l.starts_with("ingredient:") || l.starts_with("efficacy:"));
    for (name, unseen) in [("unseen", true), ("known", false)] {
        let chosen = corpus
            .choose(split, products, |p| p.otc && !p.efficacy.is_empty() && (split.part(p) != Part::Known) == unseen);
        let mut push = |form: &str, text: fn(&Product) -> String| {
            tasks.push(task(&format!("symptom -> {name} OTC by {form}"), &symptoms, corpus.documents(&chosen, text)));
        };
        push("name", |p| p.name.clone());
        push("name + ingredients", |p| forms::product(&p.name, "", &p.ingredients));
        push("name + efficacy", forms::product_efficacy);
    }

    let trade = queries(&of_task("trade"), |l| l.starts_with("product:"));
    tasks.push(written_trade_names(split, &trade, products));
    tasks.extend(generated_trade_names(split, products));
    tasks.retain(|t| !t.queries.is_empty() && !t.documents.is_empty());
    tasks
}

/// Tasks beside the benchmark: whole labels, strengths, English names.
pub fn more(questions: &[Question], products: &[Product], labels: &[Label], split: &Split) -> Vec<Task> {
    let asked: Vec<&Question> = questions.iter().filter(|q| q.task == "symptom").collect();
    let symptoms = queries(&asked, |l| l.starts_with("efficacy:"));
    let corpus = Corpus::new(questions);
    let of_labels = |text: fn(&Label) -> String| -> Texts {
        let said = |label: &Label| Product { efficacy: label.efficacy().to_owned(), ..Product::default() };
        labels.iter().map(|label| (text(label), corpus.labels(&said(label)))).collect()
    };
    let dosed: Vec<(&Product, (String, String, String))> = products
        .iter()
        .filter(|p| rng::percentile(split.seed, &format!("dosed {}", p.code)) < 25)
        .filter_map(|p| Some((p, strength::dose(p)?)))
        .collect();
    let mut strengths: Texts =
        dosed.iter().map(|(_, (label, key, strength))| (format!("{key} {strength}"), vec![label.clone()])).collect();
    strengths.sort();
    strengths.dedup();
    strengths.sort_by_key(|(text, _)| rng::hash(text));
    strengths.truncate(TRADE_QUERIES);
    let names: Texts = dosed.iter().map(|(p, (label, ..))| (p.name.clone(), vec![label.clone()])).collect();
    let english: Vec<&Product> = one_of_each_brand(split, products)
        .into_iter()
        .filter(|p| !p.name_en.is_empty())
        .take(TRADE_DISTRACTORS)
        .collect();
    let brand = |p: &Product| vec![forms::brand_label(&p.name)];
    let in_english = english.iter().take(TRADE_QUERIES).map(|p| (names::without_parentheses(&p.name_en), brand(p)));
    let mut tasks = vec![
        task("symptom -> label by name + efficacy", &symptoms, of_labels(|label| label.shown(1))),
        task("symptom -> whole label", &symptoms, of_labels(Label::whole)),
        task("ingredient with strength -> product by name", &strengths, names),
        task(
            "English name -> product by name",
            &in_english.collect(),
            english.iter().map(|p| (p.name.clone(), brand(p))).collect(),
        ),
    ];
    tasks.retain(|t| !t.queries.is_empty() && !t.documents.is_empty());
    tasks
}

type Texts = Vec<(String, Vec<String>)>;

fn queries(questions: &[&Question], keep: impl Fn(&str) -> bool + Copy) -> Texts {
    questions.iter().map(|q| (q.text.clone(), q.labels(keep))).filter(|(_, l)| !l.is_empty()).collect()
}

/// A task with the queries that some document answers.
fn task(name: &str, queries: &Texts, documents: Texts) -> Task {
    let there: HashSet<&str> = documents.iter().flat_map(|(_, l)| l).map(String::as_str).collect();
    let answered = |labels: &[String]| labels.iter().any(|l| there.contains(l.as_str()));
    let queries = queries.iter().filter(|(_, l)| answered(l)).cloned().collect();
    Task { task: name.to_owned(), queries, documents }
}

/// Labels products with what questions ask for: ingredients by the start of their name (`로사르탄` is met by `로사르탄칼륨`),
/// efficacy by a part of its text; white space does not matter.
struct Corpus {
    ingredients: Vec<String>,
    efficacy: Vec<String>,
}

impl Corpus {
    fn new(questions: &[Question]) -> Self {
        let asked = |kind: &str| {
            let labels = questions.iter().flat_map(|q| &q.relevant).filter_map(|(l, _)| l.strip_prefix(kind));
            let mut asked: Vec<String> = labels.map(str::to_owned).collect();
            asked.sort();
            asked.dedup();
            asked
        };
        Self { ingredients: asked("ingredient:"), efficacy: asked("efficacy:") }
    }

    /// At most [`PER_INGREDIENT`] products of each type and first ingredient, one of each brand, in an order of the seed's choice.
    fn choose<'a>(&self, split: &Split, products: &'a [Product], keep: impl Fn(&Product) -> bool) -> Vec<&'a Product> {
        let mut chosen: Vec<&Product> = products.iter().filter(|p| keep(p)).collect();
        chosen.sort_by_key(|p| Rng::new(split.seed, &format!("corpus {}", p.code)).next_u64());
        let (mut count, mut brands): (HashMap<(String, String), usize>, HashSet<String>) = Default::default();
        chosen.retain(|p| {
            if !brands.insert(names::brand(&p.name)) {
                return false;
            }
            let of = count
                .entry((p.type_code.clone(), p.ingredient_keys().into_iter().next().unwrap_or_default()))
                .or_default();
            *of += 1;
            *of <= PER_INGREDIENT
        });
        chosen
    }

    fn documents(&self, products: &[&Product], text: impl Fn(&Product) -> String) -> Texts {
        products.iter().map(|p| (text(p), self.labels(p))).collect()
    }

    fn labels(&self, product: &Product) -> Vec<String> {
        let squeezed = |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace()).collect() };
        let own: Vec<String> = product.ingredients.iter().map(|i| squeezed(i)).collect();
        let met = self.ingredients.iter().filter(|asked| own.iter().any(|i| i.starts_with(asked.as_str())));
        let mut labels: Vec<String> = met.map(|i| format!("ingredient:{i}")).collect();
        if !product.type_code.is_empty() {
            labels.push(forms::type_label(&product.type_code));
        }
        let text = squeezed(&product.efficacy);
        labels.extend(self.efficacy.iter().filter(|e| text.contains(e.as_str())).map(|e| format!("efficacy:{e}")));
        labels
    }
}

/// Trade names as the written questions have them, among the products they mean and other brands.
fn written_trade_names(split: &Split, trade: &Texts, products: &[Product]) -> Task {
    let codes: HashSet<&str> =
        trade.iter().flat_map(|(_, l)| l).filter_map(|l| l.strip_prefix("product:")?.split('=').next()).collect();
    let meant: Vec<&Product> = products.iter().filter(|p| codes.contains(p.code.as_str())).collect();
    let mut documents: Texts = meant.iter().map(|p| (p.name.clone(), vec![format!("product:{}", p.code)])).collect();
    let brands: HashSet<String> = meant.iter().map(|p| names::brand(&p.name)).collect();
    let others = one_of_each_brand(split, products).into_iter().filter(|p| !brands.contains(&names::brand(&p.name)));
    documents.extend(others.take(TRADE_DISTRACTORS).map(|p| (p.name.clone(), vec![format!("product:{}", p.code)])));
    task("trade name as written -> product", trade, documents)
}

/// Types a name as people do.
type Typed = fn(&mut Rng, &str) -> String;

/// Trade names with one error each, among other brands: known and unseen products alike.
fn generated_trade_names(split: &Split, products: &[Product]) -> Vec<Task> {
    let corpus: Vec<&Product> = one_of_each_brand(split, products).into_iter().take(TRADE_DISTRACTORS).collect();
    let documents: Texts = corpus.iter().map(|p| (p.name.clone(), vec![forms::brand_label(&p.name)])).collect();
    let make: [(&str, Typed); 4] = [
        ("short", |_, name| names::short_name(name)),
        ("with a typo", |rng, name| perturb::typo(rng, &names::short_name(name))),
        ("with a spacing error", |rng, name| perturb::spacing(rng, &names::short_name(name))),
        ("with its dosage", |_, name| names::without_parentheses(name)),
    ];
    make.into_iter()
        .map(|(error, typed)| {
            let mut rng = Rng::new(split.seed, error);
            let queries: Texts = corpus
                .iter()
                .map(|p| (typed(&mut rng, &p.name), vec![forms::brand_label(&p.name)]))
                .zip(&corpus)
                .filter(|((text, _), p)| *text != p.name && (error == "short" || *text != names::short_name(&p.name)))
                .map(|(query, _)| query)
                .take(TRADE_QUERIES)
                .collect();
            task(&format!("trade name {error} -> product"), &queries, documents.clone())
        })
        .collect()
}

fn one_of_each_brand<'a>(split: &Split, products: &'a [Product]) -> Vec<&'a Product> {
    let mut order: Vec<&Product> = products.iter().collect();
    order.sort_by_key(|p| rng::hash(&format!("{} trade {}", split.seed, p.code)));
    let mut brands = HashSet::new();
    order.retain(|p| brands.insert(names::brand(&p.name)));
    order
}
