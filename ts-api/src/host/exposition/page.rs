//! The format itself: families of samples, each with a line on what it is and one on its type.
//!
//! # Rules
//! * All samples of a family stand together, and a family is there once.
//! * Names are ours and good as they are; values of labels come from anywhere and are escaped.

use std::fmt::{Display, Write as _};

/// A page while it is written.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// What a family's samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// It only grows, but for a restart.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// Where a family's samples go.
pub(super) struct Family<'a> {
    page: &'a mut String,
    name: String,
}

impl Page {
    /// Begins a family.
    pub(super) fn family(&mut self, name: &str, kind: Type, about: &str) -> Family<'_> {
        let kind = match kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
        };
        let about = about.trim().replace('\\', "\\\\").replace('\n', "\\n");
        let _ = writeln!(self.0, "# HELP {name} {about}\n# TYPE {name} {kind}");
        Family { page: &mut self.0, name: name.to_owned() }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.page.push_str(&self.name);
        for (index, (name, value)) in labels.iter().enumerate() {
            let _ = write!(self.page, "{}{name}=\"", if index == 0 { '{' } else { ',' });
            for letter in value.chars() {
                match letter {
                    '\\' => self.page.push_str("\\\\"),
                    '"' => self.page.push_str("\\\""),
                    '\n' => self.page.push_str("\\n"),
                    letter => self.page.push(letter),
                }
            }
            self.page.push('"');
        }
        let _ = writeln!(self.page, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}
