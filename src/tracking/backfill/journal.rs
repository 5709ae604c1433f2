//! Which rows were in hand when a process died. A row that takes its process down again and again must not stop the others, and no
//! row pays a write for that: a file of the server's data folder is written once a batch, and removed with its run. Its lock tells
//! whether the process that wrote it is alive; the kernel lets go of it however the process ended.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use pgrx::pg_sys::{self, Oid};

use super::RowVersion;
use crate::settings;
use crate::tracking::errors::{self, SqlResult};
use crate::tracking::sql;

/// Deaths after which a batch is cut to a sixteenth, then to one row.
const SMALLER: u32 = 1;
/// Deaths after which a row is set aside, and then left alone.
const SET_ASIDE: u32 = 5;

/// How many processes died with a row in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suspicion(u32);

impl Suspicion {
    /// Whether the row is not embedded any more: true to set it aside, false to leave even that.
    pub fn verdict(self) -> Option<bool> {
        (self.0 >= SET_ASIDE).then_some(self.0 == SET_ASIDE)
    }
}

/// What this run has in hand.
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    pub fn open(relation: Oid) -> SqlResult<Journal> {
        let folder = folder();
        fs::create_dir_all(&folder).map_err(|e| errors::journal(&folder, &e))?;
        for number in 0..1000 {
            let path = folder.join(format!("{}{}.{number}", prefix(relation), std::process::id()));
            match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => {
                    file.lock().map_err(|e| errors::journal(&path, &e))?;
                    // Another session may have found it before it was locked, and taken it for a dead one's.
                    if path.exists() {
                        return Ok(Journal { path, file });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(errors::journal(&path, &error)),
            }
        }
        Err(errors::journal(&folder, &io::ErrorKind::AlreadyExists.into()))
    }

    /// Notes the rows of a batch before anything is done with them.
    pub fn in_hand(&mut self, rows: &[RowVersion], suspicion: Suspicion) -> SqlResult<()> {
        let rows: Vec<(RowVersion, u32)> = rows.iter().map(|row| (*row, suspicion.0 + 1)).collect();
        write(&mut self.file, &rows).map_err(|e| errors::journal(&self.path, &e))
    }

    pub fn clear(&mut self) -> SqlResult<()> {
        self.file.set_len(0).map_err(|e| errors::journal(&self.path, &e))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Rows of journals whose processes are gone.
pub struct Suspects {
    journals: Vec<Adopted>,
    /// Not handed out yet.
    waiting: Vec<RowVersion>,
}

struct Adopted {
    path: PathBuf,
    file: File,
    rows: Vec<(RowVersion, u32)>,
}

impl Suspects {
    /// Takes over what dead processes left of this table; other sessions then pass it by.
    pub fn adopt(relation: Oid) -> SqlResult<Suspects> {
        let prefix = prefix(relation);
        let mut journals = Vec::new();
        for entry in fs::read_dir(folder()).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(&prefix) {
                journals.extend(adopted(entry.path()));
            } else if is_of_a_table_that_is_gone(&name) {
                adopted(entry.path()).iter_mut().for_each(|journal| journal.rows.clear());
            }
        }
        let mut waiting: Vec<RowVersion> =
            journals.iter().flat_map(|j: &Adopted| j.rows.iter().map(|(row, _)| *row)).collect();
        waiting.sort_by_key(place);
        waiting.dedup();
        Ok(Suspects { journals, waiting })
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn holds(&self, row: &RowVersion) -> bool {
        self.waiting.binary_search_by_key(&place(row), place).is_ok()
    }

    /// The next suspects, the least suspicious first and in ever smaller batches; NONE at the end.
    pub fn next_rows(&mut self, batch: usize) -> Option<Vec<RowVersion>> {
        let least = self.waiting.iter().map(|row| self.suspicion(&[*row])).min()?;
        let most = if least.0 <= SMALLER { (batch / 16).max(1) } else { 1 };
        let first = self.waiting.iter().find(|row| self.suspicion(&[**row]) == least)?.table;
        let (mut next, mut rest) = (Vec::new(), Vec::new());
        for row in std::mem::take(&mut self.waiting) {
            let fits = next.len() < most && row.table == first && self.suspicion(&[row]) == least;
            if fits { next.push(row) } else { rest.push(row) }
        }
        self.waiting = rest;
        Some(next)
    }

    /// The worst of these rows.
    pub fn suspicion(&self, rows: &[RowVersion]) -> Suspicion {
        let known = self.journals.iter().flat_map(|journal| &journal.rows);
        Suspicion(known.filter(|(row, _)| rows.contains(row)).map(|(_, deaths)| *deaths).max().unwrap_or(0))
    }

    /// These rows were done without harm.
    pub fn cleared(&mut self, rows: &[RowVersion]) -> SqlResult<()> {
        for journal in &mut self.journals {
            let before = journal.rows.len();
            journal.rows.retain(|(row, _)| !rows.contains(row));
            if journal.rows.len() < before {
                write(&mut journal.file, &journal.rows).map_err(|e| errors::journal(&journal.path, &e))?;
            }
        }
        Ok(())
    }
}

impl Drop for Adopted {
    fn drop(&mut self) {
        if self.rows.is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn place(row: &RowVersion) -> (u32, u32, u16, u32) {
    (u32::from(row.table), row.block, row.offset, row.xmin)
}

fn folder() -> PathBuf {
    settings::data_folder().join("drugembed_backfill")
}

fn prefix(relation: Oid) -> String {
    // SAFETY: a variable that is set before a session runs its first statement.
    let database = unsafe { pg_sys::MyDatabaseId };
    format!("{}.{}.", u32::from(database), u32::from(relation))
}

/// Whether a journal is of this database, and its table was dropped.
fn is_of_a_table_that_is_gone(name: &str) -> bool {
    let mut numbers = name.split('.').map(|number| number.parse::<u32>().ok());
    // SAFETY: as above.
    let database = unsafe { pg_sys::MyDatabaseId };
    numbers.next().flatten() == Some(u32::from(database))
        && numbers.next().flatten().is_some_and(|relation| sql::name_of(Oid::from(relation)).is_none())
}

/// A journal whose lock nobody holds.
fn adopted(path: PathBuf) -> Option<Adopted> {
    let mut file = OpenOptions::new().read(true).write(true).open(&path).ok()?;
    file.try_lock().ok()?;
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    // Its owner may have ended and removed it meanwhile.
    Path::new(&path).exists().then(|| Adopted { rows: text.lines().filter_map(parsed).collect(), path, file })
}

fn write(file: &mut File, rows: &[(RowVersion, u32)]) -> io::Result<()> {
    let mut text = Vec::new();
    for (row, deaths) in rows {
        writeln!(text, "{deaths} {} {} {} {}", u32::from(row.table), row.block, row.offset, row.xmin)?;
    }
    file.write_all_at(&text, 0)?;
    file.set_len(text.len() as u64)
}

fn parsed(line: &str) -> Option<(RowVersion, u32)> {
    let mut numbers = line.split(' ').map(|number| number.parse::<u32>().ok());
    let mut next = || numbers.next().flatten();
    let (deaths, table, block, offset, xmin) = (next()?, next()?, next()?, next()?, next()?);
    Some((RowVersion { table: Oid::from(table), block, offset: offset as u16, xmin }, deaths))
}
