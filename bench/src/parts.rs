//! The parts of the benchmark, apart from search: each measures by itself, and the report is made of all of them.

use std::collections::BTreeMap;
use std::ops::Index;
use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;

use crate::results::Results;
use crate::world::{Setup, World};
use crate::{agreement, cold, latency, memory, overhead, products, profile, throughput};

/// In the order in which scripts/bench.sh measures them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Part {
    /// One text at a time, by length
    Latency,
    /// Product names in 1, 2 and 4 sessions
    Names,
    /// Texts of 256 tokens in 1, 2 and 4 sessions
    Long,
    /// First vector of a new session
    Cold,
    /// 1, 16 and 100 sessions
    Memory,
    /// Cosine to fp32
    Agreement,
    /// SQL over bare ONNX Runtime
    Overhead,
    /// Time of the graph by operator
    Profile,
    /// 30,000 products embedded and written
    Products,
}

impl Part {
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    pub fn measure(self, setup: &Setup) -> Result<()> {
        println!("-- {}", self.name());
        let alone = || World::start(setup, &[]);
        let with_rivals = || Ok::<_, anyhow::Error>(World::start(setup, &[])?.with_plpython());
        let results = match self {
            Part::Latency => latency::measure(&with_rivals()?),
            Part::Names => throughput::names(&with_rivals()?),
            Part::Long => throughput::long(&with_rivals()?),
            Part::Cold => cold::measure(&with_rivals()?),
            Part::Memory => memory::measure(&with_rivals()?),
            Part::Agreement => agreement::measure(&with_rivals()?),
            Part::Overhead => overhead::measure(&alone()?),
            Part::Profile => profile::measure(&alone()?),
            Part::Products => products::measure(&World::start(setup, &["max_wal_size=8GB"])?),
        };
        results?.write(&setup.results(), &self.name())
    }
}

/// What the parts measured; of one that was not, nothing.
pub struct Parts(BTreeMap<Part, Results>);

impl Parts {
    /// What is in the folder, and the names of the parts that are not.
    pub fn read(folder: &Path) -> Result<(Parts, Vec<String>)> {
        let (mut parts, mut missing) = (BTreeMap::new(), Vec::new());
        for part in Part::value_variants() {
            let results = Results::read(folder, &part.name())?;
            if results.is_none() {
                missing.push(part.name());
            }
            parts.insert(*part, results.unwrap_or_default());
        }
        Ok((Parts(parts), missing))
    }
}

impl Index<Part> for Parts {
    type Output = Results;

    fn index(&self, part: Part) -> &Results {
        &self.0[&part]
    }
}
