//! CSV, or text separated by tabs, as KIDS, HIRA and spreadsheets write it: a title or none, a header, a line for each entry.

use csv::{ReaderBuilder, StringRecord};

use crate::encoding::Text;
use crate::error::Error;
use crate::field::Field;
use crate::record::{Record, Records};

/// Lines in which the header is looked for.
const TITLE_LINES: usize = 10;
/// Longest cell, in bytes: a longer one is a quote that is never closed.
const MAX_CELL: usize = 1 << 20;

pub(crate) fn read(text: &Text<'_>, records: &mut Records<'_>) -> Result<(), Error> {
    let mut lines = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(&text.beginning(4096)))
        .from_reader(text.reader());
    let mut line = StringRecord::new();
    let mut first: Option<Vec<String>> = None;
    let mut header: Option<Vec<Option<Field>>> = None;
    let mut read = 0;
    while next(&mut lines, &mut line)? {
        records.tick();
        if let Some(fields) = &header {
            let mut record = Record::new();
            for (field, cell) in fields.iter().zip(line.iter().map(Some).chain(std::iter::repeat(None))) {
                if let Some(field) = field {
                    record.set(*field, cell);
                }
            }
            records.take(&record)?;
            continue;
        }
        header = self::header(&line);
        first.get_or_insert_with(|| cells(&line));
        read += 1;
        if header.is_none() && read == TITLE_LINES {
            break;
        }
    }
    match header {
        Some(_) => Ok(()),
        None => Err(Error::UnknownHeader { found: first.unwrap_or_default() }),
    }
}

fn next<R: std::io::Read>(lines: &mut csv::Reader<R>, line: &mut StringRecord) -> Result<bool, Error> {
    let start = lines.position().line();
    let wrong = |reason: String| Error::Csv { line: start, reason };
    let more = lines.read_record(line).map_err(|error| wrong(error.to_string()))?;
    match line.iter().any(|cell| cell.len() > MAX_CELL) {
        true => Err(wrong("A quoted cell is never closed".to_owned())),
        false => Ok(more),
    }
}

/// The fields of a header: two columns that are known, one of which names a drug.
fn header(line: &StringRecord) -> Option<Vec<Option<Field>>> {
    let fields: Vec<Option<Field>> = line.iter().map(Field::of).collect();
    let known = fields.iter().flatten().count();
    (known >= 2 && fields.iter().flatten().any(|field| field.names())).then_some(fields)
}

/// Some of a line's cells, for a message.
fn cells(line: &StringRecord) -> Vec<String> {
    const SOME: usize = 20;
    const LETTERS: usize = 40;
    line.iter()
        .take(SOME)
        .map(|cell| format!("\"{}\"", cell.trim().chars().take(LETTERS).collect::<String>()))
        .collect()
}

fn delimiter(beginning: &str) -> u8 {
    let count = |separator: char| beginning.matches(separator).count();
    [(count(','), b','), (count('\t'), b'\t'), (count(';'), b';')]
        .into_iter()
        .rev()
        .max_by_key(|(count, _)| *count)
        .map_or(b',', |(_, separator)| separator)
}
