//! `drugembed._facts`: what a row's columns say, as words that an index holds. The `reader` crate makes them.

use std::cell::RefCell;

use pgrx::prelude::*;
use reader::Row;

use crate::text::Text;
use crate::tracking::errors::SqlResult;
use crate::tracking::sql::literal;

/// `revision` is there for indexes: one that was built by other facts is not taken for one of these.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn facts(
    _revision: Option<i32>,
    name: Option<Text<'_>>,
    english_name: Option<Text<'_>>,
    form: Option<Text<'_>>,
    company: Option<Text<'_>>,
    status: Option<Text<'_>>,
    ingredients: Option<Text<'_>>,
    dur: Option<Text<'_>>,
    item_seq: Option<Text<'_>>,
) -> SqlResult<Vec<String>> {
    let columns = [&name, &english_name, &form, &company, &status, &ingredients, &dur, &item_seq];
    let mut texts = [""; 8];
    for (text, column) in texts.iter_mut().zip(columns) {
        *text = column.as_ref().map_or(Ok(""), |column| column.utf8(usize::MAX))?;
    }
    Ok(of(texts))
}

/// The last row's are kept: a statement's conditions ask about one row one after the other.
fn of(columns: [&str; 8]) -> Vec<String> {
    thread_local! {
        static LAST: RefCell<(String, Vec<String>)> = const { RefCell::new((String::new(), Vec::new())) };
    }
    let key = columns.join("\u{1f}");
    LAST.with_borrow_mut(|last| {
        if last.0 != key || last.1.is_empty() {
            let [name, english_name, form, company, status, ingredients, dur, item_seq] = columns;
            let row = Row { name, english_name, form, company, status, ingredients, dur, item_seq };
            *last = (key, row.facts());
        }
        last.1.clone()
    })
}

/// SQL that is true of rows with one of these facts.
pub fn has(facts_sql: &str, any: &[String]) -> String {
    format!("{facts_sql} OPERATOR(pg_catalog.&&) {}", array(any))
}

/// SQL of an array of texts.
pub fn array(texts: &[String]) -> String {
    let quoted = |text: &String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let texts: Vec<String> = texts.iter().map(quoted).collect();
    format!("{}::pg_catalog.text[]", literal(format!("{{{}}}", texts.join(","))))
}
