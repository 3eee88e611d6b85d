//! Relative links in Markdown lead to a file of the project, and to a heading that it has.
//!
//! Links to other hosts are not followed: a check that fails when somebody else's machine is down is soon ignored.
//! Links that name Rust items are rustdoc's, which checks them where the page is included.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use anyhow::Result;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::Finding;
use crate::workspace::Workspace;

pub(super) fn look(workspace: &Workspace) -> Result<Vec<Finding>> {
    let files = workspace.files()?;
    let pages: BTreeMap<&str, String> = files
        .iter()
        .filter(|file| file.ends_with(".md"))
        .filter_map(|file| Some((file.as_str(), workspace.text(file)?)))
        .collect();

    let mut found = Vec::new();
    for (page, text) in &pages {
        for (line, link) in relative_links(page, text) {
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let Some(target) = resolve(page, path) else {
                found.push(Finding::at(page, line, format!("`{link}` leads out of the project")));
                continue;
            };
            let inside =
                |file: &String| file.strip_prefix(&*target).is_some_and(|rest| rest.starts_with('/'));
            if !target.is_empty() && !files.contains(&target) && !files.iter().any(inside) {
                found.push(Finding::at(page, line, format!("`{link}` leads to no file of the project")));
            } else if let Some(target) = pages.get(&*target)
                && !heading.is_empty()
                && !headings(target).contains(heading)
            {
                found.push(Finding::at(page, line, format!("`{link}` leads to no heading of that page")));
            }
        }
    }
    Ok(found)
}

/// Links within the project, with their lines.
fn relative_links(page: &str, text: &str) -> Vec<(usize, String)> {
    // Pages below `src` are pulled into rustdoc, where a bare word in a link is an item.
    let in_docs = page.contains("/src/");
    let mut links = Vec::new();
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else {
            continue;
        };
        let scheme = dest_url.split_once(':').map_or("", |(scheme, _)| scheme);
        let elsewhere = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric());
        let is_item = dest_url.contains("::") || in_docs && !dest_url.contains(['/', '.', '#']);
        if !elsewhere && !is_item {
            let line = 1 + text[..range.start].matches('\n').count();
            links.push((line, dest_url.into_string()));
        }
    }
    links
}

/// The path from the root that `path` means on `page`; `None` when it climbs out of the project.
pub(super) fn resolve(page: &str, path: &str) -> Option<String> {
    if path.is_empty() {
        return Some(page.to_owned());
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The names by which the headings of a page are linked to: lower case, spaces as dashes, no punctuation, and a
/// number behind one that was there before.
fn headings(text: &str) -> BTreeSet<String> {
    let mut headings = BTreeSet::new();
    let mut open: Option<String> = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => open = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut open {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let name = anchor(&open.take().unwrap_or_default());
                let numbered = iter::chain([name.clone()], (1..).map(|n| format!("{name}-{n}")));
                headings.extend(numbered.into_iter().find(|name| !headings.contains(name)));
            }
            _ => {}
        }
    }
    headings
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}
