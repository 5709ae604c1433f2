//! Text in which there is nothing to read.

/// Whether a text is empty or holds only characters that show nothing: white space, control characters, Unicode's
/// `Default_Ignorable_Code_Point` (zero-width spaces and joiners, the byte-order mark, the soft hyphen, variation selectors, Hangul
/// fillers, tags), the two symbols that are drawn as nothing (an empty Braille cell, a musical null note head), and
/// the two that SentencePiece's tokenizers read as nothing: `▁`, their own sign for a space, and U+FFFD, which stands for a lost
/// character.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(is_invisible)
}

fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || is_default_ignorable(c)
        || matches!(c, '\u{2800}' | '\u{1d159}' | '▁' | '\u{fffd}')
}

/// Unicode 17, `DerivedCoreProperties.txt`, and the interlinear annotation marks beside it.
fn is_default_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::is_blank;

    #[test]
    fn what_shows_nothing_is_blank() {
        for text in [
            "",
            " \t\r\n",
            "\u{a0}\u{3000}\u{2028}",
            "\u{200b}",
            "\u{200c}\u{200d}",
            "\u{feff}",
            "\u{ad}",
            "\u{fe0f}",
            "\u{e0100}",
            "\u{3164}",
            "\u{115f}\u{1160}\u{ffa0}",
            "\u{202a}\u{202c}",
            "\u{2066}\u{2069}",
            "\u{1f}\u{7f}",
            "\u{180e}",
            "\u{34f}",
            "\u{2800}",
            "\u{e0041}\u{e007f}",
        ] {
            assert!(is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn what_shows_something_is_not() {
        for text in ["약", ".", "\u{200b}a", "\u{301}", "ㄱ", "👨\u{200d}👩", "\u{1100}", "0", "\u{fffc}"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }
}
