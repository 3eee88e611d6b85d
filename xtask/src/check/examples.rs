//! Every Rust example of the top-level README stands, line for line, in a page that is compiled.
//!
//! The README belongs to no crate, so nobody compiles it. Its examples are quotations: a crate's README or docs has the same
//! lines and runs them. One that is changed in only one of the two places is found here.

use anyhow::Result;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use super::Finding;
use crate::workspace::Workspace;

pub(super) fn look(workspace: &Workspace) -> Result<Vec<Finding>> {
    let Some(readme) = workspace.text("README.md") else {
        return Ok(Vec::new());
    };
    let pages: Vec<String> = workspace
        .files()?
        .iter()
        .filter(|file| file.ends_with("/README.md") || file.contains("/src/") && file.ends_with(".rs"))
        .filter_map(|file| workspace.text(file))
        .map(|text| lines(&text))
        .collect();

    let mut found = Vec::new();
    for (line, example) in examples(&readme) {
        let wanted = lines(&example);
        if !pages.iter().any(|page| page.contains(&wanted)) {
            found.push(Finding::at(
                "README.md",
                line,
                "this example stands in no crate's README or docs".to_owned(),
            ));
        }
    }
    Ok(found)
}

/// The Rust code blocks of a page, with their lines.
fn examples(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside = None;
    for (event, range) in Parser::new(page).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) if kind.starts_with("rust") => {
                inside = Some((1 + page[..range.start].matches('\n').count(), String::new()));
            }
            Event::Text(text) => {
                if let Some((_, code)) = &mut inside {
                    code.push_str(&text);
                }
            }
            Event::End(_) => found.extend(inside.take()),
            _ => {}
        }
    }
    found
}

/// The lines that count, without the marks of a doc comment.
fn lines(text: &str) -> String {
    let mut lines = String::from("\n");
    for line in text.lines() {
        let line = line.trim_start();
        let line = line.strip_prefix("//! ").or_else(|| line.strip_prefix("/// ")).unwrap_or(line).trim();
        if !line.is_empty() && line != "//!" && line != "///" {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    lines
}
