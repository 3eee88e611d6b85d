//! Each crate knows only what is below it, and brings no second reactor or runtime.
//!
//! # Rules
//! * A member depends on other members only as [`MAY_USE`] says, in tests and build scripts too: a test that needs
//!   an upper layer belongs to that layer. `xtask` uses none, but its benchmarks measure all of them.
//! * Members are named in the crate that needs them, with path and version and not through the workspace table, so
//!   that raising one requirement for a release changes one manifest.
//! * What a published crate links, with all features, contains no package of [`RUNTIMES`], and of `tokio` only parts
//!   without threads, sockets and timers. What asks the kernel which descriptors are ready ([`POLLERS`]) is used by the
//!   one reactor that there is, and by nobody else.
//!
//! The linked packages are asked of `cargo tree` and not of `cargo metadata`: the latter unites features with those
//! that dev-dependencies ask for, so a benchmark against another runtime would look like a use of it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{Dependency, Package};
use toml_edit::{DocumentMut, TableLike};

use super::Finding;
use crate::workspace::{Workspace, is_published};

/// The members of the workspace, lowest layer first, and which members each may use.
pub(super) const MAY_USE: &[(&str, &[&str])] = &[
    ("ts-thread", &[]),
    ("ts-mutex", &["ts-thread"]),
    ("ts-event", &["ts-thread"]),
    ("ts-cont", &["ts-thread", "ts-mutex", "ts-event"]),
    ("ts-api", &["ts-thread", "ts-mutex", "ts-event", "ts-cont"]),
    ("xtask", &[]),
];

/// Packages that poll descriptors or run futures on threads of their own.
const RUNTIMES: &[&str] = &[
    "actix-rt",
    "async-executor",
    "async-global-executor",
    "async-io",
    "async-std",
    "calloop",
    "compio",
    "glommio",
    "monoio",
    "smol",
    "tokio-uring",
];

/// Packages that ask the kernel which descriptors are ready, and who may.
const POLLERS: &[&str] = &["mio", "polling"];
const REACTOR: &str = "ts-event";

/// Features of `tokio` that bring its scheduler, its reactor or its timers.
const TOKIO_RUNTIME: &[&str] =
    &["full", "fs", "net", "process", "rt", "rt-multi-thread", "signal", "time", "io-std"];

pub(super) fn look(workspace: &Workspace) -> Result<Vec<Finding>> {
    let metadata = workspace.metadata()?;
    let members: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = shared_members(workspace, &members)?;
    for package in &metadata.packages {
        found.extend(uses(package, &members));
    }
    for package in metadata.packages.iter().filter(|package| is_published(package)) {
        found.extend(runtimes(workspace, package)?);
    }
    Ok(found)
}

/// What `package` asks of other members, against the table.
fn uses(package: &Package, members: &BTreeSet<&str>) -> Vec<Finding> {
    let place = format!("{}/Cargo.toml", package.name);
    let Some((_, below)) = MAY_USE.iter().find(|(name, _)| *name == package.name.as_str()) else {
        return vec![Finding::new(place, "this crate is in no layer")];
    };
    let mut found = Vec::new();
    for dependency in package.dependencies.iter().filter(|dependency| members.contains(&*dependency.name)) {
        let Dependency { name, kind, .. } = dependency;
        if *name == *package.name {
            continue;
        }
        let measured = *package.name == "xtask" && *kind == cargo_metadata::DependencyKind::Development;
        if !below.contains(&name.as_str()) && !measured {
            found.push(Finding::new(
                &place,
                format!("{} may not know {name} ({kind:?} dependency)", package.name),
            ));
        }
        let versioned = dependency.req != cargo_metadata::semver::VersionReq::STAR;
        let stripped_when_published = *kind == cargo_metadata::DependencyKind::Development;
        if dependency.path.is_none() || !(versioned || stripped_when_published) {
            found.push(Finding::new(&place, format!("{name} needs both `path` and `version`")));
        }
    }
    found
}

/// Members named in the workspace's table of shared dependencies.
fn shared_members(workspace: &Workspace, members: &BTreeSet<&str>) -> Result<Vec<Finding>> {
    let manifest = fs::read_to_string(workspace.root.join("Cargo.toml"))?.parse::<DocumentMut>()?;
    let shared = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(|dependencies| dependencies.as_table_like());
    let names = shared.into_iter().flat_map(TableLike::iter).map(|(name, _)| name);
    let what =
        |name| format!("{name} belongs in the manifests of the crates that use it, not in the shared table");
    Ok(names
        .filter(|name| members.contains(name))
        .map(|name| Finding::new("Cargo.toml", what(name)))
        .collect())
}

/// Runtimes among the packages that a user of `package` links.
fn runtimes(workspace: &Workspace, package: &Package) -> Result<Vec<Finding>> {
    let tree = Command::new("cargo")
        .args([
            "tree",
            "--all-features",
            "--edges",
            "normal",
            "--prefix",
            "depth",
            "--format",
            "{p}\t{f}",
            "-p",
        ])
        .arg(package.name.as_str())
        .current_dir(&workspace.root)
        .output()
        .context("cannot run cargo tree")?;
    ensure!(tree.status.success(), "cargo tree failed: {}", String::from_utf8_lossy(&tree.stderr).trim());
    let tree = String::from_utf8(tree.stdout).context("cargo tree does not speak UTF-8")?;
    // The packages on the way to the line that is looked at, from the outermost to itself.
    let mut way: Vec<&str> = Vec::new();
    let mut complaints = BTreeSet::new();
    for line in tree.lines() {
        let (depth, package, features) = parts(line).with_context(|| format!("no line of a tree: {line}"))?;
        way.truncate(depth);
        complaints.extend(complaint(package, way.last().copied(), features));
        way.push(package);
    }
    let place = format!("{}/Cargo.toml", package.name);
    Ok(complaints.into_iter().map(|complaint| Finding::new(&place, complaint)).collect())
}

/// A line of the tree: the depth with `NAME vVERSION (PATH)` at once behind it, a tab, features, and `(*)` when seen
/// before.
fn parts(line: &str) -> Option<(usize, &str, &str)> {
    let (package, features) = line.split_once('\t')?;
    let (depth, name) = package.split_at(package.find(|letter: char| !letter.is_ascii_digit())?);
    Some((depth.parse().ok()?, name.split(' ').next()?, features))
}

/// What is wrong with a package that `user` uses with these features.
fn complaint(name: &str, user: Option<&str>, features: &str) -> Option<String> {
    if RUNTIMES.contains(&name) || POLLERS.contains(&name) && user != Some(REACTOR) {
        return Some(format!("{name} is a second reactor or runtime (`cargo tree -e normal -i {name}`)"));
    }
    let features = features.trim_end_matches(" (*)").split(',');
    let taken: Vec<&str> = features.filter(|feature| TOKIO_RUNTIME.contains(feature)).collect();
    (name == "tokio" && !taken.is_empty()).then(|| {
        format!(
            "tokio is linked with its runtime parts: {} (`cargo tree -e features -i tokio`)",
            taken.join(", ")
        )
    })
}
