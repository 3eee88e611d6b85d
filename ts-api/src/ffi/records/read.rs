//! Reading `records.yaml`.
//!
//! The file is a mapping `records`, whose keys lead, word by word, to the records; what all names begin with is left out.

use std::fs;
use std::path::Path;

use saphyr::{AnnotatedMapping, LoadableYamlNode as _, MarkedYaml, Marker, Scalar, YamlData};

use super::{Problems, Record, Records, Source, Takes, Value, known, number, unknown};
use crate::nearest::nearest;

/// The one key at the top.
const TOP: &str = "records";

/// Longer values are not repeated in full to those who wrote them.
const REPEATED: usize = 60;

/// Reads the file at `path`.
pub(super) fn file(path: &Path) -> Result<Records, Problems> {
    let name = path.display();
    let text = fs::read(path).map_err(|error| Problems(vec![format!("{name}: cannot be read: {error}")]))?;
    let text = String::from_utf8(text)
        .map_err(|_| Problems(vec![format!("{name}: the file is not text in UTF-8")]))?;
    document(&name.to_string(), &text)
}

fn document(file: &str, text: &str) -> Result<Records, Problems> {
    let mut reader = Reader { file, records: Records::default(), problems: Vec::new() };
    match MarkedYaml::load_from_str(text) {
        Err(error) => reader.problem(error.marker(), error.info()),
        Ok(documents) => documents.iter().for_each(|top| reader.top(top)),
    }
    if reader.problems.is_empty() { Ok(reader.records) } else { Err(Problems(reader.problems)) }
}

type Mapping<'a> = AnnotatedMapping<'a, MarkedYaml<'a>>;

struct Reader<'a> {
    file: &'a str,
    records: Records,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn problem(&mut self, at: &Marker, what: &str) {
        self.problems.push(self.line(at, what));
    }

    fn warn(&mut self, at: &Marker, what: &str) {
        let line = self.line(at, what);
        self.records.warnings.push(line);
    }

    fn line(&self, at: &Marker, what: &str) -> String {
        format!("{}:{}:{}: {what}", self.file, at.line(), at.col() + 1)
    }

    fn top(&mut self, node: &MarkedYaml<'_>) {
        let mapping = match bare(node) {
            YamlData::Mapping(mapping) => mapping,
            // An empty document.
            YamlData::Value(Scalar::Null) => return,
            _ => return self.problem(&node.span.start, "a file of records begins with `records:`"),
        };
        for (key, value) in mapping {
            match (text_of(key), bare(value)) {
                (Some(name), YamlData::Mapping(records)) if name == TOP => self.mapping("", records),
                (Some(name), YamlData::Value(Scalar::Null)) if name == TOP => {}
                (Some(name), _) if name == TOP => {
                    self.problem(&value.span.start, "records: it has keys, such as `task_threads: 2`");
                }
                (name, _) => {
                    let name = name.unwrap_or_default();
                    let meant = nearest(&name, [TOP]).map_or("", |_| "; did you mean `records`?");
                    let text = format!("{name}: the keys are below `records`; this one is left alone{meant}");
                    self.warn(&key.span.start, &text);
                }
            }
        }
    }

    fn mapping(&mut self, path: &str, mapping: &Mapping<'_>) {
        for (key, value) in mapping {
            let Some(name) = text_of(key) else {
                self.problem(&key.span.start, "a key is a word here");
                continue;
            };
            let name = if path.is_empty() { name } else { format!("{path}.{name}") };
            match (known(&name), bare(value)) {
                // A file that spells the whole name out means the same.
                (_, YamlData::Mapping(within)) => self.mapping(&name, within),
                (Some(record), data) => {
                    let scalar = if let YamlData::Value(scalar) = data { Some(scalar) } else { None };
                    self.record(record, &value.span.start, scalar);
                }
                (None, _) => self.warn(&key.span.start, &unknown(&name)),
            }
        }
    }

    fn record(&mut self, record: &'static Record, at: &Marker, scalar: Option<&Scalar<'_>>) {
        let Some(scalar) = scalar else {
            let text = format!("proxy.config.{}: a list will not do: give {}", record.name, record.takes);
            return self.problem(at, &text);
        };
        match value(record.takes, scalar).filter(|value| record.takes.has(value)) {
            Some(value) => _ = self.records.set.insert(record.name, (value, Source::Explicit)),
            // As if nothing were said.
            None if *scalar == Scalar::Null => {}
            None => {
                let said: String = shown(scalar).chars().take(REPEATED).collect();
                let text =
                    format!("proxy.config.{}: `{said}` will not do: give {}", record.name, record.takes);
                self.problem(at, &text);
            }
        }
    }
}

/// What is in a node; tags say nothing that the record does not.
fn bare<'a, 'b>(node: &'a MarkedYaml<'b>) -> &'a YamlData<'b, MarkedYaml<'b>> {
    match &node.data {
        YamlData::Tagged(_, within) => bare(within),
        data => data,
    }
}

fn text_of(node: &MarkedYaml<'_>) -> Option<String> {
    match bare(node) {
        YamlData::Value(scalar) if *scalar != Scalar::Null => Some(shown(scalar)),
        _ => None,
    }
}

fn value(takes: Takes, scalar: &Scalar<'_>) -> Option<Value> {
    Some(match (takes, scalar) {
        (_, Scalar::Null) => return None,
        (Takes::Int(..), Scalar::Integer(value)) => Value::Int(*value),
        (Takes::Int(..), Scalar::String(text)) => Value::Int(number(text)?),
        (Takes::Float(..), Scalar::Integer(value)) => Value::Float(*value as f64),
        (Takes::Float(..), Scalar::FloatingPoint(value)) => Value::Float(value.into_inner()),
        (Takes::Text | Takes::Pattern | Takes::Address, scalar) => Value::Text(shown(scalar).into()),
        _ => return None,
    })
}

fn shown(scalar: &Scalar<'_>) -> String {
    match scalar {
        Scalar::Null => String::new(),
        Scalar::Boolean(value) => value.to_string(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::FloatingPoint(value) => value.to_string(),
        Scalar::String(text) => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(text: &str) -> Records {
        document("r.yaml", text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn bad(text: &str) -> String {
        document("r.yaml", text).map(|records| panic!("{records:?}")).unwrap_err().to_string()
    }

    #[test]
    fn nested_keys_lead_to_records() {
        let records = good(
            "# threads\nrecords:\n  task_threads: 3\n  exec_thread:\n    limit: 0x10\n    autoconfig:\n      \
             enabled: 0\n      scale: 2\n  http:\n    server_ports: 8080\n    max_post_size: 16K\n  diags:\n    \
             debug:\n      tags: http.*|dns\n      enabled:\n",
        );
        assert_eq!((records.int("task_threads"), records.int("exec_thread.limit")), (Some(3), Some(16)));
        assert_eq!(records.float("exec_thread.autoconfig.scale"), Some(2.0));
        assert_eq!(
            (records.text("http.server_ports"), records.int("http.max_post_size")),
            (Some("8080"), Some(16384))
        );
        assert_eq!(
            (records.text("diags.debug.tags"), records.int("diags.debug.enabled")),
            (Some("http.*|dns"), None)
        );
        assert_eq!(records.warnings().count(), 0);
        for empty in ["", "---\n", "records:\n", "# nothing\n"] {
            assert!(good(empty).set.is_empty());
        }
    }

    #[test]
    fn an_unknown_key_is_warned_about_with_the_nearest_name() {
        let records =
            good("recods: {}\nrecords:\n  task_thread: 3\n  cache:\n    ram: {size: 1}\n  udp.threads: 1\n");
        let warnings: Vec<_> = records.warnings().collect();
        assert_eq!(
            warnings,
            [
                "r.yaml:1:1: recods: the keys are below `records`; this one is left alone; did you mean `records`?",
                "r.yaml:3:3: proxy.config.task_thread: this host has no such record, and leaves it alone; did you \
                 mean `proxy.config.task_threads`?",
                "r.yaml:5:11: proxy.config.cache.ram.size: this host has no such record, and leaves it alone",
            ]
        );
        assert_eq!(records.int("udp.threads"), Some(1));
    }

    #[test]
    fn all_that_is_wrong_is_told_with_file_line_and_what_is_allowed() {
        let problems = bad(
            "records:\n  task_threads: many\n  udp:\n    threads: [1]\n  exec_thread:\n    autoconfig:\n      \
             enabled: true\n      scale: -1\n  http:\n    max_post_size: -1\n  diags:\n    \
             debug:\n      tags: \"(http\"\n",
        );
        let expected = "\
r.yaml:2:17: proxy.config.task_threads: `many` will not do: give a whole number from 1 to 1024
r.yaml:4:14: proxy.config.udp.threads: a list will not do: give a whole number from 0 to 1024
r.yaml:7:16: proxy.config.exec_thread.autoconfig.enabled: `true` will not do: give 0 or 1
r.yaml:8:14: proxy.config.exec_thread.autoconfig.scale: `-1` will not do: give a number from 0.01 to 16
r.yaml:10:20: proxy.config.http.max_post_size: `-1` will not do: give a whole number from 0 to 1152921504606846976
r.yaml:13:13: proxy.config.diags.debug.tags: `(http` will not do: give a regular expression such as http.*|my_plugin";
        assert_eq!(problems, expected);
        assert!(bad("records:\n  a: 1\n  a: 2\n").starts_with("r.yaml:3:3: "));
        assert!(bad("records: [\n").starts_with("r.yaml:"));
        assert!(bad("- 1\n").contains("`records:`"));
        assert!(bad("records: 3\n").contains("task_threads: 2"));
        let missing = file(Path::new("no such file.yaml")).unwrap_err().to_string();
        assert!(missing.starts_with("no such file.yaml: cannot be read: "), "{missing}");
    }
}
