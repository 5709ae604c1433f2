//! The texts of one call: which are equal, which go through the model together.
//!
//! It holds some 25 bytes a text beside the texts, not their tokens: a text is tokenized once to be checked and again to be embedded,
//! which costs a thousandth of embedding it.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use crate::batches::Entry;
use crate::bundle::Role;
use crate::error::{Error, Result};
use crate::memory;
use crate::tokens::{Ids, Overflow, Tokens};

pub struct Call<'t> {
    pub role: Role,
    pub overflow: Overflow,
    texts: &'t [&'t str],
    entries: Vec<Entry>,
    /// Of every text its first place in `entries`.
    distinct: HashTable<u32>,
    hasher: RandomState,
    /// Inputs of the text tokenized last: a call of one text tokenizes it once.
    last: Option<(u32, Vec<Ids>)>,
}

impl<'t> Call<'t> {
    pub fn new(role: Role, overflow: Overflow, texts: &'t [&'t str]) -> Result<Call<'t>> {
        let (entries, distinct) = (memory::reserved(texts.len())?, HashTable::new());
        Ok(Call { role, overflow, texts, entries, distinct, hasher: RandomState::new(), last: None })
    }

    /// Checks the text at `at` and takes it up.
    pub fn add(&mut self, at: usize, tokens: &Tokens) -> Result<()> {
        let too_many = |_| Error::TooMany { limit: u32::MAX as usize };
        let (place, text) = (u32::try_from(at).map_err(too_many)?, self.texts[at]);
        let Call { texts, entries, hasher, distinct, .. } = self;
        let first_of = |entry: &u32| texts[entries[*entry as usize].first as usize];
        let hash = hasher.hash_one(text);
        if let Some(&equal) = distinct.find(hash, |entry| first_of(entry) == text) {
            entries.push(Entry { at: place, ..entries[equal as usize] });
            return Ok(());
        }
        let reserved = distinct.try_reserve(1, |entry| hasher.hash_one(first_of(entry)));
        reserved.map_err(|_| Error::out_of_memory(2 * size_of::<u32>() * distinct.len()))?;
        let inputs = tokens.inputs(self.role, text, self.overflow)?;
        let tokens = if inputs.len() == 1 { inputs[0].len() as u32 } else { Entry::WINDOWS };
        self.last = Some((place, inputs));
        distinct.insert_unique(hash, entries.len() as u32, |entry| hasher.hash_one(first_of(entry)));
        entries.push(Entry { tokens, first: place, at: place });
        Ok(())
    }

    /// What was added, in the order of [`batches::of`](crate::batches::of).
    pub fn take_entries(&mut self) -> Vec<Entry> {
        self.distinct = HashTable::new();
        self.entries.sort_unstable();
        std::mem::take(&mut self.entries)
    }

    pub fn text(&self, at: u32) -> &'t str {
        self.texts[at as usize]
    }

    /// The model's inputs of a text that was added.
    pub fn inputs(&mut self, at: u32, tokens: &Tokens) -> Result<Vec<Ids>> {
        match self.last.take_if(|(last, _)| *last == at) {
            Some((_, inputs)) => Ok(inputs),
            None => tokens.inputs(self.role, self.text(at), self.overflow),
        }
    }
}
