//! What a question asks for, in the words of [facts](crate::Row::facts).

use serde::Serialize;

use crate::age::AgeGroup;
use crate::drug_class;
use crate::facts::{classes, concentration};
use crate::names::{Name, NameKind};
use crate::question::Question;
use crate::strength::Strength;

/// One thing that a row must have, or must not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `ingredient`, `class`, `brand`, `form`, `strength`, `company`, `status`, `combination`, `effect`, `age` or `excluded`.
    pub attribute: &'static str,
    /// What was asked for.
    pub asked: String,
    /// The facts of which a row has one if it has what is named; empty if nothing tells.
    pub facts: Vec<String>,
    /// The fact that says that a row which has none of them does not have it.
    pub known: &'static str,
    /// Facts of rows that come next: products of a brand's active ingredient.
    pub related: Vec<String>,
    /// Whether a row must not have it.
    pub refused: bool,
}

/// One thing that was asked for, and whether a row is so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// As [`Condition::attribute`].
    pub attribute: &'static str,
    /// What was asked for.
    pub asked: String,
    /// Whether the row meets it; none if the row's columns don't tell.
    pub met: Option<bool>,
}

impl Condition {
    fn new(attribute: &'static str, asked: impl Into<String>, known: &'static str, facts: Vec<String>) -> Self {
        Condition { attribute, asked: asked.into(), facts, known, related: Vec::new(), refused: false }
    }

    /// Whether a row with these facts meets it; none if they don't tell.
    pub fn met(&self, facts: &[String]) -> Option<bool> {
        let has = |fact: &str| facts.iter().any(|own| own == fact);
        match self.facts.iter().any(|fact| has(fact)) {
            true => Some(!self.refused),
            false if self.facts.is_empty() || !has(self.known) => None,
            false => Some(self.refused),
        }
    }

    /// The same with the row's answer.
    pub fn check(&self, facts: &[String]) -> Check {
        Check { attribute: self.attribute, asked: self.asked.clone(), met: self.met(facts) }
    }

    fn refused(self) -> Self {
        Condition { attribute: "excluded", refused: true, ..self }
    }
}

impl Question {
    /// What is asked of a row's columns, most telling first. Substitutions, pairs and DUR kinds are not among them: they need
    /// the table or MFDS's lists.
    ///
    /// ```
    /// use reader::{Question, Row};
    /// let question = Question::read("카페인 없는 아세트아미노펜 500mg 정제");
    /// let row = Row { name: "타이레놀정500밀리그람(아세트아미노펜)", ingredients: "아세트아미노펜", ..Row::default() };
    /// let facts = row.facts();
    /// assert!(question.conditions().iter().all(|condition| condition.met(&facts) == Some(true)));
    /// ```
    pub fn conditions(&self) -> Vec<Condition> {
        let mut conditions: Vec<Condition> = Vec::new();
        conditions.extend(self.ingredients.iter().map(|found| of_name(&found.value)));
        conditions.extend(self.classes.iter().chain(&self.uses).map(|found| of_name(&found.value)));
        // Of several brands any will do: 타이레놀이나 게보린.
        let brands: Vec<Condition> = self.brands.iter().map(|found| of_name(&found.value)).collect();
        conditions.extend(brands.into_iter().reduce(|mut all, one| {
            all.asked = format!("{}|{}", all.asked, one.asked);
            all.facts.extend(one.facts);
            all.related.extend(one.related);
            all
        }));
        for effect in self.effects.iter().map(|found| found.value.code()) {
            conditions.extend(Some(of_class("effect", &effect)).filter(|condition| !condition.facts.is_empty()));
        }
        if !self.forms.is_empty() {
            let codes: Vec<&str> = self.forms.iter().map(|found| found.value.code()).collect();
            let facts = codes.iter().map(|code| format!("form:{code}")).collect();
            conditions.push(Condition::new("form", codes.join("|"), "form", facts));
        }
        conditions.extend(self.strengths.iter().map(|found| of_strength(found.value)));
        if let Some(status) = &self.status {
            let code = status.value.code();
            conditions.push(Condition::new("status", code, "status", vec![format!("status:{code}")]));
        }
        if let Some(combination) = &self.combination {
            let code = combination.value.code();
            conditions.push(Condition::new("combination", code, "combination", vec![format!("combination:{code}")]));
        }
        for company in &self.companies {
            let facts = vec![format!("company:{}", company.value)];
            conditions.push(Condition::new("company", &company.value, "company", facts));
        }
        conditions.extend(self.excluded.iter().map(|found| of_name(&found.value).refused()));
        if let Some(age) = &self.age
            && matches!(age.value.group, AgeGroup::Infant | AgeGroup::Child)
            // `12세 이상`: also for grown-ups.
            && !age.value.is_open()
        {
            conditions.push(Condition::new("age", age.value.group.code(), "form", vec!["for:child".to_owned()]));
        }
        conditions
    }
}

fn of_name(name: &Name) -> Condition {
    match name.kind {
        NameKind::Ingredient => {
            let english = name.english.iter().map(|english| format!("ingredient:{english}"));
            let facts = english.chain([format!("ingredient:{}", name.name)]).collect();
            Condition::new("ingredient", &name.name, "ingredient", facts)
        }
        NameKind::Brand => Condition {
            // Of several ingredients no single one will do.
            related: name
                .ingredient
                .iter()
                .map(|all| {
                    let fact = if all.contains('+') { "ingredients" } else { "ingredient" };
                    format!("{fact}:{all}")
                })
                .collect(),
            ..Condition::new("brand", &name.name, "brand", vec![format!("brand:{}", name.name)])
        },
        NameKind::Form => Condition::new("form", &name.name, "form", vec![format!("form:{}", name.name)]),
        NameKind::Strength => {
            Condition::new("strength", &name.name, "strength", vec![format!("strength:{}", name.name)])
        }
        NameKind::Class | NameKind::Effect => of_class(name.kind.code(), &name.name),
        NameKind::Excipient | NameKind::Food => Condition::new(name.kind.code(), &name.name, "", Vec::new()),
    }
}

/// No facts for classes that the lexica do not list.
fn of_class(attribute: &'static str, class: &str) -> Condition {
    let bare = class.strip_suffix('제').filter(|class| classes().contains_key(class)).unwrap_or(class);
    let listed = || drug_class::facts_of(class).map_or_else(Vec::new, <[String]>::to_vec);
    let facts = if classes().contains_key(bare) { vec![format!("class:{bare}")] } else { listed() };
    Condition::new(attribute, class, "ingredient", facts)
}

fn of_strength(strength: Strength) -> Condition {
    let facts = [Some(format!("strength:{strength}")), concentration(strength)].into_iter().flatten().collect();
    Condition::new("strength", strength.to_string(), "strength", facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Row;

    fn met(question: &str, row: Row<'_>) -> Vec<(&'static str, Option<bool>)> {
        let facts = row.facts();
        let checks = Question::read(question).conditions().into_iter().map(|condition| condition.check(&facts));
        checks.map(|check| (check.attribute, check.met)).collect()
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
            [("ingredient", Some(true)), ("form", Some(true)), ("strength", Some(true))]
        );
        assert_eq!(met("암로디핀 10mg 시럽", row)[1..], [("form", Some(false)), ("strength", Some(false))]);
        assert_eq!(
            met("화이자 일반의약품 혈압약", row),
            [("class", Some(true)), ("status", Some(false)), ("company", Some(true))]
        );
        assert_eq!(met("암로디핀 없는 혈압약", row), [("class", Some(true)), ("excluded", Some(false))]);
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
    fn substances_that_stand_as_one_are_each_refused() {
        for ingredients in ["아목시실린-클라불란산칼륨", "아목시실린.클라불란산칼륨(4:1)", "피페라실린나트륨"]
        {
            let row = Row { name: "가나정", ingredients, ..Row::default() };
            assert_eq!(met("페니실린계 아닌 항생제", row), [("excluded", Some(false))], "{ingredients}");
        }
        let row = Row { name: "가나정", ingredients: "아목시실린-클라불란산칼륨", ..Row::default() };
        assert_eq!(met("아목시실린 없는 항생제", row), [("excluded", Some(false))]);
        assert_eq!(
            met("멘톨 없는 파스", Row { ingredients: "dl-멘톨", ..row }).last(),
            Some(&("excluded", Some(false)))
        );
    }

    #[test]
    fn combinations_are_told_by_the_ingredients() {
        let combined = |question: &str, name: &str, ingredients: &str| {
            let asked = met(question, Row { name, ingredients, ..Row::default() });
            asked.into_iter().find_map(|(attribute, met)| (attribute == "combination").then_some(met)).unwrap()
        };
        for (name, ingredients, single) in [
            ("가나정", "로사르탄칼륨", Some(true)),
            ("가나정", "[M1]로사르탄칼륨|[M2]암로디핀베실산염", Some(false)),
            ("가나정", "아목시실린.클라불란산칼륨(4:1)", Some(false)),
            ("가나크림", "dl-멘톨", Some(true)),
            ("가나정(로사르탄칼륨)", "", Some(true)),
            ("가나정(로사르탄칼륨 외 1종)", "", Some(false)),
            ("가나정", "새성분염산염", Some(true)),
            ("가나정", "", None),
        ] {
            assert_eq!(combined("로사르탄 단일제", name, ingredients), single, "{name} {ingredients}");
            let several = single.map(|single| !single);
            assert_eq!(combined("로사르탄 복합제", name, ingredients), several, "{name} {ingredients}");
        }
    }

    #[test]
    fn concentrations_are_compared_in_one_unit() {
        let row = Row { name: "더마톱액10mg/mL", ..Row::default() };
        assert_eq!(met("1% 외용액", row).last(), Some(&("strength", Some(true))));
    }

    #[test]
    fn tablets_are_for_children_only_by_name() {
        let tablet = Row { name: "가나정", form: "정제", ..Row::default() };
        assert_eq!(met("다섯 살 아이 감기약", tablet), [("age", Some(false))]);
        assert_eq!(met("다섯 살 아이 감기약", Row { name: "어린이가나정", ..tablet }), [("age", Some(true))]);
        assert_eq!(
            met("다섯 살 아이 감기약", Row { name: "가나시럽", form: "시럽제", ..tablet }),
            [("age", Some(true))]
        );
    }
}
