//! Batches of one kind of pairs each: its own negatives are the hard ones, a DUR kind among DUR kinds, a type among types.

use crate::rng::Rng;
use anyhow::{Result, ensure};
use std::collections::BTreeMap;

/// Which pairs each step of a stage takes; the same for the same seed, whatever step a run resumes at.
pub struct Shares {
    /// Indices of each kind's pairs.
    pools: Vec<Vec<usize>>,
    /// Each step's kind, and how many steps of that kind came before.
    schedule: Vec<(usize, usize)>,
    batch: usize,
    seed: u64,
    name: String,
}

impl Shares {
    pub fn new(
        stage: &str,
        shares: &BTreeMap<String, f64>,
        kinds: &[String],
        batch: usize,
        steps: usize,
        seed: u64,
    ) -> Result<Self> {
        let pool = |kind: &String| (0..kinds.len()).filter(|&i| kinds[i] == *kind).collect::<Vec<_>>();
        let pools: Vec<Vec<usize>> = shares.keys().map(pool).collect();
        for (kind, pool) in shares.keys().zip(&pools) {
            ensure!(
                pool.len() >= 2,
                "stage \"{stage}\": shares name \"{kind}\", of which there are {} pairs",
                pool.len()
            );
        }
        let total: f64 = shares.values().sum();
        let weights: Vec<f64> = shares.values().map(|share| share / total).collect();
        let (mut due, mut taken) = (vec![0.0; weights.len()], vec![0; weights.len()]);
        let schedule = (0..steps).map(|_| {
            due.iter_mut().zip(&weights).for_each(|(due, weight)| *due += weight);
            let kind = (0..due.len()).max_by(|&a, &b| due[a].total_cmp(&due[b])).unwrap_or(0);
            due[kind] -= 1.0;
            taken[kind] += 1;
            (kind, taken[kind] - 1)
        });
        Ok(Self { schedule: schedule.collect(), pools, batch, seed, name: stage.to_owned() })
    }

    /// Indices of the pairs of `step`.
    pub fn batch(&self, step: usize) -> Vec<usize> {
        let (kind, nth) = self.schedule[step];
        let batch = self.batch.min(self.pools[kind].len());
        let per_pass = self.pools[kind].len() / batch;
        let mut order = self.pools[kind].clone();
        Rng::new(self.seed, &format!("order {} {kind} {}", self.name, nth / per_pass)).shuffle(&mut order);
        let from = nth % per_pass * batch;
        order[from..from + batch].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_in_their_shares_and_every_pair_once_a_pass() {
        let kinds: Vec<String> = (0..40).map(|i| if i < 30 { "product" } else { "dur" }.to_owned()).collect();
        let shares = BTreeMap::from([("product".to_owned(), 3.0), ("dur".to_owned(), 1.0)]);
        let s = Shares::new("all", &shares, &kinds, 5, 8, 7).unwrap();
        let batches: Vec<Vec<usize>> = (0..8).map(|step| s.batch(step)).collect();
        assert!(batches.iter().all(|b| b.iter().all(|&i| kinds[i] == kinds[b[0]])));
        let mut seen: Vec<usize> = batches.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..40).collect::<Vec<_>>());
        assert_eq!(batches[3], Shares::new("all", &shares, &kinds, 5, 8, 7).unwrap().batch(3));
    }

    #[test]
    fn a_kind_without_pairs_is_refused() {
        let shares = BTreeMap::from([("dur".to_owned(), 1.0)]);
        assert!(Shares::new("all", &shares, &["type".to_owned()], 5, 8, 7).is_err());
    }
}
