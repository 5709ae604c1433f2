//! The encoder: an opened bundle that turns texts into vectors.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lru::LruCache;

use crate::batches::{self, Entry};
use crate::bundle::{Bundle, Golden, MODEL, Manifest, Role};
use crate::call::Call;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::kernel;
use crate::memory;
use crate::prepared;
use crate::runtime;
use crate::session::Session;
use crate::stamp::Prepared;
use crate::tokens::{Ids, Overflow, Tokens};
use crate::vectors::{dot, weighted_mean};
use crate::weights::Weights;

/// Longest text that is worth a place in the cache, in bytes.
const MAX_CACHED_BYTES: usize = 1024;

/// What loading takes at most: ONNX Runtime's own mapping and tables, the tokenizer; and of an unprepared model's file so many
/// times its size.
const LOADING_BYTES: usize = 96 << 20;
const LOADING_TIMES: usize = 4;

/// Golden texts of each role that every opening of a bundle embeds.
const GOLDENS: usize = 3;

#[derive(Debug, Clone)]
pub struct Options {
    /// Absolute path of the ONNX Runtime library.
    pub runtime: PathBuf,
    /// Recent texts whose vectors are kept; 0 keeps none.
    pub cache_entries: usize,
}

/// How an encoder came up: see [`Encoder::open_prepared`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// From the bundle itself.
    Plain,
    /// From the files that [`crate::prepare`] made.
    Prepared,
    /// From the bundle itself, because the prepared files cannot be used, for this reason.
    Fallback(String),
}

/// L2-normalised, `[dim]`.
pub type Vector = Arc<[f32]>;

type Key = (Role, Overflow, Box<str>);

pub struct Encoder {
    manifest: Manifest,
    tokens: Tokens,
    session: Session,
    cache: Option<LruCache<Key, Vector>>,
}

impl Encoder {
    /// Opens a bundle: hashes of its files, then some of its golden vectors, must hold on this machine.
    ///
    /// The shortest goldens of each role are looked at, since every session does so; [`Encoder::check_goldens`] looks at all.
    pub fn open(folder: &Path, options: &Options) -> Result<Encoder> {
        Encoder::open_checked(folder, options, &mut || Ok(()))
    }

    /// As [`Encoder::open`]; an error from `check`, which is called between its steps, ends it.
    pub(crate) fn open_checked(
        folder: &Path,
        options: &Options,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Encoder> {
        check()?;
        let bundle = Bundle::open(folder)?;
        check()?;
        let model = std::fs::metadata(bundle.path(MODEL)).map_or(0, |model| model.len() as usize);
        memory::require(LOADING_BYTES + LOADING_TIMES * model)?;
        let session = interrupt::resumed(check, || Session::open(&bundle, &options.runtime))?;
        check()?;
        let goldens = bundle.goldens()?;
        let tokens = Tokens::open(&bundle)?;
        let mut encoder = Encoder::assemble(&bundle, tokens, session);
        encoder.agree(shortest(&goldens), check)?;
        Ok(encoder.ready(options))
    }

    /// Opens a bundle by what was prepared for it under `root`, or else as [`Encoder::open`] does. An error from `check`, which is
    /// called between the steps, ends it.
    pub fn open_prepared(
        folder: &Path,
        root: &Path,
        options: &Options,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<(Encoder, Start)> {
        let bundle = Bundle::open_unchecked(folder)?;
        let start = match prepared::find(&bundle, root) {
            Ok(None) => Start::Plain,
            Ok(Some(found)) => match Encoder::open_with(&bundle, &found, options, check) {
                Ok(encoder) => return Ok((encoder, Start::Prepared)),
                Err(error) if error.ends_a_call() => return Err(error),
                Err(error) => Start::Fallback(error.to_string()),
            },
            Err(error) if error.ends_a_call() => return Err(error),
            Err(error) => Start::Fallback(error.to_string()),
        };
        Ok((Encoder::open_checked(folder, options, check)?, start))
    }

    pub(crate) fn open_with(
        bundle: &Bundle,
        prepared: &Prepared,
        options: &Options,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Encoder> {
        prepared.check(bundle, &options.runtime)?;
        memory::require(LOADING_BYTES + prepared.bytes() as usize)?;
        check()?;
        runtime::load_known(&options.runtime)?;
        prepared.check_runtime()?;
        let graph = prepared.graph()?;
        let session = interrupt::resumed(check, || {
            let (folder, library) = (&prepared.folder, &options.runtime);
            Session::open_optimised(&graph, folder, prepared.weights()?, bundle.manifest.dim, library)
        })?;
        let mut encoder = Encoder::assemble(bundle, prepared.tokens(bundle)?, session);
        prepared.check_canary(&mut encoder, check)?;
        Ok(encoder.ready(options))
    }

    fn assemble(bundle: &Bundle, tokens: Tokens, session: Session) -> Encoder {
        memory::keep_between_batches();
        Encoder { manifest: bundle.manifest.clone(), tokens, session, cache: None }
    }

    fn ready(mut self, options: &Options) -> Encoder {
        self.set_cache_entries(options.cache_entries);
        memory::give_back();
        self
    }

    /// Whether its weights are what they were; if not, every call is an [`Error::Changed`] from now on.
    pub fn is_sound(&mut self) -> bool {
        self.session.weights().is_none_or(|weights| weights.check().is_ok())
    }

    /// Makes weights that are mapped from a file immune to what happens to that file, in this process and in all that it forks, by
    /// a copy in memory.
    pub fn seal(&mut self) -> io::Result<()> {
        self.session.weights().map_or(Ok(()), Weights::seal)
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Number of tokens of the whole input of `text`: prefix and special tokens included.
    pub fn token_count(&self, role: Role, text: &str) -> Result<usize> {
        self.tokens.count(role, text)
    }

    /// Resizes the cache of recent texts, forgetting the oldest ones if need be.
    pub fn set_cache_entries(&mut self, entries: usize) {
        match (NonZeroUsize::new(entries), &mut self.cache) {
            (None, cache) => *cache = None,
            (Some(entries), Some(cache)) => cache.resize(entries),
            (Some(entries), cache) => *cache = Some(LruCache::new(entries)),
        }
    }

    /// One vector for each text, in their order: see [`Encoder::embed_each`].
    pub fn embed(
        &mut self,
        role: Role,
        texts: &[&str],
        overflow: Overflow,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Vec<Vector>> {
        let mut vectors: Vec<Option<Vector>> = memory::reserved(texts.len())?;
        vectors.resize(texts.len(), None);
        self.embed_each(role, texts, overflow, check, &mut |i, vector| vectors[i] = Some(vector.clone()))?;
        let vectors: Option<Vec<Vector>> = vectors.into_iter().collect();
        vectors.ok_or_else(|| Error::Inference("a text has no vector".into()))
    }

    /// Calls `found(i, vector)` for every text, in the order in which the vectors are ready. Every text is checked before the first
    /// is embedded; equal ones are embedded once.
    ///
    /// `check` is called before every text and every batch; an error from it, or a panic through it, ends the call and leaves the
    /// encoder usable.
    pub fn embed_each(
        &mut self,
        role: Role,
        texts: &[&str],
        overflow: Overflow,
        check: &mut dyn FnMut() -> Result<()>,
        found: &mut dyn FnMut(usize, &Vector),
    ) -> Result<()> {
        let mut check = || memory::restore_reserve().and_then(|()| check());
        let mut call = Call::new(role, overflow, texts)?;
        for (at, text) in texts.iter().enumerate() {
            check()?;
            match self.cached(role, overflow, text) {
                Some(vector) => found(at, &vector),
                None => call.add(at, &self.tokens)?,
            }
        }
        let entries = call.take_entries();
        let mut batches = 0;
        for batch in batches::of(&entries) {
            check()?;
            batches += 1;
            let mut vectors = self.batch(&mut call, batch, &mut check)?.into_iter();
            for equal in batch.chunk_by(|a, b| a.first == b.first) {
                let vector = vectors.next().ok_or_else(|| Error::Inference("a text has no vector".into()))?;
                equal.iter().for_each(|entry| found(entry.at as usize, &vector));
                self.remember(role, overflow, call.text(equal[0].first), &vector);
            }
        }
        kernel::give_back();
        if batches > 1 {
            memory::give_back();
        }
        Ok(())
    }

    /// The vectors of the different texts of a batch, in their order.
    fn batch(
        &mut self,
        call: &mut Call,
        batch: &[Entry],
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Vec<Vector>> {
        let mut inputs: Vec<Ids> = Vec::new();
        for equal in batch.chunk_by(|a, b| a.first == b.first) {
            inputs.extend(call.inputs(equal[0].first, &self.tokens)?);
        }
        if batch[0].tokens == Entry::WINDOWS {
            let windows = self.vectors(&inputs, check)?;
            return Ok(vec![joined(&inputs, &windows)]);
        }
        let inputs: Vec<&Ids> = inputs.iter().collect();
        let vectors = interrupt::resumed(check, || self.session.run(&inputs))?;
        Ok(vectors.rows().into_iter().map(|row| row.iter().copied().collect()).collect())
    }

    /// The model's inputs of a text: one, or several windows where `overflow` cuts it into such.
    pub fn inputs(&self, role: Role, text: &str, overflow: Overflow) -> Result<Vec<Ids>> {
        self.tokens.inputs(role, text, overflow)
    }

    /// One vector for each input, in batches; `check` is called before every batch.
    pub fn vectors(&mut self, inputs: &[Ids], check: &mut dyn FnMut() -> Result<()>) -> Result<Vec<Vec<f32>>> {
        let mut outputs: Vec<Vec<f32>> = vec![Vec::new(); inputs.len()];
        let plan = batches::plan(inputs);
        for batch in &plan {
            check()?;
            let ids: Vec<&Ids> = batch.iter().map(|&i| &inputs[i]).collect();
            let vectors = interrupt::resumed(check, || self.session.run(&ids))?;
            for (row, &i) in vectors.rows().into_iter().zip(batch) {
                outputs[i] = row.to_vec();
            }
        }
        kernel::give_back();
        if plan.len() > 1 {
            memory::give_back();
        }
        Ok(outputs)
    }

    fn cached(&mut self, role: Role, overflow: Overflow, text: &str) -> Option<Vector> {
        self.cache.as_mut()?.get(&(role, overflow, Box::from(text))).cloned()
    }

    fn remember(&mut self, role: Role, overflow: Overflow, text: &str, vector: &Vector) {
        if let Some(cache) = self.cache.as_mut().filter(|_| text.len() <= MAX_CACHED_BYTES) {
            cache.put((role, overflow, Box::from(text)), vector.clone());
        }
    }

    /// Whether these texts have the vectors that the bundle's maker got.
    pub fn check_goldens<'g>(&mut self, goldens: impl IntoIterator<Item = &'g Golden>) -> Result<()> {
        self.agree(goldens, &mut || Ok(()))
    }

    pub(crate) fn agree<'g>(
        &mut self,
        goldens: impl IntoIterator<Item = &'g Golden>,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        for golden in goldens {
            let vector = self.embed(golden.role, &[&golden.text], Overflow::Truncate, check)?;
            let cosine = dot(&vector[0], &golden.vector);
            if cosine.is_nan() || cosine < f64::from(self.manifest.golden_cosine) {
                return Err(Error::GoldenMismatch {
                    model: self.manifest.id(),
                    text: golden.text.clone(),
                    cosine: cosine as f32,
                });
            }
        }
        Ok(())
    }
}

/// The [`GOLDENS`] shortest texts of each role.
fn shortest(goldens: &[Golden]) -> Vec<&Golden> {
    let mut chosen: Vec<&Golden> = goldens.iter().collect();
    chosen.sort_by_key(|golden| (golden.role, golden.text.len()));
    chosen.chunk_by(|a, b| a.role == b.role).flat_map(|same| &same[..same.len().min(GOLDENS)]).copied().collect()
}

/// The vector of a text from those of its windows.
fn joined(inputs: &[Ids], windows: &[Vec<f32>]) -> Vector {
    let parts: Vec<(&[f32], f64)> =
        windows.iter().zip(inputs).map(|(v, ids)| (v.as_slice(), ids.len() as f64)).collect();
    weighted_mean(&parts).into()
}
