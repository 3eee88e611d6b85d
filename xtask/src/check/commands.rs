//! The checks that are rows of cargo commands, written as one would type them.
//!
//! Warnings are errors in all of them. Where that is asked of the compiler itself (`RUSTFLAGS`) it would rebuild
//! every dependency, so it is asked of clippy instead, which sees the same warnings for the same features; only the
//! loom build has a target folder of its own anyway.

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

/// In a target folder of its own: `--cfg loom` changes every package of the build.
pub(super) fn loom(workspace: &Workspace) -> Result<Vec<Step>> {
    let metadata = workspace.metadata()?;
    let target = metadata.target_directory.join("loom");
    let target = target.strip_prefix(&metadata.workspace_root).unwrap_or(&target);
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
