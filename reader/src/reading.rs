//! The steps by which a question is read.

use std::ops::Range;

use crate::age::{self, Age};
use crate::asked_form::{self, AskedForm};
use crate::combination;
use crate::company;
use crate::drug_class;
use crate::dur::{Dur, DurKind};
use crate::effect;
use crate::exclusion;
use crate::facts::classes;
use crate::lexicon;
use crate::names::{self, Mention, Name, NameKind};
use crate::pair::{self, Pair};
use crate::question::{Found, Question};
use crate::rest;
use crate::safety;
use crate::status;
use crate::strength::{self, Measured, Strength};
use crate::strength_asked;
use crate::substitution;
use crate::text::{Text, is_one_of};

/// The steps of reading; each takes what the steps before it left.
pub(crate) struct Reading<'a> {
    text: Text<'a>,
    mentions: Vec<Mention>,
    companies: Vec<(Range<usize>, String, f64)>,
    measured: Vec<Measured>,
    forms: Vec<AskedForm>,
    excluded: Vec<(Range<usize>, Name, f64)>,
    /// What is no part of the meaning that is left.
    cut: Vec<Range<usize>>,
    /// Strengths of what is taken already.
    amounts_taken: Vec<Range<usize>>,
}

impl<'a> Reading<'a> {
    pub fn new(text: Text<'a>, known: &dyn Fn(&str) -> bool) -> Self {
        let companies = company::find(&text);
        let mut mentions = names::mentions(&text, known);
        mentions.retain(|mention| !companies.iter().any(|(range, ..)| overlap(range, &mention.range)));
        mentions.extend(names::classes(&text, &mentions));
        mentions.sort_by_key(|mention| mention.range.start);
        let measured = strength::measured(&text);
        let mut forms = asked_form::find(&text, &mentions, &measured);
        let kinds = safety::named(&text);
        forms.retain(|form| !kinds.iter().any(|range| overlap(range, &form.range)));
        Reading {
            text,
            mentions,
            companies,
            measured,
            forms,
            excluded: Vec::new(),
            cut: Vec::new(),
            amounts_taken: Vec::new(),
        }
    }

    pub fn question(mut self) -> Question {
        let combination = combination::find(&self.text, &self.mentions);
        for (range, _) in &combination {
            // `복합제 말고`: no class.
            let is_class = |mention: &Mention| mention.name.kind == NameKind::Class && overlap(range, &mention.range);
            self.mentions.retain(|mention| !is_class(mention));
            self.cut.push(range.clone());
        }
        let excluded_mentions = self.exclude();
        let effects = effect::find(&self.text);
        for (range, code) in effects.refused {
            self.cut.push(range.clone());
            self.excluded.push((range, Name::plain(NameKind::Effect, code), 0.9));
        }
        let substitution = self.substitute(&excluded_mentions);
        let mut age = age::find(&self.text);
        let (dur, pair) = self.safety(&mut age);
        let status = status::find(&self.text);
        let strengths = strength_asked::find(&self.text, &self.measured, &self.mentions, &self.forms);
        // `이지엔6프로`: part of the name.
        let named = |range: &Range<usize>| {
            self.mentions.iter().any(|mention| mention.range.start < range.start && range.end <= mention.range.end)
                || self.amounts_taken.iter().any(|taken| overlap(taken, range))
        };
        let strengths = strengths.into_iter().filter(|(range, ..)| !named(range)).collect();
        let strengths = self.refuse_strengths(strengths);
        let candidates = self.candidates(&substitution);
        self.cut.extend(status.iter().map(|(range, _)| range.clone()));
        self.cut.extend(strengths.iter().map(|(range, ..)| range.clone()));
        self.cut.extend(self.companies.iter().map(|(range, ..)| range.clone()));
        self.cut.extend(self.forms.iter().filter(|form| form.confidence > 0.6).map(|form| form.range.clone()));
        let at = |range: &Range<usize>| range.start;
        let wanted = |kind: NameKind| {
            let wanted = self.mentions.iter().filter(move |mention| !mention.used && mention.name.kind == kind);
            wanted
                .map(|mention| self.found(&mention.range, mention.name.clone(), mention.confidence))
                .collect::<Vec<_>>()
        };
        let mut excluded = self.excluded.clone();
        excluded.sort_by_key(|(range, ..)| at(range));
        excluded.dedup_by(|a, b| a.1 == b.1);
        let (uses, classes) =
            self.classes().into_iter().partition(|found| drug_class::is_therapeutic(&found.value.name));
        Question {
            rest: rest::without(&self.text, &self.cut),
            forms: self
                .forms
                .iter()
                .filter(|form| !form.excluded)
                .map(|form| self.found(&form.range, form.form, form.confidence))
                .collect(),
            strengths: strengths.into_iter().map(|(range, value, sure)| self.found(&range, value, sure)).collect(),
            ingredients: unique(wanted(NameKind::Ingredient)),
            classes,
            uses,
            brands: unique(wanted(NameKind::Brand)),
            companies: self
                .companies
                .iter()
                .map(|(range, name, sure)| self.found(range, name.clone(), *sure))
                .collect(),
            status: status.map(|(range, value)| self.found(&range, value, 0.95)),
            combination: combination.first().map(|(range, value)| self.found(range, *value, 0.9)),
            age: age.map(|(range, value)| self.found(&range, value, 0.9)),
            excluded: excluded.into_iter().map(|(range, name, sure)| self.found(&range, name, sure)).collect(),
            substitution: substitution.map(|found| self.found(&found.range, found.substitution, found.confidence)),
            dur,
            pair,
            effects: effects.wanted.into_iter().map(|(range, value)| self.found(&range, value, 0.85)).collect(),
            candidates,
            translated: Vec::new(),
            korean: None,
            truncated: self.text.truncated,
        }
    }

    /// Classes that a product is to be of: not what is refused, replaced or taken already.
    fn classes(&self) -> Vec<Found<Name>> {
        const OTHERWISE: &str = "\
            처럼|같은|보다|때문|부작용|알레르기|알러지|과민|이안맞|가안맞|은안|는안|이안|가안|은못|는못|도못|을못|를못|못|먹고|먹으면|쓰고|\
            에반응|에효과없|이효과없|이안들|로는|으로는";
        let is_asked = |mention: &&Mention| {
            let is_free = !mention.used
                && self.text.longest(mention.range.end, OTHERWISE).is_none()
                && pair::taken(&self.text, std::slice::from_ref(mention)).is_none();
            mention.name.kind == NameKind::Class && is_free && drug_class::is_class(&mention.name.name)
        };
        let asked = self.mentions.iter().filter(is_asked);
        unique(asked.map(|mention| self.found(&mention.range, mention.name.clone(), mention.confidence)).collect())
    }

    fn found<T>(&self, range: &Range<usize>, value: T, confidence: f64) -> Found<T> {
        let span = self.text.span(range);
        Found { value, words: self.text.words(span), span, confidence }
    }

    /// Marks names and forms that are refused; returns the mentions.
    fn exclude(&mut self) -> Vec<usize> {
        let mut indices = Vec::new();
        for (i, mention) in self.mentions.iter_mut().enumerate() {
            let with_form = self
                .forms
                .iter()
                .position(|form| form.range.start == mention.range.end && mention.name.kind != NameKind::Class);
            let by_form = with_form
                .map(|form| mention.range.start..mention.range.end.max(form_end(&self.text, &self.forms[form])));
            let direct = exclusion::around(&self.text, &mention.range, mention.name.kind);
            let Some(range) = direct.or_else(|| exclusion::around(&self.text, &by_form?, mention.name.kind)) else {
                continue;
            };
            if self.forms.iter().any(|form| form.excluded && overlap(&form.range, &mention.range)) {
                mention.used = true;
                continue;
            }
            // `한미 비타민 말고 종근당 비타민`: another of the class is wanted.
            let word = mention.name.name.as_str();
            let mut behind = range.end..self.text.len();
            let is_again = |at: usize| self.text.starts(at) && self.text.follows(at, word);
            if mention.name.kind == NameKind::Class && behind.any(is_again) {
                mention.used = true;
                self.cut.push(range.clone());
                let start = mention.range.start;
                self.companies.retain(|(company, ..)| company.end != start);
                continue;
            }
            // `타이레놀 현탁액 말고`: the brand, not the form.
            self.forms.retain(|form| !(range.start < form.range.start && form.range.start < range.end));
            mention.used = true;
            indices.push(i);
            self.cut.push(range.clone());
            // `타이레놀 성분 빼고`, `타이레놀 알레르기`: what is in it, not only its name.
            let substance = ["성분", "알레르기", "알러지", "과민", "부작용", "두드러기"];
            let words = self.text.slice(range.clone());
            if substance.iter().any(|word| words.contains(word)) {
                let ingredients = mention.name.ingredients().filter_map(lexicon::ingredient);
                self.excluded.extend(ingredients.map(|ingredient| (range.clone(), ingredient, mention.confidence)));
            }
            self.excluded.push((range, refused(&mention.name), mention.confidence));
        }
        self.exclude_antecedent(&mut indices);
        self.exclude_neighbours(&mut indices);
        let refused: Vec<_> = self.forms.iter().filter(|form| form.excluded).map(|form| form.form).collect();
        // `파스 알레르기 있어서 붙이는 거 제외`
        self.forms.retain(|form| form.excluded || !refused.iter().any(|refused| form.form.is_a(*refused)));
        for form in self.forms.iter().filter(|form| form.excluded) {
            self.cut.push(form.range.clone());
            self.excluded.push((form.range.clone(), Name::plain(NameKind::Form, form.form.code()), 0.9));
        }
        indices
    }

    /// `이부프로펜 먹었는데 그거 말고`: the name that stands before.
    fn exclude_antecedent(&mut self, indices: &mut Vec<usize>) {
        const REACH: usize = 30;
        let Some(range) = exclusion::anaphora(&self.text) else { return };
        let near = |m: &Mention| m.range.end <= range.start && range.start - m.range.end <= REACH;
        self.cut.push(range.clone());
        let drug = |m: &Mention| matches!(m.name.kind, NameKind::Ingredient | NameKind::Brand);
        if let Some(i) = self.mentions.iter().rposition(|m| near(m) && drug(m)).filter(|i| !self.mentions[*i].used) {
            let mention = &mut self.mentions[i];
            mention.used = true;
            indices.push(i);
            self.cut.push(mention.range.clone());
            self.excluded.push((mention.range.clone(), refused(&mention.name), mention.confidence));
        }
    }

    /// `색소랑 방부제 없는`: what is joined to a name that is refused is refused, too.
    fn exclude_neighbours(&mut self, indices: &mut Vec<usize>) {
        const JOINED: &str = "랑|이랑|와|과|하고|이나|나|도|,|·|/|및|이랑은|은|는";
        for i in (1..self.mentions.len()).rev() {
            let (before, here) = (&self.mentions[i - 1], &self.mentions[i]);
            let between = self.text.slice(before.range.end..here.range.start.max(before.range.end));
            let alike = before.name.kind == here.name.kind || before.name.kind != NameKind::Brand;
            if indices.contains(&i) && !before.used && alike && is_one_of(between.as_str(), JOINED) {
                let (range, name, confidence) =
                    (before.range.start..here.range.start, refused(&before.name), before.confidence);
                self.mentions[i - 1].used = true;
                indices.push(i - 1);
                self.cut.push(range.clone());
                self.excluded.push((range, name, confidence));
            }
        }
    }

    /// `100mg 말고 200mg`.
    fn refuse_strengths(&mut self, found: Vec<(Range<usize>, Strength, f64)>) -> Vec<(Range<usize>, Strength, f64)> {
        const REFUSED: &str = "말고|아니고|아닌|빼고|제외|짜리말고|은말고|짜리아니고";
        let (refused, wanted): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(range, ..)| self.text.longest(range.end, REFUSED).is_some());
        for (range, strength, confidence) in refused {
            let range = range.start..self.text.word_end(range.end + 1);
            self.cut.push(range.clone());
            self.excluded.push((range, Name::plain(NameKind::Strength, strength.to_string()), confidence));
        }
        wanted
    }

    fn substitute(&mut self, excluded: &[usize]) -> Option<substitution::Found> {
        let found = substitution::find(&self.text, &self.mentions, excluded)?;
        if let Some(i) = found.mention {
            self.mentions[i].used = true;
            // `노스카나겔 대신`: the form of what is replaced.
            let own = self.mentions[i].form.clone();
            self.forms.retain(|form| own.as_ref() != Some(&form.range));
        }
        self.cut.push(found.range.clone());
        self.cut.extend(found.others.iter().cloned());
        Some(found)
    }

    /// DUR kinds and what is taken together.
    fn safety(&mut self, age: &mut Option<(Range<usize>, Age)>) -> (Vec<Found<Dur>>, Option<Found<Pair>>) {
        let free: Vec<Mention> = self.mentions.iter().filter(|mention| !mention.used).cloned().collect();
        let taken = pair::taken(&self.text, &free)
            .or_else(|| pair::beside_contraindication(&self.text, &free).filter(|_| age.is_none()));
        let kinds = safety::find(&self.text, age.as_ref(), taken.as_ref());
        let of_mother = kinds.iter().any(|found| matches!(found.dur.kind, DurKind::Pregnancy | DurKind::Lactation));
        if of_mother && age.as_ref().is_some_and(|(_, age)| age.group == age::AgeGroup::Infant) {
            *age = None;
        }
        let pair = kinds.iter().find(|found| found.dur.kind == DurKind::Combination).and_then(|found| self.pair(found));
        for found in &kinds {
            // The age stays in the rest: products for children are named so.
            if !matches!(found.dur.kind, DurKind::Age | DurKind::Elderly) {
                self.cut.push(safety::with_number(&self.text, found));
            }
            self.cut.extend(found.predicate.clone());
            // `이 약이랑 안 맞는`: no injection.
            let words = found.predicate.clone();
            self.forms.retain(|form| !words.as_ref().is_some_and(|words| overlap(words, &form.range)));
        }
        let dur = kinds
            .iter()
            .map(|found| {
                let range = found.predicate.as_ref().map_or(found.range.clone(), |predicate| {
                    found.range.start.min(predicate.start)..found.range.end.max(predicate.end)
                });
                self.found(&range, found.dur, found.confidence)
            })
            .collect();
        (dur, pair)
    }

    fn pair(&mut self, dur: &safety::Found) -> Option<Found<Pair>> {
        let members = pair::members(&self.text, &self.mentions);
        let first = self.mentions.get(*members.first()?)?.range.clone();
        let names = members.iter().map(|&i| self.mentions[i].name.clone()).collect();
        for &i in &members {
            self.mentions[i].used = true;
            // `로사르탄 50mg 먹는데`: the strength of what is taken, not of what is looked for.
            let range = &self.mentions[i].range;
            let amount = range.end..pair::end_of_amount(&self.text, range.end);
            self.amounts_taken.push(amount.clone());
            self.cut.push(amount);
            self.cut.push(self.mentions[i].range.start..self.text.word_end(self.mentions[i].range.end));
        }
        let end = dur.predicate.as_ref().map_or(dur.range.end, |predicate| predicate.end).max(first.end);
        Some(self.found(&(first.start.min(dur.range.start)..end), Pair { names }, dur.confidence))
    }

    /// The name of a substitution that is a guess, so that the caller can look it up.
    fn candidates(&self, substitution: &Option<substitution::Found>) -> Vec<Found<String>> {
        let guess = substitution.as_ref().filter(|found| found.mention.is_none());
        let guesses = guess.map(|found| self.found(&found.range, found.substitution.of.name.clone(), found.confidence));
        let unknown = names::unknown_brands(&self.text, &self.mentions);
        guesses.into_iter().chain(unknown.into_iter().map(|(range, name)| self.found(&range, name, 0.5))).collect()
    }
}

/// Of `페니실린` its class is refused: it names a kind, told by an ending, rather than a substance.
fn refused(name: &Name) -> Name {
    let class = format!("{}계", name.name);
    let is_kind = |members: &Vec<String>| members.iter().any(|member| member.starts_with('~'));
    match classes().get(class.as_str()).filter(|_| name.kind == NameKind::Ingredient).is_some_and(is_kind) {
        true => Name::plain(NameKind::Class, class),
        false => name.clone(),
    }
}

/// The end of a form's own words, without what excludes it.
fn form_end(text: &Text<'_>, form: &AskedForm) -> usize {
    if form.excluded { text.word_end(form.range.start + 1).min(form.range.end) } else { form.range.end }
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

fn unique(mut found: Vec<Found<Name>>) -> Vec<Found<Name>> {
    let mut seen: Vec<String> = Vec::new();
    found.retain(|found| {
        let new = !seen.contains(&found.value.name);
        seen.push(found.value.name.clone());
        new
    });
    found
}
