//! A question, read: its constraints with the words they came from, and the rest.

use serde::Serialize;

use crate::age::Age;
use crate::combination::Combination;
use crate::dur::Dur;
use crate::effect::Effect;
use crate::form::Form;
use crate::names::Name;
use crate::pair::Pair;
use crate::reading::Reading;
use crate::status::Status;
use crate::strength::Strength;
use crate::substitution::Substitution;
use crate::text::{Span, Text};
use crate::translation::{self, Translated};

/// A value with the words that it came from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found<T> {
    /// What was understood.
    pub value: T,
    /// The words, as they stand in the question.
    pub words: String,
    /// Where they stand, in characters.
    pub span: Span,
    /// From 0 to 1: 0.95 said outright, about 0.6 implied (임산부 두통약: may be taken by the pregnant) or a guess.
    pub confidence: f64,
}

/// What a question asks for. In JSON, what is not asked for is left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// The question without its constraints: what vectors are to order by. Empty if nothing is left.
    pub rest: String,
    /// Dosage forms that were asked for; any of them will do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forms: Vec<Found<Form>>,
    /// Strengths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strengths: Vec<Found<Strength>>,
    /// Active ingredients that a product must have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ingredients: Vec<Found<Name>>,
    /// Pharmacological classes that were asked for by name: 스타틴, PPI.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Found<Name>>,
    /// Therapeutic classes, by what drugs are for (혈압약): they say what the question is about, which is no constraint.
    #[serde(skip)]
    pub uses: Vec<Found<Name>>,
    /// Brands that were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub brands: Vec<Found<Name>>,
    /// Companies, as MFDS names them without their legal form; see [`company_of`](crate::company_of).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub companies: Vec<Found<String>>,
    /// Prescription or over the counter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Found<Status>>,
    /// One active ingredient or several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub combination: Option<Found<Combination>>,
    /// For whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Found<Age>>,
    /// What is not wanted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<Found<Name>>,
    /// Instead of what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub substitution: Option<Found<Substitution>>,
    /// DUR kinds and which way each is asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dur: Vec<Found<Dur>>,
    /// What a drug is taken together with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair: Option<Found<Pair>>,
    /// Which way a measure of the body is to be moved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Found<Effect>>,
    /// Words that may be brands that no lexicon knows: look them up, then [`read_with`](Question::read_with).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Found<String>>,
    /// Words of other scripts, other languages, slang and slips, with the plain Korean that they were read as.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub translated: Vec<Translated>,
    /// The whole question in plain Korean, if words of it were translated.
    #[serde(skip)]
    pub korean: Option<String>,
    /// Whether the text went on behind [`MAX_CHARS`](crate::MAX_CHARS).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

impl Question {
    /// Reads a question by the lexica alone.
    ///
    /// ```
    /// use reader::{Direction, DurKind, Form, Question};
    /// let question = Question::read("임산부가 먹으면 안 되는 진통제 시럽");
    /// assert_eq!(question.rest, "진통제");
    /// assert_eq!(question.forms[0].value, Form::Syrup);
    /// let dur = question.dur[0].value;
    /// assert_eq!((dur.kind, dur.direction), (DurKind::Pregnancy, Direction::Forbidden));
    /// ```
    pub fn read(text: &str) -> Question {
        Question::read_with(text, &|_| false)
    }

    /// Reads a question with further brands: `known` is asked about words in [normal form](crate::normalise_name).
    ///
    /// ```
    /// use reader::Question;
    /// let question = Question::read_with("없던약 대신 먹을 것", &|word| word == "없던약");
    /// assert_eq!(question.substitution.unwrap().value.of.name, "없던약");
    /// ```
    pub fn read_with(text: &str, known: &dyn Fn(&str) -> bool) -> Question {
        let text = Text::new(text);
        let Some(translation) = translation::translate(&text, known) else {
            return Reading::new(text, known).question();
        };
        let mut question = Reading::new(Text::new(&translation.text), known).question();
        translation.restore(&mut question, &text);
        question
    }

    /// Changes the words and spans of every field.
    pub(crate) fn relocate(&mut self, change: &mut dyn FnMut(&mut String, &mut Span)) {
        fn all<'a, T: 'a>(
            found: impl IntoIterator<Item = &'a mut Found<T>>,
            change: &mut dyn FnMut(&mut String, &mut Span),
        ) {
            found.into_iter().for_each(|found| change(&mut found.words, &mut found.span));
        }
        all(&mut self.forms, change);
        all(&mut self.strengths, change);
        let names = [&mut self.ingredients, &mut self.classes, &mut self.uses, &mut self.brands, &mut self.excluded];
        names.into_iter().for_each(|found| all(found, change));
        all(&mut self.companies, change);
        all(&mut self.status, change);
        all(&mut self.combination, change);
        all(&mut self.age, change);
        all(&mut self.substitution, change);
        all(&mut self.dur, change);
        all(&mut self.pair, change);
        all(&mut self.effects, change);
        all(&mut self.candidates, change);
    }

    /// Whether there is any constraint.
    pub fn is_plain(&self) -> bool {
        self.forms.is_empty()
            && self.strengths.is_empty()
            && self.ingredients.is_empty()
            && self.classes.is_empty()
            && self.brands.is_empty()
            && self.companies.is_empty()
            && self.status.is_none()
            && self.combination.is_none()
            && self.age.is_none()
            && self.excluded.is_empty()
            && self.substitution.is_none()
            && self.dur.is_empty()
            && self.pair.is_none()
            && self.effects.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Direction;

    #[test]
    fn spans_and_words_are_of_the_question() {
        let question = Question::read("카페인  없는 두통약 시럽 ５００㎎");
        let excluded = &question.excluded[0];
        assert_eq!((excluded.words.as_str(), excluded.span), ("카페인  없는", Span { start: 0, end: 7 }));
        assert_eq!(question.strengths[0].words, "５００㎎");
        assert_eq!(question.rest, "두통약");
    }

    #[test]
    fn what_is_said_around_the_constraints_is_not_left() {
        for (text, rest) in [
            ("4주 넘게 먹으면 안 되는 수면제", "수면제"),
            ("임신 8주인데 먹어도 되는 두통약", "두통약"),
            ("가스모틴 품절인데 같은 성분 뭐 있어요", ""),
            ("혈압약 먹고 있는데 먹어도 되는 감기약", "감기약"),
            ("임산부 아닌데 여드름약 추천", "임산부 아닌데 여드름약 추천"),
        ] {
            assert_eq!(Question::read(text).rest, rest, "{text}");
        }
        let question = Question::read("먹는 무좀약 말고 바르는 무좀약");
        assert_eq!(question.excluded[0].value.name, "oral");
        let question = Question::read("세티리진 10mg 말고 5mg");
        assert!(question.candidates.is_empty() && question.strengths.len() == 1);
    }

    #[test]
    fn direction_has_a_code() {
        let question = Question::read("수유부가 먹어도 되는 감기약");
        assert_eq!(question.dur[0].value.direction, Direction::Allowed);
        assert_eq!(question.rest, "감기약");
    }
}
