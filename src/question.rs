//! `drug_question`: what a question asks for beside its meaning; and whether a row is so, its columns read by the same code.

use std::cell::RefCell;
use std::rc::Rc;

use pgrx::JsonB;
use pgrx::prelude::*;
use reader::{Question, Row};

use crate::errors::SqlResult;
use crate::text::Text;

#[pg_extern(immutable, strict, parallel_safe, cost = 1000)]
fn drug_question(query: Text<'_>) -> SqlResult<JsonB> {
    Ok(json(&*read(query.utf8(encoder::MAX_TEXT_BYTES)?)))
}

/// `[{"attribute": "form", "asked": "syrup", "met": true | false | null}, ...]`; null where the row's columns don't tell.
#[pg_extern(sql = "
CREATE FUNCTION drugembed._checks(query text, name text, english_name text, form text, company text, status text, ingredients text)
RETURNS jsonb IMMUTABLE PARALLEL SAFE COST 1000
LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
COMMENT ON FUNCTION drugembed._checks(text, text, text, text, text, text, text) IS
    'what a question asks for, each with whether a row of these columns meets it';
", requires = ["schema"])]
fn checks(
    query: Option<Text<'_>>,
    name: Option<Text<'_>>,
    english_name: Option<Text<'_>>,
    form: Option<Text<'_>>,
    company: Option<Text<'_>>,
    status: Option<Text<'_>>,
    ingredients: Option<Text<'_>>,
) -> SqlResult<Option<JsonB>> {
    let Some(query) = query else { return Ok(None) };
    let row = Row {
        name: or_empty(&name)?,
        english_name: or_empty(&english_name)?,
        form: or_empty(&form)?,
        company: or_empty(&company)?,
        status: or_empty(&status)?,
        ingredients: or_empty(&ingredients)?,
    };
    Ok(Some(json(&read(query.utf8(encoder::MAX_TEXT_BYTES)?).check(&row))))
}

/// The last question read is kept: a statement asks about many rows.
fn read(query: &str) -> Rc<Question> {
    thread_local! {
        static LAST: RefCell<Option<(String, Rc<Question>)>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| match last {
        Some((text, question)) if text == query => Rc::clone(question),
        _ => {
            let question = Rc::new(Question::read(query));
            *last = Some((query.to_owned(), Rc::clone(&question)));
            question
        }
    })
}

/// Serialising fails only for maps whose keys are no strings; there are none.
fn json(value: &impl serde::Serialize) -> JsonB {
    JsonB(serde_json::to_value(value).unwrap_or_default())
}

fn or_empty<'a>(text: &'a Option<Text<'_>>) -> SqlResult<&'a str> {
    text.as_ref().map_or(Ok(""), |text| text.utf8(encoder::MAX_TEXT_BYTES))
}
