//! Printing a configuration as a file that says the same.

use super::keys::{Key, Keys, Kind, Section, When};

/// Comments are broken before they are longer.
const WIDTH: usize = 100;

/// The whole file.
pub(super) fn document<S: Section + Clone>(section: &S) -> String {
    let mut print =
        Print { values: String::new(), tables: String::new(), path: String::new(), is_list: false };
    // Walking asks for what it may write to; printing writes nothing to it.
    section.clone().keys(&mut print);
    print.finish()
}

/// What is printed of one table: its values come before the tables within.
struct Print {
    values: String,
    tables: String,
    path: String,
    is_list: bool,
}

impl Print {
    fn within<S: Section>(&mut self, key: Key, section: &mut S, is_list: bool, about: bool) {
        let path =
            if self.path.is_empty() { key.name.to_owned() } else { format!("{}.{}", self.path, key.name) };
        let mut print = Self { values: String::new(), tables: String::new(), path, is_list };
        section.keys(&mut print);
        self.tables.push('\n');
        if about {
            self.tables.push_str(&comment(key.about));
        }
        self.tables.push_str(&print.finish());
    }

    fn finish(self) -> String {
        let Self { values, tables, path, is_list } = self;
        match (path.is_empty(), is_list) {
            (true, _) => format!("{values}{tables}").trim_start().to_owned(),
            (false, true) => format!("[[{path}]]\n{values}{tables}"),
            (false, false) => format!("[{path}]\n{values}{tables}"),
        }
    }
}

impl Keys for Print {
    fn value<K: Kind>(&mut self, key: Key, kind: K, value: &mut K::Value) {
        let when = match key.change {
            When::Reload => " Taken up at a reload.",
            When::Restart => "",
        };
        self.values.push_str(&comment(&format!("{} It takes {}.{when}", key.about, kind.wanted())));
        match kind.show(value) {
            Some(text) => self.values.push_str(&format!("{} = {text}\n", key.name)),
            None => self.values.push_str(&format!("# {} =\n", key.name)),
        }
    }

    fn table<S: Section>(&mut self, key: Key, section: &mut S) {
        self.within(key, section, false, true);
    }

    fn list<S: Section>(&mut self, key: Key, sections: &mut Vec<S>) {
        for (index, section) in sections.iter_mut().enumerate() {
            self.within(key, section, true, index == 0);
        }
        if sections.is_empty() {
            self.tables.push('\n');
            self.tables.push_str(&comment(&format!(
                "{} There are none; each would begin with [[{}]].",
                key.about, key.name
            )));
        }
    }
}

/// As lines of comment.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push_str(&line);
    lines.push('\n');
    lines
}
