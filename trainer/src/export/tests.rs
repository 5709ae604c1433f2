//! A tiny random encoder goes the whole way: checkpoint -> graph -> ONNX Runtime -> vectors equal to plain Rust's.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::checkpoint::tests::{Folder, random};

fn args(checkpoint: PathBuf, output: PathBuf, precision: Bits) -> Args {
    Args {
        checkpoint,
        output,
        name: None,
        revision: None,
        precision,
        document_prefix: "passage: ".to_owned(),
        query_prefix: "query: ".to_owned(),
        similarity_prefix: "query: ".to_owned(),
        check: Vec::new(),
        check_limit: 10,
        onnxruntime: None,
        card: None,
        least_cosine: None,
    }
}

/// Tokens are single characters of the golden texts.
fn tiny() -> Checkpoint {
    let mut pieces: Vec<String> = ["<s>", "<pad>", "</s>", "<unk>", "▁"].map(str::to_owned).into();
    let letters: std::collections::BTreeSet<char> = golden::TEXTS.iter().flat_map(|(_, text)| text.chars()).collect();
    pieces.extend(letters.iter().take(200).map(char::to_string));
    let scored: Vec<(String, f32)> = pieces.iter().map(|piece| (piece.clone(), -5.0)).collect();
    let mut checkpoint = random(pieces.len(), 2, 7);
    checkpoint.tokenizer = crate::import::tokenizer::xlm_roberta(&scored).unwrap();
    checkpoint.config.origin = Some(crate::checkpoint::Origin {
        base_model: "random".to_owned(),
        base_revision: "7".to_owned(),
        license: "MIT".to_owned(),
        history: Vec::new(),
    });
    checkpoint
}

fn export(test: &str, precision: Bits) -> (Folder, PathBuf) {
    let folder = Folder::new(test);
    let (checkpoint, output) = (folder.0.join("checkpoint"), folder.0.join("tiny"));
    tiny().write(&checkpoint).unwrap();
    run(args(checkpoint, output.clone(), precision)).unwrap();
    (folder, output)
}

#[test]
fn fp32_is_the_checkpoint() {
    let (_folder, output) = export("export-fp32", Bits::Fp32);
    let bundle = ::encoder::Bundle::open(&output).unwrap();
    assert_eq!(bundle.manifest.precision, "fp32");
    assert_eq!(bundle.manifest.name, "tiny");
    assert_eq!(bundle.manifest.revision.len(), 8);
    assert_eq!(bundle.goldens().unwrap().len(), golden::TEXTS.len());
}

#[test]
fn int8_is_close_to_the_checkpoint_and_smaller() {
    let (_a, int8) = export("export-int8", Bits::Int8);
    let (_b, fp32) = export("export-int8-fp32", Bits::Fp32);
    let bytes = |folder: &Path| fs::metadata(folder.join(MODEL)).unwrap().len();
    assert!(bytes(&int8) * 2 < bytes(&fp32));
    let (int8, fp32) = (golden_vectors(&int8), golden_vectors(&fp32));
    let cosines = int8.iter().zip(&fp32).map(|(a, b)| ::encoder::dot(a, b) as f32).collect();
    let agreement = verify::Agreement::new(cosines);
    assert!(agreement.least >= 0.999, "{agreement}");
    assert!(agreement.least < 1.0 - 1e-7, "8-bit layers leave a trace");
}

fn golden_vectors(folder: &Path) -> Vec<Vec<f32>> {
    ::encoder::Bundle::open(folder).unwrap().goldens().unwrap().into_iter().map(|golden| golden.vector).collect()
}

#[test]
fn a_vector_is_the_same_bits_alone_and_in_any_batch() {
    let (_folder, output) = export("export-batch", Bits::Int8);
    let mut encoder = verify::open(&output, &crate::runtime::find(None).unwrap()).unwrap();
    let letters: Vec<char> = golden::TEXTS[0].1.chars().filter(|c| c.is_alphabetic()).collect();
    let texts: Vec<String> =
        (0..300).map(|i| (0..1 + i % 7).map(|j| letters[(i * 31 + j * 17) % letters.len()]).collect()).collect();
    let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = encoder.embed(::encoder::Role::Document, &refs, ::encoder::Overflow::Error, &mut || Ok(())).unwrap();
    for (text, vector) in refs.iter().zip(together) {
        let alone = verify::embed(&mut encoder, ::encoder::Role::Document, text).unwrap();
        assert!(alone.iter().map(|v| v.to_bits()).eq(vector.iter().map(|v| v.to_bits())), "{text}");
    }
}

#[test]
fn a_graph_with_other_weights_is_refused() {
    let folder = Folder::new("export-other");
    let (checkpoint, output) = (tiny(), folder.0.join("tiny"));
    let runtime = crate::runtime::find(None).unwrap();
    let args = args(folder.0.clone(), output.clone(), Bits::Fp32);
    let prefixes = Prefixes { document: String::new(), query: String::new(), similarity: String::new() };
    let inputs = Inputs::new(&checkpoint, &prefixes).unwrap();
    let (_, references) = references(&checkpoint, &inputs).unwrap();
    let mut manifest = manifest(&args, &checkpoint, prefixes.clone(), &runtime).unwrap();

    let mut other = tiny();
    let weight = other.tensors.get_mut("encoder.layer.1.output.dense.weight").unwrap();
    weight.data.iter_mut().for_each(|v| *v = -*v);
    fs::create_dir_all(&output).unwrap();
    fs::write(output.join(MODEL), EncoderGraph::build(&other, Precision::Fp32)).unwrap();
    fs::write(output.join(TOKENIZER), &checkpoint.tokenizer).unwrap();
    let error = agree(&output, &mut manifest, &references, &runtime, &args).unwrap_err();
    assert!(error.to_string().contains("other vectors"), "{error}");
}
