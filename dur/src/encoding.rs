//! Bytes as text: UTF-8, UTF-16 with a byte order mark, or else CP949, as Korean Windows writes it.

use std::borrow::Cow;
use std::io::{self, Read};

use encoding_rs::{Decoder, EUC_KR, Encoding, UTF_8};

use crate::error::Error;

/// Data whose encoding is known.
pub(crate) struct Text<'a> {
    data: &'a [u8],
    encoding: &'static Encoding,
}

impl<'a> Text<'a> {
    pub fn of(data: &'a [u8]) -> Result<Self, Error> {
        // A zip archive, which XLSX is, too; the compound file of XLS; gzip.
        const BINARY: &[&[u8]] = &[b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b"];
        if BINARY.iter().any(|magic| data.starts_with(magic)) {
            return Err(Error::Binary);
        }
        if let Some((encoding, mark)) = Encoding::for_bom(data) {
            return Ok(Text { data: &data[mark..], encoding });
        }
        let encoding = if std::str::from_utf8(data).is_ok() { UTF_8 } else { EUC_KR };
        Ok(Text { data, encoding })
    }

    /// The first byte of the decoded text that is no blank.
    pub fn first(&self) -> Option<u8> {
        self.beginning(64).bytes().find(|byte| !byte.is_ascii_whitespace())
    }

    /// The text of the first `bytes`.
    pub fn beginning(&self, bytes: usize) -> Cow<'a, str> {
        self.encoding.decode_without_bom_handling(&self.data[..bytes.min(self.data.len())]).0
    }

    /// All of it.
    pub fn whole(&self) -> Cow<'a, str> {
        self.encoding.decode_without_bom_handling(self.data).0
    }

    /// As UTF-8, piece by piece. What can't be decoded becomes U+FFFD.
    pub fn reader(&self) -> Decoding<'a> {
        Decoding { rest: self.data, decoder: self.encoding.new_decoder_without_bom_handling(), done: false }
    }
}

pub(crate) struct Decoding<'a> {
    rest: &'a [u8],
    decoder: Decoder,
    done: bool,
}

impl Read for Decoding<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A character takes at most three bytes, a replacement too; the csv crate's buffer has 8 kB.
        const LEAST: usize = 16;
        if buffer.len() < LEAST {
            return Err(io::Error::other("buffer too small"));
        }
        let mut written = 0;
        while written == 0 && !self.done {
            let (result, read, wrote, _) = self.decoder.decode_to_utf8(self.rest, buffer, true);
            self.rest = &self.rest[read..];
            self.done = result == encoding_rs::CoderResult::InputEmpty;
            written = wrote;
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_told_apart() {
        let words = "성분명,제품명\n똠방각하,㎎\n";
        let (cp949, _, _) = EUC_KR.encode(words);
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(words.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let marked = [b"\xef\xbb\xbf", words.as_bytes()].concat();
        for data in [words.as_bytes(), &cp949, &utf16, &marked] {
            let text = Text::of(data).unwrap();
            let mut piecewise = String::new();
            io::BufReader::with_capacity(16, text.reader()).read_to_string(&mut piecewise).unwrap();
            assert_eq!((text.whole().as_ref(), piecewise.as_str()), (words, words));
            assert_eq!(text.first(), Some("성".as_bytes()[0]));
        }
        assert!(matches!(Text::of(b"PK\x03\x04..."), Err(Error::Binary)));
        assert_eq!(Text::of(b" \n ").unwrap().first(), None);
    }
}
