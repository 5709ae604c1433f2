//! Measures of the first ten hits.

use std::collections::HashSet;

/// Hits that are measured.
pub const K: usize = 10;

/// nDCG@10 of binary relevance (Järvelin and Kekäläinen, TOIS 2002): 1 if the first ten are as good as they can be.
pub fn ndcg(hits: &[usize], relevant: &HashSet<usize>) -> f64 {
    let gain = |rank: usize| 1.0 / ((rank + 2) as f64).log2();
    let found: f64 =
        hits.iter().take(K).enumerate().filter(|(_, hit)| relevant.contains(hit)).map(|(rank, _)| gain(rank)).sum();
    let best: f64 = (0..relevant.len().min(K)).map(gain).sum();
    if found > 0.0 { found / best } else { 0.0 }
}

/// Hits among the first ten that mean the reverse.
pub fn reversed(hits: &[usize], reverse: &HashSet<usize>) -> usize {
    hits.iter().take(K).filter(|hit| reverse.contains(hit)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_list_has_one_and_a_late_hit_less() {
        let relevant = HashSet::from([1, 2]);
        assert_eq!(ndcg(&[1, 2, 9], &relevant), 1.0);
        assert!((ndcg(&[9, 1], &relevant) - 0.630_93 / 1.630_93).abs() < 1e-4);
        assert_eq!(ndcg(&[], &relevant), 0.0);
        assert_eq!(reversed(&[9, 1, 8], &HashSet::from([8, 9])), 2);
    }
}
