//! What must hold of the encoder, on the project's own bundle and the real ONNX Runtime.

mod common;

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use encoder::{Encoder, Error, MAX_TEXT_BYTES, Options, Overflow, Role, dot};
use proptest::prelude::*;

use crate::common::{bundle, runtime};

fn options() -> Options {
    Options { runtime: runtime(), cache_entries: 64 }
}

fn open() -> Encoder {
    Encoder::open(&bundle(), &options()).expect("the committed bundle opens")
}

fn embed(encoder: &mut Encoder, texts: &[&str], overflow: Overflow) -> Vec<Vec<f32>> {
    let vectors = encoder.embed(Role::Document, texts, overflow, &mut || Ok(())).expect("the texts embed");
    vectors.iter().map(|v| v.to_vec()).collect()
}

fn long_text() -> String {
    "이 약은 감기의 여러 증상을 덜어 줍니다. ".repeat(120)
}

/// A copy of the bundle with one file changed.
fn damaged(name: &str, change: impl Fn(&mut Vec<u8>)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for entry in fs::read_dir(bundle()).expect("the bundle") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a copy");
    }
    let path = folder.path().join(name);
    let mut bytes = fs::read(&path).expect("the file to damage");
    change(&mut bytes);
    fs::write(&path, bytes).expect("the damaged file");
    folder
}

fn refusal(folder: &Path) -> Error {
    Encoder::open(folder, &options()).err().expect("a damaged bundle is refused")
}

thread_local! {
    static ENCODER: RefCell<Encoder> = RefCell::new({
        let mut encoder = open();
        encoder.set_cache_entries(0);
        encoder
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_text_has_the_same_bits_alone_and_in_any_batch(
        texts in prop::collection::vec("[가-힣a-zA-Z0-9 ().,·%㎎가-힣]{1,60}[가-힣]", 1..24),
    ) {
        ENCODER.with_borrow_mut(|encoder| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let together = embed(encoder, &texts, Overflow::Error);
            for (text, vector) in texts.iter().zip(&together) {
                let alone = embed(encoder, &[text], Overflow::Error);
                prop_assert_eq!(bits(&alone[0]), bits(vector));
                prop_assert!((dot(vector, vector) - 1.0).abs() < 1e-5);
            }
            Ok(())
        })?;
    }

    #[test]
    fn no_text_makes_the_encoder_panic(text in any::<String>()) {
        ENCODER.with_borrow_mut(|encoder| {
            let result = encoder.embed(Role::Query, &[&text], Overflow::Truncate, &mut || Ok(()));
            prop_assert!(matches!(result, Ok(_) | Err(Error::Blank)), "{result:?}");
            Ok(())
        })?;
    }
}

/// Numbers that look random and are the same in every run (Knuth's MMIX generator).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// Texts of a few tokens, of some ten different lengths.
fn short_texts(count: usize, random: &mut Random) -> Vec<String> {
    let words = ["감기약", "정", "500mg", "해열", "시럽", "타이레놀", "캡슐", "주사", "비타민", "연고"];
    let mut texts: Vec<String> = Vec::new();
    while texts.len() < count {
        let text: Vec<&str> = (0..1 + random.below(6)).map(|_| words[random.below(words.len())]).collect();
        texts.push(format!("{} {}", text.join(" "), texts.len()));
    }
    texts
}

#[test]
fn ten_thousand_vectors_have_the_same_bits_in_random_batches() {
    let mut random = Random(2);
    let texts = short_texts(600, &mut random);
    let mut encoder = open();
    encoder.set_cache_entries(0);
    let alone: Vec<Vec<u32>> =
        texts.iter().map(|text| bits(&embed(&mut encoder, &[text], Overflow::Error)[0])).collect();
    let mut compared = 0;
    while compared < 10_000 {
        let drawn: Vec<usize> = (0..1 + random.below(120)).map(|_| random.below(texts.len())).collect();
        let batch: Vec<&str> = drawn.iter().map(|&i| texts[i].as_str()).collect();
        for (vector, i) in embed(&mut encoder, &batch, Overflow::Error).iter().zip(drawn) {
            assert_eq!(bits(vector), alone[i], "{:?}", texts[i]);
            compared += 1;
        }
    }
}

fn bits(vector: &[f32]) -> Vec<u32> {
    vector.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn roles_differ_and_order_is_kept() {
    let mut encoder = open();
    let texts = ["타이레놀정500밀리그람", "게보린정", "타이레놀정500밀리그람", "판콜에이내복액"];
    let vectors = embed(&mut encoder, &texts, Overflow::Error);
    assert_eq!(vectors[0], vectors[2]);
    assert_eq!(vectors[1], embed(&mut encoder, &["게보린정"], Overflow::Error)[0]);
    let query = encoder.embed(Role::Query, &["게보린정"], Overflow::Error, &mut || Ok(())).expect("a query");
    assert_ne!(query[0].to_vec(), vectors[1]);
}

#[test]
fn decomposed_hangul_is_the_same_text() {
    use unicode_normalization::UnicodeNormalization;
    let mut encoder = open();
    let composed = "아세트아미노펜 서방정 650mg";
    let decomposed: String = composed.nfd().collect();
    assert_ne!(composed, decomposed);
    let vectors = embed(&mut encoder, &[composed, &decomposed], Overflow::Error);
    assert_eq!(bits(&vectors[0]), bits(&vectors[1]));
}

#[test]
fn fullwidth_is_read_as_ascii() {
    let mut encoder = open();
    let vectors = embed(&mut encoder, &["타이레놀 500mg", "타이레놀 ５００ｍｇ"], Overflow::Error);
    assert_eq!(bits(&vectors[0]), bits(&vectors[1]));
}

#[test]
fn blank_and_oversized_texts_are_refused_before_any_work() {
    let mut encoder = open();
    let mut refuse = |text: &str| {
        let mut batches = 0;
        let error = encoder.embed(Role::Document, &["게보린정", text], Overflow::Window, &mut || {
            batches += 1;
            Ok(())
        });
        assert!(batches <= 2, "nothing is embedded before every text is checked");
        error.expect_err("refused")
    };
    for blank in ["", "  \t\n", "\u{feff}", "\u{200b}", "\u{3000}", "\u{3164}"] {
        assert!(matches!(refuse(blank), Error::Blank), "{blank:?}");
    }
    let huge = "약".repeat(MAX_TEXT_BYTES / 3 + 1);
    assert!(matches!(refuse(&huge), Error::TooLarge { limit: MAX_TEXT_BYTES, .. }));
}

#[test]
fn prefixes_keep_the_tokens_that_the_base_was_trained_with() {
    let encoder = open();
    // <s>, the prefix, the text, </s>: "▁passage" ":", and "▁que" "ry" ":".
    assert_eq!(encoder.token_count(Role::Document, "약").expect("a count"), 2 + 2 + 1);
    assert_eq!(encoder.token_count(Role::Query, "약").expect("a count"), 2 + 3 + 1);
}

#[test]
fn overflow_is_never_silent() {
    let mut encoder = open();
    let long = long_text();
    let tokens = encoder.token_count(Role::Document, &long).expect("a count");
    let limit = encoder.manifest().max_tokens;
    assert!(tokens > limit);
    let error = encoder.embed(Role::Document, &[&long], Overflow::Error, &mut || Ok(())).expect_err("too long");
    assert!(matches!(error, Error::TooLong { tokens: t, limit: l } if t == tokens && l == limit));
    let cut = embed(&mut encoder, &[&long], Overflow::Truncate);
    let windows = embed(&mut encoder, &[&long], Overflow::Window);
    assert_ne!(cut, windows);
    assert!((dot(&windows[0], &windows[0]) - 1.0).abs() < 1e-5);
    assert!(dot(&cut[0], &windows[0]) > 0.8);
}

#[test]
fn cancelling_leaves_the_encoder_usable() {
    let mut encoder = open();
    let texts: Vec<String> = (0..200).map(|i| format!("감기약 {i}번 {}", "기침 ".repeat(i % 40))).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut calls = 0;
    let cancelled = encoder.embed(Role::Document, &texts, Overflow::Error, &mut || {
        calls += 1;
        if calls > 210 { Err(Error::Cancelled) } else { Ok(()) }
    });
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut calls = 0;
        encoder.embed(Role::Document, &texts, Overflow::Error, &mut || {
            calls += 1;
            if calls > 205 { std::panic::panic_any("statement timeout") } else { Ok(()) }
        })
    }));
    assert!(unwound.is_err());
    assert_eq!(embed(&mut encoder, &["게보린정"], Overflow::Error), embed(&mut open(), &["게보린정"], Overflow::Error));
}

#[test]
fn damaged_bundles_are_refused() {
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    for name in ["model.onnx", "tokenizer.json", "golden.json"] {
        let folder = damaged(name, flip);
        assert!(matches!(refusal(folder.path()), Error::Tampered { path } if path.ends_with(name)), "{name}");
        let folder = damaged(name, |bytes| bytes.truncate(bytes.len() / 3));
        assert!(matches!(refusal(folder.path()), Error::Tampered { .. }), "{name}");
        fs::remove_file(folder.path().join(name)).expect("removed");
        assert!(matches!(refusal(folder.path()), Error::Unreadable { .. }), "{name}");
    }
    let folder = damaged("manifest.toml", |bytes| bytes.extend_from_slice(b"\n[surprise]\n"));
    assert!(matches!(refusal(folder.path()), Error::Malformed { .. }));
    assert!(matches!(refusal(Path::new("/nonexistent")), Error::Unreadable { .. }));
}

#[test]
fn another_models_goldens_are_refused() {
    let folder = damaged("golden.json", |_| ());
    let path = folder.path().join("golden.json");
    let mut goldens: Vec<encoder::Golden> = serde_json::from_slice(&fs::read(&path).expect("goldens")).expect("json");
    goldens.iter_mut().flat_map(|golden| &mut golden.vector).for_each(|x| *x = -*x);
    fs::write(&path, serde_json::to_vec(&goldens).expect("json")).expect("written");
    let manifest = folder.path().join("manifest.toml");
    let mut parsed: encoder::Manifest =
        toml::from_str(&fs::read_to_string(&manifest).expect("manifest")).expect("toml");
    parsed.files.insert("golden.json".into(), encoder::sha256(&path).expect("hash"));
    fs::write(&manifest, toml::to_string(&parsed).expect("toml")).expect("written");
    let error = refusal(folder.path());
    assert!(matches!(error, Error::GoldenMismatch { .. }), "{error}");
}

#[test]
fn several_threads_may_open_bundles_at_once() {
    std::thread::scope(|scope| {
        let opened: Vec<_> = (0..4).map(|_| scope.spawn(|| Encoder::open(&bundle(), &options()).map(drop))).collect();
        for opened in opened {
            opened.join().expect("no panic").expect("the bundle opens");
        }
    });
}

#[test]
fn the_goldens_are_the_bits_of_this_processor_too() {
    let mut encoder = open();
    let goldens = encoder::Bundle::open(&bundle()).and_then(|bundle| bundle.goldens()).expect("goldens");
    for golden in goldens {
        let vectors =
            encoder.embed(golden.role, &[&golden.text], Overflow::Truncate, &mut || Ok(())).expect("the text embeds");
        assert_eq!(bits(&vectors[0]), bits(&golden.vector), "{:?}", golden.text);
    }
}

#[test]
fn inputs_that_the_model_cannot_take_are_errors() {
    let mut encoder = open();
    let before = embed(&mut encoder, &["해열제"], Overflow::Error);
    for ids in [vec![0, 4_000_000_000, 2], vec![0, 27_000_000, 2], vec![7; 513]] {
        let error = encoder.vectors(&[ids], &mut || Ok(())).expect_err("an error");
        assert!(matches!(error, Error::Inference(_)), "{error}");
    }
    encoder.set_cache_entries(0);
    assert_eq!(bits(&before[0]), bits(&embed(&mut encoder, &["해열제"], Overflow::Error)[0]));
}
