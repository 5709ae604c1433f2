//! JSON as MFDS's open API gives it: answers one after another, items bare or each in an object of its own, or a plain array.
//!
//! The envelope has had several shapes (`{"header", "body": {"items": [...]}}`, `{"response": ...}`, `"items": [{"item": {...}}]`,
//! `"items": {"item": [...]}`): whatever object names a drug is a record, at any depth.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::encoding::Text;
use crate::error::Error;
use crate::field::Field;
use crate::record::{Record, Records};

pub(crate) fn read(text: &Text<'_>, records: &mut Records<'_>) -> Result<(), Error> {
    let whole = text.whole();
    let mut walk = Walk { records, failed: None, has_list: false };
    // Each turn reads one document of those that follow one another.
    let mut documents = serde_json::Deserializer::from_str(&whole);
    loop {
        if documents.end().is_ok() {
            break;
        }
        if let Err(error) = Place(&mut walk).deserialize(&mut documents) {
            return Err(walk.failed.take().unwrap_or_else(|| Error::Json {
                line: error.line(),
                column: error.column(),
                reason: error.to_string(),
            }));
        }
    }
    match walk.has_list || !walk.records.is_empty() {
        true => Ok(()),
        false => Err(Error::NoEntries),
    }
}

struct Walk<'w, 's> {
    records: &'w mut Records<'s>,
    /// Our own error, which serde can't carry.
    failed: Option<Error>,
    /// Whether there was a list of entries, maybe an empty one.
    has_list: bool,
}

impl Walk<'_, '_> {
    /// An object that was read to its end.
    fn object(&mut self, record: &Record) -> Result<(), Error> {
        if let Some(code) = record.get(Field::ResultCode) {
            // 3: no data.
            let fine = matches!(code.trim_start_matches('0'), "" | "3");
            let message = record.get(Field::ResultMessage).unwrap_or("").to_owned();
            return if fine { Ok(()) } else { Err(Error::Answer { code: code.to_owned(), message }) };
        }
        if let Some(total) = record.get(Field::Total).and_then(|total| total.parse().ok()) {
            self.has_list = true;
            self.records.total(total);
        }
        let is_entry = [Field::ItemSeq, Field::ItemName, Field::Ingredient, Field::IngredientEnglish, Field::Type];
        if is_entry.into_iter().any(|field| record.has(field)) { self.records.take(record) } else { Ok(()) }
    }
}

/// A value at any place. Gives the text of a scalar.
struct Place<'p, 'w, 's>(&'p mut Walk<'w, 's>);

impl<'de> DeserializeSeed<'de> for Place<'_, '_, '_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_, '_, '_> {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element_seed(Place(self.0))?.is_some() {
            self.0.records.tick();
        }
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut record = Record::new();
        while let Some(key) = entries.next_key::<String>()? {
            match Field::of(&key) {
                Some(field) => {
                    let value = entries.next_value_seed(Place(self.0))?;
                    record.set(field, value.as_deref());
                }
                None => {
                    self.0.has_list |= key == "items";
                    entries.next_value_seed(Place(self.0))?;
                }
            }
        }
        self.0.object(&record).map_err(|error| {
            self.0.failed = Some(error);
            A::Error::custom("stopped")
        })?;
        Ok(None)
    }
}
