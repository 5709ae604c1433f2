//! Which inputs go through the model together.

use crate::tokens::Ids;

/// Most tokens in one batch: what its layers compute still fits a 2 MB cache, which 512 do not (8 to 15 % slower a name), and a
/// cancelled statement goes on for some 40 ms at most.
const MAX_BATCH_TOKENS: usize = 320;

/// Splits inputs into batches, each of one length and at most [`MAX_BATCH_TOKENS`] tokens; gives indices into `inputs`.
///
/// Shortest first, so that the first batches of a long call come back soon. A single longer input is a batch of its own.
pub fn plan(inputs: &[Ids]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    order.sort_by_key(|&i| inputs[i].len());
    order
        .chunk_by(|&a, &b| inputs[a].len() == inputs[b].len())
        .flat_map(|same| same.chunks((MAX_BATCH_TOKENS / inputs[same[0]].len().max(1)).max(1)).map(<[usize]>::to_vec))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(lengths: &[usize]) -> Vec<Ids> {
        lengths.iter().map(|&n| vec![7; n]).collect()
    }

    #[test]
    fn every_input_once_and_one_length_a_batch() {
        let inputs = inputs(&[5, 300, 5, 600, 17, 5, 300, 2]);
        let batches = plan(&inputs);
        let mut seen: Vec<usize> = batches.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..inputs.len()).collect::<Vec<_>>());
        for batch in &batches {
            let tokens: usize = batch.iter().map(|&i| inputs[i].len()).sum();
            assert!(batch.len() == 1 || tokens <= MAX_BATCH_TOKENS);
            assert!(batch.iter().all(|&i| inputs[i].len() == inputs[batch[0]].len()));
        }
        assert_eq!(batches.first(), Some(&vec![7]));
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert!(plan(&[]).is_empty());
    }
}
