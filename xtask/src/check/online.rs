//! The checks that need a network, or tools that ask one.

use anyhow::{Context, Result};

use super::Lacking;
use super::commands::own_target;
use crate::step::Step;
use crate::workspace::{Workspace, is_published};

pub(super) fn published(_: &Workspace) -> Result<Vec<Step>> {
    Ok(vec![Step::cargo("xtask release --compare")])
}

/// Libraries and programs only: what tests need may ask for more.
pub(super) fn oldest(workspace: &Workspace) -> Result<Vec<Step>> {
    let metadata = workspace.metadata()?;
    let oldest = metadata.packages.iter().filter(|package| is_published(package));
    let oldest = oldest.filter_map(|package| package.rust_version.as_ref()).min();
    let oldest = oldest.context("no manifest promises a Rust version")?.to_string();
    // As the toolchain may be named: by its branch, or by its first version.
    let short = oldest.trim_end_matches(".0").to_owned();
    for name in [oldest.as_str(), &short] {
        if has(workspace, &Step::cargo(&format!("+{name} --version"))) {
            let line = format!("+{name} check --workspace --exclude xtask --all-features --locked");
            return Ok(vec![Step::cargo(&line).with("CARGO_TARGET_DIR", own_target(workspace, "oldest")?)]);
        }
    }
    Err(Lacking(format!("Rust {oldest} is not installed: rustup toolchain install {oldest}")).into())
}

/// With a lock file of its own, so that ours stays. Only what we name ourselves is lowered: what others ask for
/// themselves is theirs to keep right.
pub(super) fn minimal(workspace: &Workspace) -> Result<Vec<Step>> {
    if !has(workspace, &Step::cargo("+nightly --version")) {
        return Err(Lacking("no nightly compiler: rustup toolchain install nightly".into()).into());
    }
    let target = own_target(workspace, "minimal")?;
    let step = |line: &str| {
        let lock = format!("resolver.lockfile-path=\"{target}/Cargo.lock\"");
        Step::cargo("+nightly --config").arg(lock).words(line).with("CARGO_TARGET_DIR", target.as_str())
    };
    Ok(vec![
        step("generate-lockfile -Zdirect-minimal-versions"),
        step("check --workspace --exclude xtask --all-features --locked"),
    ])
}

pub(super) fn advisories(workspace: &Workspace) -> Result<Vec<Step>> {
    for (tool, line) in [("deny", "deny --all-features check advisories"), ("audit", "audit")] {
        if has(workspace, &Step::cargo(&format!("{tool} --version"))) {
            return Ok(vec![Step::cargo(line)]);
        }
    }
    Err(Lacking("neither cargo-deny nor cargo-audit is installed: cargo install --locked cargo-deny".into())
        .into())
}

pub(super) fn has(workspace: &Workspace, step: &Step) -> bool {
    step.output(&workspace.root).is_ok_and(|answer| answer.status.success())
}
