//! Names in a text: ingredients, brands, companies, classes of drugs, excipients, food.

use std::ops::Range;

use serde::Serialize;

use crate::lexicon::{Entry, Lexicon};
use crate::particles;
use crate::salts;
use crate::strength;
use crate::text::{Text, is_one_of};

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NameKind {
    /// An active ingredient.
    Ingredient,
    /// A product.
    Brand,
    /// A class of drugs, such as `스테로이드` or `혈압약`.
    Class,
    /// What is in a product beside active ingredients: `방부제`, `색소`.
    Excipient,
    /// What a drug is taken with: `술`, `자몽`.
    Food,
    /// A [`Form`](crate::Form), by its code.
    Form,
    /// An effect, such as `sedation`.
    Effect,
    /// A [`Strength`](crate::Strength), as it is displayed.
    Strength,
}

impl NameKind {
    /// Name in JSON.
    pub fn code(self) -> &'static str {
        match self {
            NameKind::Ingredient => "ingredient",
            NameKind::Brand => "brand",
            NameKind::Class => "class",
            NameKind::Excipient => "excipient",
            NameKind::Food => "food",
            NameKind::Form => "form",
            NameKind::Effect => "effect",
            NameKind::Strength => "strength",
        }
    }
}

/// A name as it stands in the lexica, whatever its spelling in the question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Name {
    /// What it names.
    pub kind: NameKind,
    /// Korean name; of an ingredient, without its salt.
    pub name: String,
    /// English name, in lower case, if the lexica have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub english: Option<String>,
    /// The active ingredients of a brand, in order and joined by `+`, if the lexica know them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingredient: Option<String>,
}

impl Name {
    /// The active ingredients of a brand, one by one.
    ///
    /// ```
    /// let question = reader::Question::read("트윈스타랑 같이 먹으면 안 되는 약");
    /// let twynsta = &question.pair.unwrap().value.names[0];
    /// assert_eq!(twynsta.ingredients().collect::<Vec<_>>(), ["암로디핀", "텔미사르탄"]);
    /// ```
    pub fn ingredients(&self) -> impl Iterator<Item = &str> {
        self.ingredient.iter().flat_map(|all| all.split('+'))
    }

    /// A brand that no lexicon need know, by a product's name: 타이레놀 of `타이레놀정500밀리그람(아세트아미노펜)`.
    pub fn brand(product: &str) -> Self {
        Name::plain(NameKind::Brand, crate::facts::brand_of(product))
    }

    pub(crate) fn plain(kind: NameKind, name: impl Into<String>) -> Self {
        Name { kind, name: name.into(), english: None, ingredient: None }
    }
}

/// A name at a place in a question.
#[derive(Clone, Debug)]
pub(crate) struct Mention {
    pub range: Range<usize>,
    pub name: Name,
    /// Which part of the range is the form that is written onto the name.
    pub form: Option<Range<usize>>,
    pub confidence: f64,
    pub used: bool,
}

/// Forms that are written onto a name: `후시딘연고`, `로사르탄정`.
const ATTACHED_FORMS: &str = "\
    정|캡슐|캅셀|연질캡슐|연고|크림|겔|젤|시럽|건조시럽|현탁액|액|내복액|점안액|점이액|주|주사|주사액|산|과립|로션|스프레이|패취|패치|플라스타|카타플라스마|좌약|좌제|질정|서방정|서방캡슐|장용정|츄어블정|\
    츄어블|구강붕해정|외용액|안연고|트로키|가글|환|파스|샴푸|수액|나잘스프레이|이알서방정|발포정|tab|cap|주사제|흡입제|설하정|비강분무액|현탁시럽|정제";

const MAX_NAME: usize = 24;

/// All names, from left to right; `known` tells further brands.
pub(crate) fn mentions(text: &Text<'_>, known: &dyn Fn(&str) -> bool) -> Vec<Mention> {
    let lexicon = Lexicon::get();
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match mention_at(text, at, lexicon, known) {
            Some(mention) => {
                at = mention.range.end;
                found.push(mention);
            }
            None => at += 1,
        }
    }
    found
}

fn mention_at(text: &Text<'_>, at: usize, lexicon: &Lexicon, known: &dyn Fn(&str) -> bool) -> Option<Mention> {
    let place = begins(text, at)?;
    let limit = text.len().min(at + MAX_NAME);
    let mut key = String::new();
    let mut best = None;
    for end in at..limit {
        key.push(text.chars[end]);
        // A name runs over a blank only if it begins a word: `폴 산`, `folic acid`.
        let Some(entry) = lexicon.name(&key) else { continue };
        if let Some(mention) = accept(text, at..end + 1, entry, place) {
            best = Some(mention);
        }
    }
    best.or_else(|| told(text, at, place, known))
}

/// Where in a word a name begins.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Word,
    /// Behind a salt, as `염산로페라미드`, or a negating syllable, as `무카페인`.
    Prefixed,
    /// Behind a particle in a text without blanks.
    Inside,
}

fn begins(text: &Text<'_>, at: usize) -> Option<Place> {
    if text.starts(at) || text.chars[at].is_ascii_alphabetic() && !text.chars[at - 1].is_ascii_alphanumeric() {
        return Some(Place::Word);
    }
    let start = text.word_start(at);
    let head = text.slice(start..at);
    if salts::is_prefix(&head) || matches!(head.as_str(), "무" | "노" | "디") {
        return Some(Place::Prefixed);
    }
    const BEHIND: &str = "은는이가을를에도때로서면데인의랑와과고큼";
    BEHIND.contains(text.chars[at - 1]).then_some(Place::Inside)
}

fn accept(text: &Text<'_>, range: Range<usize>, entry: Entry, place: Place) -> Option<Mention> {
    let length = range.len();
    let latin = text.chars[range.start].is_ascii_alphabetic();
    let cut = latin && text.chars.get(range.end).is_some_and(|c| c.is_ascii_alphabetic()) && !text.starts(range.end);
    // `무카페인`, but not 무 and 비올라; `인도네시아` is no 도네시아.
    let negated = place == Place::Prefixed && !salts::is_prefix(&text.slice(text.word_start(range.start)..range.start));
    let misplaced =
        negated && matches!(entry.kind, NameKind::Brand | NameKind::Food) || place == Place::Inside && entry.listed;
    let scent = entry.kind == NameKind::Excipient && (place == Place::Prefixed || is_strong(text, range.end));
    let single = length < 2 && entry.kind != NameKind::Food && !scent;
    if cut || misplaced || single || place == Place::Inside && length < 4 || length <= 3 && text.is_split(&range) {
        return None;
    }
    let salted = salts::end_of_salts(text, range.end);
    let end = if entry.kind == NameKind::Ingredient { salted } else { range.end };
    let (end, form) = attached_form(text, end);
    let strong = form.is_some() || is_strong(text, end);
    let closed = particles::closes(text, end) || strong;
    if !closed || entry.weak && !strong && !scent {
        return None;
    }
    let start = if place == Place::Prefixed && salts::is_prefix(&text.slice(text.word_start(range.start)..range.start))
    {
        text.word_start(range.start)
    } else {
        range.start
    };
    let confidence = if entry.weak { 0.7 } else { 0.95 };
    let name = entry.name();
    // `테트라사이클린계`: the class.
    if let Some(length) = text.longest(end, "계|계열").filter(|_| name.kind == NameKind::Ingredient) {
        let range = start..end + 1;
        let class = text.slice(range.clone());
        let name = if crate::facts::classes().contains_key(class.as_str()) || text.chars.get(end + 1) != Some(&'열') {
            Name::plain(NameKind::Class, class)
        } else {
            name
        };
        return Some(Mention { name, range: start..end + length, form, confidence, used: false });
    }
    Some(Mention { range: start..end, name, form, confidence, used: false })
}

/// The end of a form that is written onto a name that ends at `at`, and its range.
fn attached_form(text: &Text<'_>, at: usize) -> (usize, Option<Range<usize>>) {
    if text.starts(at) {
        return (at, None);
    }
    match text.longest(at, ATTACHED_FORMS) {
        Some(length) if particles::closes(text, at + length) => (at + length, Some(at..at + length)),
        _ => (at, None),
    }
}

/// Whether a name can end at `at`: before particles or a form.
pub(crate) fn ends(text: &Text<'_>, at: usize) -> bool {
    particles::closes(text, at) || attached_form(text, at).1.is_some()
}

/// Whether what follows shows that a name was meant, even if it is an ordinary word, too.
fn is_strong(text: &Text<'_>, at: usize) -> bool {
    const CUES: &str = "\
        성분|이든|든|복용|먹|맞는|병용|계열|투여|쓰는중|과같이|와같이|랑같이|이랑같이|이들어|들어|함유|대신|제네릭|복제약|카피|대체조제|말고|빼고|제외|없는|안든|안들어|이없는|이안든|이안들어|가안든|가없는|가안들어|이랑같은성분|랑같은성분|이랑동일|랑동일|프리|무첨가";
    text.longest(at, CUES).is_some()
        || strength::number(text, at)
            .is_some_and(|(_, end)| text.longest(end, "mg|밀리|미리|그램|g|마이크로|%|iu|단위|mcg").is_some())
}

/// A word that the caller knows as a brand.
fn told(text: &Text<'_>, at: usize, place: Place, known: &dyn Fn(&str) -> bool) -> Option<Mention> {
    if place != Place::Word {
        return None;
    }
    let end = text.word_end(at + 1);
    let word = text.slice(at..end.min(at + MAX_NAME));
    let bare = particles::bare(&word);
    [word.as_str(), bare].iter().find(|word| word.chars().count() >= 2 && known(word)).map(|word| Mention {
        range: at..at + word.chars().count(),
        name: Name::plain(NameKind::Brand, *word),
        form: None,
        confidence: 1.0,
        used: false,
    })
}

/// Words ending in 약 or 제 that something is said of as of a name: `수면제 말고`, `혈압약 먹는 중`.
pub(crate) fn classes(text: &Text<'_>, mentions: &[Mention]) -> Vec<Mention> {
    const SAID: &str = "\
        같이|함께|동시에|도같이|먹어도되|먹어도괜|을먹어도|를먹어도|먹어도돼|말고|빼고|제외|이랑|랑|하고|와같이|과같이|와함께|과함께|먹는중|먹고있|복용중|복용하고있|드시는중|드시고있|대신|먹는데|\
        복용하는데|드시는데|을먹고있|를먹고있|을복용|를복용|을드시고|를드시고|먹으면서|먹는사람|을먹는중|를먹는중|복용하는|쓰는중";
    const NO_CLASSES: &str = "\
        약|제|이약|그약|저약|두약|다른약|먹는약|바르는약|무슨약|어떤약|어제|이제|문제|경제|언제|예약|계약|요약|현재제|숙제|실제|강제|통제|공제|새약|물약|알약|가루약|안약|코약|귀약|바르는약|처방약|\
        일반약|전문약|좌약|관장약|약국약|환약|내복약|상비약|마약";
    (1..text.len())
        .filter(|&at| matches!(text.chars[at], '약' | '제') && text.longest(at + 1, SAID).is_some())
        .filter_map(|at| {
            let range = text.word_start(at)..at + 1;
            let word = text.slice(range.clone());
            let taken =
                mentions.iter().any(|mention| mention.range.start < range.end && range.start < mention.range.end);
            let fits = range.len() >= 2 && range.len() <= 12 && !is_one_of(word.as_str(), NO_CLASSES);
            (fits && !taken).then(|| Mention {
                range,
                name: Name::plain(NameKind::Class, word),
                form: None,
                confidence: 0.7,
                used: false,
            })
        })
        .collect()
}

/// Words that look like products of no lexicon: `없던정 20mg`, `없던캡슐`.
pub(crate) fn unknown_brands(text: &Text<'_>, mentions: &[Mention]) -> Vec<(Range<usize>, String)> {
    const ENDINGS: &str = "정|캡슐|연고|크림|시럽|점안액|현탁액|서방정|대신";
    const MAX_CANDIDATES: usize = 8;
    const NO_NAMES: &str = "\
        말고|빼고|제외하고|아니고|하루|매일|하루에|한번에|한번|아침|저녁|점심|자기전|최대|최소|총|약|보다|대신|그냥|또는|혹은|그리고|이랑|하고|용량|함량|고용량|저용량|서방|원래|지금|현재|기존|처방|병원|\
        약국|부터|까지|이상|이하|미만|정도|각각|합쳐서|합해서|주사|주사제|주사액|연고|크림|시럽|로션|겔|젤|파스|패치|패취|캡슐|정제|스프레이|점안액|외용액|안약|물약|수액|좌약|가글|\
        샴푸|흡입제|흡입기|현탁액|필름";
    // What forms are written onto that is no name: 무좀연고, 영양주사액.
    const ORDINARY_STEMS: &str = "\
        는|은|한|링거|주사|가글|투석|영양|보충|심정지|무좀|여드름|피부|마취|보습|가려움|질세정|연질|츄어블|서방|장용|점안|현탁|시럽|관류|질|항생제|소독|세정|눈|걱|안|인|결|진|감|과|규|수|가|\
        긍|부|열|일|고|애|우|조|추|특|표|행|확|환|바|민|매|아|다음|이번|제|전|예|운|용|음|원|위|자|광|동|관|공|거|나|소|코|입|목|습진|기침|감기|해열|비염|탈모|아토피|상처|화상|흉터|\
        치질";
    (0..text.len())
        .filter(|&at| text.starts(at))
        .filter_map(|at| {
            let end = text.word_end(at + 1);
            let word = text.slice(at..end.min(at + MAX_NAME));
            let stem = ENDINGS.split('|').filter_map(|ending| word.strip_suffix(ending)).min_by_key(|stem| stem.len());
            let amount =
                strength::number(text, end).is_some_and(|(_, end)| text.longest(end, "mg|밀리|미리|%").is_some());
            // `10mg 말고 5mg`, `하루 500mg`
            if is_one_of(&word, NO_NAMES) {
                return None;
            }
            let stem = match stem {
                Some(stem)
                    if amount
                        || text.follows(end, "대신")
                        || !ORDINARY_STEMS.split('|').any(|word| stem.ends_with(word)) =>
                {
                    stem
                }
                _ if amount || text.follows(end, "대신") => word.as_str(),
                _ => return None,
            };
            let length = stem.chars().count();
            let hangul = stem.chars().all(|c| c.is_alphanumeric() && !c.is_ascii_digit());
            let taken = mentions.iter().any(|mention| mention.range.start < end && at < mention.range.end);
            ((2..=10).contains(&length) && hangul && !taken && !stem.ends_with(['약', '제']))
                .then(|| (at..at + length, stem.to_owned()))
        })
        .take(MAX_CANDIDATES)
        .collect()
}
