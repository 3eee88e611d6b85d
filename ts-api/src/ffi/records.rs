//! Records: settings under the original's names, as `records.yaml` and the environment say them, and what of them is in force.
//!
//! # Rules
//! * There is a record for what the host has a meaning for, and for nothing else. A name that stands for nothing here is told
//!   to whoever runs the host, with the nearest one that does.
//! * A file with a value that will not do is not used in any part. All that is wrong with it is told at once, with its place.
//! * What plugins are told is what is in force, wherever it was said: in records, in the host's configuration, by a flag.
//! * The environment wins over the file: `PROXY_CONFIG_TASK_THREADS` is `proxy.config.task_threads`.

mod known;
mod read;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use parking_lot::RwLock;

use super::debug;
use crate::nearest::nearest;

pub(crate) use self::known::{KNOWN, PREFIX};

/// What a record is set to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Int(i64),
    Float(f64),
    Text(Cow<'static, str>),
}

/// What a record takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Takes {
    /// From one number to the other.
    Int(i64, i64),
    Float(f64, f64),
    Text,
    /// A regular expression.
    Pattern,
    /// An address of IP, or nothing.
    Address,
}

/// A record that there is.
#[derive(Debug)]
pub(crate) struct Record {
    /// Without [`PREFIX`].
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    pub(crate) default: Value,
    /// A reload takes it up.
    pub(crate) reloads: bool,
}

/// Who has said what a record is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    /// Somebody who runs the host: by records, configuration, or flag.
    Explicit,
    Environment,
}

/// What was said, and not yet taken up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Records {
    set: BTreeMap<&'static str, (Value, Source)>,
    warnings: Vec<String>,
}

/// All that is wrong with a file, or with the environment; a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    /// One line each: file, line and column, the record, and what would do.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl Records {
    /// What the file says, if there is one, and the environment of this process.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, Problems> {
        let mut records = path.map_or_else(|| Ok(Self::default()), read::file)?;
        let variables = std::env::vars_os();
        let variables =
            variables.filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()));
        records.environment(variables)?;
        Ok(records)
    }

    /// Takes up what an environment says.
    fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) -> Result<(), Problems> {
        let mut problems = Vec::new();
        let named = |name: &str| KNOWN.iter().find(|record| variable(record.name) == name);
        for (variable, value) in variables {
            let Some(record) = named(&variable) else { continue };
            match record.takes.parse(&value) {
                Some(value) => _ = self.set.insert(record.name, (value, Source::Environment)),
                None => problems.push(format!("{variable}: `{value}` will not do: give {}", record.takes)),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    /// What whoever runs the host should know: a line each.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(String::as_str)
    }

    /// What somebody says who runs the host.
    #[cfg(test)]
    pub(crate) fn of(values: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name, (value, Source::Explicit)));
        Self { set: values.collect(), warnings: Vec::new() }
    }

    /// The value that was said; `name` without [`PREFIX`].
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.set.get(name).map(|(value, _)| value)
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }
}

/// The variable that says a record.
fn variable(name: &str) -> String {
    format!("{PREFIX}{name}").to_uppercase().replace('.', "_")
}

impl Takes {
    /// The value that a text stands for, if it will do.
    fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::Int(..) => number(text).map(Value::Int),
            Self::Float(..) => text.parse().ok().map(Value::Float),
            Self::Text | Self::Pattern | Self::Address => Some(Value::Text(text.to_owned().into())),
        }
        .filter(|value| self.has(value))
    }

    fn has(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Int(least, most), Value::Int(value)) => (least..=most).contains(value),
            (Self::Float(least, most), Value::Float(value)) => (least..=most).contains(value),
            (Self::Text, Value::Text(text)) => !text.contains('\0'),
            (Self::Pattern, Value::Text(text)) => debug::pattern(text).is_some(),
            (Self::Address, Value::Text(text)) => text.is_empty() || text.parse::<IpAddr>().is_ok(),
            _ => false,
        }
    }
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(0, 1) => f.write_str("0 or 1"),
            Self::Int(least, i64::MAX) => write!(f, "a whole number from {least} on"),
            Self::Int(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::Float(least, most) => write!(f, "a number from {least} to {most}"),
            Self::Text => f.write_str("a text"),
            Self::Pattern => f.write_str("a regular expression such as http.*|my_plugin"),
            Self::Address => f.write_str("an address such as 192.0.2.1, or nothing"),
        }
    }
}

/// A whole number, perhaps with the letter K, M, G or T for so many times 1024.
fn number(text: &str) -> Option<i64> {
    let powers = [("K", 10), ("M", 20), ("G", 30), ("T", 40)];
    let shortened = powers.iter().find_map(|(letter, power)| Some((text.strip_suffix(letter)?, 1 << power)));
    let (digits, times) = shortened.unwrap_or((text, 1_i64));
    digits.trim().parse::<i64>().ok()?.checked_mul(times)
}

/// The record with a name, which may do without [`PREFIX`].
fn known(name: &str) -> Option<&'static Record> {
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    KNOWN.iter().find(|record| record.name == name)
}

/// What to say of a name that stands for nothing.
fn unknown(name: &str) -> String {
    let meant = nearest(name, KNOWN.iter().map(|record| record.name));
    let meant = meant.map(|meant| format!("; did you mean `{PREFIX}{meant}`?")).unwrap_or_default();
    format!("{PREFIX}{name}: this host has no such record, and leaves it alone{meant}")
}

/// What is in force and was said by somebody, or is not the record's default.
static IN_FORCE: RwLock<BTreeMap<&'static str, (Value, Source)>> = RwLock::new(BTreeMap::new());

/// Has `records` in force, but for those that only a start takes up, if this is none. What the host says otherwise is put
/// afterwards.
pub(crate) fn take_up(records: &Records, start: bool) {
    let mut in_force = IN_FORCE.write();
    for record in KNOWN.iter().filter(|record| start || record.reloads) {
        match records.set.get(record.name) {
            Some(said) => _ = in_force.insert(record.name, said.clone()),
            None => _ = in_force.remove(record.name),
        }
    }
    drop(in_force);
    debug::configure();
}

/// Says what the host has in force, wherever it has it from; `name` without [`PREFIX`].
///
/// # Panics
///
/// There is no such record, or its values are of another type.
pub(crate) fn put(name: &str, value: Value) {
    let record = known(name).unwrap_or_else(|| panic!("there is no record {name}"));
    let same_type = std::mem::discriminant(&value) == std::mem::discriminant(&record.default);
    assert!(same_type, "the record {name} does not take {value:?}");
    let mut in_force = IN_FORCE.write();
    let before = in_force.get(record.name);
    if before.map_or(&record.default, |(value, _)| value) != &value {
        in_force.insert(record.name, (value, Source::Explicit));
    }
}

/// What is in force under a full name, and who has said it; none if there is no such record.
pub(crate) fn in_force(name: &str) -> Option<(Value, Source)> {
    let record = known(name.strip_prefix(PREFIX)?)?;
    let said = IN_FORCE.read().get(record.name).cloned();
    Some(said.unwrap_or_else(|| (record.default.clone(), Source::Default)))
}

/// As `in_force`, of a record that is a number; `name` without [`PREFIX`].
pub(crate) fn int(name: &str) -> i64 {
    match in_force(&format!("{PREFIX}{name}")) {
        Some((Value::Int(value), _)) => value,
        _ => panic!("there is no record {name} that is a number"),
    }
}

/// As `in_force`, of a record that is a text; `name` without [`PREFIX`].
pub(crate) fn text(name: &str) -> String {
    match in_force(&format!("{PREFIX}{name}")) {
        Some((Value::Text(value), _)) => value.into_owned(),
        _ => panic!("there is no record {name} that is a text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Records, Problems> {
        let mut records = Records::default();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        records.environment(variables).map(|()| records)
    }

    #[test]
    fn the_default_of_each_record_will_do_and_no_name_comes_twice() {
        for (index, record) in KNOWN.iter().enumerate() {
            assert!(record.takes.has(&record.default), "{}", record.name);
            assert!(KNOWN[..index].iter().all(|other| other.name != record.name), "{}", record.name);
        }
    }

    #[test]
    fn the_environment_says_records_in_capitals() {
        let records =
            of(&[("PROXY_CONFIG_TASK_THREADS", "7"), ("PROXY_CONFIG_NONE_SUCH", "7"), ("PATH", "/")]);
        let records = records.unwrap();
        assert_eq!(records.int("task_threads"), Some(7));
        assert_eq!(records.set.len(), 1);
        assert_eq!(records.set["task_threads"].1, Source::Environment);
        let problems = of(&[("PROXY_CONFIG_TASK_THREADS", "many")]).unwrap_err();
        let text = "PROXY_CONFIG_TASK_THREADS: `many` will not do: give a whole number from 1 to 1024";
        assert_eq!(problems.to_string(), text);
    }

    #[test]
    fn a_number_may_end_in_a_letter() {
        assert_eq!((number("3"), number("16K"), number("-1")), (Some(3), Some(16384), Some(-1)));
        assert_eq!(
            (number("2 T"), number("9000000T"), number("K"), number("1.5M")),
            (Some(2 << 40), None, None, None)
        );
    }
}
