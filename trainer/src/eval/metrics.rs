//! Ranking metrics of one query. `ranking` lists document indices, best first.

use crate::dev::Relevance;
use serde::{Deserialize, Serialize};

/// Cut-off of nDCG, MRR and recall.
pub const K: usize = 10;

/// Means over the queries of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    pub queries: usize,
    /// nDCG@10, relevant or not (Järvelin and Kekäläinen, 2002).
    pub ndcg: f64,
    /// nDCG@10 with gain 2^grade - 1 (Burges et al., 2005).
    pub graded_ndcg: f64,
    /// Reciprocal rank of the first relevant document among the first 10, else 0.
    pub mrr: f64,
    /// Share of queries whose first document is relevant, and that have one among the first 3.
    pub top1: f64,
    pub top3: f64,
    /// Relevant documents among the first 10, of at most 10 there could be.
    pub recall: f64,
    /// Mean cosine of relevant and of other documents.
    pub related: f64,
    pub unrelated: f64,
}

/// Documents by falling score; ties go to the earlier document.
pub fn ranking(scores: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    order
}

/// Binary nDCG at `k`.
pub fn ndcg(ranking: &[usize], relevant: &[bool], k: usize) -> f64 {
    let total = relevant.iter().filter(|&&r| r).count();
    let ideal: f64 = (0..total.min(k)).map(discount).sum();
    let gained: f64 = ranking.iter().take(k).enumerate().filter(|&(_, &d)| relevant[d]).map(|(i, _)| discount(i)).sum();
    if ideal > 0.0 { gained / ideal } else { 0.0 }
}

/// Graded nDCG at `k`, gain 2^grade - 1.
pub fn graded_ndcg(ranking: &[usize], grades: &[u8], k: usize) -> f64 {
    let gain = |grade: u8| f64::from(grade).exp2() - 1.0;
    let mut best = grades.to_vec();
    best.sort_unstable_by(|a, b| b.cmp(a));
    let ideal: f64 = best.iter().take(k).enumerate().map(|(i, &g)| gain(g) * discount(i)).sum();
    let gained: f64 = ranking.iter().take(k).enumerate().map(|(i, &d)| gain(grades[d]) * discount(i)).sum();
    if ideal > 0.0 { gained / ideal } else { 0.0 }
}

/// Reciprocal of the rank of the first relevant document among the first `k`.
pub fn reciprocal_rank(ranking: &[usize], relevant: &[bool], k: usize) -> f64 {
    ranking.iter().take(k).position(|&d| relevant[d]).map_or(0.0, |i| 1.0 / (i + 1) as f64)
}

/// Whether a relevant document is among the first `k`.
pub fn hit(ranking: &[usize], relevant: &[bool], k: usize) -> bool {
    ranking.iter().take(k).any(|&d| relevant[d])
}

/// Relevant documents among the first `k`, of as many as could be there.
pub fn recall(ranking: &[usize], relevant: &[bool], k: usize) -> f64 {
    let total = relevant.iter().filter(|&&r| r).count().min(k);
    let found = ranking.iter().take(k).filter(|&&d| relevant[d]).count();
    if total > 0 { found as f64 / total as f64 } else { 0.0 }
}

fn discount(rank: usize) -> f64 {
    1.0 / ((rank + 2) as f64).log2()
}

/// Metrics of a task: `scores(i)` are query `i`'s scores of every document. Queries without a relevant document don't count.
pub fn of_task(relevance: &[Relevance], mut scores: impl FnMut(usize) -> Vec<f32>) -> Metrics {
    let mut sum = Metrics::default();
    for (i, wanted) in relevance.iter().enumerate().filter(|(_, w)| w.relevant.contains(&true)) {
        let scores = scores(i);
        let ranking = ranking(&scores);
        sum.queries += 1;
        sum.ndcg += ndcg(&ranking, &wanted.relevant, K);
        sum.graded_ndcg += graded_ndcg(&ranking, &wanted.grades, K);
        sum.mrr += reciprocal_rank(&ranking, &wanted.relevant, K);
        sum.top1 += f64::from(u8::from(hit(&ranking, &wanted.relevant, 1)));
        sum.top3 += f64::from(u8::from(hit(&ranking, &wanted.relevant, 3)));
        sum.recall += recall(&ranking, &wanted.relevant, K);
        sum.related += mean(scores.iter().zip(&wanted.relevant).filter(|&(_, &r)| r).map(|(s, _)| *s));
        sum.unrelated += mean(scores.iter().zip(&wanted.relevant).filter(|&(_, &r)| !r).map(|(s, _)| *s));
    }
    let n = sum.queries.max(1) as f64;
    for value in [
        &mut sum.ndcg,
        &mut sum.graded_ndcg,
        &mut sum.mrr,
        &mut sum.top1,
        &mut sum.top3,
        &mut sum.recall,
        &mut sum.related,
        &mut sum.unrelated,
    ] {
        *value /= n;
    }
    sum
}

fn mean(values: impl Iterator<Item = f32>) -> f64 {
    let (sum, n) = values.fold((0.0, 0usize), |(s, n), v| (s + f64::from(v), n + 1));
    if n > 0 { sum / n as f64 } else { 0.0 }
}

/// Spearman's rank correlation, ties at their mean rank.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    pearson(&ranks(a), &ranks(b))
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for tied in order.chunk_by(|&i, &j| values[i] == values[j]) {
        tied.iter().for_each(|&i| ranks[i] = first as f64 + (tied.len() - 1) as f64 / 2.0);
        first += tied.len();
    }
    ranks
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let covariance: f64 = a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum();
    let spread = |v: &[f64], m: f64| v.iter().map(|x| (x - m).powi(2)).sum::<f64>().sqrt();
    let spreads = spread(a, ma) * spread(b, mb);
    if spreads > 0.0 { covariance / spreads } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANKING: [usize; 4] = [2, 0, 3, 1];

    #[test]
    fn binary_metrics_by_hand() {
        // Relevant: documents 0 and 1, at ranks 2 and 4.
        let relevant = [true, true, false, false];
        let discounts = [1.0, 1.0 / 3f64.log2(), 0.5, 1.0 / 5f64.log2()];
        let wanted = (discounts[1] + discounts[3]) / (discounts[0] + discounts[1]);
        assert!((ndcg(&RANKING, &relevant, 10) - wanted).abs() < 1e-12);
        assert!((ndcg(&RANKING, &relevant, 2) - discounts[1] / (discounts[0] + discounts[1])).abs() < 1e-12);
        assert_eq!(reciprocal_rank(&RANKING, &relevant, 10), 0.5);
        assert_eq!(reciprocal_rank(&RANKING, &relevant, 1), 0.0);
        assert_eq!((hit(&RANKING, &relevant, 1), hit(&RANKING, &relevant, 2)), (false, true));
        assert_eq!((recall(&RANKING, &relevant, 3), recall(&RANKING, &relevant, 1)), (0.5, 0.0));
        assert_eq!(recall(&[0, 2, 1], &relevant[..3], 1), 1.0, "only one fits");
    }

    #[test]
    fn graded_gain_by_hand() {
        // Grades 3, 0, 1, 2 of documents 0..4, ranked 2, 0, 3, 1: gains 1, 7, 3, 0; ideal 7, 3, 1, 0.
        let d = [1.0, 1.0 / 3f64.log2(), 0.5];
        let wanted = (1.0 * d[0] + 7.0 * d[1] + 3.0 * d[2]) / (7.0 * d[0] + 3.0 * d[1] + 1.0 * d[2]);
        assert!((graded_ndcg(&RANKING, &[3, 0, 1, 2], 10) - wanted).abs() < 1e-12);
    }

    #[test]
    fn ties_keep_the_documents_order() {
        assert_eq!(ranking(&[0.5, 0.9, 0.5]), [1, 0, 2]);
    }

    #[test]
    fn task_means_leave_out_queries_without_an_answer() {
        let wanted = [
            Relevance { relevant: vec![true, false], grades: vec![1, 0] },
            Relevance { relevant: vec![false, false], grades: vec![0, 0] },
            Relevance { relevant: vec![false, true], grades: vec![0, 1] },
        ];
        let m = of_task(&wanted, |_| vec![0.9, 0.1]);
        assert_eq!((m.queries, m.top1, m.mrr), (2, 0.5, 0.75));
        assert!((m.related - 0.5).abs() < 1e-6 && (m.unrelated - 0.5).abs() < 1e-6);
    }

    #[test]
    fn spearman_by_hand() {
        // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: 4.5 / sqrt(4.5 * 5).
        let r = spearman(&[1.0, 2.0, 2.0, 9.0], &[0.1, 0.2, 0.3, 0.4]);
        assert!((r - 4.5 / (4.5f64 * 5.0).sqrt()).abs() < 1e-12);
        assert!((spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[3.0, 2.0, 1.0]), 0.0, "a model to which all is alike says nothing");
    }
}
