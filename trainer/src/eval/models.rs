//! The models that can be evaluated: a bundle through ONNX Runtime, a checkpoint through burn.

use super::score::{Model, Role};
use crate::backend::AutodiffBackend;
use crate::checkpoint::Checkpoint;
use crate::device::{self, with_backend};
use crate::model::{Encoder, Tokens, Trained};
use crate::recipe::Prefix;
use anyhow::{Context, Result};
use burn_tensor::DType;
use encoder::Overflow;
use std::path::Path;

/// How checkpoints are run; bundles know their own prefixes and limit.
pub struct Settings {
    pub device: device::Args,
    pub prefix: Prefix,
    pub max_tokens: usize,
}

/// An encoder runs in one thread: one for each processor.
struct Bundle(Vec<encoder::Encoder>);

impl Model for Bundle {
    fn embed(&mut self, role: Role, texts: &[&str]) -> Result<Vec<f32>> {
        let role = match role {
            Role::Query => encoder::Role::Query,
            Role::Document => encoder::Role::Document,
        };
        let part = texts.len().div_ceil(self.0.len()).max(1);
        let parts: Vec<Result<Vec<f32>>> = std::thread::scope(|scope| {
            let embed = |(encoder, texts)| scope.spawn(move || embed(encoder, role, texts));
            let running: Vec<_> = self.0.iter_mut().zip(texts.chunks(part)).map(embed).collect();
            running.into_iter().map(|part| part.join().expect("embedding does not panic")).collect()
        });
        Ok(parts.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }
}

fn embed(encoder: &mut encoder::Encoder, role: encoder::Role, texts: &[&str]) -> Result<Vec<f32>> {
    let vectors = encoder.embed(role, texts, Overflow::Truncate, &mut || Ok(()))?;
    Ok(vectors.iter().flat_map(|v| v.iter().copied()).collect())
}

/// Opens the folder as what it is and hands it to `with`.
pub fn open<T>(folder: &Path, settings: &Settings, with: impl FnOnce(&mut dyn Model) -> Result<T>) -> Result<T> {
    let context = || format!("model \"{}\"", folder.display());
    if folder.join(encoder::MANIFEST).exists() {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let options = encoder::Options { runtime: crate::runtime::find(None)?, cache_entries: 0 };
        let encoders = (0..threads).map(|_| encoder::Encoder::open(folder, &options));
        let mut bundle = Bundle(encoders.collect::<Result<_, _>>().with_context(context)?);
        return with(&mut bundle).with_context(context);
    }
    let checkpoint = Checkpoint::read(folder)?;
    with_backend!(settings.device, |B, device| with_checkpoint::<B, T>(&checkpoint, &device, settings, with))
        .with_context(context)
}

fn with_checkpoint<B: AutodiffBackend, T>(
    checkpoint: &Checkpoint,
    device: &B::Device,
    settings: &Settings,
    with: impl FnOnce(&mut dyn Model) -> Result<T>,
) -> Result<T> {
    let mut tokens = Tokens::new(checkpoint, settings.max_tokens)?;
    let shapes = settings.device.settings(tokens.pad).shapes;
    let encoder = Encoder::<B::InnerBackend>::new(checkpoint, device, DType::F32);
    with(&mut Trained { encoder, tokens: &mut tokens, prefix: &settings.prefix, shapes })
}
