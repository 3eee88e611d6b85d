//! What is different between two configurations, key by key.

use std::collections::BTreeMap;
use std::fmt;

use super::keys::{Key, Keys, Kind, Section, When};

/// A key whose value is another than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// What leads to it: `plugin[0].arguments`.
    pub(crate) key: String,
    /// As the file would say it; none if it is not there.
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    /// Whether a running host takes it up.
    pub(crate) when: When,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.as_deref().unwrap_or("nothing").to_owned();
        write!(f, "{}: {} -> {}", self.key, shown(&self.before), shown(&self.after))
    }
}

/// What is different in `after`, in the order of the keys.
pub(crate) fn changes<S: Section + Clone>(before: &S, after: &S) -> Vec<Change> {
    let (before, after) = (list(before), list(after));
    let mut all: BTreeMap<&str, (Option<&Entry>, Option<&Entry>)> = BTreeMap::new();
    before.iter().for_each(|entry| all.entry(&entry.path).or_default().0 = Some(entry));
    after.iter().for_each(|entry| all.entry(&entry.path).or_default().1 = Some(entry));
    let value = |entry: Option<&Entry>| entry.and_then(|entry| entry.value.clone());
    let mut changes: Vec<_> = all
        .into_iter()
        .filter(|(_, (before, after))| value(*before) != value(*after))
        .map(|(key, (before, after))| {
            let entry = after.or(before).expect("one of them has it");
            // One that only one of them has came or went with its table.
            let when = if before.is_some() && after.is_some() { entry.when } else { entry.table };
            let change = Change { key: key.to_owned(), before: value(before), after: value(after), when };
            (entry.place, change)
        })
        .collect();
    changes.sort_by_key(|(place, _)| *place);
    changes.into_iter().map(|(_, change)| change).collect()
}

struct Entry {
    path: String,
    value: Option<String>,
    when: When,
    /// When a table like its own is taken up that is added, or taken away.
    table: When,
    place: usize,
}

fn list<S: Section + Clone>(section: &S) -> Vec<Entry> {
    let mut list = List { entries: Vec::new(), path: String::new(), table: When::Restart };
    section.clone().keys(&mut list);
    list.entries
}

struct List {
    entries: Vec<Entry>,
    path: String,
    /// That of the list that is being walked.
    table: When,
}

impl List {
    fn within<S: Section>(&mut self, path: String, table: When, section: &mut S) {
        let outside = std::mem::replace(&mut self.path, path);
        let before = std::mem::replace(&mut self.table, table);
        section.keys(self);
        self.path = outside;
        self.table = before;
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

impl Keys for List {
    fn value<K: Kind>(&mut self, key: Key, kind: K, value: &mut K::Value) {
        let (path, place) = (self.path_of(key.name), self.entries.len());
        let (when, table) = (key.change, self.table);
        self.entries.push(Entry { path, value: kind.show(value), when, table, place });
    }

    fn table<S: Section>(&mut self, key: Key, section: &mut S) {
        self.within(self.path_of(key.name), self.table, section);
    }

    fn list<S: Section>(&mut self, key: Key, sections: &mut Vec<S>) {
        for (index, section) in sections.iter_mut().enumerate() {
            self.within(format!("{}[{index}]", self.path_of(key.name)), key.change, section);
        }
    }
}
