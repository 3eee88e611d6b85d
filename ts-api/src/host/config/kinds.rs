//! The kinds of values that keys take.

use std::fmt::Display;
use std::marker::PhantomData;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::keys::{Kind, Wrong, nearest};

/// A text as the file writes it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            letter if letter.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(letter))),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

fn integer(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// The types that numbers have in the program.
pub(crate) trait Number: Copy + PartialOrd {
    const MAX: Self;

    fn of(number: u64) -> Option<Self>;

    fn number(self) -> u64;
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl Number for $number {
            const MAX: Self = <$number>::MAX;

            fn of(number: u64) -> Option<Self> {
                number.try_into().ok()
            }

            fn number(self) -> u64 {
                self as u64
            }
        })*
    };
}

numbers!(u16, u32, u64, usize);

macro_rules! more_than_zero {
    ($($number:ty),*) => {
        $(impl Number for $number {
            const MAX: Self = <$number>::MAX;

            fn of(number: u64) -> Option<Self> {
                number.try_into().ok().and_then(Self::new)
            }

            fn number(self) -> u64 {
                self.get() as u64
            }
        })*
    };
}

more_than_zero!(NonZeroU64, NonZeroUsize);

/// A whole number between two, both included.
pub(crate) struct Count<N>(pub(crate) N, pub(crate) N);

impl<N: Number> Kind for Count<N> {
    type Value = N;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<N, Vec<Wrong>> {
        let number = integer(value.get_ref()).and_then(N::of);
        number.filter(|number| (self.0..=self.1).contains(number)).ok_or_else(|| Wrong::here(value))
    }

    fn wanted(&self) -> String {
        let (least, most) = (self.0.number(), self.1.number());
        if self.1 < N::MAX {
            format!("a number from {least} to {most}")
        } else {
            format!("a number, {least} or more")
        }
    }

    fn show(&self, value: &N) -> Option<String> {
        Some(value.number().to_string())
    }
}

/// What another kind takes, or a word that stands for nothing of it.
pub(crate) struct OrWord<K>(pub(crate) &'static str, pub(crate) K);

impl<K: Kind> Kind for OrWord<K> {
    type Value = Option<K::Value>;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Self::Value, Vec<Wrong>> {
        if value.get_ref().as_str() == Some(self.0) {
            return Ok(None);
        }
        self.1.read(value).map(Some)
    }

    fn wanted(&self) -> String {
        format!("{} or {}", quoted(self.0), self.1.wanted())
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        match value {
            None => Some(quoted(self.0)),
            Some(value) => self.1.show(value),
        }
    }
}

/// What another kind takes, or no such key.
pub(crate) struct Maybe<K>(pub(crate) K);

impl<K: Kind> Kind for Maybe<K> {
    type Value = Option<K::Value>;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Self::Value, Vec<Wrong>> {
        self.0.read(value).map(Some)
    }

    fn wanted(&self) -> String {
        self.0.wanted()
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        value.as_ref().and_then(|value| self.0.show(value))
    }
}

/// Yes or no.
pub(crate) struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<bool, Vec<Wrong>> {
        value.get_ref().as_bool().ok_or_else(|| Wrong::here(value))
    }

    fn wanted(&self) -> String {
        "true or false".to_owned()
    }

    fn show(&self, value: &bool) -> Option<String> {
        Some(value.to_string())
    }
}

/// A number with a fraction, more than zero and up to a bound.
pub(crate) struct Factor(pub(crate) f64);

impl Kind for Factor {
    type Value = f64;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<f64, Vec<Wrong>> {
        let number = match value.get_ref() {
            DeValue::Float(float) => float.as_str().parse().ok(),
            other => integer(other).map(|number| number as f64),
        };
        number.filter(|number| *number > 0.0 && *number <= self.0).ok_or_else(|| Wrong::here(value))
    }

    fn wanted(&self) -> String {
        format!("a number above 0, up to {}", self.0)
    }

    fn show(&self, value: &f64) -> Option<String> {
        Some(format!("{value:?}"))
    }
}

const UNITS_OF_SIZE: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];

/// Bytes: a number, or a text with a unit.
pub(crate) struct Size<N>(pub(crate) N, pub(crate) N);

fn size(text: &str) -> Option<u64> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim_start();
    let (_, unit) = UNITS_OF_SIZE.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*unit)
}

fn show_size(bytes: u64) -> String {
    let unit = UNITS_OF_SIZE[..3].iter().rev().find(|(_, unit)| bytes != 0 && bytes.is_multiple_of(*unit));
    match unit {
        Some((name, unit)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} B"),
    }
}

impl<N: Number> Kind for Size<N> {
    type Value = N;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<N, Vec<Wrong>> {
        let size = match value.get_ref() {
            DeValue::String(text) => size(text),
            other => integer(other),
        };
        size.and_then(N::of).filter(|size| (self.0..=self.1).contains(size)).ok_or_else(|| Wrong::here(value))
    }

    fn wanted(&self) -> String {
        let (least, most) = (show_size(self.0.number()), show_size(self.1.number()));
        format!("a size from \"{least}\" to \"{most}\", in B, KiB, MiB or GiB, or a number of bytes")
    }

    fn show(&self, value: &N) -> Option<String> {
        Some(quoted(&show_size(value.number())))
    }
}

const UNITS_OF_TIME: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("min", 60_000), ("h", 3_600_000)];

/// A time span between two, both included: a text with a unit.
pub(crate) struct Span(pub(crate) Duration, pub(crate) Duration);

impl Span {
    pub(crate) fn parse(text: &str) -> Option<Duration> {
        let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
        let number: u64 = text[..digits].parse().ok()?;
        let unit = text[digits..].trim_start();
        let (_, unit) = UNITS_OF_TIME.iter().find(|(name, _)| *name == unit)?;
        number.checked_mul(*unit).map(Duration::from_millis)
    }
}

fn show_span(span: Duration) -> String {
    let milliseconds = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let fits = |(_, unit): &&(&str, u64)| milliseconds != 0 && milliseconds.is_multiple_of(*unit);
    let (name, unit) = UNITS_OF_TIME.iter().rev().find(fits).unwrap_or(&UNITS_OF_TIME[1]);
    format!("{} {name}", milliseconds / unit)
}

impl Kind for Span {
    type Value = Duration;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Duration, Vec<Wrong>> {
        let span = value.get_ref().as_str().and_then(Self::parse);
        span.filter(|span| (self.0..=self.1).contains(span)).ok_or_else(|| Wrong::here(value))
    }

    fn wanted(&self) -> String {
        let (least, most) = (show_span(self.0), show_span(self.1));
        format!("a time from \"{least}\" to \"{most}\", in ms, s, min or h")
    }

    fn show(&self, value: &Duration) -> Option<String> {
        Some(quoted(&show_span(*value)))
    }
}

/// The name of a file.
pub(crate) struct File;

impl Kind for File {
    type Value = PathBuf;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<PathBuf, Vec<Wrong>> {
        let text = value.get_ref().as_str().filter(|text| !text.is_empty() && !text.contains('\0'));
        text.map(PathBuf::from).ok_or_else(|| Wrong::here(value))
    }

    fn wanted(&self) -> String {
        "the name of a file".to_owned()
    }

    fn show(&self, value: &PathBuf) -> Option<String> {
        Some(quoted(&value.to_string_lossy()))
    }
}

/// Any text.
pub(crate) struct Text;

impl Kind for Text {
    type Value = String;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<String, Vec<Wrong>> {
        value.get_ref().as_str().map(str::to_owned).ok_or_else(|| Wrong::here(value))
    }

    fn wanted(&self) -> String {
        "a text".to_owned()
    }

    fn show(&self, value: &String) -> Option<String> {
        Some(quoted(value))
    }
}

/// One of several names.
pub(crate) struct Choice<T: 'static>(pub(crate) &'static [(&'static str, T)]);

impl<T: Clone + PartialEq> Kind for Choice<T> {
    type Value = T;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<T, Vec<Wrong>> {
        let Some(text) = value.get_ref().as_str() else { return Err(Wrong::here(value)) };
        if let Some((_, choice)) = self.0.iter().find(|(name, _)| *name == text) {
            return Ok(choice.clone());
        }
        let mut wrong = Wrong::here(value);
        wrong[0].nearest = nearest(text, self.0.iter().map(|(name, _)| *name)).map(quoted);
        Err(wrong)
    }

    fn wanted(&self) -> String {
        one_of(self.0.iter().map(|(name, _)| quoted(name)))
    }

    fn show(&self, value: &T) -> Option<String> {
        self.0.iter().find(|(_, choice)| choice == value).map(|(name, _)| quoted(name))
    }
}

/// `a, b or c`.
pub(crate) fn one_of(names: impl IntoIterator<Item = String>) -> String {
    let mut names: Vec<_> = names.into_iter().collect();
    match names.pop() {
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} or {last}", names.join(", ")),
        None => String::new(),
    }
}

/// A text that stands for something else.
pub(crate) struct Parsed<T> {
    wanted: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Parsed<T> {
    /// `wanted` follows "give".
    pub(crate) const fn new(wanted: &'static str) -> Self {
        Self { wanted, value: PhantomData }
    }
}

impl<T: FromStr<Err: Display> + Display> Kind for Parsed<T> {
    type Value = T;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<T, Vec<Wrong>> {
        let Some(text) = value.get_ref().as_str() else { return Err(Wrong::here(value)) };
        text.parse().map_err(|error: T::Err| Wrong::because(value, error.to_string()))
    }

    fn wanted(&self) -> String {
        self.wanted.to_owned()
    }

    fn show(&self, value: &T) -> Option<String> {
        Some(quoted(&value.to_string()))
    }
}

/// Several of what another kind takes.
pub(crate) struct Several<K>(pub(crate) K);

impl<K: Kind> Kind for Several<K> {
    type Value = Vec<K::Value>;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Self::Value, Vec<Wrong>> {
        let Some(array) = value.get_ref().as_array() else { return Err(Wrong::here(value)) };
        let mut values = Vec::new();
        let mut wrong = Vec::new();
        for value in array.iter() {
            match self.0.read(value) {
                Ok(value) => values.push(value),
                Err(more) => wrong.extend(more),
            }
        }
        if wrong.is_empty() { Ok(values) } else { Err(wrong) }
    }

    fn wanted(&self) -> String {
        format!("a list such as [..], of each {}", self.0.wanted())
    }

    fn show(&self, value: &Self::Value) -> Option<String> {
        let values: Vec<_> = value.iter().filter_map(|value| self.0.show(value)).collect();
        Some(format!("[{}]", values.join(", ")))
    }
}
