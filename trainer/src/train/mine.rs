//! Hard negatives: the documents nearest to a question, by the weights a stage starts from, that do not answer it.

use super::items::{Document, Ids, Item};
use crate::backend::Backend;
use crate::model::Encoder;
use crate::model::embed::{Shapes, embed};
use crate::recipe::Mine;
use burn_tensor::{Tensor, TensorData};
use std::collections::HashMap;

/// Questions scored at once.
const ROWS: usize = 256;

/// For each item its hard negatives, nearest first.
///
/// False-negative guard: a document that the question accepts by its labels, or whose cosine exceeds `guard` times that of
/// the positive, is taken for a right answer and left out.
pub fn mine<B: Backend>(
    encoder: &Encoder<B>,
    items: &[Item],
    settings: &Mine,
    shapes: Shapes,
    pad: u32,
) -> Vec<Vec<Document>> {
    let (documents, of_item) = distinct(items.iter().map(|i| &i.document.ids));
    let (questions, question_of) = distinct(items.iter().map(|i| &i.query));
    let labels = merged_labels(items, &of_item, documents.len());
    let vectors = embed(encoder, &documents, shapes, pad);
    let questions_vectors = embed(encoder, &questions, shapes, pad);
    let hidden = vectors.len() / documents.len().max(1);

    let device = encoder.parameters()[0].device();
    let all: Tensor<B, 2> = Tensor::from_data(TensorData::new(vectors.clone(), [documents.len(), hidden]), &device);
    let all = all.transpose();
    // Room for the documents that the guard takes out.
    let wanted = settings.candidates * 8;
    let mut nearest: Vec<Vec<(usize, f32)>> = Vec::with_capacity(questions.len());
    for part in questions_vectors.chunks(ROWS * hidden) {
        let rows = part.len() / hidden;
        let part: Tensor<B, 2> = Tensor::from_data(TensorData::new(part.to_vec(), [rows, hidden]), &device);
        let scores = crate::model::encoder::floats(&part.matmul(all.clone()));
        nearest.extend(scores.chunks_exact(documents.len()).map(|row| top(row, wanted)));
    }
    let dot = |q: usize, d: usize| -> f32 {
        let (a, b) = (&questions_vectors[q * hidden..][..hidden], &vectors[d * hidden..][..hidden]);
        a.iter().zip(b).map(|(x, y)| x * y).sum()
    };
    items
        .iter()
        .enumerate()
        .map(|(i, item)| {
            let limit = dot(question_of[i], of_item[i]) * settings.guard as f32;
            let candidate = |&(d, score): &(usize, f32)| {
                let document = Document { ids: documents[d].clone(), labels: Some(labels[d].clone()) };
                (score < limit && !item.accepts(&document)).then_some(document)
            };
            nearest[question_of[i]].iter().filter_map(candidate).take(settings.candidates).collect()
        })
        .collect()
}

/// Distinct token rows, and for each row its place among them.
fn distinct<'a>(rows: impl Iterator<Item = &'a Ids>) -> (Vec<Ids>, Vec<usize>) {
    let (mut place, mut list): (HashMap<Ids, usize>, Vec<Ids>) = Default::default();
    let of = rows
        .map(|row| {
            *place.entry(row.clone()).or_insert_with(|| {
                list.push(row.clone());
                list.len() - 1
            })
        })
        .collect();
    (list, of)
}

/// Everything that any pair says of a document.
fn merged_labels(items: &[Item], of_item: &[usize], documents: usize) -> Vec<Vec<u32>> {
    let mut labels: Vec<Vec<u32>> = vec![Vec::new(); documents];
    for (item, &d) in items.iter().zip(of_item) {
        labels[d].extend(item.document.labels.iter().flatten());
    }
    for list in &mut labels {
        list.sort_unstable();
        list.dedup();
    }
    labels
}

/// The `k` highest scores with their places, highest first.
fn top(scores: &[f32], k: usize) -> Vec<(usize, f32)> {
    let mut all: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
    let k = k.min(all.len());
    if k == 0 {
        return Vec::new();
    }
    let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if k < all.len() {
        all.select_nth_unstable_by(k - 1, order);
        all.truncate(k);
    }
    all.sort_unstable_by(order);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::random;
    use burn_flex::Flex;
    use burn_tensor::DType;

    #[test]
    fn top_is_sorted() {
        assert_eq!(top(&[0.1, 0.9, 0.5, 0.7], 3), [(1, 0.9), (3, 0.7), (2, 0.5)]);
        assert_eq!(top(&[0.1], 3), [(0, 0.1)]);
    }

    #[test]
    fn no_right_answer_is_mined() {
        let encoder: Encoder<Flex> = Encoder::new(&random(40, 1, 9), &Default::default(), DType::F32);
        let item = |q: u32, d: u32, label: u32| Item {
            query: vec![0, q, 2].into(),
            asks: vec![label],
            document: Document { ids: vec![0, d, 2].into(), labels: Some(vec![label]) },
            negatives: vec![],
            label: 1.0,
            kind: String::new(),
        };
        let items: Vec<Item> = (0..12).map(|i| item(4 + i, 20 + i, i / 4)).collect();
        let settings = Mine { candidates: 3, guard: 10.0 };
        let shapes = Shapes::Rows(4);
        let mined = mine(&encoder, &items, &settings, shapes, 1);
        for (item, found) in items.iter().zip(&mined) {
            assert_eq!(found.len(), 3);
            assert!(found.iter().all(|d| !item.accepts(d)));
        }
        // With the guard at 0 every document is too near to be trusted.
        let none = mine(&encoder, &items, &Mine { candidates: 3, guard: -10.0 }, shapes, 1);
        assert!(none.iter().all(Vec::is_empty));
    }
}
