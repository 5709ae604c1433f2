//! Texts and bundles that nobody would make by hand. With fixed seeds and few rounds here; `make torture` runs many, from a seed
//! that it prints.

mod common;

use std::fs;
use std::path::Path;

use encoder::{Encoder, Error, Manifest, Options, Overflow, Role, dot, sha256};

use crate::common::{bundle, runtime};

fn options() -> Options {
    Options { runtime: runtime(), cache_entries: 16 }
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// xorshift64*: the same numbers from the same seed.
struct Random(u64);

impl Random {
    fn new(stream: u64) -> Random {
        let seed = variable("DRUGEMBED_FUZZ_SEED", 1);
        println!("DRUGEMBED_FUZZ_SEED={seed}");
        Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Pieces that have been trouble somewhere: words, jamo, marks that stack, expansions, signs without width, names of tokens.
const PIECES: [&str; 28] = [
    "타이레놀정",
    "500mg",
    " ",
    "▁",
    "\u{200b}",
    "\u{feff}",
    "\u{301}",
    "\u{1100}\u{1161}\u{11a8}",
    "ㄱㅏ",
    "ﷺ",
    "㌖",
    "ｱﾞ",
    "👨\u{200d}👩\u{200d}👧",
    "\u{0}",
    "\n",
    "<s>",
    "</s>",
    "<unk>",
    "{a,b}",
    "[1,2]",
    "\\",
    "\"",
    "漢字",
    "\u{fffd}",
    "\u{10ffff}",
    "ǆ",
    "\u{e0041}",
    "passage: ",
];

fn text(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(12) {
        let times = if random.below(40) == 0 { 1 + random.below(6000) } else { 1 + random.below(3) };
        match random.below(3) {
            0 => {
                let c = char::from_u32(random.below(0x11_0000) as u32).unwrap_or('\u{d7a3}');
                text.extend(std::iter::repeat_n(c, times));
            }
            1 => text.push(char::from_u32(0xac00 + random.below(11_172) as u32).unwrap_or('가')),
            _ => text.push_str(&random.pick(&PIECES).repeat(times)),
        }
    }
    text
}

#[test]
fn texts() {
    let mut random = Random::new(1);
    let mut encoder = Encoder::open(&bundle(), &options()).expect("the bundle");
    let rounds = variable("DRUGEMBED_FUZZ_ROUNDS", 3_000);
    for round in 0..rounds {
        let text = text(&mut random);
        let count = encoder.token_count(Role::Document, &text);
        match &count {
            Ok(count) => assert!(*count > 4, "round {round}: {text:?} has {count} tokens"),
            Err(Error::Blank) => assert!(encoder::is_blank(&text), "round {round}: {text:?}"),
            Err(Error::TooLarge { .. }) => assert!(text.len() > encoder::MAX_TEXT_BYTES),
            Err(error) => panic!("round {round}: {text:?}: {error}"),
        }
        assert_eq!(matches!(count, Err(Error::Blank)), encoder::is_blank(&text), "round {round}: {text:?}");
        // Embedding takes a thousand times as long.
        if count.is_ok() && round % 50 == 0 {
            let overflow = *random.pick(&[Overflow::Truncate, Overflow::Error]);
            match encoder.embed(Role::Query, &[&text, &text], overflow, &mut || Ok(())) {
                Ok(vectors) => {
                    assert_eq!(vectors[0], vectors[1], "round {round}: {text:?}");
                    assert!((dot(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-5, "round {round}: {text:?}");
                }
                Err(Error::TooLong { .. }) => {}
                Err(error) => panic!("round {round}: {text:?}: {error}"),
            }
        }
    }
}

/// A bundle with one damaged file whose hash is right: refused, or its vectors are finite. Its maker's mistakes are no crash.
#[test]
fn damaged_bundles_with_right_hashes() {
    let mut random = Random::new(2);
    let rounds = variable("DRUGEMBED_FUZZ_ROUNDS", 1_200) / 100;
    let (mut refused, mut opened) = (0, 0);
    for round in 0..rounds {
        let folder = tempfile::tempdir().expect("a folder");
        for entry in fs::read_dir(bundle()).expect("the bundle") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a copy");
        }
        let name = *random.pick(&["model.onnx", "model.onnx", "tokenizer.json", "golden.json"]);
        let what = damage(&folder.path().join(name), &mut random);
        repair_hash(folder.path(), name);
        println!("round {round}: {name}: {what}");
        match Encoder::open(folder.path(), &options()) {
            Ok(mut encoder) => {
                opened += 1;
                let vectors = encoder.embed(Role::Document, &["타이레놀정"], Overflow::Truncate, &mut || Ok(()));
                assert!(vectors.is_ok_and(|vectors| vectors[0].iter().all(|x| x.is_finite())));
            }
            Err(_) => refused += 1,
        }
    }
    println!("{refused} refused, {opened} opened");
}

fn damage(path: &Path, random: &mut Random) -> String {
    let mut bytes = fs::read(path).expect("the file");
    // Half of them near the beginning or the end, where formats keep their structure.
    let at = match random.below(4) {
        0 => random.below(bytes.len().min(4096)),
        1 => bytes.len() - 1 - random.below(bytes.len().min(8192)),
        _ => random.below(bytes.len()),
    };
    let what = random.below(5);
    match what {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes.truncate(at),
        2 => bytes[at] = *random.pick(&[0, 0x7f, 0x80, 0xff]),
        3 => drop(bytes.splice(at..(at + random.below(64)).min(bytes.len()), [])),
        _ => drop(bytes.splice(at..at, std::iter::repeat_n(*random.pick(&[0, b'9', 0xff]), 1 + random.below(64)))),
    }
    fs::write(path, bytes).expect("the damaged file");
    format!("{} at {at}", ["a bit flipped", "cut", "a byte set", "some taken out", "some put in"][what])
}

fn repair_hash(folder: &Path, name: &str) {
    let path = folder.join("manifest.toml");
    let mut manifest: Manifest = toml::from_str(&fs::read_to_string(&path).expect("manifest")).expect("toml");
    manifest.files.insert(name.into(), sha256(&folder.join(name)).expect("a hash"));
    fs::write(&path, toml::to_string(&manifest).expect("toml")).expect("written");
}
