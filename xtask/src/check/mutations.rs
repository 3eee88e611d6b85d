//! Every loom test has been seen to fail: the list of the lines to weaken, and whether they are still there.
//!
//! A model that passes whatever the code does proves nothing. So `xtask/loom-mutations.toml` names for each loom test a line
//! whose weakening it must notice. Looking whether the list fits the code is cheap and done here; `trial.rs` weakens one
//! line after the other and runs the tests.
//!
//! # Rules
//! * An entry names a file, a line of it, what to put in its place, and tests of one file that then fail.
//! * A line is compared without its indentation, and found exactly once: in the whole file or, if the entry says
//!   `inside`, in the item that begins at the one line with that text and ends with the next brace as far to the left.
//! * Each test of a `tests/loom_*.rs` is named by at least one entry.
//!
//! Patches would do, but they name the lines around as well, and those change more often.

mod trial;

use std::collections::BTreeSet;
use std::iter;
use std::ops::Range;

use anyhow::{Context, Result};
use toml_edit::{Document, Table};

use super::Finding;
use crate::workspace::Workspace;
pub(super) use trial::attempt;

/// Where the list is.
const LIST: &str = "xtask/loom-mutations.toml";

/// One line to weaken, and who must notice.
struct Mutation {
    /// Where the entry begins in the list.
    at: usize,
    file: String,
    inside: Option<String>,
    line: String,
    weakened: String,
    /// The file of the tests.
    models: String,
    tests: Vec<String>,
}

pub(super) fn look(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mutations = read(workspace)?;
    let mut found = Vec::new();
    for mutation in &mutations {
        if let Err(what) = mutation.find(workspace) {
            found.push(Finding::at(LIST, mutation.at, what));
        }
    }
    let named: BTreeSet<_> = mutations
        .iter()
        .flat_map(|mutation| mutation.tests.iter().map(|test| (mutation.models.as_str(), test.as_str())))
        .collect();
    let mut there = BTreeSet::new();
    let models = workspace.files()?.into_iter().filter(|file| is_model(file));
    for file in models {
        for (line, test) in tests(&workspace.text(&file).unwrap_or_default()) {
            if !named.contains(&(&*file, &*test)) {
                found.push(Finding::at(&file, line, format!("no entry of {LIST} makes `{test}` fail")));
            }
            there.insert((file.clone(), test));
        }
    }
    for mutation in &mutations {
        for test in &mutation.tests {
            if !there.contains(&(mutation.models.clone(), test.clone())) {
                let what = format!("there is no test `{test}` in `{}`", mutation.models);
                found.push(Finding::at(LIST, mutation.at, what));
            }
        }
    }
    Ok(found)
}

/// The entries; none if there is no list.
fn read(workspace: &Workspace) -> Result<Vec<Mutation>> {
    let Some(text) = workspace.text(LIST) else { return Ok(Vec::new()) };
    let list = Document::parse(text.as_str()).with_context(|| format!("cannot read {LIST}"))?;
    let Some(entries) = list.get("mutation") else { return Ok(Vec::new()) };
    let entries = entries.as_array_of_tables().with_context(|| format!("{LIST}: no `[[mutation]]`"))?;
    entries
        .iter()
        .map(|entry| {
            let start = entry.span().map_or(0, |span| span.start);
            let at = 1 + text[..start].matches('\n').count();
            Mutation::read(at, entry).with_context(|| format!("{LIST}:{at}"))
        })
        .collect()
}

impl Mutation {
    fn read(at: usize, entry: &Table) -> Result<Self> {
        let known = ["file", "inside", "line", "weakened", "models", "tests"];
        if let Some((key, _)) = entry.iter().find(|(key, _)| !known.contains(key)) {
            anyhow::bail!("`{key}` means nothing here");
        }
        let optional = |key| entry.get(key).and_then(|value| value.as_str()).map(str::to_owned);
        let text = |key| optional(key).with_context(|| format!("`{key}` is missing, or no string"));
        let tests = entry.get("tests").and_then(|tests| tests.as_array()).context("`tests` is no array")?;
        let tests: Option<Vec<_>> = tests.iter().map(|test| test.as_str().map(str::to_owned)).collect();
        Ok(Self {
            at,
            file: text("file")?,
            inside: optional("inside"),
            line: text("line")?,
            weakened: text("weakened")?,
            models: text("models")?,
            tests: tests.filter(|tests| !tests.is_empty()).context("`tests` names no tests")?,
        })
    }

    /// The file's text and where in it the line is, or why that cannot be said.
    fn find(&self, workspace: &Workspace) -> Result<(String, Range<usize>), String> {
        let text = workspace.text(&self.file).ok_or_else(|| format!("there is no file `{}`", self.file))?;
        let lines: Vec<_> = lines(&text).collect();
        let (place, part) = match &self.inside {
            None => (format!("`{}`", self.file), &lines[..]),
            Some(inside) => (format!("`{inside}` of `{}`", self.file), item(&lines, inside, &self.file)?),
        };
        let mut hits = part.iter().filter(|(_, line)| line.trim() == self.line.trim());
        match (hits.next(), hits.next()) {
            (None, _) => Err(format!("the line `{}` is not in {place}", self.line)),
            (Some(_), Some(_)) => Err(format!("the line `{}` is in {place} more than once", self.line)),
            _ if self.line.trim() == self.weakened.trim() => Err("the weakened line is the same".to_owned()),
            (Some((start, line)), None) => {
                let range = *start..start + line.len();
                Ok((text, range))
            }
        }
    }
}

/// Lines without their ends, with where they begin.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split('\n').map(move |line| {
        let at = start;
        start += line.len() + 1;
        (at, line)
    })
}

/// The lines of the item that begins at the one line with `inside` in it.
fn item<'a>(
    lines: &'a [(usize, &'a str)],
    inside: &str,
    file: &str,
) -> Result<&'a [(usize, &'a str)], String> {
    let mut hits = lines.iter().enumerate().filter(|(_, (_, line))| line.contains(inside));
    let (first, head) = match (hits.next(), hits.next()) {
        (Some((first, (_, head))), None) => (first, head),
        (None, _) => return Err(format!("`{inside}` is not in `{file}`")),
        (Some(_), Some(_)) => return Err(format!("`{inside}` is in `{file}` more than once")),
    };
    let indentation = head.len() - head.trim_start().len();
    let end = |(_, line): &(usize, &str)| line.get(indentation..).is_some_and(|rest| rest.starts_with('}'));
    let count = lines[first + 1..].iter().position(end);
    let count = count.ok_or_else(|| format!("`{inside}` has no end in `{file}`"))?;
    Ok(&lines[first..=first + 1 + count])
}

/// Whether a file holds loom tests.
fn is_model(file: &str) -> bool {
    matches!(file.split('/').collect::<Vec<_>>()[..], [_, "tests", name] if name.starts_with("loom_"))
}

/// The names of the tests in a file, with their lines.
fn tests(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut is_test = false;
    for (number, line) in iter::zip(1.., source.lines().map(str::trim)) {
        if line == "#[test]" {
            is_test = true;
        } else if let Some((name, _)) = line.strip_prefix("fn ").and_then(|line| line.split_once('('))
            && std::mem::take(&mut is_test)
        {
            found.push((number, name.to_owned()));
        }
    }
    found
}
