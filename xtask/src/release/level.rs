//! How far a version moves, and how far it has to.
//!
//! Cargo's reading of versions, which is stricter below 1.0.0 than the bare rules of semantic versioning: two versions
//! are compatible when their first number that is not zero is the same. Below 1.0.0 an addition therefore needs no
//! more than a patch.

use std::fmt;

use anyhow::{Result, bail};
use cargo_metadata::semver::{Prerelease, Version};

/// What the caller asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    Patch,
    Minor,
    Major,
    /// The nearest version that fits what changed.
    Least,
}

impl Level {
    pub(crate) const ALL: &[(&str, Level)] =
        &[("patch", Level::Patch), ("minor", Level::Minor), ("major", Level::Major), ("least", Level::Least)];
}

/// What users of a crate meet, small to large.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Change {
    /// The interface is the same.
    Inside,
    Addition,
    Breaking,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Change::Inside => "the interface is the same",
            Change::Addition => "additions",
            Change::Breaking => "breaking",
        })
    }
}

/// Whether cargo takes `new` where `old` was asked for.
pub(super) fn compatible(old: &Version, new: &Version) -> bool {
    let leading = |v: &Version| match (v.major, v.minor, v.patch) {
        (0, 0, patch) => (0, 0, patch + 1),
        (0, minor, _) => (0, minor, 0),
        (major, _, _) => (major, 0, 0),
    };
    leading(old) == leading(new)
}

/// Whether a crate that changed so much since `old` may be called `new`.
pub(super) fn fits(old: &Version, new: &Version, change: Change) -> bool {
    let further = match change {
        Change::Inside => true,
        Change::Addition => old.major == 0 || new.major > old.major || new.minor > old.minor,
        Change::Breaking => !compatible(old, new),
    };
    new > old && further
}

/// The nearest version after `old` that fits.
fn least(old: &Version, change: Change) -> Version {
    let steps = [Level::Patch, Level::Minor, Level::Major].map(|level| step(old, level));
    let [.., last] = &steps;
    steps.iter().find(|new| fits(old, new, change)).unwrap_or(last).clone()
}

/// The level that [`least`] would take, as it is typed.
pub(super) fn least_name(old: &Version, change: Change) -> &'static str {
    let fitting = Level::ALL.iter().find(|(_, level)| fits(old, &step(old, *level), change));
    fitting.map_or("major", |(name, _)| name)
}

/// The version after `old` at this level.
pub(super) fn raise(old: &Version, level: Level, change: Change) -> Result<Version> {
    if !old.pre.is_empty() {
        bail!("{old} is a version before its release: write the version you mean into the manifest");
    }
    Ok(match level {
        Level::Least => least(old, change),
        level => step(old, level),
    })
}

fn step(old: &Version, level: Level) -> Version {
    let mut new = Version { pre: Prerelease::EMPTY, build: Default::default(), ..old.clone() };
    match level {
        Level::Patch | Level::Least => new.patch += 1,
        Level::Minor => (new.minor, new.patch) = (new.minor + 1, 0),
        Level::Major => (new.major, new.minor, new.patch) = (new.major + 1, 0, 0),
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    #[test]
    fn the_first_number_that_is_not_zero_decides_what_is_compatible() {
        for (old, new, same) in [
            ("1.2.3", "1.9.0", true),
            ("1.2.3", "2.0.0", false),
            ("0.1.0", "0.1.7", true),
            ("0.1.0", "0.2.0", false),
            ("0.0.1", "0.0.2", false),
            ("0.0.1", "0.1.0", false),
        ] {
            assert_eq!(compatible(&version(old), &version(new)), same, "{old} {new}");
        }
    }

    #[test]
    fn the_least_version_is_the_nearest_that_fits() {
        for (old, change, new) in [
            ("0.1.0", Change::Inside, "0.1.1"),
            ("0.1.0", Change::Addition, "0.1.1"),
            ("0.1.0", Change::Breaking, "0.2.0"),
            ("0.0.3", Change::Breaking, "0.0.4"),
            ("1.2.3", Change::Addition, "1.3.0"),
            ("1.2.3", Change::Breaking, "2.0.0"),
        ] {
            assert_eq!(least(&version(old), change), version(new), "{old} {change}");
            assert!(!fits(&version(old), &version(old), change), "no version is its own successor");
        }
        assert!(!fits(&version("1.2.3"), &version("1.2.4"), Change::Addition));
        assert_eq!(least_name(&version("0.1.0"), Change::Breaking), "minor");
    }
}
