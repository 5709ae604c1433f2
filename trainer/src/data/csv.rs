//! A strict CSV/TSV reader (RFC 4180) whose every error names file, line and column.

use super::text;
use anyhow::{Context, Result, anyhow, bail};
use std::path::{Path, PathBuf};

/// What to do with a quoted field whose closing quote is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnclosedQuote {
    /// Stop with an error that names the line.
    #[default]
    Refuse,
    /// Warn, and end the field where the remaining columns of its line begin.
    Repair,
}

const HOW_TO_REPAIR: &str =
    "close it, or let --unclosed-quote repair (in a recipe unclosed_quote = \"repair\") end the field on its line";

/// A table read whole: its header and its rows, each with the line it starts on.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    header: Vec<String>,
    rows: Vec<Row>,
}

/// One row: `cells` are in the header's order.
#[derive(Debug)]
pub struct Row {
    pub line: usize,
    pub cells: Vec<String>,
}

impl Table {
    /// Reads a comma-separated file with a header line; refuses an empty file and rows of another width.
    pub fn read(path: &Path, unclosed: UnclosedQuote) -> Result<Self> {
        let body = text::read(path)?;
        let mut rows = parse(&body, ',', unclosed).with_context(|| path.display().to_string())?;
        if rows.is_empty() {
            bail!("{}: empty file, a header line is expected", path.display());
        }
        let header = rows.remove(0).cells.iter().map(|c| c.trim().to_owned()).collect();
        Ok(Self { path: path.to_owned(), header, rows })
    }

    /// Positions of the named columns, in the order asked for. Other columns may be there too.
    pub fn columns<const N: usize>(&self, names: [&str; N]) -> Result<[usize; N]> {
        let mut at = [0; N];
        for (slot, name) in at.iter_mut().zip(names) {
            *slot = self.column(name).ok_or_else(|| {
                anyhow!("{}: line 1: no column \"{name}\" (found: {})", self.path.display(), self.header.join(", "))
            })?;
        }
        Ok(at)
    }

    /// Position of a column that may be absent.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|c| c == name)
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// An error about one cell of this table, naming file, line and column name.
    pub fn error(&self, row: &Row, column: usize, what: impl std::fmt::Display) -> anyhow::Error {
        anyhow!("{}: line {}, column \"{}\": {what}", self.path.display(), row.line, self.header[column])
    }

    /// The trimmed cell, refused when empty.
    pub fn required<'a>(&self, row: &'a Row, column: usize) -> Result<&'a str> {
        let cell = row.cells[column].trim();
        if cell.is_empty() { Err(self.error(row, column, "empty cell")) } else { Ok(cell) }
    }
}

/// Parses separated text. Blank lines are skipped; every row must have as many cells as the first.
pub fn parse(body: &str, separator: char, unclosed: UnclosedQuote) -> Result<Vec<Row>> {
    let mut scan = Scanner { rest: body, line: 1, column: 1 };
    let mut rows: Vec<Row> = Vec::new();
    while !scan.rest.is_empty() {
        let line = scan.line;
        let width = rows.first().map(|r| r.cells.len());
        let cells = scan.row(separator, width, unclosed)?;
        if cells.len() == 1 && cells[0].is_empty() {
            continue;
        }
        if let Some(width) = width.filter(|&w| w != cells.len()) {
            bail!("line {line}, column 1: {} cells where the header has {width}", cells.len());
        }
        rows.push(Row { line, cells });
    }
    Ok(rows)
}

/// A cursor over the text that knows its line and character column, both counted from 1.
#[derive(Clone)]
struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    column: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        (self.line, self.column) = if c == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        Some(c)
    }

    fn row(&mut self, separator: char, width: Option<usize>, unclosed: UnclosedQuote) -> Result<Vec<String>> {
        let mut cells = Vec::new();
        loop {
            if self.peek() == Some('"') {
                let opening = self.clone();
                match self.quoted(separator) {
                    Ok(cell) => cells.push(cell),
                    Err(e) => match (unclosed, width) {
                        (UnclosedQuote::Repair, Some(width)) if width > cells.len() => {
                            eprintln!("warning: {e}; the field was ended on its own line");
                            *self = opening;
                            self.unclosed_tail(separator, width - cells.len(), &mut cells);
                        }
                        (UnclosedQuote::Refuse, Some(_)) => {
                            bail!("{e}; {HOW_TO_REPAIR}");
                        }
                        _ => return Err(e),
                    },
                }
            } else {
                cells.push(self.bare(separator)?);
            }
            match self.next() {
                Some(c) if c == separator => continue,
                Some('\r') if self.peek() == Some('\n') => {
                    self.next();
                    return Ok(cells);
                }
                _ => return Ok(cells),
            }
        }
    }

    fn bare(&mut self, separator: char) -> Result<String> {
        let mut cell = String::new();
        while let Some(c) = self.peek() {
            if c == separator || c == '\n' || self.rest.starts_with("\r\n") {
                break;
            }
            if c == '"' {
                bail!("line {}, column {}: a quote inside an unquoted field", self.line, self.column);
            }
            cell.push(c);
            self.next();
        }
        Ok(cell)
    }

    fn quoted(&mut self, separator: char) -> Result<String> {
        let (line, column) = (self.line, self.column);
        self.next();
        let mut cell = String::new();
        while let Some(c) = self.next() {
            if c != '"' {
                cell.push(c);
                continue;
            }
            match self.peek() {
                Some('"') => {
                    self.next();
                    cell.push('"');
                }
                None | Some('\n' | '\r') => return Ok(cell),
                Some(c) if c == separator => return Ok(cell),
                Some(_) => bail!(
                    "line {line}, column {column}: quote not closed (the next one, on line {}, column {}, does not end a field)",
                    self.line,
                    self.column - 1
                ),
            }
        }
        bail!("line {line}, column {column}: quote not closed before the end of the file")
    }

    /// Ends an unclosed quoted field on its own line: the last `cells_left - 1` separators still part columns.
    fn unclosed_tail(&mut self, separator: char, cells_left: usize, cells: &mut Vec<String>) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let tail = self.rest[1..end].trim_end_matches('\r');
        let mut parts: Vec<&str> = tail.rsplitn(cells_left, separator).collect();
        parts.reverse();
        cells.extend(parts.iter().map(|p| p.trim_matches('"').to_owned()));
        while self.peek().is_some_and(|c| c != '\n') {
            self.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(body: &str, unclosed: UnclosedQuote) -> Result<Vec<Vec<String>>> {
        Ok(parse(body, ',', unclosed)?.into_iter().map(|r| r.cells).collect())
    }

    fn message(body: &str) -> String {
        parse(body, ',', UnclosedQuote::Refuse).unwrap_err().to_string()
    }

    #[test]
    fn quotes_newlines_and_crlf() {
        let rows = parse("a,b\r\n\"x, \"\"y\"\"\nz\",2\r\n\n3,\n", ',', UnclosedQuote::Refuse).unwrap();
        assert_eq!(rows[1].cells, ["x, \"y\"\nz", "2"]);
        assert_eq!((rows[1].line, rows[2].line), (2, 5));
        assert_eq!(rows[2].cells, ["3", ""]);
    }

    #[test]
    fn malformed_rows_are_named() {
        assert_eq!(message("a,b\n1,2\n1,2,3\n"), "line 3, column 1: 3 cells where the header has 2");
        assert_eq!(message("a,b\n1,2\"\n"), "line 2, column 4: a quote inside an unquoted field");
        assert_eq!(
            message("a,b\n약,\"2\n"),
            format!("line 2, column 3: quote not closed before the end of the file; {HOW_TO_REPAIR}")
        );
    }

    #[test]
    fn unclosed_quote_is_refused_or_repaired() {
        let body = "k,t,label\n투여,\"오래, 안전한 약,0.0\n연령,\"성인\",1.0\n";
        assert_eq!(
            message(body),
            "line 2, column 4: quote not closed (the next one, on line 3, column 4, does not end a field); close it, or let \
             --unclosed-quote repair (in a recipe unclosed_quote = \"repair\") end the field on its line"
        );
        let rows = cells(body, UnclosedQuote::Repair).unwrap();
        assert_eq!(rows[1], ["투여", "오래, 안전한 약", "0.0"]);
        assert_eq!(rows[2], ["연령", "성인", "1.0"]);
    }

    #[test]
    fn missing_column_and_empty_file() {
        let dir = std::env::temp_dir().join(format!("csv-test-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("t.csv");
        std::fs::write(&path, "a,b\n1,2\n").unwrap();
        let table = Table::read(&path, UnclosedQuote::Refuse).unwrap();
        assert!(table.columns(["a", "c"]).unwrap_err().to_string().ends_with("no column \"c\" (found: a, b)"));
        std::fs::write(&path, "").unwrap();
        assert!(Table::read(&path, UnclosedQuote::Refuse).unwrap_err().to_string().contains("empty file"));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
