//! What is wrong with a file, and where.

use std::fmt;
use std::ops::Range;
use std::path::Path;

/// All that is wrong with a file, in its order.
#[derive(Debug, Clone)]
pub(crate) struct Problems {
    /// None if each says by itself where it is.
    file: Option<String>,
    list: Vec<Problem>,
}

#[derive(Debug, Clone)]
struct Problem {
    /// Line and column, from 1; none if it is the whole file.
    at: Option<(usize, usize)>,
    text: String,
}

impl Problems {
    /// None yet.
    pub(super) fn none(path: &Path) -> Self {
        Self { file: Some(path.display().to_string()), list: Vec::new() }
    }

    /// The file itself is the problem.
    pub(super) fn of_file(path: &Path, text: &str) -> Self {
        let mut problems = Self::none(path);
        problems.list.push(Problem { at: None, text: format!("cannot be read: {text}") });
        problems
    }

    /// The file is good by itself, and not with this flag.
    pub(crate) fn of_flags(flag: &str, text: &str) -> Self {
        Self { file: Some(flag.to_owned()), list: vec![Problem { at: None, text: text.to_owned() }] }
    }

    /// What another reader has found; each line says where.
    pub(crate) fn of_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let list = lines.into_iter().map(|line| Problem { at: None, text: line.to_owned() });
        Self { file: None, list: list.collect() }
    }

    /// It is not UTF-8 from `good` on.
    pub(super) fn not_text(path: &Path, bytes: &[u8], good: usize) -> Self {
        let mut problems = Self::none(path);
        let before = String::from_utf8_lossy(&bytes[..good]);
        problems.add(&before, good..good, "the file is not text in UTF-8 from here on".to_owned());
        problems
    }

    /// Adds one. `span` is where in `text`, the whole of the file.
    pub(super) fn add(&mut self, text: &str, span: Range<usize>, problem: String) {
        self.list.push(Problem { at: Some(position(text, span.start)), text: problem });
    }

    /// All of them as an error, if there are any.
    pub(super) fn or<T>(mut self, value: T) -> Result<T, Self> {
        if self.list.is_empty() {
            return Ok(value);
        }
        self.list.sort_by_key(|problem| problem.at);
        Err(self)
    }

    /// One line each: file, line and column, then what it is.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.list.iter().map(|Problem { at, text }| match (&self.file, at) {
            (Some(file), Some((line, column))) => format!("{file}:{line}:{column}: {text}"),
            (Some(file), None) => format!("{file}: {text}"),
            (None, _) => text.clone(),
        })
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.lines().enumerate() {
            write!(f, "{}{line}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// Line and column of a place in a text, as editors count: from 1, in characters.
fn position(text: &str, place: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(place)];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before[start..].chars().count() + 1)
}
