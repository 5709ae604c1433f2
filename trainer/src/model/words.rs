//! Rows of the word embeddings.

use crate::backend::Backend;
use burn_tensor::{Int, Tensor, TensorData};
use std::collections::HashMap;

/// How many tokens share a row of [`Slots`].
const WIDTH: usize = 32;
/// Rows of [`Slots`] are filled up to a multiple of this, so that few shapes occur.
const STEP: usize = 1024;

/// The rows of `table` (`[vocabulary, hidden]`) that `ids` name: `[ids.len(), hidden]`.
pub fn words<B: Backend>(table: &Tensor<B, 2>, ids: &[i32]) -> Tensor<B, 2> {
    let device = table.device();
    if ["flex", "libtorch"].iter().any(|name| B::name(&device).contains(name)) {
        return table.clone().select(0, indices::<B>(ids.to_vec(), &device));
    }
    in_slots(table, &Slots::new(ids))
}

/// burn's CUDA backend adds the gradients of a plain `select` one token after the other. Here tokens of one word stand side by side, their
/// gradients are summed at once, and only the rows of different words remain to be added in turn.
fn in_slots<B: Backend>(table: &Tensor<B, 2>, slots: &Slots) -> Tensor<B, 2> {
    let (device, hidden) = (table.device(), table.dims()[1]);
    let rows = slots.words.len();
    let wide = table.clone().select(0, indices::<B>(slots.words.clone(), &device)).reshape([rows, 1, hidden]);
    let places = TensorData::new(slots.places.concat(), [slots.places.len(), 2]);
    wide.expand([rows, WIDTH, hidden]).gather_nd(Tensor::<B, 2, Int>::from_data(places, &device))
}

fn indices<B: Backend>(ids: Vec<i32>, device: &B::Device) -> Tensor<B, 1, Int> {
    let count = ids.len();
    Tensor::from_data(TensorData::new(ids, [count]), device)
}

/// Tokens sorted into rows of [`WIDTH`] equal ones.
struct Slots {
    /// The word of each row; rows without tokens hold word 0.
    words: Vec<i32>,
    /// Row and column of each token; no two tokens share both.
    places: Vec<[i32; 2]>,
}

impl Slots {
    fn new(ids: &[i32]) -> Self {
        let (mut words, mut open): (Vec<i32>, HashMap<i32, [i32; 2]>) = Default::default();
        let mut place = |&id: &i32| {
            let next = open.entry(id).or_insert([0, WIDTH as i32]);
            if next[1] == WIDTH as i32 {
                *next = [words.len() as i32, 0];
                words.push(id);
            }
            let place = *next;
            next[1] += 1;
            place
        };
        let places = ids.iter().map(&mut place).collect();
        words.resize(words.len().next_multiple_of(STEP), 0);
        Self { words, places }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encoder::floats;
    use burn_autodiff::Autodiff;
    use burn_flex::Flex;

    #[test]
    fn rows_and_gradients_are_those_of_select() {
        type B = Autodiff<Flex>;
        let (vocabulary, hidden) = (50, 3);
        // Word 7 fills more than two rows of slots.
        let ids: Vec<i32> = (0..200).map(|i| if i % 3 == 0 { 7 } else { i * i % vocabulary }).collect();
        let values: Vec<f32> = (0..vocabulary * 3).map(|i| i as f32 * 0.1 - 4.0).collect();
        let device = Default::default();
        let table = Tensor::<B, 2>::from_data(TensorData::new(values, [vocabulary as usize, hidden]), &device);
        let weights: Vec<f32> = (0..ids.len() * hidden).map(|i| (i % 17) as f32 - 8.0).collect();
        let weights = Tensor::<B, 2>::from_data(TensorData::new(weights, [ids.len(), hidden]), &device);
        let run = |rows: fn(&Tensor<B, 2>, &[i32]) -> Tensor<B, 2>| {
            let table = table.clone().require_grad();
            let rows = rows(&table, &ids);
            let gradients = (rows.clone() * weights.clone()).sum().backward();
            (floats(&rows), floats(&table.grad(&gradients).unwrap()))
        };
        assert_eq!(run(words), run(|table, ids| in_slots(table, &Slots::new(ids))));
    }

    #[test]
    fn no_two_tokens_share_a_slot() {
        let ids: Vec<i32> = (0..5000).map(|i| i * 37 % 100).collect();
        let slots = Slots::new(&ids);
        let distinct: std::collections::HashSet<_> = slots.places.iter().collect();
        assert_eq!((distinct.len(), slots.words.len() % STEP), (ids.len(), 0));
        assert!(ids.iter().zip(&slots.places).all(|(id, place)| slots.words[place[0] as usize] == *id));
    }
}
