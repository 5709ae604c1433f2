//! Questions of safety are answered from MFDS's DUR lists, never from vectors: a vector has the topic of a warning, not its direction.
//!
//! Who asks what is forbidden gets the products that are listed; who asks what is allowed gets those that are not, and is told that
//! this proves nothing. Where no list tells, no row is given.

use std::collections::HashMap;

use pgrx::PgLogLevel;
use pgrx::datum::DatumWithOid;
use reader::{Age, AgeGroup, Condition, Direction, DurKind, Form, Name, NameKind, Question};
use serde_json::{Value, json};

use super::facts::{array, has};
use super::substitution::{rows_of_brand, with};
use crate::dur::list::DurList;
use crate::tracking::attributes::Attributes;
use crate::tracking::catalog::Tracked;
use crate::tracking::errors::{self, SqlResult};
use crate::tracking::sql;

/// Facts up to so many are looked up in the index of facts; more are no rare thing, and compared row by row.
const FEW: usize = 2_000;

/// What a list says of a product or an ingredient.
#[derive(Clone)]
struct Entry {
    grade: Option<String>,
    reason: Option<String>,
}

/// One kind of warning that is asked about, with what is listed.
pub struct Warning {
    kind: DurKind,
    direction: Direction,
    /// Such as `combination:와파린`.
    asked: String,
    /// By the fact that links a row: `item:...`, `ingredient:...`.
    listed: HashMap<String, Entry>,
    /// Whether the table's own column lists rows of this kind.
    by_column: bool,
    /// The other drug of a pair.
    other: Option<Name>,
}

/// What the table itself knows of what a question of safety names.
#[derive(Default)]
pub struct Known {
    /// Kinds that the table's DUR column has.
    column: Vec<DurKind>,
    /// Ingredients and item sequences of what is taken, by facts.
    taken: Vec<String>,
}

impl Known {
    /// Looks them up, with the rights to read the table.
    pub fn find(tracked: &Tracked, attributes: &Attributes, question: &Question) -> SqlResult<Known> {
        let mut known = Known::default();
        if attributes.has("dur") {
            for kind in question.dur.iter().map(|found| found.value.kind) {
                let one = [format!("dur:{}", kind.code())];
                let listed = format!(
                    "SELECT EXISTS (SELECT FROM {} AS old WHERE {})",
                    tracked.rows(),
                    has(&attributes.facts(), &one)
                );
                if sql::row(&listed, &[], |row| row.get::<bool>(1))?.flatten() == Some(true) {
                    known.column.push(kind);
                }
            }
        }
        if let Some(taken) = question.pair.as_ref().and_then(|pair| pair.value.names.first()) {
            known.taken = of_taken(tracked, attributes, taken)?;
        }
        Ok(known)
    }
}

/// Facts of ingredients and products by which lists name what is taken.
fn of_taken(tracked: &Tracked, attributes: &Attributes, taken: &Name) -> SqlResult<Vec<String>> {
    let mut facts: Vec<String> = match taken.kind {
        NameKind::Ingredient => vec![format!("ingredient:{}", taken.name)],
        NameKind::Class => reader::members_of(&taken.name).map(|name| format!("ingredient:{name}")).collect(),
        NameKind::Brand => {
            let rows = rows_of_brand(tracked, attributes, &taken.name)?;
            let of_row = |row: &Vec<String>| with(row, "ingredient:").chain(with(row, "item:")).collect::<Vec<_>>();
            let known = taken.ingredients().map(|ingredient| format!("ingredient:{ingredient}"));
            rows.iter().flat_map(of_row).chain(known).collect()
        }
        _ => Vec::new(),
    };
    facts.sort();
    facts.dedup();
    Ok(facts)
}

/// The warnings that a question asks about; none, with a NOTICE, if no list tells one of them. By the caller's own rights.
pub fn warnings(
    question: &Question,
    known: &Known,
    attributes: &Attributes,
    list: Option<&DurList>,
) -> SqlResult<Option<Vec<Warning>>> {
    /// 어르신 파스: for whom, but no question about a warning.
    const SAID: f64 = 0.7;
    let mut warnings = Vec::new();
    for found in &question.dur {
        let kind = found.value.kind;
        let implied = found.confidence < SAID && matches!(kind, DurKind::Age | DurKind::Elderly);
        let warning = Warning {
            kind,
            direction: found.value.direction,
            asked: kind.code().to_owned(),
            listed: HashMap::new(),
            by_column: known.column.contains(&kind),
            other: None,
        };
        match warning.fill(question, known, attributes, list)? {
            Some(warning) => warnings.push(warning),
            None => {
                errors::no_dur_list(kind.code(), list.is_some(), implied).report(PgLogLevel::NOTICE);
                if !implied {
                    return Ok(None);
                }
            }
        }
    }
    for warning in warnings.iter().filter(|warning| warning.direction == Direction::Allowed) {
        errors::no_proof_of_safety(&warning.asked).report(PgLogLevel::NOTICE);
    }
    warnings.extend(of_age(question, attributes, list)?);
    Ok(Some(warnings))
}

/// A child's medicine was asked for: what is listed for its age is left out, also where nobody asks about it.
fn of_age(question: &Question, attributes: &Attributes, list: Option<&DurList>) -> SqlResult<Option<Warning>> {
    let asked = question.dur.iter().any(|found| matches!(found.value.kind, DurKind::Age));
    let age = question.age.as_ref().map(|found| found.value);
    let young = age.is_some_and(|age| matches!(age.group, AgeGroup::Infant | AgeGroup::Child | AgeGroup::Adolescent));
    let (Some(list), false, true) = (list, asked, young) else { return Ok(None) };
    let listed = entries(list, DurKind::Age, age, attributes)?;
    Ok((!listed.is_empty()).then(|| Warning {
        kind: DurKind::Age,
        direction: Direction::Allowed,
        asked: "age".to_owned(),
        listed,
        by_column: false,
        other: None,
    }))
}

impl Warning {
    /// With what is listed; none if no list tells.
    fn fill(
        mut self,
        question: &Question,
        known: &Known,
        attributes: &Attributes,
        list: Option<&DurList>,
    ) -> SqlResult<Option<Warning>> {
        let pair = question.pair.as_ref().filter(|_| self.kind == DurKind::Combination).map(|pair| &pair.value.names);
        if let Some([taken, others @ ..]) = pair.map(Vec::as_slice) {
            let Some(list) = list.filter(|_| !known.taken.is_empty()) else { return Ok(None) };
            if !has_kind(list, self.kind)? {
                return Ok(None);
            }
            self.by_column = false;
            self.asked = format!("combination:{}", taken.name);
            self.listed = partners(list, &known.taken, attributes)?;
            self.other = others.first().cloned();
            // Nobody who asks what must not be taken with it may read an empty answer as "nothing".
            let unknown = self.listed.is_empty() && self.direction == Direction::Forbidden;
            return Ok((!unknown).then_some(self));
        }
        let age = question.age.as_ref().map(|age| age.value);
        if let Some(list) = list {
            self.listed = entries(list, self.kind, age, attributes)?;
        }
        if self.kind == DurKind::Splitting {
            // What the form itself forbids, listed or not.
            for (form, reason) in [(Form::ExtendedRelease, "서방형 제제"), (Form::Enteric, "장용성 제제")] {
                let entry = Entry { grade: None, reason: Some(reason.to_owned()) };
                self.listed.entry(format!("form:{}", form.code())).or_insert(entry);
            }
        }
        // A list of ages may have none for whom is asked about.
        let ages = match list {
            Some(list) if self.kind == DurKind::Age && self.listed.is_empty() => has_kind(list, self.kind)?,
            _ => false,
        };
        Ok((self.by_column || ages || !self.listed.is_empty()).then_some(self))
    }

    /// SQL that is true of rows that answer.
    pub fn sql(&self, facts: &str, item_seq: Option<&str>) -> String {
        let column = self.by_column.then(|| format!("dur:{}", self.kind.code()));
        let (items, mut others): (Vec<String>, Vec<String>) =
            self.listed.keys().cloned().chain(column).partition(|fact| fact.starts_with("item:"));
        let mut parts = Vec::new();
        match item_seq.filter(|_| items.len() > FEW) {
            Some(column) => {
                let items: Vec<String> = items.iter().map(|fact| fact["item:".len()..].to_owned()).collect();
                parts.push(format!("COALESCE({column}, '') IN (SELECT pg_catalog.unnest({}))", array(&items)));
            }
            None => others.extend(items),
        }
        if !others.is_empty() || parts.is_empty() {
            parts.push(has(facts, &others));
        }
        let listed = parts.join(" OR ");
        if self.direction == Direction::Forbidden { format!("({listed})") } else { format!("NOT ({listed})") }
    }

    /// The other drug of a pair is what is looked for.
    pub fn conditions(&self) -> Vec<Condition> {
        let named = self.other.iter().filter(|name| matches!(name.kind, NameKind::Ingredient | NameKind::Brand));
        let of_name = |name: &Name| {
            let kind = name.kind.code();
            let english = name.english.iter().map(|english| format!("{kind}:{english}"));
            Condition {
                attribute: "pair",
                asked: name.name.clone(),
                facts: english.chain([format!("{kind}:{}", name.name)]).collect(),
                known: if name.kind == NameKind::Brand { "brand" } else { "ingredient" },
                related: Vec::new(),
                refused: false,
            }
        };
        named.map(of_name).collect()
    }

    /// What the lists say of a row.
    pub fn matched(&self, facts: &[String]) -> Value {
        let entry = facts.iter().find_map(|fact| self.listed.get(fact));
        let column = self.by_column && facts.contains(&format!("dur:{}", self.kind.code()));
        let listed = entry.is_some() || column;
        let (grade, reason) = entry.map_or((None, None), |entry| (entry.grade.clone(), entry.reason.clone()));
        json!({
            "attribute": "dur",
            "asked": format!("{}:{}", self.asked, self.direction.code()),
            "met": listed == (self.direction == Direction::Forbidden),
            "listed": listed,
            "grade": grade,
            "reason": reason,
        })
    }
}

fn has_kind(list: &DurList, kind: DurKind) -> SqlResult<bool> {
    let any = format!("SELECT EXISTS (SELECT FROM {} AS d WHERE d.kind = $1)", list.qualified);
    Ok(sql::row(&any, &[kind.code().into()], |row| row.get::<bool>(1))?.flatten() == Some(true))
}

/// What is listed of a kind; of ages, for someone of that age.
fn entries(
    list: &DurList,
    kind: DurKind,
    age: Option<Age>,
    attributes: &Attributes,
) -> SqlResult<HashMap<String, Entry>> {
    let (from, below) = months(age.filter(|_| kind == DurKind::Age));
    let entries = format!(
        "SELECT DISTINCT ON (d.item_seq, d.ingredient) d.item_seq, d.ingredient, d.grade, COALESCE(d.reason, d.quantity)
           FROM {} AS d
          WHERE d.kind = $1 AND COALESCE(d.months_below, $2 + 1) > $2 AND COALESCE(d.months_from, $3 - 1) < $3
          ORDER BY d.item_seq, d.ingredient, d.grade, d.notified DESC",
        list.qualified
    );
    read(&entries, &[kind.code().into(), from.into(), below.into()], attributes)
}

/// What must not be taken with what these facts name: the table of pairs is read both ways.
fn partners(list: &DurList, taken: &[String], attributes: &Attributes) -> SqlResult<HashMap<String, Entry>> {
    let values = |prefix: &str| -> Vec<String> {
        taken.iter().filter_map(|fact| fact.strip_prefix(prefix)).map(str::to_owned).collect()
    };
    let list = &list.qualified;
    let pairs = format!(
        "SELECT d.partner_item_seq, d.partner_ingredient, d.grade, d.reason FROM {list} AS d
          WHERE d.kind = 'combination' AND (d.ingredient = ANY ($1) OR d.item_seq = ANY ($2))
         UNION ALL
         SELECT d.item_seq, d.ingredient, d.grade, d.reason FROM {list} AS d
          WHERE d.kind = 'combination' AND (d.partner_ingredient = ANY ($1) OR d.partner_item_seq = ANY ($2))"
    );
    read(&pairs, &[values("ingredient:").into(), values("item:").into()], attributes)
}

/// Entries by the fact that links a row to them: the product's number, or, where an entry or the table has none, the ingredient.
fn read(statement: &str, arguments: &[DatumWithOid<'_>], attributes: &Attributes) -> SqlResult<HashMap<String, Entry>> {
    let numbered = attributes.has("item_seq");
    let rows = sql::rows(statement, arguments, |row| {
        let text = |i| row.get::<String>(i);
        Ok((text(1)?, text(2)?, Entry { grade: text(3)?, reason: text(4)? }))
    })?;
    let link = |item: Option<String>, ingredient: Option<String>| match (item, ingredient) {
        (Some(item), _) if numbered => Some(format!("item:{item}")),
        (_, Some(all)) if all.contains('+') => Some(format!("ingredients:{all}")),
        (_, Some(one)) => Some(format!("ingredient:{one}")),
        _ => None,
    };
    let linked = rows.into_iter().filter_map(|(item, ingredient, entry)| Some((link(item, ingredient)?, entry)));
    Ok(linked.collect())
}

/// The ages in months that a question is about: from, and below. Whoever is asked about is taken as a whole: of an entry for some of
/// them, a product is forbidden, and not allowed.
fn months(age: Option<Age>) -> (i32, i32) {
    const EVER: i32 = 2400;
    age.map_or((0, EVER), |age| (age.range().start as i32, age.range().end as i32))
}
