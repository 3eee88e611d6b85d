//! The checks that are rows of cargo commands, written as one would type them.
//!
//! Warnings are errors in all of them. Where that is asked of the compiler itself (`RUSTFLAGS`) it would rebuild
//! every dependency, so it is asked of clippy instead, which sees the same warnings for the same features; only the
//! loom build has a target folder of its own anyway.

use std::collections::BTreeSet;

use anyhow::Result;
use cargo_metadata::Package;

use crate::step::Step;
use crate::workspace::{Workspace, is_published};

pub(super) fn format(_: &Workspace) -> Result<Vec<Step>> {
    Ok(vec![Step::cargo("fmt --all --check")])
}

pub(super) fn lint(_: &Workspace) -> Result<Vec<Step>> {
    Ok(vec![
        Step::cargo("clippy --workspace --all-targets -- -D warnings"),
        Step::cargo("clippy --workspace --all-targets --all-features -- -D warnings"),
    ])
}

pub(super) fn test(_: &Workspace) -> Result<Vec<Step>> {
    Ok(vec![Step::cargo("test --workspace --all-features")])
}

pub(super) fn test_default(_: &Workspace) -> Result<Vec<Step>> {
    Ok(vec![Step::cargo("test --workspace")])
}

/// Twice, because the two disagree on purpose: with private items a link to one is fine, in the published pages it
/// is broken.
pub(super) fn docs(_: &Workspace) -> Result<Vec<Step>> {
    let silent = |line| Step::cargo(line).with("RUSTDOCFLAGS", "-Dwarnings");
    Ok(vec![
        silent("doc --workspace --no-deps --all-features --document-private-items"),
        silent("doc --workspace --no-deps"),
    ])
}

/// In a workspace build the features of all members are united, so a crate can pass there on a feature that only
/// its neighbour asked for.
pub(super) fn alone(workspace: &Workspace) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for package in workspace.metadata()?.packages.iter().filter(|package| is_published(package)) {
        let name = &package.name;
        steps.push(Step::cargo(&format!("clippy -p {name} --all-targets -- -D warnings")));
        steps.push(Step::cargo(&format!("test -p {name}")));
        if package.features.is_empty() {
            continue;
        }
        steps.push(Step::cargo(&format!("build -p {name} --no-default-features")));
        steps.push(Step::cargo(&format!("clippy -p {name} --no-default-features -- -D warnings")));
        for feature in package.features.keys().filter(|feature| *feature != "default") {
            steps.push(Step::cargo(&format!(
                "clippy -p {name} --no-default-features --features {feature} -- -D warnings"
            )));
        }
    }
    Ok(steps)
}

/// A folder among the builds for those that would disturb the others. Relative where it can be.
pub(super) fn own_target(workspace: &Workspace, name: &str) -> Result<String> {
    let metadata = workspace.metadata()?;
    let target = metadata.target_directory.join(name);
    Ok(target.strip_prefix(&metadata.workspace_root).unwrap_or(&target).to_string())
}

/// In a target folder of its own: `--cfg loom` changes every package of the build.
pub(super) fn loom(workspace: &Workspace) -> Result<Vec<Step>> {
    let metadata = workspace.metadata()?;
    let target = own_target(workspace, "loom")?;
    let models = |package: &&Package| {
        package.targets.iter().any(|target| target.is_test() && target.name.starts_with("loom_"))
    };
    let step = |package: &Package| {
        Step::cargo(&format!("test -p {} --release --test loom_*", package.name))
            .with("RUSTFLAGS", "--cfg loom -Dwarnings")
            .with("CARGO_TARGET_DIR", target.as_str())
    };
    Ok(metadata.packages.iter().filter(models).map(step).collect())
}

/// Sets of features that mean different things, beyond none, each alone, the default ones and all of them. A feature that
/// turns on others makes no difference beside these.
pub(super) fn features(workspace: &Workspace) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for package in workspace.metadata()?.packages.iter().filter(|package| is_published(package)) {
        let names: Vec<&str> =
            package.features.keys().map(String::as_str).filter(|name| *name != "default").collect();
        let meaning = |named: &[&str]| -> BTreeSet<String> {
            let mut open: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
            let mut on = BTreeSet::new();
            while let Some(name) = open.pop() {
                if let Some(more) = package.features.get(&name)
                    && on.insert(name)
                {
                    open.extend(more.iter().cloned());
                }
            }
            on
        };
        let mut known: Vec<BTreeSet<String>> = names.iter().map(|name| meaning(&[*name])).collect();
        known.extend([meaning(&[]), meaning(&names)]);
        let mut default = meaning(&["default"]);
        default.remove("default");
        known.push(default);
        for set in 0..1_u32 << names.len() {
            let chosen: Vec<&str> = names
                .iter()
                .enumerate()
                .filter(|(at, _)| set >> at & 1 == 1)
                .map(|(_, name)| *name)
                .collect();
            let meant = meaning(&chosen);
            if known.contains(&meant) {
                continue;
            }
            known.push(meant);
            steps.push(Step::cargo(&format!(
                "clippy -p {} --all-targets --no-default-features --features {} -- -D warnings",
                package.name,
                chosen.join(",")
            )));
        }
    }
    Ok(steps)
}
