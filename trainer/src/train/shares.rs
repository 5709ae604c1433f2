//! Batches of one kind of pairs each: its own negatives are the hard ones, a DUR kind among DUR kinds, a type among types.

use crate::rng::Rng;
use anyhow::{Result, ensure};
use std::collections::BTreeMap;

/// Which pairs each step of a stage takes; the same for the same seed, whatever step a run resumes at.
pub struct Shares {
    pools: Vec<Pool>,
    /// Each step's kind, and how many steps of that kind came before.
    schedule: Vec<(usize, usize)>,
    batch: usize,
    seed: u64,
    name: String,
}

/// The pairs of one kind.
struct Pool {
    pairs: Vec<usize>,
    /// A pass over them all, by number, and its order.
    pass: Option<(usize, Vec<usize>)>,
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
        let pool =
            |kind: &String| Pool { pairs: (0..kinds.len()).filter(|&i| kinds[i] == *kind).collect(), pass: None };
        let pools: Vec<Pool> = shares.keys().map(pool).collect();
        for (kind, pool) in shares.keys().zip(&pools) {
            let pairs = pool.pairs.len();
            ensure!(pairs >= 2, "stage \"{stage}\": shares name \"{kind}\", of which there are {pairs} pairs");
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
    pub fn batch(&mut self, step: usize) -> Vec<usize> {
        let (kind, nth) = self.schedule[step];
        let pool = &mut self.pools[kind];
        let batch = self.batch.min(pool.pairs.len());
        let per_pass = pool.pairs.len() / batch;
        let number = nth / per_pass;
        if pool.pass.as_ref().is_none_or(|(known, _)| *known != number) {
            let mut order = pool.pairs.clone();
            Rng::new(self.seed, &format!("order {} {kind} {number}", self.name)).shuffle(&mut order);
            pool.pass = Some((number, order));
        }
        let order = pool.pass.as_ref().map_or(&[][..], |(_, order)| order);
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
        let new = || Shares::new("all", &shares, &kinds, 5, 16, 7).unwrap();
        let mut s = new();
        let all: Vec<Vec<usize>> = (0..16).map(|step| s.batch(step)).collect();
        let batches = &all[..8];
        assert!(batches.iter().all(|b| b.iter().all(|&i| kinds[i] == kinds[b[0]])));
        let mut seen: Vec<usize> = batches.concat();
        seen.sort_unstable();
        assert_eq!(seen, (0..40).collect::<Vec<_>>());
        assert_ne!(all[..8], all[8..], "each pass has an order of its own");
        for step in (0..16).rev() {
            assert_eq!(new().batch(step), all[step], "a run may resume anywhere");
            assert_eq!(s.batch(step), all[step]);
        }
    }

    #[test]
    fn a_kind_without_pairs_is_refused() {
        let shares = BTreeMap::from([("dur".to_owned(), 1.0)]);
        assert!(Shares::new("all", &shares, &["type".to_owned()], 5, 8, 7).is_err());
    }
}
