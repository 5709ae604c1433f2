//! Stage 3: product <-> question, through the type, the ingredients, the symptoms and the efficacy text; and names as typed.

use super::{Pair, Sources, forms, perturb};
use crate::data::knowledge::{Ingredient, Symptom};
use crate::data::names;
use crate::data::products::Product;
use crate::rng::Rng;
use std::collections::{HashMap, HashSet};

/// Questions drawn for each product in each form.
const DRAWS: usize = 3;
/// Typed names drawn for each product.
const TYPED: usize = 4;
/// How far to look for names that resemble one, on either side.
const NEIGHBOURS: usize = 4;

/// A question that a product could answer, and the labels of every right answer to it.
struct Question<'a> {
    text: &'a str,
    asks: Vec<String>,
}

/// A type's question, with the ingredients it names: it only suits products that hold one of them.
struct TypeQuestion<'a> {
    text: &'a str,
    named: Vec<String>,
}

/// Questions by what they ask for.
struct Questions<'a> {
    type_questions: HashMap<&'a str, Vec<TypeQuestion<'a>>>,
    of_ingredient: HashMap<String, &'a Ingredient>,
    symptoms: HashMap<String, Vec<&'a Symptom>>,
}

/// Pairs of every product with lay questions, of its bare name with what it means, and with the name as typed.
pub fn build(sources: &Sources) -> Vec<Pair> {
    let questions = Questions::new(sources);
    [by_question(sources, &questions), by_name(sources, &questions), lookups(sources)].concat()
}

/// Pairs of lay questions with every product, in its name alone and in richer forms.
fn by_question(sources: &Sources, questions: &Questions) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for product in sources.products {
        for draw in 0..DRAWS {
            let mut rng = Rng::new(sources.seed, &format!("product {} {draw}", product.code));
            asked(&mut pairs, &mut rng, questions, product);
        }
    }
    distinct(pairs)
}

/// One draw of a product's questions and complaints.
fn asked(pairs: &mut Vec<Pair>, rng: &mut Rng, questions: &Questions, product: &Product) {
    let labels = forms::product_labels(product);
    let mut push = |query: &str, document: &str, asks: Vec<String>| {
        pairs.push(Pair::new("product", query, document, asks, labels.clone()));
    };
    let mut documents = vec![product.name.clone(), forms::product_full(product), forms::product_any(rng, product)];
    if !product.efficacy.is_empty() {
        documents.push(forms::product_efficacy(product));
    }
    for document in &documents {
        if let Some(q) = questions.draw(rng, product) {
            push(q.text, document, q.asks);
        }
    }
    if product.efficacy.is_empty() {
        return;
    }
    for document in [product.name.clone(), forms::product_any(rng, product), forms::product_efficacy(product)] {
        if let Some((query, asks)) = complaint(rng, product) {
            push(&query, &document, asks);
        }
    }
}

/// Each pair of texts once, none of a text with itself.
fn distinct(mut pairs: Vec<Pair>) -> Vec<Pair> {
    let mut seen = HashSet::new();
    pairs.retain(|p| p.query != p.document && seen.insert((p.query.clone(), p.document.clone())));
    pairs
}

/// Names as people type them with the product they mean; other brands stay negatives, and other strengths of the brand where one is typed.
fn lookups(sources: &Sources) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut products: Vec<&Product> = sources.products.iter().collect();
    products.sort_by(|a, b| (&a.name, &a.code).cmp(&(&b.name, &b.code)));
    let mut spoken: HashMap<&str, Vec<&str>> = HashMap::new();
    for name in &sources.knowledge.spoken_names {
        spoken.entry(&name.of).or_default().push(&name.text);
    }
    for (at, &product) in products.iter().enumerate() {
        let mut rng = Rng::new(sources.seed, &format!("lookup {}", product.code));
        let mut names: Vec<Typed> = (0..TYPED).map(|_| typed(&mut rng, &product.name)).collect();
        let known = spoken.get(names::brand(&product.name).as_str()).into_iter().flatten();
        names.extend(known.map(|text| Typed { text: (*text).to_owned(), exact: false }));
        for name in names {
            let document = if rng.chance(0.6) { product.name.clone() } else { forms::product_any(&mut rng, product) };
            let brand = forms::brand_label(&product.name);
            let strength = forms::strength_label(&product.name);
            let asks = if name.exact { strength.clone() } else { brand };
            let labels = [forms::product_labels(product), vec![strength]].concat();
            let mut pair = Pair::new("lookup", &name.text, &document, vec![asks], labels);
            pair.negatives = neighbours(&products, at, name.exact);
            pairs.push(pair);
        }
    }
    distinct(pairs)
}

/// A name as somebody types it; an exact one gives the strength.
struct Typed {
    text: String,
    exact: bool,
}

fn typed(rng: &mut Rng, name: &str) -> Typed {
    let (short, brand) = (names::short_name(name), names::brand(name));
    let stem = names::stem(&brand);
    let strength = names::strength(name);
    let text = match rng.below(10) {
        0 => short,
        1 => names::without_parentheses(name),
        2..=4 => perturb::typo(rng, &short),
        5 => perturb::spacing(rng, &short),
        6 => stem.to_owned(),
        7 | 8 if let Some(number) = &strength => {
            let said = if rng.chance(0.4) { perturb::by_ear(rng, stem) } else { stem.to_owned() };
            let aloud = perturb::read_aloud(number).filter(|_| rng.chance(0.3));
            let unit = if aloud.is_some() { "" } else { ["", "", "mg", "밀리", "미리"][rng.below(5)] };
            let space = ["", " "][rng.below(2)];
            return Typed { text: format!("{said}{space}{}{unit}", aloud.as_ref().unwrap_or(number)), exact: true };
        }
        _ => perturb::by_ear(rng, stem),
    };
    Typed { text, exact: false }
}

/// Names next to `products[at]` in the alphabet, the ones it is mistaken for: other brands, and with `exact` other strengths too.
fn neighbours(products: &[&Product], at: usize, exact: bool) -> Vec<String> {
    let meant = |name: &str| if exact { forms::strength_label(name) } else { forms::brand_label(name) };
    let own = meant(&products[at].name);
    let around = &products[at.saturating_sub(NEIGHBOURS)..(at + NEIGHBOURS + 1).min(products.len())];
    around.iter().filter(|p| meant(&p.name) != own).map(|p| p.name.clone()).collect()
}

/// A product's name alone, with what it means: brands tell nothing of themselves, they must be learnt by heart.
fn by_name(sources: &Sources, questions: &Questions) -> Vec<Pair> {
    let definitions: HashMap<&str, &str> =
        sources.knowledge.types.iter().map(|t| (t.code.as_str(), t.definition.as_str())).collect();
    let mut pairs = Vec::new();
    for product in sources.products.iter().filter(|p| !p.type_code.is_empty()) {
        let definition = definitions.get(product.type_code.as_str()).copied().unwrap_or(&product.type_name);
        for draw in 0..DRAWS {
            let mut rng = Rng::new(sources.seed, &format!("name {} {draw}", product.code));
            meanings(&mut pairs, &mut rng, questions, product, definition);
        }
    }
    distinct(pairs)
}

/// One draw of what a name means: questions, its type, its substances.
fn meanings(pairs: &mut Vec<Pair>, rng: &mut Rng, questions: &Questions, product: &Product, definition: &str) {
    let labels = forms::product_labels(product);
    let short = names::short_name(&product.name);
    let substance = forms::product("", &product.type_name, &product.ingredients);
    let of_type = vec![forms::type_label(&product.type_code)];
    let held: Vec<String> = product.ingredient_keys().iter().map(|k| format!("ingredient:{k}")).collect();
    let held = if held.is_empty() { of_type.clone() } else { held };

    let mut asked: Vec<(&str, Vec<String>)> = Vec::new();
    for _ in 0..2 {
        asked.extend(questions.of_type(rng, product).map(|q| (q.text, q.asks)));
    }
    asked.extend(questions.of_ingredients(rng, product).map(|q| (q.text, q.asks)));
    asked.push((if rng.chance(0.5) { definition } else { &product.type_name }, of_type));
    asked.push((&substance, held.clone()));
    for (query, asks) in asked {
        let name = if rng.chance(0.3) { &short } else { &product.name };
        pairs.push(Pair::new("name", query, name, asks, labels.clone()));
    }
    if rng.chance(0.25) {
        pairs.push(Pair::new("name", &short, &substance, held, labels));
    }
}

impl<'a> Questions<'a> {
    fn new(sources: &'a Sources) -> Self {
        let knowledge = sources.knowledge;
        let vocabulary = Vocabulary::new(sources);
        let mut type_questions: HashMap<&str, Vec<TypeQuestion>> = HashMap::new();
        for q in knowledge.type_questions.iter().filter(|q| !vocabulary.names_a_brand(&q.text)) {
            let named = vocabulary.ingredients_in(&q.text);
            type_questions.entry(&q.of).or_default().push(TypeQuestion { text: &q.text, named });
        }
        let of_ingredient = knowledge
            .ingredients
            .iter()
            .map(|i| (names::ingredient_key(&i.name_ko), i))
            .filter(|(key, _)| !sources.held_out.contains(key))
            .collect();
        let mut symptoms: HashMap<String, Vec<&Symptom>> = HashMap::new();
        for s in &knowledge.symptoms {
            for i in &s.ingredients {
                symptoms.entry(names::ingredient_key(i)).or_default().push(s);
            }
        }
        Self { type_questions, of_ingredient, symptoms }
    }

    /// A random question: of an ingredient or symptom when there is one (they are more exact), else of the type.
    fn draw(&self, rng: &mut Rng, product: &Product) -> Option<Question<'a>> {
        let kind = rng.unit();
        if kind < 0.35
            && let Some(question) = self.of_ingredients(rng, product)
        {
            return Some(question);
        }
        if kind < 0.5
            && let Some(question) = self.of_symptom(rng, product)
        {
            return Some(question);
        }
        self.of_type(rng, product)
    }

    /// A question of the product's type.
    fn of_type(&self, rng: &mut Rng, product: &Product) -> Option<Question<'a>> {
        let keys = product.ingredient_keys();
        let suits = |q: &&TypeQuestion| q.named.is_empty() || q.named.iter().any(|n| keys.contains(n));
        let fitting: Vec<&TypeQuestion> =
            self.type_questions.get(product.type_code.as_str())?.iter().filter(suits).collect();
        let question = rng.pick(&fitting)?;
        let named = question.named.iter().map(|k| format!("ingredient:{k}"));
        let asks = [forms::type_label(&product.type_code)].into_iter().chain(named).collect();
        Some(Question { text: question.text, asks })
    }

    /// A question of one of at most three ingredients: in a larger mixture none stands for the product.
    fn of_ingredients(&self, rng: &mut Rng, product: &Product) -> Option<Question<'a>> {
        let keys = product.ingredient_keys();
        if keys.len() > 3 {
            return None;
        }
        let ingredient = self.of_ingredient.get(rng.pick(&keys)?)?;
        let purpose = rng.chance(0.25) || ingredient.questions.is_empty();
        let text = if purpose { &ingredient.purpose } else { rng.pick(&ingredient.questions)? };
        if text.is_empty() {
            return None;
        }
        // A purpose often suits the sisters of the type too, a question was written for this one.
        let of_type = (purpose && !product.type_code.is_empty()).then(|| forms::type_label(&product.type_code));
        let asks = [forms::ingredient_label(&ingredient.name_ko)].into_iter().chain(of_type).collect();
        Some(Question { text, asks })
    }

    /// A phrasing of a symptom that the product's type and at least half of its ingredients serve.
    fn of_symptom(&self, rng: &mut Rng, product: &Product) -> Option<Question<'a>> {
        let keys = product.ingredient_keys();
        let served =
            |s: &Symptom| s.ingredients.iter().filter(|i| keys.contains(&names::ingredient_key(i))).count() * 2;
        let fitting: Vec<&&Symptom> = keys
            .iter()
            .filter_map(|k| self.symptoms.get(k))
            .flatten()
            .filter(|s| served(s) >= keys.len())
            .filter(|s| product.type_code.is_empty() || s.type_codes.contains(&product.type_code))
            .collect();
        let symptom = rng.pick(&fitting)?;
        let mut asks: Vec<String> = symptom.type_codes.iter().map(|c| forms::type_label(c)).collect();
        asks.extend(symptom.ingredients.iter().map(|i| forms::ingredient_label(i)));
        asks.push(forms::efficacy_label(&symptom.symptom));
        Some(Question { text: &symptom.text, asks })
    }
}

/// One to three phrases of the product's efficacy as a query. Products with any of them, or of the same type, are no negatives.
fn complaint(rng: &mut Rng, product: &Product) -> Option<(String, Vec<String>)> {
    if product.phrases.is_empty() {
        return None;
    }
    let mut phrases: Vec<&String> = product.phrases.iter().take(12).collect();
    rng.shuffle(&mut phrases);
    phrases.truncate(1 + rng.below(3));
    let query = phrases.iter().map(|p| p.as_str()).collect::<Vec<_>>().join([" ", ", "][rng.below(2)]);
    let mut asks: Vec<String> = phrases.iter().map(|p| forms::efficacy_label(p)).collect();
    if !product.type_code.is_empty() {
        asks.push(forms::type_label(&product.type_code));
    }
    asks.extend(product.ingredient_keys().iter().take(2).map(|k| format!("ingredient:{k}")));
    Some((query, asks))
}

/// Names that a question may hold: ingredients, and brands of the products.
struct Vocabulary {
    ingredients: Vec<String>,
    brands: HashSet<String>,
}

impl Vocabulary {
    fn new(sources: &Sources) -> Self {
        let long = |name: &String| name.chars().count() >= 3;
        let ingredients: HashSet<String> = sources
            .products
            .iter()
            .flat_map(Product::ingredient_keys)
            .chain(sources.knowledge.ingredients.iter().map(|i| names::ingredient_key(&i.name_ko)))
            .filter(long)
            .collect();
        let brands =
            sources.products.iter().map(|p| names::stem(&names::brand(&p.name)).to_owned()).filter(long).collect();
        Self { ingredients: ingredients.into_iter().collect(), brands }
    }

    fn ingredients_in(&self, text: &str) -> Vec<String> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let mut named: Vec<String> = self.ingredients.iter().filter(|i| text.contains(i.as_str())).cloned().collect();
        named.sort();
        named
    }

    fn names_a_brand(&self, text: &str) -> bool {
        text.split_whitespace().any(|word| {
            let chars: Vec<char> = word.chars().collect();
            (3..=chars.len()).any(|end| self.brands.contains(&chars[..end].iter().collect::<String>()))
        })
    }
}
