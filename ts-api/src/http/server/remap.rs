//! Which requests go to which origin, which clients are sent elsewhere, and what becomes of the URLs that origins name: a table
//! of rules.
//!
//! Of the rules that fit a request the one with the longest path prefix wins; among those with equally long ones the one with
//! the more particular host (a whole name before a suffix, a long suffix before a short one, any host last), then the one
//! that names a port, then the one that names a scheme. The order in which rules were given does not count, and two that
//! could not be told apart are an error. It is the same with rules for the way back, among themselves, and the URL of a `Location`.
//!
//! The rules of one host, or suffix, are sorted by prefix, so a look-up is a binary search for each of the host's names:
//! itself, each suffix that is in the table, any. Hosts are found by hash.

mod prefixes;
mod reverse;
mod rule;
mod step;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use memchr::memchr;
use thiserror::Error;

use self::prefixes::Prefixes;
use self::reverse::split_target;
use self::rule::Host;

pub(crate) use self::rule::{OriginName, Scheme};
pub use self::rule::{Redirection, Rule, RuleError};
#[cfg(feature = "ffi")]
pub(crate) use self::step::{Done, Step};
pub(crate) use self::step::{Held, Steps};

/// Which requests go to which origin, and what becomes of the others.
///
/// The rule with the longest path prefix wins; then the more particular host, then the one that names a port, then the one
/// that names a scheme.
///
/// # Examples
///
/// ```
/// use ts_api::http::{Remap, Rule};
///
/// let remap = Remap::new([
///     Rule::new("http://shop.example/", "http://10.0.0.1:8080/")?,
///     Rule::new("http://shop.example/pictures/", "http://store.internal/shop/")?,
///     Rule::new("//*.example/", "http://10.0.0.2/")?,
/// ])?;
/// let url = |asked: &str| remap.find(asked).map(|found| found.url);
/// assert_eq!(url("http://shop.example/cart?item=7").unwrap(), "http://10.0.0.1:8080/cart?item=7");
/// assert_eq!(url("http://shop.example/pictures/7.png").unwrap(), "http://store.internal/shop/7.png");
/// assert_eq!(url("http://other.example/").unwrap(), "http://10.0.0.2/");
/// assert!(url("http://nowhere.test/").is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Remap {
    table: Arc<Table>,
    unmapped: Unmapped,
    steps: Held,
}

/// What becomes of a request that no rule fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Unmapped {
    /// It is answered: 404 if there are rules for its scheme, host and port, and none for its path, and else 421. The
    /// default.
    #[default]
    Deny,
    /// A request that names its target in full (`GET http://a.example/ HTTP/1.1`), as clients of a forward proxy do, goes
    /// there, if the [target policy](super::Targets) allows it. Any other is answered as
    /// with `Deny`.
    ForwardProxy,
}

/// Why rules do not make a table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RemapError {
    /// Two rules are for the same requests.
    #[error("two rules are for the same requests: `{first}` and `{second}`")]
    Twice {
        /// The one that was given first.
        first: String,
        /// The other one.
        second: String,
    },
}

/// Where a request goes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Mapped<'a> {
    /// The rule that says so.
    pub rule: &'a Rule,
    /// The rewritten URL; of a redirect, where its client is sent.
    pub url: String,
}

#[derive(Default)]
struct Table {
    rules: Vec<Rule>,
    requests: Hosts,
    /// For the way back.
    locations: Hosts,
}

/// Rules of one kind, by their hosts.
#[derive(Default)]
struct Hosts {
    exact: HashMap<Box<str>, Prefixes>,
    /// By what follows `*.`.
    suffixes: HashMap<Box<str>, Prefixes>,
    any: Prefixes,
}

impl Remap {
    /// A table of rules.
    ///
    /// # Errors
    ///
    /// [`RemapError`].
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self, RemapError> {
        let rules: Vec<_> = rules.into_iter().collect();
        let requests = Hosts::new(&rules, Rule::is_for_requests)?;
        let locations = Hosts::new(&rules, |rule| !rule.is_for_requests())?;
        let table = Table { rules, requests, locations };
        Ok(Self { table: Arc::new(table), unmapped: Unmapped::Deny, steps: Held::default() })
    }

    /// Sends everything to one origin as it is: neither its path nor its host nor what comes back is changed.
    #[must_use]
    pub fn to(origin: SocketAddr) -> Self {
        Self::new([Rule::everything_to(origin)]).expect("one rule is like no other")
    }

    /// Says what becomes of a request that no rule fits.
    #[must_use]
    pub fn unmapped(mut self, unmapped: Unmapped) -> Self {
        self.unmapped = unmapped;
        self
    }

    /// Has the steps that its rules name the numbers of; whoever keeps them has it in force as long.
    #[cfg(feature = "host")]
    pub(crate) fn with_steps(mut self, steps: &Arc<Steps>) -> Self {
        self.steps = Held::new(steps);
        self
    }

    /// What its rules have besides themselves.
    pub(crate) fn steps(&self) -> &Held {
        &self.steps
    }

    /// The rules, in the order in which they were given.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.table.rules
    }

    /// Where a request for `url` goes; none if no rule fits, or if it is no URL with a host.
    #[must_use]
    pub fn find(&self, url: &str) -> Option<Mapped<'_>> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = Scheme::parse(scheme)?;
        let (authority, target) = split_target(rest);
        let rule = self.table.requests.find(&self.table.rules, scheme, authority, &target)?;
        Some(Mapped { rule, url: rule.url(&target) })
    }

    /// Whether there is nothing to send anywhere.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.requests.is_empty() && self.unmapped == Unmapped::Deny
    }

    pub(crate) fn forwards(&self) -> bool {
        self.unmapped == Unmapped::ForwardProxy
    }

    /// The rule for a request; `authority` is a host, perhaps with a port, and `path` may have a query.
    pub(crate) fn rule(&self, scheme: Scheme, authority: &str, path: &str) -> Option<&Rule> {
        self.table.requests.find(&self.table.rules, scheme, authority, path)
    }

    /// Whether a rule is for this scheme, host and port, whatever its path.
    pub(crate) fn serves(&self, scheme: Scheme, authority: &str) -> bool {
        let (host, port) = split_authority(authority);
        let port = port.unwrap_or(scheme.port());
        let mut serves = false;
        let requests = &self.table.requests;
        requests.for_host(host, |prefixes| serves |= prefixes.allow(&self.table.rules, port, scheme));
        serves
    }
}

impl Hosts {
    /// Sorts those of the rules that are wanted.
    fn new(rules: &[Rule], wanted: impl Fn(&Rule) -> bool) -> Result<Self, RemapError> {
        let mut hosts = Self::default();
        let mut by_host: HashMap<&Host, Vec<u32>> = HashMap::new();
        for (index, rule) in (0..).zip(rules).filter(|(_, rule)| wanted(rule)) {
            by_host.entry(&rule.from.host).or_default().push(index);
        }
        for (host, indices) in by_host {
            let prefixes = Prefixes::new(rules, indices)?;
            match host {
                Host::Exact(name) => drop(hosts.exact.insert(name.clone(), prefixes)),
                Host::Suffix(name) => drop(hosts.suffixes.insert(name.clone(), prefixes)),
                Host::Any => hosts.any = prefixes,
            }
        }
        Ok(hosts)
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.suffixes.is_empty() && self.any.is_empty()
    }

    /// The rule for a host, perhaps with a port, and a path, perhaps with a query.
    fn find<'a>(&self, rules: &'a [Rule], scheme: Scheme, authority: &str, target: &str) -> Option<&'a Rule> {
        let path = memchr(b'?', target.as_bytes()).map_or(target, |query| &target[..query]);
        let (host, port) = split_authority(authority);
        let port = port.unwrap_or(scheme.port());
        let mut best: Option<&Rule> = None;
        self.for_host(host, |prefixes| {
            let Some(found) = prefixes.find(rules, path, port, scheme) else { return };
            // Of equal length, the one that was found before has the more particular host.
            if best.is_none_or(|best| found.from.prefix.len() > best.from.prefix.len()) {
                best = Some(found);
            }
        });
        best
    }

    /// Shows the rules that are for a host, those with the more particular one first.
    fn for_host<'a>(&'a self, host: &str, mut show: impl FnMut(&'a Prefixes)) {
        if !self.exact.is_empty() || !self.suffixes.is_empty() {
            let host = in_lower_case(host);
            if let Some(prefixes) = self.exact.get(&*host) {
                show(prefixes);
            }
            if !self.suffixes.is_empty() {
                let mut rest = &*host;
                while let Some((_, suffix)) = rest.split_once('.') {
                    if let Some(prefixes) = self.suffixes.get(suffix) {
                        show(prefixes);
                    }
                    rest = suffix;
                }
            }
        }
        show(&self.any);
    }
}

/// A host without its final dot, and the port if there is one.
pub(crate) fn split_authority(authority: &str) -> (&str, Option<u16>) {
    // A host is short, so that one look at each byte costs less than a search for each of these.
    let (mut host, mut colon) = (0, None);
    for (at, byte) in authority.bytes().enumerate() {
        match byte {
            b'@' => (host, colon) = (at + 1, None),
            // The colons before belong to an address.
            b']' => colon = None,
            b':' => colon = Some(at),
            _ => {}
        }
    }
    let (host, port) = match colon {
        Some(colon) => (&authority[host..colon], authority[colon + 1..].parse().ok()),
        None => (&authority[host..], None),
    };
    (host.strip_suffix('.').unwrap_or(host), port)
}

fn in_lower_case(host: &str) -> Cow<'_, str> {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

impl fmt::Debug for Remap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<_> = self.rules().iter().map(ToString::to_string).collect();
        f.debug_struct("Remap").field("rules", &rules).field("unmapped", &self.unmapped).finish()
    }
}
