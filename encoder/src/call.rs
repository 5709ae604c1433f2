//! The texts of one call: which are equal, which go through the model together.
//!
//! It holds some 30 bytes a text beside the texts, not their tokens: a text is tokenized once to be checked and again to be embedded,
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
    /// The first of every text that occurs in `entries`.
    distinct: HashTable<Entry>,
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
        let place = u32::try_from(at).map_err(|_| Error::TooMany { limit: u32::MAX as usize })?;
        let texts = self.texts;
        let hash = |entry: &Entry| self.hasher.hash_one(texts[entry.first as usize]);
        let key = Entry { tokens: 0, first: place, at: place };
        let (hash_of_text, is_equal) = (hash(&key), |entry: &Entry| texts[entry.first as usize] == texts[at]);
        if let Some(first) = self.distinct.find(hash_of_text, is_equal) {
            self.entries.push(Entry { at: place, ..*first });
            return Ok(());
        }
        self.distinct.try_reserve(1, hash).map_err(|_| Error::out_of_memory(texts.len() * size_of::<Entry>()))?;
        let inputs = tokens.inputs(self.role, texts[at], self.overflow)?;
        let tokens = if inputs.len() == 1 { inputs[0].len() as u32 } else { Entry::WINDOWS };
        self.last = Some((place, inputs));
        let entry = Entry { tokens, ..key };
        self.distinct.insert_unique(hash_of_text, entry, hash);
        self.entries.push(entry);
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
