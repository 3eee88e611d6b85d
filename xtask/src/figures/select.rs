//! Which workloads a name means, and which others have to run with them.
//!
//! A name is that of a workload or of one of its figures; or the beginning of such names; or a pattern with `*` and `?`. A
//! whole name means just that one, though it may be the beginning of others. Whatever a row of the table of ratios needs to
//! judge a chosen figure is chosen too, so that a ratio is never formed of figures of different runs.

use std::error::Error;
use std::fmt;

use crate::row::ROWS;
use crate::workload::{LIST, Workload, giver};

/// A name that means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// As it was typed.
    pub typed: String,
    /// The name that is most like it.
    pub nearest: String,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no workload `{}`; the nearest is `{}`", self.typed, self.nearest)
    }
}

impl Error for UnknownName {}

/// The workloads that `typed` asks for, all without any, with what their ratios need; in the order of [`LIST`].
///
/// # Errors
///
/// [`UnknownName`] for a name that means no workload.
pub fn select<S: AsRef<str>>(typed: &[S]) -> Result<Vec<&'static Workload>, UnknownName> {
    if typed.is_empty() {
        return Ok(LIST.iter().collect());
    }
    let mut chosen: Vec<&'static Workload> = Vec::new();
    for name in typed {
        let meant = meaning(name.as_ref());
        if meant.is_empty() {
            let typed = name.as_ref().to_owned();
            let nearest = nearest(&typed, names()).unwrap_or_default();
            return Err(UnknownName { typed, nearest });
        }
        chosen.extend(meant);
    }
    // What judges a peer is not asked for with the peer, so one step is enough.
    for row in ROWS {
        if chosen.iter().any(|workload| workload.gives(row.subject())) {
            chosen.extend(row.needs().filter_map(giver));
        }
    }
    Ok(LIST.iter().filter(|workload| chosen.contains(workload)).collect())
}

fn meaning(typed: &str) -> Vec<&'static Workload> {
    let whole: Vec<_> = having(|name| name == typed);
    if !whole.is_empty() {
        return whole;
    }
    if typed.contains(['*', '?']) {
        return having(|name| fits(name.as_bytes(), typed.as_bytes()));
    }
    having(|name| name.starts_with(typed))
}

/// The workloads of which some name is accepted.
fn having(accepts: impl Fn(&str) -> bool) -> Vec<&'static Workload> {
    let of = |workload: &&Workload| names_of(workload).any(|name| accepts(&name));
    LIST.iter().filter(of).collect()
}

fn names_of(workload: &Workload) -> impl Iterator<Item = String> {
    std::iter::once(workload.name.to_owned()).chain(workload.names().map(|(name, _)| name))
}

fn names() -> impl Iterator<Item = String> {
    LIST.iter().flat_map(names_of)
}

/// Whether all of `name` fits the pattern: `*` is anything, `?` any one byte.
fn fits(name: &[u8], pattern: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skip| fits(&name[skip..], rest)),
        Some((wanted, rest)) => name
            .split_first()
            .is_some_and(|(byte, tail)| (*wanted == b'?' || wanted == byte) && fits(tail, rest)),
    }
}

/// Which of `known` is most like what was typed.
pub fn nearest<S: AsRef<str>>(typed: &str, known: impl IntoIterator<Item = S>) -> Option<S> {
    known.into_iter().min_by_key(|name| strsim::damerau_levenshtein(name.as_ref(), typed))
}
