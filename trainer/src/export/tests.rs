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
        format: Format::Bundle,
        precision,
        document_prefix: "passage: ".to_owned(),
        query_prefix: "query: ".to_owned(),
        similarity_prefix: "query: ".to_owned(),
        check: Vec::new(),
        check_limit: 10,
        onnxruntime: None,
        card: None,
        least_cosine: None,
        space: None,
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
        space: None,
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

/// A checkpoint that computes with 8 bits.
fn tiny_of_8_bits() -> Checkpoint {
    let mut checkpoint = tiny();
    checkpoint.config.activation_bits = Some(8);
    checkpoint
}

#[test]
fn a_checkpoint_of_8_bits_computes_the_same_in_burn_and_in_plain_rust() {
    use crate::model::encoder::floats;
    use crate::model::{Batch, Encoder};
    let checkpoint = tiny_of_8_bits();
    let (forward, float) = (Forward::new(&checkpoint), tiny());
    let float = Forward::new(&float);
    let burn = Encoder::<burn_flex::Flex>::new(&checkpoint, &Default::default(), burn_tensor::DType::F32);
    for length in [3, 9, 17] {
        let ids: Vec<u32> = (0..length).map(|i| (i * 13 + length) % 180).collect();
        let plain = forward.embed(&ids);
        let burned = floats(&burn.forward(&Batch::new(&[&ids], 1, length as usize + 3, 1), None));
        let cosine = ::encoder::dot(&plain, &burned);
        assert!(cosine > 0.999_999, "{cosine}");
        let rounding = ::encoder::dot(&plain, &float.embed(&ids));
        assert!(rounding < 0.999_99, "8 bits leave a trace: {rounding}");
    }
}

#[test]
fn a_bundle_of_8_bits_is_its_checkpoint_and_reads_back_as_itself() {
    let folder = Folder::new("export-8-bits");
    let path = |name: &str| folder.0.join(name);
    let mut checkpoint = tiny_of_8_bits();
    checkpoint.config.origin.as_mut().unwrap().space = Some("teacher@12345678".to_owned());
    checkpoint.write(&path("checkpoint")).unwrap();
    // It is refused unless every golden text's cosine to the checkpoint's vector is 0.9999 or more.
    run(args(path("checkpoint"), path("tiny"), Bits::Int8)).unwrap();
    run(Args { name: Some("tiny".to_owned()), ..args(path("tiny"), path("again"), Bits::Int8) }).unwrap();
    let [first, again] = ["tiny", "again"].map(|name| ::encoder::Bundle::open(&path(name)).unwrap().manifest);
    assert_eq!((&first.revision, first.space().as_str()), (&again.revision, "teacher@12345678"));
    assert_eq!(again.space(), first.space());
}

#[test]
fn a_bundle_of_14_bits_reads_back_with_its_weights() {
    let (_folder, output) = export("export-back", Bits::Int8);
    let back = Checkpoint::read(&output).unwrap();
    assert_eq!(back.config.tensor_shapes().len(), back.tensors.len());
    let origin = back.config.origin.as_ref().unwrap();
    assert_eq!(origin.space.as_deref(), Some(::encoder::Bundle::open(&output).unwrap().manifest.id().as_str()));
    let checkpoint = tiny();
    let (there, back) = (Forward::new(&checkpoint), Forward::new(&back));
    for length in [2, 20, 50] {
        let ids: Vec<u32> = (0..length).map(|i| (i * 7 + length) % 180).collect();
        let cosine = ::encoder::dot(&there.embed(&ids), &back.embed(&ids));
        assert!(cosine > 0.999, "{cosine}");
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
    let references = references(&checkpoint, &inputs).unwrap();
    let mut manifest = manifest(&args, &checkpoint, prefixes.clone(), Bits::Fp32, "1.28.0").unwrap();

    let mut other = tiny();
    let weight = other.tensors.get_mut("encoder.layer.1.output.dense.weight").unwrap();
    weight.data.iter_mut().for_each(|v| *v = -*v);
    fs::create_dir_all(&output).unwrap();
    fs::write(output.join(MODEL), encoder::build(&other)).unwrap();
    fs::write(output.join(TOKENIZER), &checkpoint.tokenizer).unwrap();
    let error = agree(&output, &mut manifest, &references, &runtime, 0.99999).unwrap_err();
    assert!(error.to_string().contains("other vectors"), "{error}");
}

/// Largest difference of any number between the checkpoint's vectors by burn, its fp32 bundle's by ONNX Runtime, and those of
/// the plain Rust that judges exports.
fn largest_difference(checkpoint: &Checkpoint, bundle: &Path) -> f32 {
    use crate::model::encoder::floats;
    use crate::model::{Batch, Encoder};
    let prefixes =
        Prefixes { document: "passage: ".to_owned(), query: "query: ".to_owned(), similarity: "query: ".to_owned() };
    let inputs = Inputs::new(checkpoint, &prefixes).unwrap();
    let mut onnx = verify::open(bundle, &crate::runtime::find(None).unwrap()).unwrap();
    let burn = Encoder::<burn_flex::Flex>::new(checkpoint, &Default::default(), burn_tensor::DType::F32);
    let forward = Forward::new(checkpoint);
    let of = |(role, text): &(::encoder::Role, &str)| {
        let ids = inputs.ids(*role, text).unwrap();
        let onnx = verify::embed(&mut onnx, *role, text).unwrap();
        let burn = floats(&burn.forward(&Batch::new(&[&ids], 1, ids.len().next_multiple_of(8), 1), None));
        let plain = forward.embed(&ids);
        assert_eq!(onnx.len(), burn.len());
        let differences = burn.iter().zip(onnx.iter()).chain(plain.iter().zip(onnx.iter())).map(|(a, b)| (a - b).abs());
        differences.fold(0.0, f32::max)
    };
    golden::TEXTS.iter().map(of).fold(0.0, f32::max)
}

#[test]
fn burn_and_onnx_runtime_agree_on_every_number() {
    let (_folder, output) = export("export-burn", Bits::Fp32);
    let difference = largest_difference(&tiny(), &output);
    assert!(difference <= 1e-5, "{difference}");
}

/// The same for a real model: TRAINER_CHECKPOINT=FOLDER cargo test -p trainer --profile fast real_model -- --ignored --nocapture
#[test]
#[ignore = "needs a checkpoint, named by $TRAINER_CHECKPOINT"]
fn burn_and_onnx_runtime_agree_on_a_real_model() {
    let folder = Folder::new("export-real");
    let source = PathBuf::from(std::env::var_os("TRAINER_CHECKPOINT").expect("TRAINER_CHECKPOINT names a folder"));
    let output = folder.0.join("real");
    run(args(source.clone(), output.clone(), Bits::Fp32)).unwrap();
    let difference = largest_difference(&Checkpoint::read(&source).unwrap(), &output);
    println!("largest difference between burn and ONNX Runtime: {difference:e}");
    assert!(difference <= 1e-5, "{difference}");
}

#[test]
fn a_folder_for_sentence_transformers_has_its_layout_and_its_vectors() {
    let folder = Folder::new("export-python");
    let (source, output) = (folder.0.join("checkpoint"), folder.0.join("python"));
    tiny().write(&source).unwrap();
    run(Args { format: Format::SentenceTransformers, ..args(source, output.clone(), Bits::Fp32) }).unwrap();
    let json = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(output.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))).unwrap()
    };
    let modules: Vec<(String, String)> = json("modules.json")
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["path"].as_str().unwrap().to_owned(), m["type"].as_str().unwrap().to_owned()))
        .collect();
    let wanted = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")];
    assert_eq!(modules, wanted.map(|(p, t)| (p.to_owned(), format!("sentence_transformers.models.{t}"))));
    let pooling = json("1_Pooling/config.json");
    assert_eq!(
        (&pooling["pooling_mode_mean_tokens"], &pooling["word_embedding_dimension"]),
        (&true.into(), &64.into())
    );
    assert_eq!(json("config_sentence_transformers.json")["prompts"]["document"], "passage: ");
    assert_eq!(json("config.json")["model_type"], "bert");
    assert_eq!(json("config.json")["pad_token_id"], 1);
    assert_eq!(json("sentence_bert_config.json")["max_seq_length"], 64);
    assert_eq!(json("tokenizer_config.json")["pad_token"], "<pad>");
    // transformers refuses weights that do not say so.
    let weights = fs::read(output.join("model.safetensors")).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&weights).unwrap();
    assert_eq!(metadata.metadata().as_ref().unwrap()["format"], "pt");
    assert!(fs::read_to_string(output.join("README.md")).unwrap().contains("SentenceTransformer("));

    // The golden vectors are those of the weights and the tokenizer that lie beside them.
    let goldens: Vec<Golden> = serde_json::from_value(json("golden.json")).unwrap();
    let checkpoint = Checkpoint::read(&output).unwrap();
    let prefixes =
        Prefixes { document: "passage: ".to_owned(), query: "query: ".to_owned(), similarity: "query: ".to_owned() };
    let inputs = Inputs::new(&checkpoint, &prefixes).unwrap();
    assert_eq!(goldens.len(), golden::TEXTS.len());
    for golden in goldens {
        let vector = Forward::new(&checkpoint).embed(&inputs.ids(golden.role, &golden.text).unwrap());
        assert!(vector.iter().zip(&golden.vector).all(|(a, b)| (a - b).abs() <= 1e-5), "{}", golden.text);
    }
}
