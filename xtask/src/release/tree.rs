//! The tree that is released: what git says of it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::semver::Version;

use crate::step::Step;

/// The tag of one version of one crate.
pub(super) fn tag(name: &str, version: &Version) -> String {
    format!("{name}-v{version}")
}

/// What speaks against a release from this tree, and its commit.
pub(super) fn look(root: &Path, branch: &str) -> Result<(String, Vec<String>)> {
    let commit = Step::of("git", "rev-parse HEAD").read(root).context("a release starts from a commit")?;
    let mut refused = Vec::new();
    let changed = Step::of("git", "status --porcelain").read(root)?;
    if !changed.is_empty() {
        refused.push(format!("the tree has changes that are in no commit:\n{changed}"));
    }
    let on = Step::of("git", "symbolic-ref --quiet --short HEAD").output(root)?;
    let on = String::from_utf8_lossy(&on.stdout).trim().to_owned();
    // A detached head is where a release goes on that was interrupted and left behind; the tags decide there.
    if !on.is_empty() && on != branch {
        refused.push(format!("releases are made on `{branch}`, not on `{on}` (--branch says otherwise)"));
    }
    let behind = Step::of("git", "rev-list --count HEAD..@{upstream}").output(root)?;
    let behind = String::from_utf8_lossy(&behind.stdout).trim().to_owned();
    if !["", "0"].contains(&behind.as_str()) {
        refused.push(format!("the branch lacks {behind} commits of what it follows"));
    }
    Ok((commit, refused))
}

/// Whether HEAD is on a branch, which a release commit can move.
pub(super) fn on_branch(root: &Path) -> Result<bool> {
    Ok(Step::of("git", "symbolic-ref --quiet HEAD").output(root)?.status.success())
}

/// All tags, with the commits that they name.
pub(super) fn tags(root: &Path) -> Result<BTreeMap<String, String>> {
    let list = Step::of("git", "for-each-ref refs/tags")
        .arg("--format=%(refname:lstrip=2) %(objectname) %(*objectname)")
        .read(root)?;
    let tag = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        // A tag with a message is an object of its own; its commit stands behind it.
        Some((name, words.last()?.to_owned()))
    };
    Ok(list.lines().filter_map(tag).collect())
}
