//! What a table says of its keys, and who walks over them.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

pub(crate) use crate::nearest::nearest;

/// A key, as its table describes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// One sentence or two, for the printed file.
    pub(crate) about: &'static str,
    pub(crate) change: When,
    /// A table that lacks it is in error.
    pub(crate) required: bool,
}

/// When another value than before is taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// At a reload.
    Reload,
    /// When the host starts anew.
    Restart,
}

impl Key {
    /// A key whose value is taken up when the host starts.
    pub(crate) const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, change: When::Restart, required: false }
    }

    /// Its value is taken up at a reload as well.
    pub(crate) const fn reloads(mut self) -> Self {
        self.change = When::Reload;
        self
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// A table.
pub(crate) trait Section: Default {
    /// Lists the keys, in the order in which they are printed.
    fn keys<K: Keys>(&mut self, keys: &mut K);

    /// Looks at what no key can know by itself. Each complaint names the key that it is about, if it is about one.
    fn check(&self, _complain: &mut dyn FnMut(Option<&'static str>, String)) {}
}

/// Whoever walks over the keys of a table.
pub(crate) trait Keys {
    /// A key with a value.
    fn value<K: Kind>(&mut self, key: Key, kind: K, value: &mut K::Value);

    /// A table within.
    fn table<S: Section>(&mut self, key: Key, section: &mut S);

    /// An array of tables.
    fn list<S: Section>(&mut self, key: Key, sections: &mut Vec<S>);
}

/// What a key takes.
pub(crate) trait Kind {
    /// What it is in the program.
    type Value;

    /// Reads what the file says.
    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<Self::Value, Vec<Wrong>>;

    /// What it takes, to follow "give": `a number from 1 to 9`.
    fn wanted(&self) -> String;

    /// What the file would say; none if it would not say the key at all.
    fn show(&self, value: &Self::Value) -> Option<String>;
}

/// What is wrong with a value.
#[derive(Debug, Clone)]
pub(crate) struct Wrong {
    /// Where in the file: the value, or a part of it.
    pub(crate) span: Range<usize>,
    /// Why, if what is wanted does not say it.
    pub(crate) why: Option<String>,
    /// What may have been meant.
    pub(crate) nearest: Option<String>,
}

impl Wrong {
    /// It is not what is wanted.
    pub(crate) fn here<T>(value: &Spanned<T>) -> Vec<Self> {
        vec![Self { span: value.span(), why: None, nearest: None }]
    }

    /// It is not, and there is more to say.
    pub(crate) fn because<T>(value: &Spanned<T>, why: impl Into<String>) -> Vec<Self> {
        vec![Self { span: value.span(), why: Some(why.into()), nearest: None }]
    }
}
