//! The checks that are rows of cargo commands, written as one would type them.
//!
//! Warnings are errors in all of them. Where that is asked of the compiler itself (`RUSTFLAGS`) it would rebuild
//! every dependency, so it is asked of clippy instead, which sees the same warnings for the same features; only the
//! loom build has a target folder of its own anyway.

use std::env;
use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::Package;

use crate::workspace::{Workspace, is_published};

/// One cargo command, run in the root of the workspace. Its `Display` can be pasted into a shell.
pub(crate) struct Step {
    environment: Vec<(&'static str, String)>,
    arguments: Vec<String>,
}

impl Step {
    /// A command from its words; words are separated by spaces and hold none.
    fn cargo(line: &str) -> Step {
        Step { environment: vec![], arguments: line.split(' ').map(str::to_owned).collect() }
    }

    fn with(mut self, variable: &'static str, value: impl Into<String>) -> Step {
        self.environment.push((variable, value.into()));
        self
    }

    /// Runs the command with our own output channels and waits for its end.
    ///
    /// `cargo` is the one in the path, as it is for a reader who pastes the line.
    pub(crate) fn run(&self, root: &Path) -> Result<()> {
        let mut command = Command::new("cargo");
        command.args(&self.arguments).current_dir(root);
        // What `cargo run` told us about ourselves is not meant for the children: build scripts that watch these
        // variables would run again each time cargo is called by us and not by hand.
        for (name, _) in env::vars_os() {
            let ours = name.to_str().is_some_and(|name| {
                name.starts_with("CARGO_PKG_")
                    || ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "LD_LIBRARY_PATH"]
                        .contains(&name)
            });
            if ours {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let status = command.status().context("cannot run cargo")?;
        ensure!(status.success(), "failed ({status}): {self}");
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str("cargo")?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@+".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

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
