//! The rules of one host, sorted by their path prefixes.
//!
//! A prefix fits a path that is the prefix, or goes on after it with a `/` or after a `/` that ends it: `/a` fits `/a` and
//! `/a/b`, and does not fit `/ab`.
//!
//! # Rules
//! * Whatever stands between a prefix of a path and that path in the sorted order has the same prefix. So from the last entry
//!   that is not after the path, the entries that are prefixes of it are reached from one to the next shorter one.

use std::cmp::Reverse;

use smallvec::SmallVec;

use super::RemapError;
use super::rule::{Rule, Scheme};

/// The rules of one host.
#[derive(Debug, Default)]
pub(super) struct Prefixes(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    prefix: Box<str>,
    /// The longest other entry that is a prefix of this one, as text.
    shorter: Option<u32>,
    /// Those with this prefix, the most particular first.
    rules: SmallVec<[u32; 2]>,
}

impl Prefixes {
    /// Sorts those of `rules` that are named.
    pub(super) fn new(rules: &[Rule], mut indices: Vec<u32>) -> Result<Self, RemapError> {
        let of = |index: u32| &rules[index as usize];
        indices.sort_by_key(|&index| (&of(index).from.prefix, Reverse(of(index).particular()), index));
        let mut entries: Vec<Entry> = Vec::new();
        for index in indices {
            let rule = of(index);
            if let Some(entry) = entries.last_mut().filter(|entry| entry.prefix == rule.from.prefix) {
                let before = entry.rules.iter().map(|&before| of(before));
                if let Some(first) = before.into_iter().find(|before| before.from == rule.from) {
                    return Err(RemapError::Twice { first: first.to_string(), second: rule.to_string() });
                }
                entry.rules.push(index);
                continue;
            }
            let mut shorter = entries.len().checked_sub(1);
            while let Some(at) = shorter.filter(|&at| !rule.from.prefix.starts_with(&*entries[at].prefix)) {
                shorter = entries[at].shorter.map(|at| at as usize);
            }
            let shorter = shorter.map(|at| u32::try_from(at).expect("fewer rules than that"));
            let prefix = rule.from.prefix.clone();
            entries.push(Entry { prefix, shorter, rules: SmallVec::from_slice(&[index]) });
        }
        Ok(Self(entries))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rule with the longest prefix of `path` that fits the port and the scheme as well.
    pub(super) fn find<'a>(
        &self,
        rules: &'a [Rule],
        path: &str,
        port: u16,
        scheme: Scheme,
    ) -> Option<&'a Rule> {
        let after = self.0.partition_point(|entry| *entry.prefix <= *path);
        let mut next = after.checked_sub(1);
        while let Some(entry) = next.map(|at| &self.0[at]) {
            if fits(&entry.prefix, path) {
                let mut with_it = entry.rules.iter().map(|&index| &rules[index as usize]);
                if let Some(rule) = with_it.find(|rule| rule.from.allows(port, scheme)) {
                    return Some(rule);
                }
            }
            next = entry.shorter.map(|at| at as usize);
        }
        None
    }

    /// Whether any rule fits the port and the scheme.
    pub(super) fn allow(&self, rules: &[Rule], port: u16, scheme: Scheme) -> bool {
        let mut indices = self.0.iter().flat_map(|entry| &entry.rules);
        indices.any(|&index| rules[index as usize].from.allows(port, scheme))
    }
}

fn fits(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'))
}
