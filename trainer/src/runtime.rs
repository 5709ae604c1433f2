//! Where the ONNX Runtime library is.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub const VARIABLE: &str = "DRUGEMBED_ONNXRUNTIME";
const CACHED: &str = ".cache/onnxruntime/libonnxruntime.so.1.28.0";

/// The library given, else that of [`VARIABLE`], else the one that `make` keeps in the repository; as an absolute path.
pub fn find(given: Option<&Path>) -> Result<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let path = match (given, env::var_os(VARIABLE)) {
        (Some(path), _) => path.to_owned(),
        (None, Some(path)) => PathBuf::from(path),
        (None, None) if Path::new(CACHED).exists() => PathBuf::from(CACHED),
        (None, None) => repository.join(CACHED),
    };
    path.canonicalize().with_context(|| {
        format!(
            "there is no ONNX Runtime library at \"{}\"; name libonnxruntime.so.1.28.0 with --onnxruntime or ${VARIABLE}",
            path.display()
        )
    })
}

/// `1.28.0` of a library named `libonnxruntime.so.1.28.0`; `unknown` of any other name.
pub fn version(library: &Path) -> String {
    let name = library.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.split_once(".so.").map_or("unknown", |(_, version)| version).to_owned()
}
