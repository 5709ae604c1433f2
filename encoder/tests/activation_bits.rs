//! What must hold of a bundle by the bits of its activations, in the real ONNX Runtime and by every instruction set.

mod common;
#[path = "../../trainer/src/export/onnx.rs"]
#[allow(dead_code)]
mod onnx;

use std::fs;

use encoder::kernel::{ACTIVATION_BITS, Isa, LAYER};
use encoder::{
    Bundle, Encoder, Error, GOLDEN, Golden, MANIFEST, MODEL, Options, Overflow, Role, TOKENIZER, dot, sha256,
};
use prost::Message;
use tempfile::TempDir;

use crate::common::{bundle, runtime};
use crate::onnx::{ATTRIBUTE_INT, Attribute, Model};

/// The first two layers of the project's bundle, said to have activations of so many bits.
fn with_bits(bits: i64) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut model = Model::decode(&fs::read(bundle().join(MODEL)).expect("the model")[..]).expect("a graph");
    let nodes = &mut model.graph.as_mut().expect("a graph").node;
    let is_layer = |name: &str| name == LAYER;
    let second = nodes.iter().filter(|node| is_layer(&node.op_type)).nth(1).expect("two layers").output[0].clone();
    let mut layers = 0;
    nodes.retain(|node| {
        layers += usize::from(is_layer(&node.op_type));
        !is_layer(&node.op_type) || layers <= 2
    });
    nodes.last_mut().expect("the mean").input[0] = second;
    for node in nodes.iter_mut().filter(|node| is_layer(&node.op_type)) {
        node.attribute.retain(|attribute| attribute.name != ACTIVATION_BITS);
        let (name, kind) = (ACTIVATION_BITS.to_owned(), ATTRIBUTE_INT);
        node.attribute.push(Attribute { name, i: bits, kind, ..Attribute::default() });
    }
    fs::write(folder.path().join(MODEL), model.encode_to_vec()).expect("the model");
    fs::copy(bundle().join(TOKENIZER), folder.path().join(TOKENIZER)).expect("a copy");

    let mut manifest = Bundle::open(&bundle()).expect("the bundle").manifest;
    // It has no goldens yet: one that every vector matches.
    manifest.golden_cosine = -1.0;
    let golden = Golden { role: Role::Document, text: "약".to_owned(), vector: vec![0.0; manifest.dim] };
    fs::write(folder.path().join(GOLDEN), serde_json::to_vec(&[golden]).expect("json")).expect("goldens");
    manifest.files = [MODEL, TOKENIZER, GOLDEN]
        .map(|name| (name.to_owned(), sha256(&folder.path().join(name)).expect("a hash")))
        .into();
    fs::write(folder.path().join(MANIFEST), toml::to_string(&manifest).expect("toml")).expect("the manifest");
    folder
}

fn open(folder: &TempDir) -> encoder::Result<Encoder> {
    Encoder::open(folder.path(), &Options { runtime: runtime(), cache_entries: 0 })
}

fn embed(encoder: &mut Encoder, texts: &[&str]) -> Vec<Vec<f32>> {
    let vectors = encoder.embed(Role::Document, texts, Overflow::Truncate, &mut || Ok(())).expect("vectors");
    vectors.iter().map(|vector| vector.to_vec()).collect()
}

fn bits(vectors: &[Vec<f32>]) -> Vec<u32> {
    vectors.iter().flatten().map(|x| x.to_bits()).collect()
}

#[test]
fn every_instruction_set_gives_the_same_bits_alone_and_in_batches() {
    let long = "이 약은 감기의 여러 증상을 덜어 줍니다. ".repeat(30);
    let texts = [
        "타이레놀정500밀리그람(아세트아미노펜)",
        "게보린정",
        "가스디알정50밀리그램(디메크로틴산마그네슘)",
        "약",
        &long,
    ];
    for count in [8, 14] {
        let folder = with_bits(count);
        let expected = embed(&mut open(&folder).expect("the bundle opens"), &texts);
        for isa in Isa::all() {
            let mut encoder = isa.within(|| open(&folder)).expect("the bundle opens");
            assert_eq!(bits(&embed(&mut encoder, &texts)), bits(&expected), "{isa:?}, {count} bits");
            for (text, vector) in texts.iter().zip(&expected) {
                assert_eq!(bits(&embed(&mut encoder, &[text])), bits(std::slice::from_ref(vector)), "{isa:?}, {text}");
            }
        }
    }
}

#[test]
fn eight_bits_are_nearly_fourteen() {
    let texts = ["타이레놀정500밀리그람(아세트아미노펜)", "해열 진통 소염제"];
    let [eight, fourteen] = [8, 14].map(|count| embed(&mut open(&with_bits(count)).expect("the bundle opens"), &texts));
    for (eight, fourteen) in eight.iter().zip(&fourteen) {
        let cosine = dot(eight, fourteen);
        assert!(cosine > 0.98 && cosine < 0.999_999, "{cosine}");
    }
}

#[test]
fn other_bits_are_refused() {
    for count in [7, 0, -8, 16] {
        let error = open(&with_bits(count)).err().expect("it is refused");
        assert!(
            matches!(&error, Error::Malformed { reason, .. } if reason.contains(&format!("of {count} bits"))),
            "{error}"
        );
    }
}
