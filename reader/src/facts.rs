//! Facts: what the columns of a row say, as words that an index can hold (`form:syrup`, `strength:500 mg`).
//!
//! What a question asks for is written in the same words ([`Question::conditions`](crate::Question::conditions)), so that meeting it is
//! to share a word. A fact without a value (`form`) says that the row's form is known at all.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use crate::combination::Combination;
use crate::company;
use crate::drug_class;
use crate::dur::dur_kinds_of;
use crate::form::{Form, form_of};
use crate::lexicon::{self, ingredients_of};
use crate::names::Name;
use crate::status::status_of;
use crate::strength::{Strength, Unit, strengths_of};
use crate::text::normalise_name;

/// Counts changes of what [`Row::facts`] gives for the same row: an index of facts is of one revision.
pub const FACTS_REVISION: i32 = 2;

/// Characters of a column that are read.
const MAX_COLUMN: usize = 4_000;

/// The columns of a row; what there is no column for is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row<'a> {
    /// Name of the product: form, strength and ingredient are read off it where their columns are empty.
    pub name: &'a str,
    /// English name of the product.
    pub english_name: &'a str,
    /// Dosage form.
    pub form: &'a str,
    /// Company.
    pub company: &'a str,
    /// Prescription or over the counter.
    pub status: &'a str,
    /// Active ingredients, as [`ingredients_of`] takes them.
    pub ingredients: &'a str,
    /// Kinds of DUR warnings, as [`dur_kinds_of`] takes them.
    pub dur: &'a str,
    /// MFDS's number of the product (품목기준코드), by which DUR lists name it.
    pub item_seq: &'a str,
}

impl Row<'_> {
    /// The facts of a row, sorted.
    ///
    /// ```
    /// use reader::Row;
    /// let row = Row { name: "타이레놀정500밀리그람(아세트아미노펜)", ..Row::default() };
    /// let facts = row.facts();
    /// for fact in ["form:tablet", "form:pill", "strength:500 mg", "ingredient:아세트아미노펜", "brand:타이레놀"] {
    ///     assert!(facts.iter().any(|own| own == fact), "{fact}");
    /// }
    /// ```
    pub fn facts(&self) -> Vec<String> {
        let mut facts = Facts::default();
        facts.name(shortened(self.name), shortened(self.english_name));
        facts.form(shortened(self.form), shortened(self.name), shortened(self.english_name));
        facts.strengths(shortened(self.name), shortened(self.english_name));
        facts.ingredients(shortened(self.ingredients), shortened(self.name), shortened(self.english_name));
        facts.company(shortened(self.company));
        if let Some(status) = status_of(shortened(self.status)) {
            facts.known("status", status.code());
        }
        if !self.dur.trim().is_empty() {
            facts.add("dur");
            dur_kinds_of(shortened(self.dur)).into_iter().for_each(|kind| facts.known("dur", kind.code()));
        }
        if !self.item_seq.trim().is_empty() {
            facts.add(format!("item:{}", shortened(self.item_seq).trim()));
        }
        facts.0.into_iter().collect()
    }
}

#[derive(Default)]
struct Facts(BTreeSet<String>);

impl Facts {
    fn add(&mut self, fact: impl Into<String>) {
        self.0.insert(fact.into());
    }

    /// `attribute:value`, and that the attribute is known.
    fn known(&mut self, attribute: &str, value: &str) {
        self.add(format!("{attribute}:{value}"));
        self.add(attribute);
    }

    /// Every beginning of a brand stands for it: 타이레놀 is 타이레놀콜드, too.
    fn name(&mut self, name: &str, english: &str) {
        const SHORTEST: usize = 2;
        const LONGEST: usize = 12;
        let english = normalise_name(english.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or(""));
        for brand in [brand_of(name), english].iter().filter(|brand| !brand.is_empty()) {
            let letters: Vec<char> = brand.chars().collect();
            for end in SHORTEST.min(letters.len())..=letters.len().min(LONGEST) {
                self.known("brand", &letters[..end].iter().collect::<String>());
            }
            if letters.len() > LONGEST {
                self.known("brand", brand);
            }
        }
    }

    fn form(&mut self, column: &str, name: &str, english: &str) {
        let (column, by_name) = (form_of(column), form_of(name).or_else(|| form_of(english)));
        // The column, unless the name says the same more exactly.
        let form = match (column, by_name) {
            (Some(column), Some(name)) if name.is_a(column) => Some(name),
            (column, name) => column.or(name),
        };
        let Some(form) = form else { return };
        Form::ALL.iter().filter(|asked| form.is_a(**asked)).for_each(|asked| self.known("form", asked.code()));
        if for_children(form, name) {
            self.add("for:child");
        }
    }

    fn strengths(&mut self, name: &str, english: &str) {
        let strengths = strengths_of(name);
        let strengths = if strengths.is_empty() { strengths_of(english) } else { strengths };
        for strength in strengths {
            self.known("strength", &strength.to_string());
            if let Some(concentration) = concentration(strength) {
                self.add(concentration);
            }
        }
    }

    fn ingredients(&mut self, column: &str, name: &str, english: &str) {
        let mut own = ingredients_of(column);
        let mut complete = !own.is_empty();
        if own.is_empty() {
            let inside = in_brackets(name);
            own = ingredients_of(inside);
            complete = !own.is_empty() && !inside.contains(" 외") && !inside.ends_with('등');
        }
        own.iter().for_each(|ingredient| self.ingredient(ingredient));
        // `아세트아미노펜 외 2종`
        let others = [column, in_brackets(name)].iter().any(|text| text.contains(" 외") || text.ends_with('등'));
        let combination = if others && !own.is_empty() { Some(Combination::Several) } else { Combination::of(&own) };
        if let Some(combination) = combination {
            self.known("combination", combination.code());
        }
        if complete {
            self.add("ingredient");
            let mut names: Vec<&str> = own.iter().map(|ingredient| ingredient.name.as_str()).collect();
            names.sort_unstable();
            self.add(format!("ingredients:{}", names.join("+")));
            self.members(&own);
        } else {
            let words = english.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() >= 4);
            let named =
                words.filter_map(lexicon::ingredient).chain(lexicon::ingredient_at_start(&normalise_name(name)));
            named.for_each(|ingredient| self.ingredient(&ingredient));
        }
    }

    fn ingredient(&mut self, ingredient: &Name) {
        self.add(format!("ingredient:{}", ingredient.name));
        // Also of an isomer (l-멘톨 is 멘톨), and of one substance of several.
        for part in parts(&ingredient.name).skip(1) {
            self.add(format!("ingredient:{}", canonical(part)));
        }
        if let Some(english) = &ingredient.english {
            self.add(format!("ingredient:{english}"));
        }
        // An ester is its alcohol, too: 덱사메타손포스페이트 is 덱사메타손.
        if let Some(base) = lexicon::ingredient_at_start(&ingredient.name) {
            self.add(format!("ingredient:{}", base.name));
        }
    }

    /// Classes that an ingredient belongs to, and effects that it has.
    fn members(&mut self, own: &[Name]) {
        for (class, members) in classes() {
            let is_member = |ingredient: &Name| members.iter().any(|member| is_member(&ingredient.name, member));
            if own.iter().any(is_member) {
                self.add(format!("class:{class}"));
            }
        }
    }

    fn company(&mut self, column: &str) {
        let own = company::company_of(column);
        if !own.is_empty() {
            company::names_in(&own).for_each(|name| self.known("company", name));
            self.known("company", &own);
        }
    }
}

/// Tablets and capsules are for children only if their names say so, or if they need not be swallowed whole.
fn for_children(form: Form, name: &str) -> bool {
    const CHILDREN: [&str; 9] = ["어린이", "키즈", "키드", "소아", "베이비", "유아", "아기", "주니어", "챔프"];
    const SWALLOWED: [Form; 3] = [Form::Pill, Form::RoundPill, Form::Injection];
    let name = normalise_name(name);
    let easy = form.is_a(Form::Chewable) || form.is_a(Form::Dissolving) || form.is_a(Form::WaterSoluble);
    CHILDREN.iter().any(|word| name.contains(word)) || easy || !SWALLOWED.iter().any(|whole| form.is_a(*whole))
}

/// A product's name without form, strength and ingredients, in normal form: 타이레놀 of `타이레놀정500밀리그람(아세트아미노펜)`.
pub(crate) fn brand_of(name: &str) -> String {
    let name = normalise_name(name);
    let name =
        ["어린이용", "어린이", "유아용", "소아용"].iter().find_map(|word| name.strip_prefix(word)).unwrap_or(&name);
    let head: String = name.chars().take_while(|c| c.is_alphabetic()).collect();
    crate::form::without_form(&head).to_owned()
}

/// Milligrams in a millilitre or gram, as a fact: 1 % is 10.
pub(crate) fn concentration(strength: Strength) -> Option<String> {
    let amount = match strength.unit {
        Unit::Percent => strength.amount * 10.0,
        Unit::MilligramPerMillilitre | Unit::MilligramPerGram => strength.amount,
        _ => return None,
    };
    Some(format!("concentration:{}", (amount * 1e6).round() / 1e6))
}

/// `(아세트아미노펜)` of a product's name, if it is no note such as `(수출용)`.
fn in_brackets(name: &str) -> &str {
    let Some((_, behind)) = name.split_once('(') else { return "" };
    match behind.split_once(')') {
        Some((text, _)) if !["수출", "내수", "향", "용"].iter().any(|note| text.contains(note)) => text,
        _ => "",
    }
}

/// Also of one substance of several that stand as one: 아목시실린-클라불란산칼륨. Who must not have penicillin is better served with
/// one class too many.
fn is_member(name: &str, member: &str) -> bool {
    match member.strip_prefix('~') {
        Some(end) => name.contains(end),
        None => parts(name).any(|part| part.starts_with(member)),
    }
}

/// The substances of a name that joins them by a mark, and the name itself.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    [name].into_iter().chain(name.split(['-', '.', '·', '+', ',']).filter(|part| part.chars().count() >= 2))
}

/// Classes and effects, with the ingredients that belong to them; `~스타틴` is an ending.
pub(crate) fn classes() -> &'static HashMap<&'static str, Vec<String>> {
    static CLASSES: OnceLock<HashMap<&str, Vec<String>>> = OnceLock::new();
    CLASSES.get_or_init(|| {
        include_str!("../lexica/members.tsv")
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(class, names)| (class, names.split('|').map(canonical).collect()))
            .collect()
    })
}

/// Ingredients that belong to a class (스테로이드) or have an effect, without those that only an ending tells; none for other names.
pub fn members_of(class: &str) -> impl Iterator<Item = &'static str> {
    let members = classes().get(class.strip_suffix('제').unwrap_or(class)).or_else(|| classes().get(class));
    let of_class = drug_class::facts_of(class).filter(|_| members.is_none()).into_iter().flatten();
    let of_class = of_class.filter_map(|fact| fact.strip_prefix("ingredient:"));
    members.into_iter().flatten().map(String::as_str).filter(|member| !member.starts_with('~')).chain(of_class)
}

/// As the lexica name it; an ending stays.
fn canonical(name: &str) -> String {
    let known = (!name.starts_with('~')).then(|| lexicon::ingredient(name)).flatten();
    known.map_or_else(|| name.to_owned(), |known| known.name)
}

fn shortened(column: &str) -> &str {
    &column[..column.floor_char_boundary(MAX_COLUMN)]
}
