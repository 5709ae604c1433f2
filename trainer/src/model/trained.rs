//! An encoder on a device as an evaluation model.

use super::embed::{Shapes, embed};
use super::{Encoder, Tokens};
use crate::backend::Backend;
use crate::eval::score::{Model, Role};
use crate::recipe::Prefix;
use anyhow::Result;

pub struct Trained<'a, B: Backend> {
    pub encoder: Encoder<B>,
    pub tokens: &'a mut Tokens,
    pub prefix: &'a Prefix,
    pub shapes: Shapes,
}

impl<B: Backend> Model for Trained<'_, B> {
    fn embed(&mut self, role: Role, texts: &[&str]) -> Result<Vec<f32>> {
        let prefix = match role {
            Role::Query => &self.prefix.query,
            Role::Document => &self.prefix.document,
        };
        let ids = texts.iter().map(|t| self.tokens.encode(prefix, t)).collect::<Result<Vec<_>>>()?;
        Ok(embed(&self.encoder, &ids, self.shapes, self.tokens.pad))
    }
}
