//! Text files as they come: UTF-8 with or without a byte order mark, or CP949 (what MFDS downloads are written in).

use anyhow::{Context, Result, bail};
use std::path::Path;

/// Reads a whole text file. Tries UTF-8, then CP949; a file that is neither (mixed encodings) is refused with the line and
/// byte column of the first byte that is not UTF-8.
pub fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    decode(&bytes).with_context(|| path.display().to_string())
}

/// Decodes the bytes of a text file, see [`read`].
pub fn decode(bytes: &[u8]) -> Result<String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let bad = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text.to_owned()),
        Err(e) => e.valid_up_to(),
    };
    // Hangul in UTF-8 before the bad byte means a UTF-8 file with foreign bytes in it, not a CP949 file: those decode as
    // each other's mojibake, so guessing would damage the text silently.
    let valid = String::from_utf8_lossy(&bytes[..bad]);
    let has_utf8 = valid.chars().any(|c| ('가'..='힣').contains(&c));
    let (text, _, malformed) = encoding_rs::EUC_KR.decode(bytes);
    if has_utf8 || malformed {
        let line_start = bytes[..bad].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        let line = bytes[..bad].iter().filter(|&&b| b == b'\n').count() + 1;
        bail!("line {line}, byte {}: neither UTF-8 nor CP949 text (mixed encodings?)", bad - line_start + 1);
    }
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_utf8_bom_and_cp949() {
        assert_eq!(decode("\u{feff}약,1".as_bytes()).unwrap(), "약,1");
        let (cp949, _, _) = encoding_rs::EUC_KR.encode("품목명,똠방각하");
        assert_eq!(decode(&cp949).unwrap(), "품목명,똠방각하");
    }

    #[test]
    fn refuses_mixed_encodings_with_the_place() {
        let (cp949, _, _) = encoding_rs::EUC_KR.encode("해열제");
        let mut mixed = "이름\n진통제 ".as_bytes().to_vec();
        mixed.extend_from_slice(&cp949);
        assert_eq!(
            decode(&mixed).unwrap_err().to_string(),
            "line 2, byte 11: neither UTF-8 nor CP949 text (mixed encodings?)"
        );
    }
}
