//! BM25 on character bigrams (Robertson and Zaragoza, 2009; k1 = 1.2, b = 0.75): the lexical rival.

use std::collections::HashMap;

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// An index of documents.
pub struct Bm25 {
    /// Documents and counts of each bigram.
    postings: HashMap<[char; 2], Vec<(usize, f64)>>,
    lengths: Vec<f64>,
    mean_length: f64,
}

impl Bm25 {
    pub fn new<'a>(documents: impl IntoIterator<Item = &'a str>) -> Self {
        let mut postings: HashMap<_, Vec<(usize, f64)>> = HashMap::new();
        let mut lengths: Vec<f64> = Vec::new();
        for (d, document) in documents.into_iter().enumerate() {
            let counts = bigrams(document);
            lengths.push(counts.values().sum());
            for (bigram, count) in counts {
                postings.entry(bigram).or_default().push((d, count));
            }
        }
        let mean_length = (lengths.iter().sum::<f64>() / lengths.len().max(1) as f64).max(1.0);
        Self { postings, lengths, mean_length }
    }

    /// A score for every document.
    pub fn scores(&self, query: &str) -> Vec<f32> {
        let mut scores = vec![0.0f64; self.lengths.len()];
        let n = self.lengths.len() as f64;
        for (bigram, times) in bigrams(query) {
            let Some(postings) = self.postings.get(&bigram) else { continue };
            let df = postings.len() as f64;
            let idf = ((n - df + 0.5) / (df + 0.5) + 1.0).ln();
            for &(d, count) in postings {
                let norm = K1 * (1.0 - B + B * self.lengths[d] / self.mean_length);
                scores[d] += times * idf * count * (K1 + 1.0) / (count + norm);
            }
        }
        scores.into_iter().map(|s| s as f32).collect()
    }
}

/// Counts of neighbouring characters, lower case, white space left out.
fn bigrams(text: &str) -> HashMap<[char; 2], f64> {
    let chars: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let mut counts = HashMap::new();
    chars.windows(2).for_each(|w| *counts.entry([w[0], w[1]]).or_default() += 1.0);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_by_hand() {
        // Bigrams: 해열 열제 | 진통 통제 | 해열 열진 진통. Query 해열: in 2 of 3; mean length 7/3.
        let index = Bm25::new(["해열제", "진통제", "해열진통"]);
        let scores = index.scores("해 열");
        let idf = ((3.0f64 - 2.0 + 0.5) / 2.5 + 1.0).ln();
        let of = |length: f64| idf * 2.2 / (1.0 + 1.2 * (0.25 + 0.75 * length / (7.0 / 3.0)));
        assert!((f64::from(scores[0]) - of(2.0)).abs() < 1e-6);
        assert_eq!(scores[1], 0.0);
        assert!((f64::from(scores[2]) - of(3.0)).abs() < 1e-6);
    }
}
