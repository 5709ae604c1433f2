//! Lists of Korea's drug utilisation review (DUR), read into [`Entry`]s by [`read`].
//!
//! * JSON as MFDS's open API gives it (`DURPrdlstInfoService` by product, `DURIrdntInfoService` by ingredient), pages one after another.
//! * CSV of KIDS and HIRA in CP949, UTF-8 or UTF-16.
//!
//! Both become [records](record) of known [fields](field), and those become entries. What a list holds beside entries is counted
//! in a [`Report`], never dropped in silence.

#![warn(missing_docs)]

mod age;
mod encoding;
mod entry;
mod error;
mod field;
mod json;
mod record;
mod table;

pub use entry::{Entry, VALUES, hash};
pub use error::Error;
pub use record::Report;

use std::ops::ControlFlow;

use encoding::Text;
use reader::DurKind;
use record::Records;

/// Where entries go.
pub trait Sink {
    /// Takes an entry; reading stops with [`Error::Stopped`] at a `Break`.
    fn entry(&mut self, entry: Entry) -> ControlFlow<()>;

    /// Called every now and then, also where there are no entries.
    fn tick(&mut self) {}
}

/// Reads a whole list, entry by entry, in memory that does not grow with it. `kind`: what its entries are where they do not say so.
pub fn read(data: &[u8], kind: Option<DurKind>, sink: &mut dyn Sink) -> Result<Report, Error> {
    let text = Text::of(data)?;
    let mut records = Records::new(kind, sink);
    match text.first() {
        None => return Err(Error::Empty),
        Some(b'{' | b'[') => json::read(&text, &mut records)?,
        Some(b'<') => return Err(Error::Xml),
        Some(_) => table::read(&text, &mut records)?,
    }
    Ok(records.report())
}
