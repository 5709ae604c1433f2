//! Where the tests find the project's own bundle and ONNX Runtime.

use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

pub fn bundle() -> PathBuf {
    repository().join("models/drug-e5-mini-ko")
}

/// `DRUGEMBED_ONNXRUNTIME`, or the copy that `make` keeps.
pub fn runtime() -> PathBuf {
    std::env::var_os("DRUGEMBED_ONNXRUNTIME")
        .map_or_else(|| repository().join(".cache/onnxruntime/libonnxruntime.so.1.28.0"), PathBuf::from)
}
