//! Korean particles (josa) and what else may be written onto a noun.

use crate::text::Text;

/// Particles and endings that follow a noun within its word, longest first.
const PARTICLES: &str = "\
    으로된|으로만|으로는|으로도|이라도|이에요|입니다|에서도|에게는|한테는|이랑은|이란|이든|이랑|하고|으로|에서|에게|한테|부터|까지|보다|처럼|같은|말고|빼고|대신|없이|없는|이나|라도|인데|이고|이며|이면|\
    예요|이요|이라|로된|로만|로는|로도|형태|타입|종류|계열|성분|제제|들은|들이|있는|든|용|형|류|제|약|중|쪽|식|은|는|이|가|을|를|의|와|과|랑|도|만|에|로|께|나|라|인|임|요|좀|들|고|며|된|\
    별|밖|및|야|여|계|같|적|죠|냐";

/// What often follows without a blank.
const FOLLOWERS: &str = "먹|없|있|안|못|말고|빼|뺀|대신|추천|주세요|주|찾|알려|같|들어|함유|포함|제외|바르|바를|쓰|써|복용|사용|투여|드시|되|나온|금기|대체|제네릭|부탁|아닌";

/// Whether a noun that ends at `i` ends its word there, but for particles.
pub(crate) fn closes(text: &Text<'_>, i: usize) -> bool {
    if text.starts(i) || text.chars.get(i).is_some_and(|c| c.is_ascii_digit()) {
        return true;
    }
    let tail: Vec<char> = text.chars[i..text.word_end(i)].to_vec();
    strip(&tail, 3)
}

fn strip(tail: &[char], depth: usize) -> bool {
    let begins = |word: &str| word.chars().count() <= tail.len() && word.chars().zip(tail).all(|(a, b)| a == *b);
    tail.is_empty()
        || FOLLOWERS.split('|').any(begins)
        || depth > 0 && PARTICLES.split('|').any(|word| begins(word) && strip(&tail[word.chars().count()..], depth - 1))
}

/// A word without the particles at its end.
pub(crate) fn bare(word: &str) -> &str {
    const END: &str =
        "이랑은|이랑|에서|에게|한테|으로|하고|보다|처럼|까지|부터|이나|은|는|이|가|을|를|의|와|과|랑|도|만|로|에";
    let length = |word: &str| word.chars().count();
    END.split('|').find_map(|end| word.strip_suffix(end).filter(|rest| length(rest) >= 2)).unwrap_or(word)
}

/// Whether a word's end is nothing but particles.
pub(crate) fn is_particle(tail: &str) -> bool {
    let mut rest = tail;
    while let Some(particle) =
        PARTICLES.split('|').filter(|particle| rest.starts_with(*particle)).max_by_key(|particle| particle.len())
    {
        rest = &rest[particle.len()..];
    }
    rest.is_empty()
}
