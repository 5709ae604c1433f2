//! Which columns of a table say what: name, form, company, ... `drugembed.track` is told, or MFDS's own column names say so.
//!
//! From them a row's *facts* are made (`drugembed._facts`, the `reader` crate): words such as `form:syrup`, which an index holds.
//! Attributes that were named to `track` are kept by its keeper; those that go by their names are looked up at each search.

use pgrx::pg_sys::Oid;
use serde_json::Value;

use super::catalog::Tracked;
use super::errors::{self, SqlResult};
use super::expression::{self, Expression};
use super::rights::Scope;
use super::sql::{self, ident};

/// Attributes in the order of `drugembed._facts`, and the columns that MFDS's tables and API have for them, best first.
pub const NAMES: [(&str, &str); 8] = [
    ("name", "item_name|품목명|제품명|itemname|prdlst_nm|product_name|drug_name|약품명|name"),
    ("english_name", "item_eng_name|제품영문명|품목영문명|prduct_eng_name|item_name_eng|english_name|name_en"),
    ("form", "제형코드명|form_code_name|제형|dosage_form|form_name|form"),
    ("company", "entp_name|enterprise_name|entpname|업소명|업체명|제조사|회사명|manufacturer|company_name|company"),
    ("status", "etc_otc_code|etc_otc_name|spclty_pblc|special_general_type|전문일반구분|전문일반|전문의약품|rx_otc"),
    (
        "ingredients",
        "main_item_ingr|main_item_ingredient|main_ingredient|주성분|주성분명|material_name|item_ingr_name|ingredient_name|ingr_name|ingredients",
    ),
    ("dur", "dur_kinds|dur_kind|dur_types|dur_type|dur유형|dur구분|dur"),
    ("item_seq", "item_seq|item_sequence|itemseq|품목기준코드|품목일련번호|제품일련번호|prdlst_stdr_code"),
];

/// SQL of each attribute over `old`; none where the table has none.
#[derive(Debug, Clone)]
pub struct Attributes(pub [Option<String>; 8]);

impl Attributes {
    /// The attributes of a tracked table that the current role may read.
    pub fn of(tracked: &Tracked) -> SqlResult<Attributes> {
        let mut attributes = match &tracked.attributes {
            Some(kept) => Attributes(kept.clone()),
            None => Attributes(detected(tracked.relation, true)?.map(|column| column.map(|name| as_text(&name)))),
        };
        if attributes.0[0].is_none() {
            attributes.0[0] = Some(tracked.lexical.clone());
        }
        Ok(attributes)
    }

    pub fn has(&self, name: &str) -> bool {
        self.sql_of(name).is_some()
    }

    pub fn sql_of(&self, name: &str) -> Option<&str> {
        NAMES.iter().zip(&self.0).find(|((own, _), _)| *own == name).and_then(|(_, sql)| sql.as_deref())
    }

    /// SQL of a row's facts, text[].
    pub fn facts(&self) -> String {
        let arguments: Vec<&str> = self.0.iter().map(|sql| sql.as_deref().unwrap_or("NULL::pg_catalog.text")).collect();
        format!("drugembed._facts({}, {})", reader::FACTS_REVISION, arguments.join(", "))
    }
}

fn as_text(column: &str) -> String {
    format!("old.{}::pg_catalog.text", ident(column))
}

/// The column for each attribute, by its name. Only types that are text, or integers: their text depends on no setting.
fn detected(relation: Oid, readable: bool) -> SqlResult<[Option<String>; 8]> {
    let columns = "SELECT a.attname::text FROM pg_catalog.pg_attribute a
                    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
                      AND a.atttypid = ANY ('{text,varchar,bpchar,int2,int4,int8}'::pg_catalog.regtype[])
                      AND (NOT $2 OR pg_catalog.has_column_privilege($1, a.attnum, 'SELECT'))";
    let columns: Vec<Option<String>> = sql::rows(columns, &[relation.into(), readable.into()], |row| row.get(1))?;
    let columns: Vec<String> = columns.into_iter().flatten().collect();
    Ok(NAMES.map(|(_, known)| {
        let find = |name: &str| columns.iter().find(|column| column.to_lowercase() == name).cloned();
        known.split('|').find_map(find)
    }))
}

/// What `track` is to keep: the attributes named in `given`, the others by the names of the columns. By the caller's search_path.
pub fn read(relation: Oid, given: Option<Value>) -> SqlResult<Option<Vec<Option<Expression>>>> {
    let Some(given) = given else { return Ok(None) };
    let Value::Object(given) = given else { return Err(errors::attributes_not_object()) };
    if let Some(unknown) = given.keys().find(|key| !NAMES.iter().any(|(name, _)| name == key)) {
        return Err(errors::no_attribute(unknown));
    }
    let detected = {
        let _scope = Scope::caller();
        detected(relation, false)?
    };
    let attribute = |((name, _), column): (&(&str, &str), &Option<String>)| {
        let text = match (given.get(*name), column) {
            (Some(Value::String(text)), _) => super::track::as_column(relation, text)?,
            (Some(Value::Null), _) | (None, None) => return Ok(None),
            (Some(_), _) => return Err(errors::attribute_not_text(name)),
            (None, Some(column)) => ident(column),
        };
        let read = expression::parse(relation, &text)?;
        if read.immutable { Ok(Some(read)) } else { Err(errors::attribute_not_immutable(name)) }
    };
    NAMES.iter().zip(&detected).map(attribute).collect::<SqlResult<Vec<_>>>().map(Some)
}

/// What the keeper keeps: an array of the attributes' expressions.
pub fn kept(attributes: Option<&[Option<Expression>]>) -> String {
    let Some(attributes) = attributes else { return "NULL::pg_catalog.text[]".to_owned() };
    let parts: Vec<&str> =
        attributes.iter().map(|one| one.as_ref().map_or("NULL::pg_catalog.text", |read| read.text.as_str())).collect();
    format!("ARRAY[{}]", parts.join(", "))
}

/// The same, read back; none if there is no array.
pub fn read_back(text: &str) -> Option<[Option<String>; 8]> {
    let parts = expression::arguments_of("ARRAY", text)?;
    let parts = parts.into_iter().map(|part| (!part.starts_with("NULL::")).then_some(part));
    parts.collect::<Vec<_>>().try_into().ok()
}
