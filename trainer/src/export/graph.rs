//! Writes a graph node by node; every value is known by its name.

use encoder::kernel::DOMAIN;
use prost::Message;

use super::onnx::{
    ATTRIBUTE_FLOAT, ATTRIBUTE_INT, Attribute, DataType, DimensionValue, Graph, IR_VERSION, MICROSOFT, Model, Node,
    OPSET, OperatorSet, Tensor, ValueInfo,
};

pub const INPUT_IDS: &str = "input_ids";
pub const ATTENTION_MASK: &str = "attention_mask";
pub const OUTPUT: &str = "sentence_embedding";

/// Name of a value in the graph.
pub type Value = String;

#[derive(Default)]
pub struct Builder {
    graph: Graph,
}

impl Builder {
    pub fn floats(&mut self, name: &str, dims: &[usize], data: &[f32]) -> Value {
        self.initializer(name, DataType::Float, dims, data.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    pub fn bytes(&mut self, name: &str, dims: &[usize], data: &[i8]) -> Value {
        self.initializer(name, DataType::Int8, dims, data.iter().map(|v| *v as u8).collect())
    }

    pub fn integers(&mut self, name: &str, data: &[i64]) -> Value {
        self.initializer(name, DataType::Int64, &[data.len()], data.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    fn initializer(&mut self, name: &str, data_type: DataType, dims: &[usize], raw_data: Vec<u8>) -> Value {
        let dims = dims.iter().map(|d| *d as i64).collect();
        self.graph.initializer.push(Tensor { dims, data_type: data_type as i32, name: name.to_owned(), raw_data });
        name.to_owned()
    }

    /// Adds a node of ONNX's own operators and gives its output; the output bears the node's name.
    pub fn node(&mut self, op_type: &str, name: &str, inputs: &[&str], attributes: &[Attribute]) -> Value {
        self.add("", op_type, name, inputs, attributes)
    }

    /// The same for an operator of ONNX Runtime's own.
    pub fn fused(&mut self, op_type: &str, name: &str, inputs: &[&str], attributes: &[Attribute]) -> Value {
        self.add(MICROSOFT, op_type, name, inputs, attributes)
    }

    /// The same for an operator of any domain.
    pub fn add(&mut self, domain: &str, op_type: &str, name: &str, inputs: &[&str], attributes: &[Attribute]) -> Value {
        self.graph.node.push(Node {
            input: inputs.iter().map(|i| (*i).to_owned()).collect(),
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            attribute: attributes.to_vec(),
            domain: domain.to_owned(),
        });
        name.to_owned()
    }

    /// The serialised model; it takes `inputs`, `[batch, tokens]` each, and gives the value named [`OUTPUT`], `[batch, dim]`.
    pub fn model(mut self, dim: usize, inputs: &[&str]) -> Vec<u8> {
        let named = |name: &str| DimensionValue::Named(name.to_owned());
        self.graph.name = "encoder".to_owned();
        self.graph.input = inputs
            .iter()
            .map(|name| ValueInfo::tensor(name, DataType::Int64, vec![named("batch"), named("tokens")]))
            .collect();
        let dims = vec![named("batch"), DimensionValue::Fixed(dim as i64)];
        self.graph.output = vec![ValueInfo::tensor(OUTPUT, DataType::Float, dims)];
        let opset = |domain: &str, version| OperatorSet { domain: domain.to_owned(), version };
        Model {
            ir_version: IR_VERSION,
            producer_name: "drugembed trainer".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            opset_import: vec![opset("", OPSET), opset(MICROSOFT, 1), opset(DOMAIN, 1)],
        }
        .encode_to_vec()
    }
}

pub fn int(name: &str, i: i64) -> Attribute {
    Attribute { name: name.to_owned(), i, kind: ATTRIBUTE_INT, ..Attribute::default() }
}

pub fn real(name: &str, f: f32) -> Attribute {
    Attribute { name: name.to_owned(), f, kind: ATTRIBUTE_FLOAT, ..Attribute::default() }
}
