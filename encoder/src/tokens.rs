//! Text -> token ids, with the role's prefix, bounded by what the model can read.

use std::borrow::Cow;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tokenizers::Tokenizer;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::blank::is_blank;
use crate::bundle::{Bundle, Manifest, Prefixes, Role, TOKENIZER};
use crate::error::{Error, Result};
use crate::memory;
use crate::unigram::Unigram;

/// Longest text that is looked at, in bytes. Beyond it tokenizing itself could no longer be cancelled in time.
pub const MAX_TEXT_BYTES: usize = 256 * 1024;

/// What composing a text takes at most, for each of its bytes.
const BYTES_OF_COMPOSING: usize = 16;

/// What to do with a text of more tokens than the model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Overflow {
    /// Refuse it.
    Error,
    /// Embed its beginning.
    Truncate,
    /// Embed it window by window; the vector is the windows' mean, weighted by tokens, L2-normalised.
    Window,
}

/// Token ids of one model input, special tokens included.
pub type Ids = Vec<u32>;

/// XLM-RoBERTa's kind is read compactly; every other kind by the `tokenizers` library.
enum Reader {
    Compact(Box<Unigram>),
    Library(Box<Tokenizer>),
}

impl Reader {
    fn open(path: &Path, json: &str) -> Result<Reader> {
        let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
        whole(|| Reader::read(path, json)).unwrap_or_else(|reason| Err(malformed(reason)))
    }

    fn read(path: &Path, json: &str) -> Result<Reader> {
        if let Some(unigram) = Unigram::from_json(path, json)? {
            return Ok(Reader::Compact(Box::new(unigram)));
        }
        let malformed =
            |reason: tokenizers::Error| Error::Malformed { path: path.to_owned(), reason: reason.to_string() };
        let mut tokenizer: Tokenizer = json.parse().map_err(malformed)?;
        tokenizer.with_padding(None);
        tokenizer.set_encode_special_tokens(true);
        tokenizer.with_truncation(None).map_err(malformed)?;
        Ok(Reader::Library(Box::new(tokenizer)))
    }

    fn special(&self, token: &str) -> Option<u32> {
        match self {
            Reader::Compact(unigram) => unigram.special(token),
            Reader::Library(tokenizer) => tokenizer.token_to_id(token),
        }
    }

    fn encode(&self, text: &str) -> Result<Ids> {
        whole(|| self.read_text(text)).unwrap_or_else(|reason| Err(Error::Tokenize(reason)))
    }

    fn read_text(&self, text: &str) -> Result<Ids> {
        match self {
            Reader::Compact(unigram) => unigram.encode(text),
            Reader::Library(tokenizer) => {
                let encoding = tokenizer.encode(text, false).map_err(|e| Error::Tokenize(e.to_string()))?;
                Ok(encoding.get_ids().to_vec())
            }
        }
    }
}

/// A panic of the libraries as an error: some take for granted that a tokenizer's file is as its maker wrote it.
fn whole<T>(work: impl FnOnce() -> T) -> std::result::Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| "the tokenizer's file contradicts itself".to_owned())
}

pub struct Tokens {
    reader: Reader,
    prefixes: Prefixes,
    max_tokens: usize,
    /// Special tokens around every input.
    begin: u32,
    end: u32,
}

impl Tokens {
    pub fn open(bundle: &Bundle) -> Result<Tokens> {
        let (path, json) = tokenizer(bundle)?;
        Tokens::new(bundle, &path, Reader::open(&path, &json)?)
    }

    /// Reads `bytes`, which [`Tokens::pack`] made of the bundle's tokenizer and which were read from `path`.
    pub fn open_packed(bundle: &Bundle, path: &Path, bytes: &[u8]) -> Result<Tokens> {
        Tokens::new(bundle, path, Reader::Compact(Box::new(Unigram::unpack(path, bytes)?)))
    }

    /// The bundle's tokenizer in a form that is read faster; `None` of a kind that only the library reads.
    pub fn pack(bundle: &Bundle) -> Result<Option<Vec<u8>>> {
        let (path, json) = tokenizer(bundle)?;
        let packed = Unigram::from_json(&path, &json)?.map(|unigram| unigram.pack(&json));
        packed.transpose().map_err(|e| Error::Malformed { path, reason: e.to_string() })
    }

    fn new(bundle: &Bundle, path: &Path, reader: Reader) -> Result<Tokens> {
        let special = |token: &str| {
            let missing = || Error::Malformed { path: path.to_owned(), reason: format!("it has no token {token}") };
            reader.special(token).ok_or_else(missing)
        };
        let (begin, end) = (special("<s>")?, special("</s>")?);
        let Manifest { prefix, max_tokens, .. } = &bundle.manifest;
        Ok(Tokens { prefixes: prefix.clone(), max_tokens: *max_tokens, begin, end, reader })
    }

    /// Number of tokens of the whole input: prefix, text and special tokens.
    pub fn count(&self, role: Role, text: &str) -> Result<usize> {
        Ok(self.content(role, text)?.len() + 2)
    }

    /// The model inputs for a text: one, or several windows when it is too long and `overflow` says so.
    pub fn inputs(&self, role: Role, text: &str, overflow: Overflow) -> Result<Vec<Ids>> {
        let content = self.content(role, text)?;
        let room = self.max_tokens - 2;
        if content.len() <= room {
            return Ok(vec![self.framed(&content)]);
        }
        match overflow {
            Overflow::Error => Err(Error::TooLong { tokens: content.len() + 2, limit: self.max_tokens }),
            Overflow::Truncate => Ok(vec![self.framed(&content[..room])]),
            Overflow::Window => self.windows(role, &content, room),
        }
    }

    /// Every window carries the prefix; windows don't overlap, and are of nearly equal length.
    fn windows(&self, role: Role, content: &[u32], room: usize) -> Result<Vec<Ids>> {
        let head = self.reader.encode(self.prefixes.of(role).trim_end())?;
        let head = if content.starts_with(&head) { head.len() } else { 0 };
        let (prefix, body) = content.split_at(head);
        let count = body.len().div_ceil(room - head);
        let width = body.len().div_ceil(count);
        Ok(body.chunks(width).map(|part| self.framed(&[prefix, part].concat())).collect())
    }

    /// Ids of prefix and text, without special tokens.
    fn content(&self, role: Role, text: &str) -> Result<Ids> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(Error::TooLarge { bytes: text.len(), limit: MAX_TEXT_BYTES });
        }
        if is_blank(text) {
            return Err(Error::Blank);
        }
        memory::require(BYTES_OF_COMPOSING * text.len())?;
        self.reader.encode(&format!("{}{}", self.prefixes.of(role), composed(text)))
    }

    fn framed(&self, content: &[u32]) -> Ids {
        let mut ids = Vec::with_capacity(content.len() + 2);
        ids.push(self.begin);
        ids.extend_from_slice(content);
        ids.push(self.end);
        ids
    }
}

/// Path and content of the bundle's `tokenizer.json`.
fn tokenizer(bundle: &Bundle) -> Result<(PathBuf, String)> {
    let path = bundle.path(TOKENIZER);
    match fs::read_to_string(&path) {
        Ok(json) => Ok((path, json)),
        Err(source) => Err(Error::Unreadable { path, source }),
    }
}

/// Unicode NFC: the model's own character map does not put decomposed Hangul together (macOS file names, some exports).
pub fn composed(text: &str) -> Cow<'_, str> {
    if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}
