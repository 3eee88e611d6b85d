//! The format itself: families of samples, each with a line on what it is and one on its type.
//!
//! # Rules
//! * All samples of a family stand together, and a family is there once.
//! * Names are ours and good as they are; values of labels come from anywhere and are escaped.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use ts_cont::metrics::Times;

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
    /// Buckets, sum and count.
    Histogram,
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
            Type::Histogram => "histogram",
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
        self.line("", labels, value);
    }

    /// Adds a histogram: what took no longer than each of `bounds`, then all, their sum in seconds, and their count.
    pub(super) fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        times: &Times,
        bounds: impl Iterator<Item = Duration>,
    ) {
        let count = times.count();
        let mut bucket = |bound: &str, count: u64| {
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound)]).collect();
            self.line("_bucket", &labels, count);
        };
        for bound in bounds {
            bucket(&bound.as_secs_f64().to_string(), times.up_to(bound));
        }
        bucket("+Inf", count);
        self.line("_sum", labels, times.sum().as_secs_f64());
        self.line("_count", labels, count);
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        self.page.push_str(&self.name);
        self.page.push_str(suffix);
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
