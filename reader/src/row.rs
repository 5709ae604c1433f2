//! Whether a row of a table is what a question asks for: the row's columns read by the same code as the question.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Serialize;

use crate::company::company_of;
use crate::form::{Form, form_of};
use crate::lexicon::ingredients_of;
use crate::names::{Name, NameKind};
use crate::question::Question;
use crate::status::status_of;
use crate::strength::{Strength, Unit, strengths_of};
use crate::text::normalise_name;

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
}

/// One thing that was asked for, and whether the row is so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// `form`, `strength`, `ingredient`, `brand`, `company`, `status`, `excluded`, `substitution`.
    pub attribute: &'static str,
    /// What was asked for.
    pub asked: String,
    /// Whether the row meets it; none if the row's columns don't tell.
    pub met: Option<bool>,
}

struct Attributes<'a> {
    row: &'a Row<'a>,
    name: String,
    form: Option<Form>,
    strengths: Vec<Strength>,
    ingredients: Vec<Name>,
}

impl Question {
    /// What was asked for, each with whether the row meets it. DUR kinds are not among them: they need MFDS's lists.
    ///
    /// ```
    /// use reader::{Question, Row};
    /// let question = Question::read("카페인 없는 아세트아미노펜 500mg 정제");
    /// let row = Row { name: "타이레놀정500밀리그람(아세트아미노펜)", ingredients: "아세트아미노펜", ..Row::default() };
    /// assert!(question.check(&row).iter().all(|check| check.met == Some(true)));
    /// ```
    pub fn check(&self, row: &Row<'_>) -> Vec<Check> {
        let attributes = Attributes::of(row);
        let check = |attribute, asked: String, met| Check { attribute, asked, met };
        let mut checks = Vec::new();
        if !self.forms.is_empty() {
            let asked: Vec<&str> = self.forms.iter().map(|form| form.value.code()).collect();
            let met = attributes.form.map(|form| self.forms.iter().any(|asked| form.is_a(asked.value)));
            checks.push(check("form", asked.join("|"), met));
        }
        for strength in &self.strengths {
            checks.push(check("strength", strength.value.to_string(), attributes.has_strength(strength.value)));
        }
        for name in self.ingredients.iter().chain(&self.brands).map(|found| &found.value) {
            checks.push(check(name.kind.code(), name.name.clone(), attributes.has(name)));
        }
        for company in &self.companies {
            checks.push(check("company", company.value.clone(), attributes.is_of(&company.value)));
        }
        if let Some(status) = &self.status {
            let met = status_of(row.status).map(|actual| actual == status.value);
            checks.push(check("status", status.value.code().to_owned(), met));
        }
        for name in self.excluded.iter().map(|found| &found.value) {
            checks.push(check("excluded", name.name.clone(), attributes.has(name).map(|has| !has)));
        }
        if let Some(substitution) = &self.substitution {
            let of = &substitution.value.of;
            checks.push(check("substitution", of.name.clone(), attributes.replaces(of)));
        }
        checks
    }
}

impl<'a> Attributes<'a> {
    fn of(row: &'a Row<'a>) -> Self {
        let (column, name) = (form_of(row.form), form_of(row.name).or_else(|| form_of(row.english_name)));
        // The column, unless the name says the same more exactly.
        let form = match (column, name) {
            (Some(column), Some(name)) if name.is_a(column) => Some(name),
            (column, name) => column.or(name),
        };
        let ingredients = match row.ingredients.trim() {
            "" => ingredients_of(in_brackets(row.name)),
            column => ingredients_of(column),
        };
        let strengths = strengths_of(row.name);
        let strengths = if strengths.is_empty() { strengths_of(row.english_name) } else { strengths };
        Attributes { row, name: normalise_name(row.name), form, strengths, ingredients }
    }

    fn has_strength(&self, asked: Strength) -> Option<bool> {
        let equal = |actual: &Strength| {
            *actual == asked || concentration(*actual).is_some_and(|c| concentration(asked) == Some(c))
        };
        (!self.strengths.is_empty()).then(|| self.strengths.iter().any(equal))
    }

    fn has(&self, name: &Name) -> Option<bool> {
        match name.kind {
            NameKind::Ingredient => self.has_ingredient(name),
            NameKind::Brand => Some(self.is_named(&name.name)),
            NameKind::Form => Form::from_code(&name.name).zip(self.form).map(|(asked, form)| form.is_a(asked)),
            NameKind::Strength => Some(self.strengths.iter().any(|strength| strength.to_string() == name.name)),
            NameKind::Class | NameKind::Effect => self.has_member(&name.name),
            NameKind::Excipient | NameKind::Food => None,
        }
    }

    fn has_ingredient(&self, asked: &Name) -> Option<bool> {
        let named = self.name.contains(&normalise_name(&asked.name));
        let english = asked.english.as_ref().is_some_and(|english| {
            let english = normalise_name(english);
            english.chars().count() >= 4 && normalise_name(self.row.english_name).contains(&english)
        });
        match self.ingredients.iter().any(|own| own.is_ingredient(asked)) || named || english {
            true => Some(true),
            false => (!self.ingredients.is_empty()).then_some(false),
        }
    }

    /// Whether an ingredient is of a class or causes an effect; none for classes that the lexica do not list.
    fn has_member(&self, class: &str) -> Option<bool> {
        let class = class.strip_suffix('제').filter(|class| members().contains_key(class)).unwrap_or(class);
        let listed = members().get(class)?;
        let is_member = |name: &str| {
            listed.iter().any(|member| match member.strip_prefix('~') {
                Some(end) => name.ends_with(end),
                None => name.starts_with(member.as_str()),
            })
        };
        (!self.ingredients.is_empty()).then(|| self.ingredients.iter().any(|own| is_member(&own.name)))
    }

    fn is_named(&self, brand: &str) -> bool {
        let brand = normalise_name(brand);
        self.name.contains(&brand) || brand.is_ascii() && normalise_name(self.row.english_name).contains(&brand)
    }

    fn is_of(&self, company: &str) -> Option<bool> {
        let own = company_of(self.row.company);
        (!own.is_empty()).then(|| own.contains(company) || company.contains(&own))
    }

    /// The same ingredient under another name. The ingredient of a brand that the lexica do not know is for the caller to look up.
    fn replaces(&self, of: &Name) -> Option<bool> {
        let ingredient = match of.kind {
            NameKind::Ingredient => Some(of.clone()),
            _ => of.ingredient.as_deref().and_then(|name| ingredients_of(name).into_iter().next()),
        };
        let original = of.kind == NameKind::Brand && self.is_named(&of.name);
        if original {
            return Some(false);
        }
        self.has_ingredient(&ingredient?)
    }
}

/// Milligrams in a millilitre or gram: 1 % is 10.
fn concentration(strength: Strength) -> Option<i64> {
    let amount = match strength.unit {
        Unit::Percent => strength.amount * 10.0,
        Unit::MilligramPerMillilitre | Unit::MilligramPerGram => strength.amount,
        _ => return None,
    };
    Some((amount * 1e6).round() as i64)
}

/// `(아세트아미노펜)` of a product's name, if it is no note such as `(수출용)`.
fn in_brackets(name: &str) -> &str {
    let inside = |text: &'_ str| text.find(')').map(|end| text[..end].to_owned());
    let Some(start) = name.find('(') else { return "" };
    match inside(&name[start + 1..]) {
        Some(text) if !["수출", "내수", "향", "용"].iter().any(|note| text.contains(note)) => {
            &name[start + 1..start + 1 + text.len()]
        }
        _ => "",
    }
}

/// As the lexica name it; an ending stays.
fn canonical(name: &str) -> String {
    let known = (!name.starts_with('~')).then(|| ingredients_of(name).into_iter().next()).flatten();
    known.map_or_else(|| name.to_owned(), |known| known.name)
}

fn members() -> &'static HashMap<&'static str, Vec<String>> {
    static MEMBERS: OnceLock<HashMap<&str, Vec<String>>> = OnceLock::new();
    MEMBERS.get_or_init(|| {
        include_str!("../lexica/members.tsv")
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(class, names)| (class, names.split('|').map(canonical).collect()))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(question: &str, row: Row<'_>) -> Vec<(&'static str, Option<bool>)> {
        Question::read(question).check(&row).into_iter().map(|check| (check.attribute, check.met)).collect()
    }

    #[test]
    fn a_row_meets_or_misses_what_is_asked() {
        let row = Row {
            name: "노바스크정5밀리그램(암로디핀베실산염)",
            company: "한국화이자제약(주)",
            form: "필름코팅정",
            status: "전문의약품",
            ..Row::default()
        };
        assert_eq!(
            met("암로디핀 5mg 정제", row),
            [("form", Some(true)), ("strength", Some(true)), ("ingredient", Some(true))]
        );
        assert_eq!(met("암로디핀 10mg 시럽", row)[..2], [("form", Some(false)), ("strength", Some(false))]);
        assert_eq!(met("화이자 일반의약품 혈압약", row), [("company", Some(true)), ("status", Some(false))]);
        assert_eq!(met("노바스크 제네릭", row), [("substitution", Some(false))]);
        assert_eq!(met("암로디핀 없는 혈압약", row), [("excluded", Some(false))]);
    }

    #[test]
    fn classes_and_effects_are_refused_by_their_ingredients() {
        let cold = Row {
            name: "콜드정", ingredients: "아세트아미노펜/클로르페니라민말레산염", ..Row::default()
        };
        let plain = Row { ingredients: "아세트아미노펜/구아이페네신", ..cold };
        assert_eq!(met("안 졸린 감기약", cold), [("excluded", Some(false))]);
        assert_eq!(met("안 졸린 감기약", plain), [("excluded", Some(true))]);
        let cream = Row {
            name: "연고", ingredients: "베타메타손발레레이트/겐타마이신황산염", ..Row::default()
        };
        assert_eq!(met("스테로이드 없는 연고", cream).last(), Some(&("excluded", Some(false))));
        assert_eq!(met("스테로이드 없는 습진약", Row { name: "모름", ..Row::default() }), [("excluded", None)]);
    }

    #[test]
    fn concentrations_are_compared_in_one_unit() {
        let row = Row { name: "더마톱액10mg/mL", ..Row::default() };
        assert_eq!(met("1% 외용액", row).last(), Some(&("strength", Some(true))));
    }
}
