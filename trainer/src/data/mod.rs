//! Files in: text encodings, CSV tables, the knowledge written for this project and the public drug tables.

pub mod csv;
pub mod efficacy;
pub mod knowledge;
pub mod names;
pub mod products;
pub mod text;
