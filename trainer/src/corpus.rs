//! Texts that show what a trimmed vocabulary must still be able to say.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use tokenizers::Tokenizer;

use crate::import::vocabulary::is_hangul;

/// The cells of a .csv or .tsv file, the lines of any other; blank ones left out.
pub fn read(path: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read the corpus \"{}\"", path.display()))?;
    let delimiter = match path.extension().and_then(|e| e.to_str()) {
        Some("csv") => b',',
        Some("tsv") => b'\t',
        _ => return Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()),
    };
    let mut texts = Vec::new();
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(text.as_bytes());
    for record in reader.records() {
        let record = record.with_context(|| format!("\"{}\" is not a table", path.display()))?;
        texts.extend(record.iter().filter(|cell| !cell.trim().is_empty()).map(str::to_owned));
    }
    Ok(texts)
}

pub fn parse_tokenizer(json: &str) -> Result<Tokenizer> {
    json.parse().map_err(anyhow::Error::msg).context("the tokenizer is not one that the tokenizers library reads")
}

/// Ids of every token that occurs in the texts.
pub fn used_tokens(tokenizer: &Tokenizer, texts: &[String]) -> Result<HashSet<u32>> {
    let mut used = HashSet::new();
    for text in texts {
        used.extend(ids(tokenizer, text)?);
    }
    Ok(used)
}

/// How many of the distinct texts tokenize the same with both tokenizers; `kept` gives the old id of every new one.
pub fn compare(full: &Tokenizer, trimmed: &Tokenizer, kept: &[u32], texts: &[String]) -> Result<Report> {
    let mut report = Report::default();
    for text in texts.iter().collect::<HashSet<_>>() {
        let before = ids(full, text)?;
        let after = ids(trimmed, text)?.into_iter().map(|id| kept[id as usize]);
        let share = match text {
            _ if text.chars().any(is_hangul) => &mut report.korean,
            _ if text.chars().any(|c| c.is_ascii_alphabetic()) => &mut report.english,
            _ => &mut report.other,
        };
        share.texts += 1;
        share.identical += usize::from(after.eq(before));
    }
    Ok(report)
}

fn ids(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>> {
    Ok(tokenizer.encode(text, false).map_err(anyhow::Error::msg)?.get_ids().to_vec())
}

#[derive(Debug, Default, PartialEq)]
pub struct Share {
    pub identical: usize,
    pub texts: usize,
}

/// Texts with Hangul, texts with Latin letters but no Hangul, and the rest.
#[derive(Debug, Default, PartialEq)]
pub struct Report {
    pub korean: Share,
    pub english: Share,
    pub other: Share,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let shares = [("Korean", &self.korean), ("English", &self.english), ("other", &self.other)];
        let parts: Vec<String> = shares
            .iter()
            .filter(|(_, share)| share.texts > 0)
            .map(|(name, Share { identical, texts })| {
                let percent = 100.0 * *identical as f64 / *texts as f64;
                format!("{name} {identical} of {texts} texts tokenize as before ({percent:.2} %)")
            })
            .collect();
        write!(f, "{}", parts.join(", "))
    }
}
