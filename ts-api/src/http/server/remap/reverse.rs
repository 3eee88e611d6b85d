//! The way back: where an origin points at itself, the client is pointed at us.

use std::borrow::Cow;

use super::rule::{Rule, join};
use super::{OriginName, Remap, Scheme, split_authority};

impl Remap {
    /// What the rules for the way back make of a `Location`; none if there is none for it.
    pub(crate) fn reverse(&self, location: &str) -> Option<String> {
        if self.table.locations.is_empty() {
            return None;
        }
        // What follows a `#` is the client's.
        let (url, fragment) = location.split_at(location.find('#').unwrap_or(location.len()));
        let (scheme, rest) = url.split_once("://")?;
        let (authority, target) = split_target(rest);
        let found =
            self.table.locations.find(&self.table.rules, Scheme::parse(scheme)?, authority, &target)?;
        Some(found.url(&target) + fragment)
    }
}

/// The authority, and the path and query, of what follows `://` in a URL.
pub(super) fn split_target(rest: &str) -> (&str, Cow<'_, str>) {
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let target = match target {
        "" => Cow::Borrowed("/"),
        _ if target.starts_with('?') => Cow::Owned(format!("/{target}")),
        _ => Cow::Borrowed(target),
    };
    (authority, target)
}

impl Rule {
    /// What a `Location` becomes; none if it stays as it is.
    ///
    /// One that names the origin, and a path under the rule's, becomes one that names the `authority` that the client asked
    /// for, and the path under the prefix. A relative one is the client's to resolve, and stays.
    pub(crate) fn way_back(&self, location: &str, authority: &str) -> Option<String> {
        if self.keep_location {
            return None;
        }
        let rest = location.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"))?;
        let rest = &location[rest.len()..];
        let (named, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = split_authority(named);
        if OriginName::new(host, port.unwrap_or(80)) != self.to.origin {
            return None;
        }
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let path = self.to.path.strip_suffix('/').unwrap_or(&self.to.path);
        let under = target.strip_prefix(path)?;
        if !(under.is_empty() || under.starts_with(['/', '?', '#'])) {
            return None;
        }
        let under =
            if self.to.path.ends_with('/') { under.strip_prefix('/').unwrap_or(under) } else { under };
        Some(format!("http://{authority}{}", join(&self.from.prefix, &self.to.path, under)))
    }
}
