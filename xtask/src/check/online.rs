//! The checks that need a network, or tools that ask one.

use anyhow::{Context, Result};

use super::Lacking;
use super::commands::own_target;
use crate::step::Step;
use crate::tools::AUDIT;
use crate::workspace::{Workspace, is_published};

/// Where those who look after Rust's advisories keep them.
const ADVISORIES: &str = "https://github.com/rustsec/advisory-db";

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
    let target = own_target(workspace, "minimal")?;
    let step = |line: &str| {
        let step = Step::unstable(&workspace.root, "--config");
        let step = step.arg(format!("resolver.lockfile-path=\"{target}/Cargo.lock\"")).words(line);
        step.with("CARGO_TARGET_DIR", target.as_str())
    };
    Ok(vec![
        step("generate-lockfile -Zdirect-minimal-versions -Zlockfile-path"),
        step("check --workspace --exclude xtask --all-features --locked -Zlockfile-path"),
    ])
}

/// The list is asked for first: without it the tool, which takes minutes to install, has nothing to say.
pub(super) fn advisories(workspace: &Workspace) -> Result<Vec<Step>> {
    let list = Step::of("git", "ls-remote --exit-code").arg(ADVISORIES).arg("HEAD");
    if !has(workspace, &list.with("GIT_TERMINAL_PROMPT", "0")) {
        return Err(Lacking(format!("the list of advisories cannot be reached: {ADVISORIES}")).into());
    }
    let target = workspace.metadata()?.target_directory;
    let audit =
        AUDIT.ensure(workspace, target.as_std_path()).map_err(|error| Lacking(format!("{error:#}")))?;
    Ok(vec![Step::of(audit.to_str().context("the target folder is not UTF-8")?, "audit")])
}

pub(super) fn has(workspace: &Workspace, step: &Step) -> bool {
    step.output(&workspace.root).is_ok_and(|answer| answer.status.success())
}
