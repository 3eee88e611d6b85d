//! What pages name is there: files, and the functions and types that are said to be in them.
//!
//! # Rules
//! * A path in backticks (`src/raw.rs`, or from the root `ts-mutex/src/raw.rs`) is a file of the project.
//! * A name in backticks right behind such a path is defined in that file: `src/raw.rs` `release`.
//! * So is a name in backticks that links to a source file: ``[`Core::release`](src/raw.rs)``. It may also be the file's own.
//! * A table's column `shown by` names tests: in each row, behind each file, at least one function that is a test there.
//!   A row without any begins with `by construction`.
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
        let text = workspace.text(page).unwrap_or_default();
        reader.page(page, &text, &mut found)?;
        reader.tables(page, &text, &mut found)?;
    }
    Ok(found)
}

const PATH: &str = r"^[\w.-]+(?:/[\w.-]+)+\.(?:rs|md|toml|yml|txt)$";
/// The head of a column of tests.
const SHOWN_BY: &str = "shown by";
/// How a cell of such a column begins that needs no test, before it says why.
const WITHOUT: &str = "by construction";
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

    /// Looks at the tests that tables name.
    fn tables(&self, page: &str, text: &str, found: &mut Vec<Finding>) -> Result<()> {
        let (mut in_head, mut column, mut shown, mut begin) = (false, 0, None, 0);
        let (mut words, mut codes) = (String::new(), Vec::new());
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::TableHead) => (in_head, column, shown) = (true, 0, None),
                Event::End(TagEnd::TableHead) => in_head = false,
                Event::Start(Tag::TableRow) => column = 0,
                Event::Start(Tag::TableCell) => {
                    begin = range.start;
                    words.clear();
                    codes.clear();
                }
                Event::Text(text) => words.push_str(&text),
                Event::Code(code) => codes.push(code.into_string()),
                Event::End(TagEnd::TableCell) => {
                    if in_head && words == SHOWN_BY {
                        shown = Some(column);
                    } else if shown == Some(column) && !(codes.is_empty() && words.starts_with(WITHOUT)) {
                        let line = 1 + text[..begin].matches('\n').count();
                        let wrong = self.tests(page, &codes)?;
                        found.extend(wrong.into_iter().map(|wrong| Finding::at(page, line, wrong)));
                    }
                    column += 1;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What is wrong with a cell that names tests: files, each with functions behind it.
    fn tests(&self, page: &str, codes: &[String]) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        let mut codes = codes.iter().peekable();
        if codes.peek().is_none() {
            wrong.push("a row that no test shows".to_owned());
        }
        while let Some(path) = codes.next() {
            if !self.path.is_match(path) {
                wrong.push(format!("`{path}` stands behind no file"));
                continue;
            }
            // Whether the file is there, and the functions in it, is asked for the page as a whole.
            let source = self.file(page, path).and_then(|file| self.workspace.text(&file));
            let mut tests = 0;
            while let Some(name) = codes.next_if(|code| !self.path.is_match(code)) {
                tests += 1;
                if let Some(source) = &source
                    && defines(source, name)?
                    && !is_test(source, name)?
                {
                    wrong.push(format!("`{name}` is no test in {path}"));
                }
            }
            if tests == 0 {
                wrong.push(format!("no test of `{path}` is named"));
            }
        }
        Ok(wrong)
    }

    /// The file that a path on this page means: from the root, from the folder of the page, or from that of its crate.
    fn file(&self, page: &str, path: &str) -> Option<String> {
        let krate = page.split_once('/').map_or("", |(krate, _)| krate);
        let beside = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        let candidates = [path.to_owned(), format!("{beside}/{path}"), format!("{krate}/{path}")];
        candidates.into_iter().find(|candidate| self.files.contains(candidate))
    }
}

/// Whether a source has a test of this name.
fn is_test(source: &str, name: &str) -> Result<bool> {
    let between = r"(?:(?:#\[[^\]]*\]|//[^\n]*)\s*)*";
    Ok(Regex::new(&format!(r"#\[test\]\s*{between}fn\s+{name}\b"))?.is_match(source))
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
