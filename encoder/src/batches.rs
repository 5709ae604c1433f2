//! Which texts go through the model together.

use crate::tokens::Ids;

/// Most tokens in one batch: what its layers compute still fits a 2 MB cache, which 512 do not (8 to 15 % slower a name), and a
/// cancelled statement goes on for some 40 ms at most.
const MAX_BATCH_TOKENS: usize = 320;

/// A text of a call, by what decides which go through the model together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Tokens of its one input, or [`Entry::WINDOWS`].
    pub tokens: u32,
    /// The first text that equals it.
    pub first: u32,
    /// Its own place.
    pub at: u32,
}

impl Entry {
    /// Stands for the tokens of a text that has several inputs.
    pub const WINDOWS: u32 = u32::MAX;
}

/// Splits sorted entries into batches of inputs of one length, of at most [`MAX_BATCH_TOKENS`] tokens if there are several; a text
/// of several inputs stands alone.
///
/// Shortest first, so that the first batches of a long call come back soon.
pub fn of(entries: &[Entry]) -> impl Iterator<Item = &[Entry]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let head = rest.first()?;
        let most = (MAX_BATCH_TOKENS / (head.tokens as usize).max(1)).max(1);
        let texts = rest.chunk_by(|a, b| (a.tokens, a.first) == (b.tokens, b.first));
        let end = texts.take_while(|equal| equal[0].tokens == head.tokens).take(most).map(<[Entry]>::len).sum();
        let (batch, after) = rest.split_at(end);
        rest = after;
        Some(batch)
    })
}

/// Splits inputs likewise; gives indices into `inputs`.
pub fn plan(inputs: &[Ids]) -> Vec<Vec<usize>> {
    let entry = |(i, ids): (usize, &Ids)| Entry { tokens: ids.len() as u32, first: i as u32, at: i as u32 };
    let mut entries: Vec<Entry> = inputs.iter().enumerate().map(entry).collect();
    entries.sort_unstable();
    of(&entries).map(|batch| batch.iter().map(|entry| entry.at as usize).collect()).collect()
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
    fn equal_texts_stay_together_and_take_one_place() {
        let entry = |tokens, first, at| Entry { tokens, first, at };
        let mut entries: Vec<Entry> = (0..64).map(|i| entry(10, i % 32, i)).collect();
        entries.extend([entry(Entry::WINDOWS, 64, 64), entry(Entry::WINDOWS, 65, 65), entry(Entry::WINDOWS, 64, 66)]);
        entries.sort_unstable();
        let batches: Vec<&[Entry]> = of(&entries).collect();
        assert_eq!(batches.iter().map(|batch| batch.len()).collect::<Vec<_>>(), [64, 2, 1]);
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert!(plan(&[]).is_empty());
    }
}
