//! The seed project's own pair files, read as they are, and the one that has to be built: product <-> question with random negatives.

use super::Pair;
use crate::data::csv::{Table, UnclosedQuote};
use crate::data::products::Product;
use crate::dev::Task;
use crate::rng::Rng;
use anyhow::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Headers of the seed's labelled pair files: query and context columns.
const HEADERS: &[(&str, &str)] = &[("query", "context"), ("dur_type", "description")];
/// One random negative for this many positives, as in the seed's type file (1,148 to 164).
const POSITIVES_PER_NEGATIVE: usize = 7;

/// Reads `query,context,label` or `dur_type,description,label`; the label is the wanted cosine, 0 to 1.
pub fn read_labelled(path: &Path, unclosed: UnclosedQuote) -> Result<Vec<Pair>> {
    let table = Table::read(path, unclosed)?;
    let header = HEADERS.iter().find(|(q, c)| table.column(q).is_some() && table.column(c).is_some());
    let Some((query, context)) = header else {
        let wanted: Vec<String> = HEADERS.iter().map(|(q, c)| format!("{q},{c},label")).collect();
        bail!("{}: line 1: wrong header, expected {}", path.display(), wanted.join(" or "));
    };
    let [query, context, label] = table.columns([query, context, "label"])?;
    let pairs: Result<Vec<Pair>> = table
        .rows()
        .iter()
        .map(|row| {
            let wanted = row.cells[label].trim().parse().ok().filter(|l: &f32| (0.0..=1.0).contains(l));
            let wanted = wanted.ok_or_else(|| {
                table.error(row, label, format!("\"{}\" is not a label from 0 to 1", row.cells[label]))
            })?;
            let mut pair = Pair::new("", table.required(row, query)?, table.required(row, context)?, vec![], vec![]);
            pair.label = Some(wanted);
            Ok(pair)
        })
        .collect();
    match pairs? {
        pairs if pairs.is_empty() => bail!("{}: a header and no rows", path.display()),
        pairs => Ok(pairs),
    }
}

/// The seed's third pair file: each product's description with questions for its type (label 1) and, one time in eight, with a
/// question for another type (label 0). `type_pairs` are the rows of the seed's type pair file.
pub fn product_pairs(
    products: &[Product],
    type_pairs: &[Pair],
    definitions: &[(String, String)],
    seed: u64,
) -> Vec<Pair> {
    let questions = |definition: &str| -> Vec<&str> {
        let right = type_pairs.iter().filter(|p| p.label == Some(1.0) && p.document == definition);
        right.map(|p| p.query.as_str()).collect()
    };
    let by_type: Vec<(&str, Vec<&str>)> =
        definitions.iter().map(|(name, definition)| (name.as_str(), questions(definition))).collect();
    let mut rng = Rng::new(seed, "seed product pairs");
    let mut pairs = Vec::new();
    for (i, product) in products.iter().filter(|p| !p.type_name.is_empty()).enumerate() {
        let context = super::forms::product_full(product);
        let own = by_type.iter().find(|(name, _)| *name == product.type_name);
        let wrong = i % (POSITIVES_PER_NEGATIVE + 1) == POSITIVES_PER_NEGATIVE;
        let query = if wrong {
            let others: Vec<_> = by_type.iter().filter(|(n, q)| *n != product.type_name && !q.is_empty()).collect();
            rng.pick(&others).and_then(|(_, q)| rng.pick(q)).copied()
        } else {
            own.and_then(|(_, q)| rng.pick(q)).copied()
        };
        if let Some(query) = query {
            let mut pair = Pair::new("product", query, &context, vec![], vec![]);
            pair.label = Some(if wrong { 0.0 } else { 1.0 });
            pairs.push(pair);
        }
    }
    pairs
}

/// The experimental stage 4 file (`query,context,label,product_type,ingredient_name`): the rows that `keep(type, ingredient)`
/// keeps, grouped by both.
pub fn ingredient_pairs(path: &Path, keep: impl Fn(&str, &str) -> bool) -> Result<Vec<Pair>> {
    let mut pairs = read_labelled(path, UnclosedQuote::Refuse)?;
    let table = Table::read(path, UnclosedQuote::Refuse)?;
    let [kind, ingredient] = table.columns(["product_type", "ingredient_name"])?;
    let rows = table.rows().iter().map(|r| (r.cells[kind].as_str(), r.cells[ingredient].as_str()));
    let mut kept = Vec::new();
    for (pair, (kind, ingredient)) in pairs.iter_mut().zip(rows) {
        pair.group = vec![format!("type:{kind}"), super::forms::ingredient_label(ingredient)];
        kept.push(keep(kind, ingredient));
    }
    let mut kept = kept.into_iter();
    pairs.retain(|_| kept.next().unwrap_or(false));
    Ok(pairs)
}

/// Tasks that tell whether ingredients have collapsed onto one another: questions, and ingredients' names, among the ingredients
/// of [`ingredient_pairs`]; related are those of the same type.
pub fn ingredient_tasks(pairs: &[Pair]) -> Vec<Task> {
    let of_kind = |pair: &Pair, kind: &str| pair.group.iter().filter(|l| l.starts_with(kind)).cloned().collect();
    let (mut questions, mut sentences, mut names): (Texts, Texts, Texts) = Default::default();
    for pair in pairs {
        let types: Vec<String> = of_kind(pair, "type:");
        questions.entry(pair.query.clone()).or_default().extend(types.clone());
        sentences.entry(pair.document.clone()).or_default().extend(types.clone());
        for name in of_kind(pair, "ingredient:") {
            names.entry(name.trim_start_matches("ingredient:").to_owned()).or_default().extend(types.clone());
        }
    }
    let list = |texts: Texts| texts.into_iter().map(|(text, types)| (text, types.into_iter().collect())).collect();
    let (questions, sentences, names): (Vec<_>, Vec<_>, Vec<_>) = (list(questions), list(sentences), list(names));
    let task = |task: &str, queries, documents| Task { task: task.to_owned(), queries, documents };
    vec![
        task("question -> ingredient of the type", questions, sentences),
        task("ingredient -> ingredients of the same type", names.clone(), names),
    ]
}

type Texts = BTreeMap<String, BTreeSet<String>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, body: &[u8]) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("seed-{name}-{}.csv", std::process::id()));
        std::fs::write(&path, body).unwrap();
        path
    }

    #[test]
    fn reads_the_seed_shapes_and_names_what_is_wrong() {
        let path = written("good", "dur_type,description,label\n임부금기,\"임신, 출산\",1.0\n".as_bytes());
        let pairs = read_labelled(&path, UnclosedQuote::Refuse).unwrap();
        assert_eq!(
            (pairs[0].query.as_str(), pairs[0].document.as_str(), pairs[0].label),
            ("임부금기", "임신, 출산", Some(1.0))
        );
        for (body, message) in [
            ("a,b,label\nx,y,1\n", "line 1: wrong header, expected query,context,label or dur_type,description,label"),
            ("query,context,label\nx,y,2\n", "line 2, column \"label\": \"2\" is not a label from 0 to 1"),
            ("query,context,label\n,y,1\n", "line 2, column \"query\": empty cell"),
            ("query,context,label\n", "a header and no rows"),
        ] {
            let path = written("bad", body.as_bytes());
            let error = read_labelled(&path, UnclosedQuote::Refuse).unwrap_err().to_string();
            assert!(error.ends_with(message), "{error}");
        }
    }

    #[test]
    fn ingredients_are_related_by_type() {
        let pair = |query: &str, document: &str, kind: &str, ingredient: &str| Pair {
            query: query.to_owned(),
            document: document.to_owned(),
            group: vec![format!("type:{kind}"), format!("ingredient:{ingredient}")],
            ..Pair::default()
        };
        let pairs = [
            pair("심장 약", "디곡신은 심장", "강심제", "디곡신"),
            pair("심장 약", "카페인은 심장", "강심제", "카페인"),
            pair("잠 깨는 약", "카페인은 각성", "각성제", "카페인"),
        ];
        let tasks = ingredient_tasks(&pairs);
        assert_eq!((tasks[0].queries.len(), tasks[0].documents.len()), (2, 3));
        assert_eq!(tasks[0].relevance()[0].relevant, [true, false, true], "카페인은 각성 is of another type");
        // Digoxin and caffeine share a type.
        assert_eq!(tasks[1].documents, tasks[1].queries);
        assert_eq!(
            tasks[1].documents[1],
            ("카페인".to_owned(), vec!["type:각성제".to_owned(), "type:강심제".to_owned()])
        );
    }
}
