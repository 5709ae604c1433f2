//! Which versions have been released, and whether the scripts that belong to them are there.
//!
//! A release leaves two things behind, which never change again: a dated heading in CHANGELOG.md, and its install script in
//! `sql/releases`. From each a chain of upgrade scripts `sql/drugembed--A--B.sql` leads to the version in Cargo.toml.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What the repository holds of its releases.
#[derive(Default)]
pub struct Versions {
    /// The version in Cargo.toml.
    pub current: String,
    /// Headings of the changelog that are not marked as unreleased.
    pub released: BTreeSet<String>,
    /// Install scripts in `sql/releases`.
    pub frozen: BTreeSet<String>,
    /// Upgrade scripts, from and to.
    pub steps: BTreeSet<(String, String)>,
}

impl Versions {
    pub fn of_checkout(root: &Path) -> Versions {
        let changelog = fs::read_to_string(root.join("CHANGELOG.md")).expect("CHANGELOG.md");
        let names = |folder: &str| -> Vec<String> {
            let Ok(entries) = fs::read_dir(root.join(folder)) else { return Vec::new() };
            let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
            names.filter_map(|name| Some(name.strip_prefix("drugembed--")?.strip_suffix(".sql")?.to_owned())).collect()
        };
        Versions {
            current: env!("CARGO_PKG_VERSION").to_owned(),
            released: released(&changelog),
            frozen: names("sql/releases").into_iter().collect(),
            steps: names("sql").iter().filter_map(|name| name.split_once("--")).map(owned).collect(),
        }
    }

    /// What is missing or too much, one sentence each.
    pub fn disagreements(&self) -> Vec<String> {
        let mut found = Vec::new();
        for version in self.released.difference(&self.frozen) {
            found.push(format!("{version} is released, but sql/releases/drugembed--{version}.sql is missing"));
        }
        for version in self.frozen.difference(&self.released) {
            found.push(format!("sql/releases/drugembed--{version}.sql is of no released version"));
        }
        for version in self.released.iter().filter(|version| !self.reaches_current(version)) {
            found.push(format!("no upgrade scripts lead from {version} to {}", self.current));
        }
        for (from, to) in &self.steps {
            if !self.released.contains(from) || !(self.released.contains(to) || *to == self.current) {
                found.push(format!("sql/drugembed--{from}--{to}.sql joins versions that are not released"));
            }
        }
        found
    }

    fn reaches_current(&self, version: &str) -> bool {
        let mut reached = BTreeSet::from([version]);
        loop {
            let next: Vec<&str> = self
                .steps
                .iter()
                .filter(|(from, to)| reached.contains(from.as_str()) && !reached.contains(to.as_str()))
                .map(|(_, to)| to.as_str())
                .collect();
            if next.is_empty() {
                return reached.contains(self.current.as_str());
            }
            reached.extend(next);
        }
    }
}

fn owned((from, to): (&str, &str)) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

/// Versions of the headings `## X (date)`; `## X (unreleased)` is none.
fn released(changelog: &str) -> BTreeSet<String> {
    let headings = changelog.lines().filter_map(|line| line.strip_prefix("## "));
    headings
        .filter_map(|heading| heading.split_once(" ("))
        .filter(|(_, date)| *date != "unreleased)")
        .map(|(v, _)| v.into())
        .collect()
}

/// The rules above, on made-up releases.
pub fn rules() {
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let steps = |steps: &[(&str, &str)]| -> BTreeSet<(String, String)> { steps.iter().copied().map(owned).collect() };
    let versions = |released: &[&str], frozen: &[&str], list: &[(&str, &str)]| Versions {
        current: "0.4.0".into(),
        released: set(released),
        frozen: set(frozen),
        steps: steps(list),
    };
    let agreed = |versions: Versions| assert_eq!(versions.disagreements(), Vec::<String>::new());
    let refused = |versions: Versions, part: &str| {
        let found = versions.disagreements();
        assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
    };
    assert_eq!(
        released("# X\n## 0.4.0 (unreleased)\n## 0.3.0 (2026-12-24)\n\n## 0.2.0 (2026-12-01)\n"),
        set(&["0.2.0", "0.3.0"])
    );
    agreed(versions(&[], &[], &[]));
    agreed(versions(&["0.4.0"], &["0.4.0"], &[]));
    agreed(versions(&["0.2.0", "0.3.0"], &["0.2.0", "0.3.0"], &[("0.2.0", "0.3.0"), ("0.3.0", "0.4.0")]));
    refused(versions(&["0.3.0"], &[], &[("0.3.0", "0.4.0")]), "drugembed--0.3.0.sql is missing");
    refused(versions(&[], &["0.3.0"], &[]), "is of no released version");
    refused(versions(&["0.3.0"], &["0.3.0"], &[]), "no upgrade scripts lead from 0.3.0");
    refused(versions(&[], &[], &[("0.3.0", "0.4.0")]), "joins versions that are not released");
}
