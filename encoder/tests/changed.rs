//! Prepared files that change while a model is in use: an error or the right bits, and never the end of the process.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use encoder::{Encoder, Error, Options, Overflow, Role, Start, prepare};

use crate::common::{bundle, runtime};

fn options() -> Options {
    Options { runtime: runtime(), cache_entries: 0 }
}

fn open(root: &Path) -> (Encoder, Start) {
    Encoder::open_prepared(&bundle(), root, &options(), &mut || Ok(())).expect("the bundle opens")
}

fn prepared() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let made = prepare(&bundle(), root.path(), &runtime(), &mut || Ok(())).expect("prepared");
    (root, made.folder.join("model.weights"))
}

fn embed(encoder: &mut Encoder, text: &str) -> Result<Vec<u32>, Error> {
    let vectors = encoder.embed(Role::Document, &[text], Overflow::Truncate, &mut || Ok(()))?;
    Ok(vectors[0].iter().map(|x| x.to_bits()).collect())
}

fn writable(path: &Path) -> File {
    File::options().read(true).write(true).open(path).expect("open")
}

type Change = fn(&Path);

const CHANGES: [(&str, Change); 4] = [
    ("truncated", |path| writable(path).set_len(1_000_000).expect("truncated")),
    ("emptied", |path| writable(path).set_len(0).expect("truncated")),
    ("overwritten", |path| writable(path).write_all_at(&vec![0x5a; 20 << 20], 0).expect("overwritten")),
    ("a bit", |path| {
        let (file, mut byte) = (writable(path), [0]);
        file.read_exact_at(&mut byte, 9_999_999).expect("read");
        file.write_all_at(&[byte[0] ^ 0x40], 9_999_999).expect("written");
    }),
];

#[test]
fn a_changed_file_is_an_error_and_the_next_encoder_is_right() {
    let (root, weights) = prepared();
    let (sound, expected) = (fs::read(&weights).expect("weights"), embed(&mut open(root.path()).0, "게보린정"));
    let expected = expected.expect("a vector");
    for (name, change) in CHANGES {
        let (mut encoder, start) = open(root.path());
        assert_eq!(start, Start::Prepared);
        assert!(embed(&mut encoder, "타이레놀").is_ok());
        change(&weights);
        for _ in 0..2 {
            let error = embed(&mut encoder, "게보린정").expect_err("changed");
            assert!(matches!(&error, Error::Changed { path } if *path == weights), "{name}: {error}");
        }
        assert!(!encoder.is_sound());
        let (mut encoder, start) = open(root.path());
        assert!(matches!(start, Start::Fallback(_)), "{name}");
        assert_eq!(embed(&mut encoder, "게보린정").expect("from the bundle"), expected, "{name}");
        fs::write(&weights, &sound).expect("restored");
    }
}

#[test]
fn a_file_that_is_gone_or_only_touched_is_still_what_is_mapped() {
    let (root, weights) = prepared();
    let (mut encoder, _) = open(root.path());
    let expected = embed(&mut encoder, "게보린정").expect("a vector");
    File::open(&weights).and_then(|file| file.set_modified(std::time::SystemTime::now())).expect("touched");
    assert_eq!(embed(&mut encoder, "게보린정").expect("touched"), expected);
    fs::rename(&weights, weights.with_extension("old")).expect("renamed");
    assert_eq!(embed(&mut encoder, "게보린정").expect("renamed"), expected);
    fs::remove_dir_all(root.path()).expect("removed");
    assert_eq!(embed(&mut encoder, "게보린정").expect("removed"), expected);
}

#[test]
fn a_sealed_encoder_does_not_notice() {
    let (root, weights) = prepared();
    let sound = fs::read(&weights).expect("weights");
    for (name, change) in CHANGES {
        let (mut encoder, start) = open(root.path());
        assert_eq!(start, Start::Prepared);
        encoder.seal().expect("a copy in memory");
        let expected = embed(&mut encoder, "게보린정").expect("a vector");
        change(&weights);
        assert_eq!(embed(&mut encoder, "게보린정").expect("sealed"), expected, "{name}");
        assert!(encoder.is_sound());
        fs::write(&weights, &sound).expect("restored");
    }
}
