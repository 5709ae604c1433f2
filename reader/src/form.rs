//! Dosage forms: what a question asks for, and what a row of a table is.

use std::sync::OnceLock;

use serde::{Serialize, Serializer};

use crate::text::normalise_name;

macro_rules! forms {
    ($($form:ident $code:literal $korean:literal [$($parent:ident),*] $doc:literal;)*) => {
        /// A dosage form, or a family of them: `Pill` is any tablet or capsule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Form { $(#[doc = $doc] $form,)* }

        impl Form {
            /// All forms.
            pub const ALL: &'static [Form] = &[$(Form::$form),*];

            /// Name in JSON, such as `oral_liquid`.
            pub fn code(self) -> &'static str {
                match self { $(Form::$form => $code,)* }
            }

            /// Name in Korean, such as `물약`.
            pub fn korean(self) -> &'static str {
                match self { $(Form::$form => $korean,)* }
            }

            /// The families it directly belongs to.
            pub fn parents(self) -> &'static [Form] {
                match self { $(Form::$form => &[$(Form::$parent),*],)* }
            }
        }
    };
}

forms! {
    Oral "oral" "먹는 약" [] "Anything swallowed.";
    Pill "pill" "알약" [Oral] "Tablets and capsules.";
    Tablet "tablet" "정제" [Pill] "Tablet, plain or coated.";
    Chewable "chewable" "씹어 먹는 정" [Tablet] "Chewable tablet.";
    ExtendedRelease "extended_release" "서방형" [Pill] "Extended-release tablet or capsule.";
    ExtendedReleaseTablet "extended_release_tablet" "서방정" [ExtendedRelease, Tablet] "Extended-release tablet.";
    ExtendedReleaseCapsule "extended_release_capsule" "서방캡슐" [ExtendedRelease, Capsule] "Extended-release capsule.";
    Enteric "enteric" "장용성" [Pill] "Enteric-coated tablet or capsule.";
    EntericTablet "enteric_tablet" "장용정" [Enteric, Tablet] "Enteric-coated tablet.";
    EntericCapsule "enteric_capsule" "장용캡슐" [Enteric, Capsule] "Enteric capsule.";
    Dissolving "dissolving" "녹여 먹는 약" [Oral] "Dissolved in the mouth.";
    OrallyDisintegrating "orally_disintegrating" "구강붕해정" [Dissolving, Tablet] "Orally disintegrating tablet.";
    OralFilm "oral_film" "구강용해필름" [Dissolving] "Orodispersible film.";
    Lozenge "lozenge" "트로키" [Dissolving] "Lozenge.";
    Sublingual "sublingual" "설하정" [Dissolving, Tablet] "Sublingual tablet.";
    WaterSoluble "water_soluble" "물에 타 먹는 약" [Oral] "Dissolved or dispersed in water before it is taken.";
    Effervescent "effervescent" "발포정" [WaterSoluble, Tablet] "Effervescent or dispersible tablet.";
    Gum "gum" "껌" [Oral] "Medicated chewing gum.";
    Capsule "capsule" "캡슐" [Pill] "Capsule, hard or soft.";
    SoftCapsule "soft_capsule" "연질캡슐" [Capsule] "Soft capsule.";
    RoundPill "round_pill" "환" [Oral] "Pills of traditional medicine.";
    Powder "powder" "가루약" [Oral] "Powders and granules.";
    Granules "granules" "과립" [Powder, WaterSoluble] "Granules.";
    OralLiquid "oral_liquid" "물약" [Oral] "Liquids that are drunk.";
    Syrup "syrup" "시럽" [OralLiquid] "Syrup.";
    DrySyrup "dry_syrup" "건조시럽" [Syrup, WaterSoluble] "Dry syrup.";
    Suspension "suspension" "현탁액" [OralLiquid] "Oral suspension.";
    OralJelly "oral_jelly" "젤리" [Oral] "Oral jelly.";
    Topical "topical" "바르는 약" [] "Applied to the skin.";
    Ointment "ointment" "연고" [Topical] "Ointment.";
    Cream "cream" "크림" [Topical] "Cream.";
    Gel "gel" "겔" [Topical] "Gel.";
    Lotion "lotion" "로션" [Topical] "Lotion.";
    TopicalSolution "topical_solution" "외용액" [Topical] "Solution for the skin.";
    NailLacquer "nail_lacquer" "네일라카" [Topical] "Nail lacquer.";
    Shampoo "shampoo" "샴푸" [Topical] "Medicated shampoo.";
    Foam "foam" "폼" [Topical] "Foam.";
    Patch "patch" "붙이는 약" [] "Anything stuck to the skin: patches, plasters, cataplasms.";
    Plaster "plaster" "플라스타" [Patch] "Plaster.";
    Cataplasma "cataplasma" "카타플라스마" [Patch] "Cataplasm.";
    Spray "spray" "스프레이" [] "Anything sprayed.";
    SkinSpray "skin_spray" "에어로솔" [Spray, Topical] "Spray or aerosol for the skin.";
    ThroatSpray "throat_spray" "목에 뿌리는 약" [Spray] "Throat spray.";
    Nasal "nasal" "코에 쓰는 약" [] "For the nose.";
    NasalSpray "nasal_spray" "비강분무" [Nasal, Spray] "Nasal spray.";
    Eye "eye" "안약" [] "For the eye.";
    EyeDrops "eye_drops" "점안액" [Eye] "Eye drops.";
    EyeOintment "eye_ointment" "안연고" [Eye] "Eye ointment.";
    EarDrops "ear_drops" "점이액" [] "Ear drops.";
    Inhaler "inhaler" "흡입제" [] "Inhaled.";
    Suppository "suppository" "좌약" [] "Rectal suppository.";
    Enema "enema" "관장약" [] "Enema.";
    Vaginal "vaginal" "질에 넣는 약" [] "Vaginal.";
    VaginalTablet "vaginal_tablet" "질정" [Vaginal] "Vaginal tablet or capsule.";
    VaginalSuppository "vaginal_suppository" "질좌제" [Vaginal] "Vaginal suppository.";
    Gargle "gargle" "가글" [] "Mouthwash and gargle.";
    Injection "injection" "주사" [] "Injected.";
    Infusion "infusion" "수액" [Injection] "Infusion.";
    Swab "swab" "거즈·솜" [] "Swabs, gauze and pads with a drug.";
    Toothpaste "toothpaste" "치약" [] "Medicated toothpaste.";
    Gas "gas" "가스" [] "Medical gas.";
}

impl Form {
    /// Whether a row of this form is what was asked for.
    ///
    /// ```
    /// use reader::Form;
    /// assert!(Form::SoftCapsule.is_a(Form::Pill));
    /// assert!(!Form::EyeOintment.is_a(Form::Ointment));
    /// ```
    pub fn is_a(self, asked: Form) -> bool {
        self == asked || self.parents().iter().any(|parent| parent.is_a(asked))
    }

    /// The form of a [code](Form::code).
    pub fn from_code(code: &str) -> Option<Form> {
        Form::ALL.iter().copied().find(|form| form.code() == code)
    }
}

impl Serialize for Form {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// The form that a column (`제형코드명`, `DOSAGE_FORM`) or a product's name tells.
///
/// ```
/// use reader::{Form, form_of};
/// assert_eq!(form_of("타이레놀정500밀리그람(아세트아미노펜)"), Some(Form::Tablet));
/// assert_eq!(form_of("경질캡슐제, 산제"), Some(Form::Capsule));
/// assert_eq!(form_of("겔포스"), None);
/// ```
pub fn form_of(value: &str) -> Option<Form> {
    const MAX_CHARS: usize = 400;
    let value: String = value.chars().take(MAX_CHARS).collect();
    let name = stem(&normalise_name(&value));
    if let Some(form) = value.split_whitespace().next_back().and_then(|word| latin_ending(&normalise_name(word))) {
        return Some(form);
    }
    let tablet = |form| match form {
        // `도네페질정` is no vaginal tablet.
        Form::VaginalTablet if value.contains("도네페질") || value.contains("세프프로질") || name.contains("페질") => {
            Form::Tablet
        }
        form => form,
    };
    // `1. A액, 2. B액` and `연질캡슐제, 액상`: the first part that tells.
    name.split(',')
        .map(|part| without_strength(part).0)
        .find_map(|part| ending(&part).or_else(|| ending(without_variant(&part))))
        .map(tablet)
}

/// `코푸정에스`: without the variant's name.
fn without_variant(name: &str) -> &str {
    const VARIANTS: &str = "에스|에프|골드|플러스|포르테|스트롱|알파|큐|디|에이|이알";
    let variant = VARIANTS.split('|').filter(|variant| name.ends_with(variant)).max_by_key(|variant| variant.len());
    variant.map_or(name, |variant| name[..name.len() - variant.len()].trim_end_matches('-'))
}

/// Without what stands in brackets.
pub(crate) fn stem(name: &str) -> String {
    let mut depth = 0_usize;
    name.chars()
        .filter(|c| match c {
            '(' | '[' | '<' | '{' => {
                depth += 1;
                false
            }
            ')' | ']' | '>' | '}' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect()
}

/// A name without the strength at its end, and what that was.
pub(crate) fn without_strength(name: &str) -> (String, String) {
    const UNITS: &str = "밀리그램|미리그램|미리그람|아이유|만아이유|밀리그람|마이크로그램|마이크로그람|밀리리터|밀리|그램|그람|퍼센트|단위|만단위|㎍|mcg|μg|ug|mg|ml|iu|g|%|l|meq";
    let mut rest = name.trim_end_matches(['.', ' ']);
    loop {
        let unit = UNITS.split('|').filter(|unit| rest.ends_with(*unit)).max_by_key(|unit| unit.len());
        let number = unit.map_or(rest, |unit| &rest[..rest.len() - unit.len()]);
        let left = number.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '/' | '-'));
        if left.len() == number.len() || left.is_empty() {
            break;
        }
        rest = left;
    }
    (rest.to_owned(), name[rest.len()..].to_owned())
}

/// `Cap.`, `Tablet`: a Latin ending that is a word.
fn latin_ending(word: &str) -> Option<Form> {
    let word = word.trim_matches(|c: char| c.is_ascii_punctuation());
    word.is_ascii().then(|| endings().iter().find(|(ending, _)| *ending == word).map(|(_, form)| *form)).flatten()
}

fn endings() -> &'static [(&'static str, Form)] {
    const ENDINGS: &str = include_str!("../lexica/form_endings.tsv");
    static TABLE: OnceLock<Vec<(&'static str, Form)>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table: Vec<(&str, Form)> = ENDINGS
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('\t'))
            .filter_map(|(code, words)| Some((Form::from_code(code)?, words)))
            .flat_map(|(form, words)| words.split('|').map(move |word| (word, form)))
            .collect();
        table.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        table
    })
}

/// A name without the form at its end: 타이레놀 of 타이레놀정.
pub(crate) fn without_form(name: &str) -> &str {
    match ending_of(name) {
        Some((before, _)) if before.chars().count() >= 2 => before,
        _ => name,
    }
}

fn ending(name: &str) -> Option<Form> {
    ending_of(name).map(|(before, form)| refine(before, form))
}

/// The form at the end of a name, and what stands before it.
fn ending_of(name: &str) -> Option<(&str, Form)> {
    let table = endings();
    let name = name.trim_end_matches(|c: char| c.is_ascii_punctuation());
    let (word, form) = table.iter().find(|(word, _)| name.ends_with(word))?;
    let before = &name[..name.len() - word.len()];
    // A Latin ending is a word of its own; one syllable alone is a name, not an ending.
    let is_word = !word.is_ascii() || !before.ends_with(|c: char| c.is_ascii_alphabetic()) || word.len() > 3;
    let is_ending = word.chars().count() > 1 || before.chars().count() >= 1;
    (is_word && is_ending).then_some((before, *form))
}

/// `액` alone does not tell whether it is drunk.
fn refine(before: &str, form: Form) -> Form {
    const SKIN: &str = "요오드|포비돈|에탄올|알코올|알콜|소독|외용|도포|무좀|과산화|붕산|미녹시딜|네일|클렌|세정|헥시딘|벤잘코늄|포비딘|물파스";
    match form {
        Form::OralLiquid if SKIN.split('|').any(|word| before.contains(word)) => Form::TopicalSolution,
        _ => form,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_name_forms_and_families_end() {
        for form in Form::ALL {
            assert_eq!(Form::from_code(form.code()), Some(*form));
            assert!(form.parents().iter().all(|parent| !parent.is_a(*form)), "{form:?} is its own family");
        }
    }

    #[test]
    fn columns_of_the_permit_tables() {
        for (value, form) in [
            ("필름코팅정", Form::Tablet),
            ("나정", Form::Tablet),
            ("서방성필름코팅정", Form::ExtendedReleaseTablet),
            ("장용성캡슐제, 펠렛", Form::EntericCapsule),
            ("서방성캡슐제, 펠렛", Form::ExtendedReleaseCapsule),
            ("추어블정(저작정)", Form::Chewable),
            ("연질캡슐제, 현탁상", Form::SoftCapsule),
            ("구강붕해정", Form::OrallyDisintegrating),
            ("분산정(현탁정)", Form::Effervescent),
            ("질연질캡슐제", Form::VaginalTablet),
            ("질좌제, 일반", Form::VaginalSuppository),
            ("정량흡입제, 분말제", Form::Inhaler),
            ("트로키제", Form::Lozenge),
            ("정제, 미분류", Form::Tablet),
            ("지지체가있는첩부제", Form::Patch),
        ] {
            assert_eq!(form_of(value), Some(form), "{value}");
        }
    }

    #[test]
    fn names_of_products() {
        for (value, form) in [
            ("판콜에이내복액", Some(Form::OralLiquid)),
            ("중외5%포도당주사액", Some(Form::Injection)),
            ("트로나점안액(토브라마이신)(수출명:국제트로나점안액)", Some(Form::EyeDrops)),
            ("페니드정10밀리그램(메틸페니데이트염산염)", Some(Form::Tablet)),
            ("콘서타OROS서방정36밀리그램", Some(Form::ExtendedReleaseTablet)),
            ("케어스킨로션1%(히드로코르티손)", Some(Form::Lotion)),
            ("하이플포비돈요오드액", Some(Form::TopicalSolution)),
            ("부광페니토인캡슐100밀리그램", Some(Form::Capsule)),
            ("트윈텔라정80/5밀리그램", Some(Form::Tablet)),
            ("Yungjin Guronsan Cap.", Some(Form::Capsule)),
            ("Noitect Tablet", Some(Form::Tablet)),
            ("유니온도네페질정5밀리그램(도네페질염산염수화물)", Some(Form::Tablet)),
            ("코푸시럽에스", Some(Form::Syrup)),
            ("알리펜정<이부프로펜>", Some(Form::Tablet)),
            ("원비디", None),
            ("", None),
            ("정", None),
        ] {
            assert_eq!(form_of(value), form, "{value}");
        }
    }
}
