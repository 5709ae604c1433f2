//! Missing, truncated, tampered and unreadable files of a model or of ONNX Runtime, each in a session of its own.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use server_tests::{assert_error, database, value};

use crate::{Test, World};

pub const TESTS: &[Test] = &[
    ("model_files", model_files),
    ("manifests", manifests),
    ("other_vectors", other_vectors),
    ("runtime_library", runtime_library),
];

type Damage = fn(&Path);

const DAMAGES: [(&str, Damage, &str); 3] = [
    ("missing", |path| fs::remove_file(path).expect("remove"), "58P01"),
    ("truncated", truncate, "XX001"),
    ("tampered", tamper, "XX001"),
];

fn model_files(world: &World) {
    database(&world.server, "broken_models");
    for file in ["model.onnx", "tokenizer.json", "golden.json"] {
        for (damage, spoil, sqlstate) in DAMAGES {
            let bundle = world.install.copy_model(&format!("{damage}-{file}"));
            spoil(&bundle.join(file));
            check(world, &bundle, sqlstate, file);
        }
    }
    let unreadable = world.install.copy_model("unreadable");
    fs::set_permissions(unreadable.join("model.onnx"), Permissions::from_mode(0o000)).expect("chmod");
    check(world, &unreadable, "42501", "model.onnx");
    check(world, Path::new("/nonexistent"), "58P01", "manifest.toml");
}

fn manifests(world: &World) {
    database(&world.server, "broken_manifests");
    let spoil = |name: &str, from: &str, to: &str| -> PathBuf {
        let bundle = world.install.copy_model(name);
        let path = bundle.join("manifest.toml");
        let text = fs::read_to_string(&path).expect("a manifest");
        assert!(text.contains(from), "no {from} in the manifest");
        fs::write(&path, text.replacen(from, to, 1)).expect("a spoilt manifest");
        bundle
    };
    for (name, from, to, part) in [
        ("syntax", "dim = 384", "dim = ", "manifest.toml"),
        ("dimension", "dim = 384", "dim = 512", "golden.json"),
        ("zero", "dim = 384", "dim = 0", "manifest.toml"),
        ("unknown", "dim = 384", "dim = 384\nextra = 1", "manifest.toml"),
    ] {
        check_in(world, "broken_manifests", &spoil(name, from, to), "F0000", part);
    }
}

/// A bundle whose files are whole, but whose model does not make its reference vectors.
fn other_vectors(world: &World) {
    database(&world.server, "broken_goldens");
    let bundle = world.install.copy_model("goldens");
    let golden = bundle.join("golden.json");
    let before = encoder::sha256(&golden).expect("a hash");
    let text = fs::read_to_string(&golden).expect("goldens");
    let negated = text.replace("0.", "-0.").replace("--", "");
    fs::write(&golden, negated).expect("other goldens");
    let manifest = bundle.join("manifest.toml");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    fs::write(&manifest, text.replace(&before, &encoder::sha256(&golden).expect("a hash"))).expect("a manifest");
    check_in(world, "broken_goldens", &bundle, "58000", "reference vectors");
}

fn runtime_library(world: &World) {
    database(&world.server, "broken_runtime");
    let copies = world.install.folder.join("runtimes");
    fs::create_dir(&copies).expect("a folder");
    for (damage, spoil, sqlstate) in [
        ("missing", DAMAGES[0].1, "58P01"),
        // Sound or not: nothing says what it must be.
        ("unhashed", (|_| ()) as Damage, "58000"),
        ("truncated", truncate as Damage, "58000"),
        ("text", (|path| fs::write(path, "not a library").expect("write")) as Damage, "58000"),
    ] {
        let library = copies.join(damage);
        fs::copy(world.install.runtime(), &library).expect("a copy");
        spoil(&library);
        check_runtime(world, &library, sqlstate, "ONNX Runtime");
    }
    // With its hash beside it, as make install puts it, a changed library is refused before it is loaded.
    let library = copies.join("tampered");
    fs::copy(world.install.runtime(), &library).expect("a copy");
    fs::copy(world.install.runtime().with_extension("so.sha256"), copies.join("tampered.sha256")).expect("its hash");
    tamper(&library);
    check_runtime(world, &library, "XX001", "SHA-256");
}

fn check(world: &World, bundle: &Path, sqlstate: &str, part: &str) {
    check_in(world, "broken_models", bundle, sqlstate, part);
}

fn check_in(world: &World, database: &str, bundle: &Path, sqlstate: &str, part: &str) {
    let mut client = world.server.connect(database);
    client.batch_execute(&format!("SET drugembed.model = '{}'", bundle.display())).expect("SET");
    assert_error(&mut client, "SELECT drug_embed('타이레놀정')", sqlstate, part);
    client.batch_execute("RESET drugembed.model").expect("RESET");
    assert_eq!(value(&mut client, "SELECT vector_dims(drug_embed('타이레놀정'))"), "384");
    let _ = fs::remove_dir_all(bundle);
}

fn check_runtime(world: &World, library: &Path, sqlstate: &str, part: &str) {
    let mut client = world.server.connect("broken_runtime");
    client.batch_execute(&format!("SET drugembed.onnxruntime = '{}'", library.display())).expect("SET");
    assert_error(&mut client, "SELECT drug_embed('타이레놀정')", sqlstate, part);
    client.batch_execute("RESET drugembed.onnxruntime").expect("RESET");
    assert_eq!(value(&mut client, "SELECT vector_dims(drug_embed('타이레놀정'))"), "384");
}

fn truncate(path: &Path) {
    let file = OpenOptions::new().write(true).open(path).expect("open");
    let length = file.metadata().expect("metadata").len();
    file.set_len(length / 2).expect("truncate");
}

fn tamper(path: &Path) {
    let mut file = OpenOptions::new().read(true).write(true).open(path).expect("open");
    let middle = file.metadata().expect("metadata").len() / 2;
    file.seek(SeekFrom::Start(middle)).expect("seek");
    file.write_all(b"tampered").expect("write");
}
