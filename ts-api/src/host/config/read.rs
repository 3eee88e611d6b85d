//! Reading a file: its tables are walked with the keys that they may have.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Key, Keys, Kind, Section, nearest};
use super::kinds::one_of;
use super::problem::Problems;

/// Longer values are not repeated in full to those who wrote them.
const REPEATED: usize = 60;

/// Reads the text of the file at `path`.
pub(super) fn document<S: Section>(path: &Path, text: &str) -> Result<S, Problems> {
    let mut problems = Problems::none(path);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        problems.add(text, span, error.message().to_owned());
    }
    let mut section = S::default();
    let broken = !errors.is_empty();
    let span = table.span();
    Walk {
        text,
        broken,
        problems: &mut problems,
        table: table.get_ref(),
        path: String::new(),
        span,
        seen: Vec::new(),
    }
    .read(&mut section);
    problems.or(section)
}

/// On its way through a table.
struct Walk<'a, 'p> {
    text: &'a str,
    /// The file cannot be understood somewhere, so what seems to be missing may be there.
    broken: bool,
    problems: &'p mut Problems,
    table: &'a DeTable<'a>,
    /// What leads to the table: `plugin[1]`, or nothing.
    path: String,
    span: Range<usize>,
    /// The keys that it may have, those walked over.
    seen: Vec<&'static str>,
}

impl<'a> Walk<'a, '_> {
    fn read<S: Section>(mut self, section: &mut S) {
        section.keys(&mut self);
        self.unknown();
        let mut complaints = Vec::new();
        section.check(&mut |key, text| complaints.push((key, text)));
        for (key, text) in complaints {
            let entry = key.and_then(|key| self.entry(key));
            let span = entry.map_or(self.span.clone(), |(_, value)| value.span());
            let path = key.map_or_else(|| self.path.clone(), |key| self.path_of(key));
            self.problems.add(self.text, span, format!("{path}: {text}"));
        }
    }

    /// Complains of keys that there are none of.
    fn unknown(&mut self) {
        for (key, _) in self.table.iter() {
            let name: &str = key.get_ref();
            if self.seen.contains(&name) {
                continue;
            }
            let place =
                if self.path.is_empty() { "at the top".to_owned() } else { format!("in {}", self.path) };
            let mut text = format!("{}: there is no such key {place}", self.path_of(name));
            if let Some(near) = nearest(name, self.seen.iter().copied()) {
                text.push_str(&format!("; did you mean `{near}`?"));
            }
            let allowed = one_of(self.seen.iter().map(|&name| name.to_owned()));
            text.push_str(&format!(" (allowed: {allowed})"));
            self.problems.add(self.text, key.span(), text);
        }
    }

    fn entry(
        &self,
        name: &str,
    ) -> Option<(&'a Spanned<std::borrow::Cow<'a, str>>, &'a Spanned<DeValue<'a>>)> {
        self.table.iter().find(|(key, _)| key.get_ref() == name)
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The value of a key. A key that has to be there and is not is complained of.
    fn look(&mut self, key: Key) -> Option<&'a Spanned<DeValue<'a>>> {
        self.seen.push(key.name);
        let entry = self.entry(key.name);
        if entry.is_none() && key.required && !self.broken {
            let text = format!("{}: the key is missing: {}", self.path_of(key.name), key.about);
            self.problems.add(self.text, self.span.clone(), text);
        }
        entry.map(|(_, value)| value)
    }

    fn within<S: Section>(
        &mut self,
        path: String,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        section: &mut S,
    ) {
        Walk {
            text: self.text,
            broken: self.broken,
            problems: &mut *self.problems,
            table,
            path,
            span,
            seen: Vec::new(),
        }
        .read(section);
    }

    /// What the file says there, to be repeated.
    fn said(&self, span: &Range<usize>) -> String {
        let said = self.text.get(span.clone()).unwrap_or_default().lines().next().unwrap_or_default();
        match said.char_indices().nth(REPEATED) {
            Some((end, _)) => format!("{}..", &said[..end]),
            None => said.to_owned(),
        }
    }
}

impl Keys for Walk<'_, '_> {
    fn value<K: Kind>(&mut self, key: Key, kind: K, value: &mut K::Value) {
        let Some(found) = self.look(key) else { return };
        match kind.read(found) {
            Ok(read) => *value = read,
            Err(wrong) => {
                for wrong in wrong {
                    let mut text =
                        format!("{}: {} will not do", self.path_of(key.name), self.said(&wrong.span));
                    if let Some(why) = wrong.why {
                        text.push_str(&format!(" ({why})"));
                    }
                    if let Some(near) = wrong.nearest {
                        text.push_str(&format!("; did you mean {near}?"));
                    }
                    text.push_str(&format!(": give {}", kind.wanted()));
                    self.problems.add(self.text, wrong.span, text);
                }
            }
        }
    }

    fn table<S: Section>(&mut self, key: Key, section: &mut S) {
        let Some(found) = self.look(key) else { return };
        let path = self.path_of(key.name);
        match found.get_ref() {
            DeValue::Table(table) => self.within(path, table, found.span(), section),
            _ => {
                let text = format!("{path} is a table: write [{path}], and its keys below");
                self.problems.add(self.text, found.span(), text);
            }
        }
    }

    fn list<S: Section>(&mut self, key: Key, sections: &mut Vec<S>) {
        let Some(found) = self.look(key) else { return };
        let path = self.path_of(key.name);
        let complaint =
            format!("{path} is a list of tables: write [[{path}]] before each, and its keys below");
        let Some(array) = found.get_ref().as_array() else {
            self.problems.add(self.text, found.span(), complaint);
            return;
        };
        sections.clear();
        for (index, item) in array.iter().enumerate() {
            let Some(table) = item.get_ref().as_table() else {
                self.problems.add(self.text, item.span(), complaint.clone());
                continue;
            };
            let mut section = S::default();
            self.within(format!("{path}[{index}]"), table, item.span(), &mut section);
            sections.push(section);
        }
    }
}
