//! Libraries that are no usable ONNX Runtime. A file of its own: a process that has loaded one refuses every other.

use std::fs;
use std::path::{Path, PathBuf};

use encoder::{Error, runtime};

/// `DRUGEMBED_ONNXRUNTIME`, or the copy that `make` keeps.
fn library() -> PathBuf {
    let kept = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/onnxruntime/libonnxruntime.so.1.28.0");
    std::env::var_os("DRUGEMBED_ONNXRUNTIME").map_or_else(kept, PathBuf::from)
}

#[test]
fn unusable_runtime_libraries_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refuse = |path: &Path| runtime::load(path).expect_err("refused");
    let missing = folder.path().join("libonnxruntime.so");
    assert!(matches!(refuse(&missing), Error::Runtime { .. }));
    assert!(matches!(refuse(Path::new("libonnxruntime.so")), Error::Runtime { .. }));
    let text = folder.path().join("text.so");
    fs::write(&text, "not a library").expect("written");
    assert!(matches!(refuse(&text), Error::Runtime { .. }));
    let cut = folder.path().join("cut.so");
    let whole = fs::read(library()).expect("the library");
    fs::write(&cut, &whole[..whole.len() / 2]).expect("written");
    assert!(refuse(&cut).to_string().contains("truncated"));
    let unhashed = folder.path().join("unhashed.so");
    fs::write(&unhashed, &whole).expect("written");
    assert!(refuse(&unhashed).to_string().contains("its hash cannot be read"));
    fs::write(folder.path().join("unhashed.so.sha256"), "0".repeat(64)).expect("written");
    assert!(matches!(refuse(&unhashed), Error::Tampered { .. }));
}
