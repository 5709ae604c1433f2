//! What is left of a question when its constraints are met elsewhere.

use std::ops::Range;

use crate::particles;
use crate::text::{Text, is_one_of};

/// Words that carry no meaning of their own.
const FILLERS: &str = "\
    약|약은|약이|약을|약도|약들|약좀|거|것|걸로|건|게|뭐|뭐가|뭐야|뭐예요|뭐에요|뭔가요|무엇|무엇인가요|뭐있어|있나요|있어요|있을까요|있나|있음|있어|있는지|있습니까|있을까|추천|추천해|추천해주세요|\
    추천해줘|알려주세요|알려줘|주세요|줘|찾아요|찾습니다|찾아줘|찾고|찾는|찾아주세요|좀|목록|리스트|조회|조회:|제품|품목|의약품|다른|어떤|종류|이|그|수|중|중에|중에서|있는|되나요|될까요|인가요|인데|\
    입니다|궁금해요|없나요|없을까요|없어요|으로|로|된|나온|만한|건가요|하는|하나요|먹을|쓸|드릴|먹일|같은|대상인|대상|해당하는|the|for|any|drug|drugs|is|요|는|은|?|먹는|쓰는|가능한|가능|더|싼|저렴한|데|할|성분|값싼|중인데|먹고|있는데|먹는데|복용중인데|복용하는데|드시는데|동안|사람이|분이|환자가|하면서|사람|\
    복용하는|드시는|약이요|약요|뭐가있어|뭐있나|부탁드려요|부탁드립니다|부탁해요|것들|거요|거야|건데|부탁|있을지|약으로|살|파는";

/// The question without the ranges, if more than fillers is left.
pub(crate) fn without(text: &Text<'_>, cut: &[Range<usize>]) -> String {
    let original: Vec<char> = text.original().chars().collect();
    let mut keep = vec![true; original.len()];
    for range in cut.iter().filter(|range| !range.is_empty()) {
        let end = end_with_particles(text, range.end);
        let span = text.span(&(range.start..end));
        keep[span.start..span.end.min(original.len())].fill(false);
    }
    let mut rest = String::new();
    for (i, c) in original.iter().enumerate() {
        if keep[i] {
            rest.push(*c);
        } else if !rest.ends_with(' ') {
            rest.push(' ');
        }
    }
    let words: Vec<&str> = rest.split_whitespace().collect();
    let is_filler = |word: &&str| {
        let bare = word.trim_matches(|c: char| c.is_ascii_punctuation() || c == '·' || c == '…');
        bare.is_empty() || is_one_of(bare, FILLERS)
    };
    if words.iter().all(is_filler) {
        return String::new();
    }
    if cut.is_empty() {
        return words.join(" ");
    }
    let first = words.iter().position(|word| !is_filler(word)).unwrap_or(0);
    let last = words.iter().rposition(|word| !is_filler(word)).unwrap_or(0);
    words[first..=last].join(" ").trim_matches([',', ' ', ':', '?', '.', '!']).to_owned()
}

/// Particles that belonged to what is cut go with it.
fn end_with_particles(text: &Text<'_>, at: usize) -> usize {
    let end = text.word_end(at);
    let tail = text.slice(at..end);
    // `수유하는데`, `임신 중이라`
    const ENDINGS: &str = "데|는데|인데|면서|하면서|하는데|이라서|라서|이라|중|중인데|중이라|니까|할";
    let is_end = particles::is_particle(&tail) || is_one_of(&tail, ENDINGS);
    if !tail.is_empty() && tail.chars().count() <= 4 && is_end { end } else { at }
}
