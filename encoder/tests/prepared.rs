//! What must hold of prepared files: the same bits as the bundle, and no harm from damage, concurrency or unfinished work.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command};

use encoder::{Encoder, Error, Made, Options, Overflow, Role, Start, prepare};

use crate::common::{bundle, runtime};

fn options() -> Options {
    Options { runtime: runtime(), cache_entries: 0 }
}

fn make(bundle: &Path, root: &Path) -> Made {
    prepare(bundle, root, &runtime(), &mut || Ok(())).expect("the bundle is prepared")
}

fn open(bundle: &Path, root: &Path) -> (Encoder, Start) {
    Encoder::open_prepared(bundle, root, &options(), &mut || Ok(())).expect("the bundle opens")
}

fn bits(encoder: &mut Encoder, text: &str) -> Vec<u32> {
    let vectors = encoder.embed(Role::Document, &[text], Overflow::Truncate, &mut || Ok(())).expect("a vector");
    vectors[0].iter().map(|x| x.to_bits()).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the folder to copy") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

/// Every file under `folder` that is not hidden.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn prepared_vectors_are_the_bundles_bits() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let (mut plain, start) = open(&bundle(), root.path());
    assert_eq!(start, Start::Plain);
    let made = make(&bundle(), root.path());
    assert!(made.new && made.bytes > 10_000_000, "{made:?}");
    assert!(!make(&bundle(), root.path()).new, "what is sound stays");
    let (mut ready, start) = open(&bundle(), root.path());
    assert_eq!(start, Start::Prepared);
    for length in [1, 2, 5, 17, 40, 120, 400] {
        let text = "감기약 500mg 해열.진통.소염제 ".chars().cycle().take(length).collect::<String>();
        assert_eq!(bits(&mut ready, &text), bits(&mut plain, &text), "{text:?}");
    }
}

#[test]
fn damage_falls_back_to_the_bundle() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let made = make(&bundle(), root.path());
    let expected = bits(&mut Encoder::open(&bundle(), &options()).expect("the bundle"), "타이레놀정");
    let sound = root.path().join("sound");
    copy(&made.folder, &sound);

    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("missing", |path| fs::remove_file(path).expect("removed")),
        ("truncated", |path| {
            let file = fs::File::options().write(true).open(path).expect("open");
            file.set_len(file.metadata().expect("metadata").len() / 2).expect("truncated");
        }),
        ("flipped", |path| {
            let mut bytes = fs::read(path).expect("read");
            // Of the stamp its first key: a bit of an inode's number only makes a file hashed again.
            let at = if path.ends_with("stamp.toml") { 0 } else { bytes.len() / 2 };
            bytes[at] ^= 1;
            fs::write(path, bytes).expect("written");
        }),
        ("a folder", |path| {
            fs::remove_file(path).expect("removed");
            fs::create_dir(path).expect("a folder");
        }),
    ];
    for file in ["model.onnx", "model.weights", "model.tokens", "stamp.toml"] {
        for (damage, spoil) in damages {
            spoil(&made.folder.join(file));
            let (mut encoder, start) = open(&bundle(), root.path());
            assert!(matches!(&start, Start::Fallback(reason) if !reason.is_empty()), "{damage} {file}: {start:?}");
            assert_eq!(bits(&mut encoder, "타이레놀정"), expected, "{damage} {file}");
            fs::remove_dir_all(&made.folder).expect("removed");
            copy(&sound, &made.folder);
            assert_eq!(open(&bundle(), root.path()).1, Start::Prepared, "a copy is known by its hashes");
        }
    }
    fs::write(made.folder.join("model.weights"), "spoilt").expect("written");
    assert!(make(&bundle(), root.path()).new, "what is spoilt is made again");
    assert_eq!(open(&bundle(), root.path()).1, Start::Prepared);
}

#[test]
fn every_key_counts() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let made = make(&bundle(), root.path());
    let stamp = made.folder.join("stamp.toml");
    let sound = fs::read_to_string(&stamp).expect("a stamp");
    let table: toml::Table = sound.parse().expect("toml");
    for key in ["model", "manifest", "runtime", "processor"] {
        let value = table[key].as_str().expect("a string");
        fs::write(&stamp, sound.replacen(value, "another", 1)).expect("written");
        assert!(matches!(open(&bundle(), root.path()).1, Start::Fallback(_)), "{key}");
    }
    for key in ["graph", "weights", "tokens"] {
        let mut table = table.clone();
        let blocks = table[key]["xxh3"].as_array_mut().expect("a list");
        *blocks.last_mut().expect("a block") = "0".repeat(16).into();
        fs::write(&stamp, toml::to_string(&table).expect("toml")).expect("written");
        assert!(matches!(open(&bundle(), root.path()).1, Start::Fallback(_)), "{key}");
    }
    for key in ["tokenizer", "library"] {
        let mut table = table.clone();
        let seen = table[key].as_table_mut().expect("a table");
        seen["sha256"] = "0".repeat(64).into();
        seen["inode"] = 1.into();
        fs::write(&stamp, toml::to_string(&table).expect("toml")).expect("written");
        assert!(matches!(open(&bundle(), root.path()).1, Start::Fallback(_)), "{key}");
    }
    let mut table = table.clone();
    table["canary"]["text"] = "다른 글".into();
    fs::write(&stamp, toml::to_string(&table).expect("toml")).expect("written");
    assert!(matches!(open(&bundle(), root.path()).1, Start::Fallback(reason) if reason.contains("vectors")));
}

/// A bundle of the same name with another manifest, as after an upgrade.
#[test]
fn a_replaced_bundle_does_not_use_the_old_files() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let other = root.path().join("other");
    copy(&bundle(), &other);
    let root = root.path().join("prepared");
    make(&other, &root);
    let manifest = other.join("manifest.toml");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    fs::write(&manifest, text.replace("golden_cosine = 0.999", "golden_cosine = 0.9985")).expect("written");
    let (_, start) = open(&other, &root);
    assert!(matches!(&start, Start::Fallback(reason) if reason.contains("installed since")), "{start:?}");
    fs::write(&manifest, text.replace("revision = \"", "revision = \"x")).expect("written");
    let (_, start) = open(&other, &root);
    assert!(matches!(&start, Start::Fallback(reason) if reason.contains("it was made from model")), "{start:?}");
    assert!(make(&other, &root).new);
    assert_eq!(open(&other, &root).1, Start::Prepared);
}

/// As a base backup copies it to a standby, where the bundle and the library are other files with the same contents.
#[test]
fn a_copy_is_kept_and_learns_the_files_of_its_machine() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let made = make(&bundle(), &root.path().join("primary"));
    let standby = root.path().join("standby");
    copy(&made.folder, &standby.join("drug-e5-mini-ko"));
    let other = root.path().join("bundle");
    copy(&bundle(), &other);
    let stamp = |root: &Path| fs::read_to_string(root.join("drug-e5-mini-ko/stamp.toml")).expect("a stamp");
    let before = stamp(&standby);
    assert!(!make(&other, &standby).new);
    let inode = fs::metadata(other.join("tokenizer.json")).expect("metadata").ino();
    let table: toml::Table = stamp(&standby).parse().expect("toml");
    assert_eq!(table["tokenizer"]["inode"].as_integer(), Some(inode as i64));
    assert_ne!(stamp(&standby), before);
    assert_eq!(names(&standby), [".lock", "drug-e5-mini-ko"]);
    assert_eq!(open(&other, &standby).1, Start::Prepared);
    let learnt = stamp(&standby);
    assert!(!make(&other, &standby).new);
    assert_eq!(stamp(&standby), learnt, "nothing is written again");
}

#[test]
fn a_tampered_bundle_is_not_prepared() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let other = root.path().join("other");
    copy(&bundle(), &other);
    fs::write(other.join("model.onnx"), "spoilt").expect("written");
    let root = root.path().join("prepared");
    let error = prepare(&other, &root, &runtime(), &mut || Ok(())).expect_err("refused");
    assert!(matches!(error, Error::Tampered { .. }), "{error}");
    assert!(!root.exists(), "nothing is written");
}

#[test]
fn cancelling_leaves_nothing() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let error = prepare(&bundle(), root.path(), &runtime(), &mut || Err(Error::Cancelled)).expect_err("cancelled");
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert_eq!(names(root.path()), [".lock"]);
    fs::create_dir(root.path().join(".unfinished-1")).expect("what a killed process leaves");
    make(&bundle(), root.path());
    assert_eq!(names(root.path()), [".lock", "drug-e5-mini-ko"]);
}

#[test]
fn an_unwritable_folder_is_an_error() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let error = prepare(&bundle(), &file.path().join("root"), &runtime(), &mut || Ok(())).expect_err("refused");
    assert!(matches!(error, Error::Unwritable { .. }), "{error}");
}

/// This test program again, in a process of its own, doing what [`child`] does.
fn spawn(root: &Path, what: &str) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "child", "--nocapture"])
        .env("DRUGEMBED_CHILD", format!("{what} {}", root.display()))
        .spawn()
        .expect("a process")
}

/// No test by itself: what [`processes_do_not_disturb_each_other`] runs beside itself.
#[test]
fn child() {
    let Ok(task) = std::env::var("DRUGEMBED_CHILD") else { return };
    let (what, root) = task.split_once(' ').expect("a task and a folder");
    let root = Path::new(root);
    if what == "prepare" {
        make(&bundle(), root);
        return;
    }
    let mut expected = None;
    for _ in 0..12 {
        let (mut encoder, _) = open(&bundle(), root);
        let vector = bits(&mut encoder, "타이레놀정");
        assert_eq!(*expected.get_or_insert(vector.clone()), vector);
    }
}

#[test]
fn processes_do_not_disturb_each_other() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let root = root.path();
    let mut children = vec![spawn(root, "prepare"), spawn(root, "prepare"), spawn(root, "read")];
    for round in 0..3 {
        make(&bundle(), root);
        assert_eq!(open(&bundle(), root).1, Start::Prepared, "{round}");
        fs::write(root.join("drug-e5-mini-ko/stamp.toml"), "spoilt").expect("written");
    }
    for child in &mut children {
        assert!(child.wait().expect("it ends").success());
    }
    make(&bundle(), root);
    assert_eq!(names(root), [".lock", "drug-e5-mini-ko"]);
    for name in names(&root.join("drug-e5-mini-ko")) {
        let mode = fs::metadata(root.join("drug-e5-mini-ko").join(&name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o022, 0, "{name} can be written by others");
    }
}
