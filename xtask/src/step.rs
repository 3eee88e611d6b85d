//! One command that is run for the caller: shown first, in a form that a shell takes back.
//!
//! # Rules
//! * A program is the one in the path, as it is for a reader who pastes the line.
//! * What `cargo run` told us about ourselves is not handed on: build scripts that watch these variables would run
//!   again each time cargo is called by us and not by hand.

use std::env;
use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A program, its words and what its environment has beside ours. Its `Display` can be pasted into a shell.
#[derive(Clone)]
pub(crate) struct Step {
    environment: Vec<(&'static str, String)>,
    program: String,
    arguments: Vec<String>,
}

impl Step {
    /// A cargo command from its words; words are separated by spaces and hold none.
    pub(crate) fn cargo(line: &str) -> Step {
        Step::of("cargo", line)
    }

    /// A command of another program, from its words.
    pub(crate) fn of(program: impl Into<String>, line: &str) -> Step {
        let arguments = line.split_whitespace().map(str::to_owned).collect();
        Step { environment: vec![], program: program.into(), arguments }
    }

    /// With one more word, which may hold anything.
    pub(crate) fn arg(mut self, word: impl Into<String>) -> Step {
        self.arguments.push(word.into());
        self
    }

    /// With more words, separated by spaces.
    pub(crate) fn words(mut self, line: &str) -> Step {
        self.arguments.extend(line.split_whitespace().map(str::to_owned));
        self
    }

    /// With a variable in its environment.
    pub(crate) fn with(mut self, variable: &'static str, value: impl Into<String>) -> Step {
        self.environment.push((variable, value.into()));
        self
    }

    /// As a compiler takes it that allows what is not stable yet: nightly where there is one, else the usual one, told to.
    pub(crate) fn unstable(folder: &Path, line: &str) -> Step {
        let nightly = Step::cargo("+nightly --version").output(folder);
        if nightly.is_ok_and(|answer| answer.status.success()) {
            Step::cargo("+nightly").words(line)
        } else {
            Step::cargo(line).with("RUSTC_BOOTSTRAP", "1")
        }
    }

    /// Runs the command with our own output channels and waits for its end.
    pub(crate) fn run(&self, folder: &Path) -> Result<()> {
        let status = self.command(folder).status().with_context(|| self.not_started())?;
        ensure!(status.success(), "failed ({status}): {self}");
        Ok(())
    }

    /// Runs the command and returns what it said, whether it succeeded or not.
    pub(crate) fn output(&self, folder: &Path) -> Result<std::process::Output> {
        self.command(folder).output().with_context(|| self.not_started())
    }

    /// Runs the command, which has to succeed, and returns its output without the last line end.
    #[cfg(feature = "release")]
    pub(crate) fn read(&self, folder: &Path) -> Result<String> {
        let output = self.output(folder)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "failed ({}): {self}\n{}", output.status, said.trim_end());
        let text = String::from_utf8(output.stdout).with_context(|| format!("not UTF-8: {self}"))?;
        Ok(text.trim_end_matches('\n').to_owned())
    }

    /// The command, to be run otherwise.
    pub(crate) fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(folder);
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
        command
    }

    fn not_started(&self) -> String {
        format!("cannot run {}", self.program)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str(&quoted(&self.program))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
