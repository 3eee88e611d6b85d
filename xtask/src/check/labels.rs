//! Every ordering label stands at both ends of its pair.
//!
//! A comment beside an atomic operation names its partner by a label in square brackets, lower case with dashes. One
//! that stands at a single place has lost its partner, or was misspelt at one of the two.
//!
//! # Rules
//! * Only plain comments in `src` count: one label in a block of adjacent comment lines is one place, however often
//!   the block repeats it. Docs tell about a pair, they are no end of it, so doc comments and links do not count.
//! * Words with a dash in brackets are a label once some block that holds them also speaks of memory ordering. A single
//!   word in brackets is one once an ordering stands right before it: brackets have other uses too.
//! * Both places lie in one crate: an ordering that is half of another crate's promise belongs into that crate.

use std::collections::BTreeMap;
use std::iter;

use anyhow::Result;
use regex::Regex;

use super::Finding;
use crate::workspace::Workspace;

/// Where one label of one crate was seen.
#[derive(Default)]
struct Places {
    all: Vec<(String, usize)>,
    is_ordering: bool,
}

pub(super) fn look(workspace: &Workspace) -> Result<Vec<Finding>> {
    let bracketed = Regex::new(r"\B\[([a-z][a-z0-9]+(?:-[a-z0-9]+)*)\]")?;
    let ordering =
        Regex::new(r"(?i)\b(relaxed|acquires?|releases?|acqrel|seqcst|fences?|membarrier|orderings?)\b")?;
    let right_before = Regex::new(r"\b(Relaxed|Acquire|Release|AcqRel|SeqCst)\s+$")?;

    let mut labels: BTreeMap<(String, String), Places> = BTreeMap::new();
    for file in workspace.files()? {
        let Some((name, inside)) = file.split_once('/') else { continue };
        if !inside.starts_with("src/") || !inside.ends_with(".rs") {
            continue;
        }
        for (line, text) in blocks(&workspace.text(&file).unwrap_or_default()) {
            let speaks_of_ordering = ordering.is_match(&text);
            let mut in_block: BTreeMap<&str, bool> = BTreeMap::new();
            for brackets in bracketed.captures_iter(&text) {
                let (whole, [label]) = (brackets.get_match(), brackets.extract().1);
                if text[whole.end()..].starts_with('(') {
                    continue;
                }
                let named = right_before.is_match(&text[..whole.start()]);
                *in_block.entry(label).or_default() |= named || speaks_of_ordering && label.contains('-');
            }
            for (label, is_ordering) in in_block {
                let places = labels.entry((name.to_owned(), label.to_owned())).or_default();
                places.all.push((file.clone(), line));
                places.is_ordering |= is_ordering;
            }
        }
    }

    let mut found = Vec::new();
    for ((name, label), places) in labels {
        if let (true, [(file, line)]) = (places.is_ordering, places.all.as_slice()) {
            let what = format!("the ordering label [{label}] stands nowhere else in {name}");
            found.push(Finding::at(file, *line, what));
        }
    }
    Ok(found)
}

/// Blocks of adjacent plain comments, each with the number of its first line. A comment behind code is a block.
fn blocks(source: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in iter::zip(1.., source.lines()) {
        let (behind_code, comment) = comment_of(line);
        match comment {
            Some(text) if open && !behind_code => {
                if let Some((_, block)) = blocks.last_mut() {
                    block.push('\n');
                    block.push_str(text);
                }
            }
            Some(text) => blocks.push((number, text.to_owned())),
            None => {}
        }
        open = comment.is_some() && !behind_code;
    }
    blocks
}

/// The text of the plain comment on a line, and whether code stands before it.
fn comment_of(line: &str) -> (bool, Option<&str>) {
    let line = line.trim();
    if line.starts_with("///") || line.starts_with("//!") {
        return (false, None);
    }
    match line.strip_prefix("//") {
        Some(text) => (false, Some(text)),
        None => (true, line.split_once(" // ").map(|(_, text)| text)),
    }
}
