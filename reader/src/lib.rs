//! What a question about drugs asks for, read off its words: [`Question::read`].
//!
//! A question such as `임산부가 먹으면 안 되는 진통제 시럽` names a meaning (`진통제`), which vectors order, and constraints (syrup; contraindicated in
//! pregnancy), which columns meet. This crate reads the constraints and leaves the [rest](Question::rest). The same code reads a row's
//! columns, so that both can be compared: [`form_of`], [`strengths_of`], [`ingredients_of`], [`normalise_name`].
//!
//! Everything is looked up in lexica that are part of the binary; reading takes time linear in the text, of which at most [`MAX_CHARS`]
//! characters are read.

#![warn(missing_docs)]

mod age;
mod asked_form;
mod combination;
mod company;
mod condition;
mod cues;
mod drug_class;
mod dur;
mod effect;
mod exclusion;
mod facts;
mod form;
mod hanja;
mod jamo;
mod keyboard;
mod lexicon;
mod names;
mod pair;
mod particles;
mod phrases;
mod predicate;
mod question;
mod reading;
mod rest;
mod romanisation;
mod romanised;
mod safety;
mod salts;
mod status;
mod strength;
mod strength_asked;
mod substitution;
mod text;
mod translation;
mod typo;

pub use age::{Age, AgeGroup};
pub use combination::Combination;
pub use company::company_of;
pub use condition::{Check, Condition};
pub use dur::{Direction, Dur, DurKind, dur_kinds_of};
pub use effect::{Change, Effect};
pub use facts::{FACTS_REVISION, Row, members_of};
pub use form::{Form, form_of};
pub use lexicon::ingredients_of;
pub use names::{Name, NameKind};
pub use pair::Pair;
pub use question::{Found, Question};
pub use status::{Status, status_of};
pub use strength::{Strength, Unit, strengths_of};
pub use substitution::Substitution;
pub use text::{MAX_CHARS, Span, normalise_name};
pub use translation::Translated;
