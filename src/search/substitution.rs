//! Instead of what: the active ingredients of the product that is to be replaced, looked up in the table.

use std::collections::HashMap;

use pgrx::PgLogLevel;
use reader::{Condition, Form, Name, NameKind};

use super::facts::has;
use crate::tracking::attributes::Attributes;
use crate::tracking::catalog::Tracked;
use crate::tracking::errors::{self, SqlResult};
use crate::tracking::sql;

/// Rows of a brand that are looked at.
const LOOKED_AT: usize = 200;

/// What a substitute must have, and must not be.
pub struct Substitute {
    /// What is to be replaced, as it was asked for.
    pub name: String,
    /// The fact of its active ingredients: exactly these.
    ingredients: String,
    /// The brand that is no substitute of itself.
    brand: Option<String>,
    /// Form families of the product: what is swallowed is not replaced by what is rubbed on.
    routes: Vec<String>,
    /// Facts of strength, where the same is asked for.
    strengths: Vec<String>,
    /// Facts of form, where the same is asked for.
    forms: Vec<String>,
}

/// What else must be the same.
#[derive(Default, Clone, Copy)]
pub struct Same {
    pub strength: bool,
    pub form: bool,
}

impl Substitute {
    /// Of the brand or ingredient that a question names; none, with a NOTICE, if nobody knows what is in it.
    pub fn find(tracked: &Tracked, attributes: &Attributes, of: &Name, same: Same) -> SqlResult<Option<Substitute>> {
        if of.kind == NameKind::Ingredient {
            let ingredients = format!("ingredients:{}", of.name);
            let none = Vec::new;
            let (routes, strengths, forms) = (none(), none(), none());
            return Ok(Some(Substitute { name: of.name.clone(), ingredients, brand: None, routes, strengths, forms }));
        }
        let rows = rows_of_brand(tracked, attributes, &of.name)?;
        let named = of.ingredient.as_ref().map(|ingredient| format!("ingredients:{ingredient}"));
        let Some(ingredients) = most(rows.iter().flat_map(|row| with(row, "ingredients:"))).or(named) else {
            errors::nothing_known_of(&of.name, &tracked.name).report(PgLogLevel::NOTICE);
            return Ok(None);
        };
        let own = || rows.iter().filter(|row| row.contains(&ingredients));
        let routes: Vec<String> = own().flat_map(|row| with(row, "form:")).filter(|fact| is_route(fact)).collect();
        let wanted = |wanted: bool, prefix: &'static str| {
            if wanted { own().next().map(|row| with(row, prefix).collect()).unwrap_or_default() } else { Vec::new() }
        };
        Ok(Some(Substitute {
            name: of.name.clone(),
            brand: Some(format!("brand:{}", of.name)),
            routes: most(routes.into_iter()).into_iter().collect(),
            strengths: wanted(same.strength, "strength:"),
            forms: wanted(same.form, "form:").into_iter().filter(|fact| !is_route(fact)).collect(),
            ingredients,
        }))
    }

    pub fn conditions(&self) -> Vec<Condition> {
        let condition = |attribute, asked: &str, known, facts: Vec<String>, refused| Condition {
            attribute,
            asked: asked.to_owned(),
            facts,
            known,
            related: Vec::new(),
            refused,
        };
        let contents = self.ingredients.split_once(':').map_or("", |(_, names)| names);
        let mut conditions =
            vec![condition("substitution", contents, "ingredient", vec![self.ingredients.clone()], false)];
        conditions.extend(self.brand.iter().map(|b| condition("excluded", &self.name, "brand", vec![b.clone()], true)));
        for (attribute, facts) in [("form", &self.routes), ("strength", &self.strengths), ("form", &self.forms)] {
            if !facts.is_empty() {
                let asked: Vec<&str> = facts.iter().filter_map(|fact| fact.split_once(':')).map(|(_, v)| v).collect();
                conditions.push(condition(attribute, &asked.join("|"), attribute, facts.clone(), false));
            }
        }
        conditions
    }
}

/// Facts of rows whose brand begins with `brand`; those of just that brand if there are any.
pub fn rows_of_brand(tracked: &Tracked, attributes: &Attributes, brand: &str) -> SqlResult<Vec<Vec<String>>> {
    let facts = attributes.facts();
    let brand = reader::normalise_name(brand);
    let rows = format!(
        "SELECT {facts} FROM {} AS old WHERE {} LIMIT {LOOKED_AT}",
        tracked.rows(),
        has(&facts, &[format!("brand:{brand}")])
    );
    let rows: Vec<Vec<String>> = sql::rows(&rows, &[], |row| {
        let facts: Option<Vec<Option<String>>> = row.get(1)?;
        Ok(facts.unwrap_or_default().into_iter().flatten().collect())
    })?;
    let longer = format!("brand:{brand}");
    let just =
        |row: &&Vec<String>| !with(row, "brand:").any(|own| own.len() > longer.len() && own.starts_with(&longer));
    let exact: Vec<Vec<String>> = rows.iter().filter(just).cloned().collect();
    Ok(if exact.is_empty() { rows } else { exact })
}

/// Facts of an attribute.
pub fn with<'a>(facts: &'a [String], prefix: &'a str) -> impl Iterator<Item = String> + 'a {
    facts.iter().filter(move |fact| fact.starts_with(prefix)).cloned()
}

/// A family that belongs to no other: swallowed, on the skin, in the eye.
fn is_route(fact: &str) -> bool {
    let form = fact.strip_prefix("form:").and_then(Form::from_code);
    form.is_some_and(|form| form.parents().is_empty())
}

fn most(facts: impl Iterator<Item = String>) -> Option<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    facts.for_each(|fact| *counts.entry(fact).or_default() += 1);
    counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0))).map(|(fact, _)| fact)
}
