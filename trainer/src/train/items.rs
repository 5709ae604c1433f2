//! Pairs made ready for batches: token ids, and labels as sorted numbers.

use super::losses::Mask;
use crate::model::Tokens;
use crate::model::tokens::input;
use crate::pairs::Pair;
use crate::recipe::Prefix;
use anyhow::Result;
use std::collections::HashMap;

pub use crate::model::tokens::Ids;

/// A document with what it is about; `labels` is None when that is not known.
#[derive(Clone, Debug)]
pub struct Document {
    pub ids: Ids,
    pub labels: Option<Vec<u32>>,
}

/// A training pair.
#[derive(Clone, Debug)]
pub struct Item {
    pub query: Ids,
    pub asks: Vec<u32>,
    pub document: Document,
    pub negatives: Vec<Document>,
    /// Wanted cosine, of labelled pairs.
    pub label: f32,
    /// The pair file's `stage`.
    pub kind: String,
}

impl Item {
    /// Whether the document must not be this question's negative.
    pub fn accepts(&self, document: &Document) -> bool {
        let known = document.labels.as_deref();
        self.document.ids == document.ids || known.is_none_or(|labels| intersect(&self.asks, labels))
    }

    /// Whether the document has all that this question asks for: a right answer, where one with a part of it is none and no
    /// negative either.
    pub fn answered_by(&self, document: &Document) -> bool {
        let all = |labels: &Vec<u32>| self.asks.iter().all(|asked| labels.binary_search(asked).is_ok());
        !self.asks.is_empty() && document.labels.as_ref().is_some_and(all)
    }
}

/// Whether two sorted lists share an element.
fn intersect(mut a: &[u32], mut b: &[u32]) -> bool {
    while let ([x, rest_a @ ..], [y, rest_b @ ..]) = (a, b) {
        match x.cmp(y) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => a = rest_a,
            std::cmp::Ordering::Greater => b = rest_b,
        }
    }
    false
}

/// Numbers for labels, the same over all stages of a run.
#[derive(Default)]
pub struct Labels(HashMap<String, u32>);

impl Labels {
    fn numbers(&mut self, labels: &[String]) -> Vec<u32> {
        let mut numbers: Vec<u32> = labels
            .iter()
            .map(|l| {
                let next = self.0.len() as u32;
                *self.0.entry(l.clone()).or_insert(next)
            })
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// Items of the pairs, in order. A negative that is some pair's document takes over what that is about.
pub fn items(pairs: &[Pair], tokens: &mut Tokens, labels: &mut Labels, prefix: &Prefix) -> Result<Vec<Item>> {
    let mut about: HashMap<&str, Vec<u32>> = HashMap::new();
    for pair in pairs {
        let numbers = labels.numbers(pair.labels());
        let known = about.entry(&pair.document).or_default();
        known.extend(numbers);
        known.sort_unstable();
        known.dedup();
    }
    let inputs = pairs.iter().flat_map(|pair| {
        let documents = pair.negatives.iter().chain([&pair.document]).map(|text| input(&prefix.document, text));
        documents.chain([input(&prefix.query, &pair.query)])
    });
    tokens.prepare(inputs.collect())?;
    let document = |tokens: &mut Tokens, text: &str| -> Result<Document> {
        Ok(Document { ids: tokens.encode(&prefix.document, text)?, labels: about.get(text).cloned() })
    };
    pairs
        .iter()
        .map(|pair| {
            Ok(Item {
                query: tokens.encode(&prefix.query, &pair.query)?,
                asks: labels.numbers(pair.asks()),
                document: document(tokens, &pair.document)?,
                negatives: pair.negatives.iter().map(|n| document(tokens, n)).collect::<Result<_>>()?,
                label: pair.label.unwrap_or(1.0),
                kind: pair.stage.clone(),
            })
        })
        .collect()
}

/// The mask of a batch: its documents, then `negatives` hard ones of each item (None = a gap).
/// A hard negative is one to its own question at least; to others only when it is known not to answer them.
pub fn mask(batch: &[&Item], negatives: &[Option<&Document>]) -> Mask {
    let n = batch.len();
    let per_item = negatives.len() / n.max(1);
    Mask::new(n, n + negatives.len(), |i, j| {
        if j < n {
            return batch[i].query == batch[j].query || batch[i].accepts(&batch[j].document);
        }
        let owner = (j - n) / per_item;
        match negatives[j - n] {
            None => true,
            Some(d) if owner == i => d.labels.is_some() && batch[i].accepts(d),
            Some(d) => batch[i].accepts(d),
        }
    })
}

/// Which other documents of a batch answer which question, `batch` x `batch`.
pub fn right(batch: &[&Item]) -> Vec<bool> {
    let n = batch.len();
    (0..n * n).map(|k| k / n != k % n && batch[k / n].answered_by(&batch[k % n].document)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(id: u32, labels: Option<&[u32]>) -> Document {
        Document { ids: vec![id].into(), labels: labels.map(<[u32]>::to_vec) }
    }

    fn item(query: u32, asks: &[u32], d: u32, labels: &[u32]) -> Item {
        Item {
            query: vec![query].into(),
            asks: asks.to_vec(),
            document: document(d, Some(labels)),
            negatives: vec![],
            label: 1.0,
            kind: String::new(),
        }
    }

    #[test]
    fn sorted_lists_meet() {
        assert!(intersect(&[1, 4, 9], &[2, 4]));
        assert!(!intersect(&[1, 4], &[2, 3, 5]));
        assert!(!intersect(&[], &[1]));
    }

    #[test]
    fn mask_by_hand() {
        // 0 and 1 ask for the same; 2 asks for a brand (7) that only its own document is about, whose type is 1 too.
        let items = [item(10, &[1], 20, &[1]), item(11, &[1, 2], 21, &[1]), item(12, &[7], 22, &[1, 7])];
        let batch: Vec<&Item> = items.iter().collect();
        // Negatives: one known to be of type 1, one of unknown kind, one missing.
        let (a, b) = (document(30, Some(&[1])), document(31, None));
        let m = mask(&batch, &[Some(&a), Some(&b), None]);
        assert_eq!((m.rows, m.columns), (3, 6));
        #[rustfmt::skip]
        let wanted = [
            false, true, true, true, true, true,
            true, false, true, true, false, true,
            false, false, false, false, true, true,
        ];
        assert_eq!(m.masked, wanted);
        // Question 1 asks for two things, of which no other document has both.
        let answered = [false, true, true, false, false, false, false, false, false];
        assert_eq!(right(&batch), answered);
    }
}
