//! The page of each published crate has what its readers look for: the parts that every such page has, by the same names.
//!
//! What it is, with an example in the first screen; for whom; what it is not; how it works, with a drawing; its features, each
//! by its name, and the oldest Rust; and the way to its changelog.

use anyhow::Result;
use cargo_metadata::Package;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use super::Finding;
use crate::workspace::{Workspace, is_published};

/// The headings that are wanted.
const PARTS: [&str; 4] = ["For whom", "What it is not", "How it works", FEATURES];
const FEATURES: &str = "Features and versions";
const DRAWN: &str = "How it works";

/// Lines of a screen that is not large.
const SCREEN: usize = 50;

pub(super) fn look(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for package in workspace.metadata()?.packages.iter().filter(|package| is_published(package)) {
        let page = format!("{}/README.md", package.name);
        let text = workspace.text(&page).unwrap_or_default();
        found.extend(lacks(package, &text).into_iter().map(|what| Finding::new(&page, what)));
    }
    Ok(found)
}

fn lacks(package: &Package, text: &str) -> Vec<String> {
    let mut lacks = Vec::new();
    if text.lines().next() != Some(&format!("# {}", package.name)) {
        lacks.push(format!("does not begin with `# {}`", package.name));
    }
    let parts = parts(text);
    for wanted in PARTS {
        if !parts.iter().any(|part| part.title == wanted) {
            lacks.push(format!("has no part `## {wanted}`"));
        }
    }
    let of = |title: &str| parts.iter().find(|part| part.title == title);
    let first = parts.first().map_or("", |part| part.text.as_str());
    if !parts.first().is_some_and(|part| part.code.iter().any(|kind| kind == "rust")) {
        lacks.push("has no example before its first part".into());
    } else if first.lines().count() > SCREEN {
        lacks.push(format!("takes more than {SCREEN} lines to come to its first part"));
    }
    if of(DRAWN).is_some_and(|part| !part.code.iter().any(|kind| kind == "text")) {
        lacks.push(format!("draws nothing in `## {DRAWN}`"));
    }
    if let Some(part) = of(FEATURES) {
        let features = package.features.keys().filter(|feature| *feature != "default");
        let named = |feature: &&String| part.text.contains(&format!("`{feature}`"));
        lacks.extend(
            features
                .filter(|feature| !named(feature))
                .map(|feature| format!("does not tell of the feature `{feature}`")),
        );
        let rust = package.rust_version.as_ref().map(|rust| rust.to_string());
        let rust = rust.as_deref().map(|rust| rust.trim_end_matches(".0"));
        if let Some(rust) = rust.filter(|rust| !part.text.contains(rust)) {
            lacks.push(format!("does not say that the oldest Rust is {rust}"));
        }
    }
    if !text.contains("](CHANGELOG.md)") {
        lacks.push("does not link to its changelog".into());
    }
    lacks
}

/// What stands below a heading of the second level; the first one is what stands before any.
#[derive(Default)]
struct Part {
    title: String,
    text: String,
    /// The languages of its blocks of code.
    code: Vec<String>,
}

fn parts(page: &str) -> Vec<Part> {
    let (mut parts, mut begins, mut in_title) = (vec![Part::default()], 0, false);
    for (event, range) in Parser::new(page).into_offset_iter() {
        let Some(part) = parts.last_mut() else { break };
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                part.text = page[begins..range.start].to_owned();
                (begins, in_title) = (range.start, true);
                parts.push(Part::default());
            }
            Event::End(TagEnd::Heading(_)) => in_title = false,
            Event::Text(text) if in_title => part.title.push_str(&text),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) => part.code.push(kind.into_string()),
            _ => {}
        }
    }
    if let Some(part) = parts.last_mut() {
        part.text = page[begins..].to_owned();
    }
    parts
}
