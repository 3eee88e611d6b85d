//! What pages name is there: files, and the functions and types that are said to be in them.
//!
//! # Rules
//! * A path in backticks (`src/raw.rs`, or from the root `ts-mutex/src/raw.rs`) is a file of the project.
//! * A name in backticks right behind such a path is defined in that file: `src/raw.rs` `release`.
//! * So is a name in backticks that links to a source file: ``[`Core::release`](src/raw.rs)``. It may also be the file's own.
//!
//! rustdoc does this for items that can be linked to. A map of the code also names what is private, and tests.

use anyhow::Result;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

use super::Finding;
use super::links::resolve;
use crate::workspace::Workspace;

pub(super) fn look(workspace: &Workspace) -> Result<Vec<Finding>> {
    let files = workspace.files()?;
    let reader = Reader { workspace, files: &files, path: Regex::new(PATH)?, name: Regex::new(NAME)? };
    let mut found = Vec::new();
    // A changelog tells of its time.
    let pages = files.iter().filter(|file| file.ends_with(".md") && !file.ends_with("CHANGELOG.md"));
    for page in pages {
        reader.page(page, &workspace.text(page).unwrap_or_default(), &mut found)?;
    }
    Ok(found)
}

const PATH: &str = r"^[\w.-]+(?:/[\w.-]+)+\.(?:rs|md|toml|yml|txt)$";
const NAME: &str = r"^[A-Za-z_]\w*(?:::\w+)*(?:\(\))?$";

struct Reader<'a> {
    workspace: &'a Workspace,
    files: &'a [String],
    path: Regex,
    name: Regex,
}

impl Reader<'_> {
    fn page(&self, page: &str, text: &str, found: &mut Vec<Finding>) -> Result<()> {
        let (mut link, mut behind): (Option<String>, Option<String>) = (None, None);
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = || 1 + text[..range.start].matches('\n').count();
            match event {
                Event::Start(Tag::Link { dest_url, .. }) => link = Some(dest_url.into_string()),
                Event::End(TagEnd::Link) => link = None,
                Event::Code(code) if self.path.is_match(&code) => {
                    behind = self.file(page, &code);
                    if behind.is_none() {
                        found.push(Finding::at(page, line(), format!("`{code}` is no file of the project")));
                    }
                }
                Event::Code(code) if self.name.is_match(&code) => {
                    let linked = link.as_deref().filter(|target| target.ends_with(".rs"));
                    // Whether the target is there is asked by the check of links.
                    let linked = linked.and_then(|target| resolve(page, target));
                    if let Some(file) = linked.as_ref().or(behind.as_ref())
                        && let Some(source) = self.workspace.text(file)
                        && !is_stem(file, &code)
                        && !defines(&source, &code)?
                    {
                        found.push(Finding::at(page, line(), format!("`{code}` is not defined in {file}")));
                    }
                }
                Event::SoftBreak => {}
                Event::Text(text) if text.trim().is_empty() || text.trim() == "," => {}
                _ => behind = None,
            }
        }
        Ok(())
    }

    /// The file that a path on this page means: from the root, from the folder of the page, or from that of its crate.
    fn file(&self, page: &str, path: &str) -> Option<String> {
        let krate = page.split_once('/').map_or("", |(krate, _)| krate);
        let beside = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        let candidates = [path.to_owned(), format!("{beside}/{path}"), format!("{krate}/{path}")];
        candidates.into_iter().find(|candidate| self.files.contains(candidate))
    }
}

/// Whether a name is that of the file, as an example's is.
fn is_stem(file: &str, name: &str) -> bool {
    file.rsplit('/').next().and_then(|file| file.strip_suffix(".rs")) == Some(name)
}

/// Whether a source defines the last part of a name, and speaks of the parts before it.
fn defines(source: &str, name: &str) -> Result<bool> {
    let parts: Vec<&str> = name.trim_end_matches("()").split("::").collect();
    let Some((last, before)) = parts.split_last() else { return Ok(false) };
    let definition = r"\b(?:fn|struct|enum|trait|mod|const|static|type|union|macro_rules!)\s+";
    if !Regex::new(&format!(r"{definition}{last}\b"))?.is_match(source) {
        return Ok(false);
    }
    for part in before {
        if !Regex::new(&format!(r"\b{part}\b"))?.is_match(source) {
            return Ok(false);
        }
    }
    Ok(true)
}
