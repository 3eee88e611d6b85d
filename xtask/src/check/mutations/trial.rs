//! Weakens one line after the other in a copy of the project, and runs the tests that must notice.
//!
//! # Rules
//! * The project itself is not touched: all happens in a copy below the target folder, which is made anew each time.
//! * A test has noticed if it was built and ended with a failure. One that does not even compile, or does not end, has not.
//! * Each test is run in a process of its own: a model that fails while it unwinds takes its process with it.
//! * The tests are run unweakened first, since one that always fails notices everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::{Message, Metadata};

use super::{Finding, LIST, Mutation, is_model, look, read, tests};
use crate::step::Step;
use crate::workspace::Workspace;

/// How long a test may take. They are made to end within seconds.
const LIMIT: Duration = Duration::from_secs(180);

/// How often it is looked whether a test has ended.
const LOOK: Duration = Duration::from_millis(10);

/// What came of a test.
#[derive(PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    /// Not within [`LIMIT`].
    NoEnd,
}

/// A copy of the project, and where it is built.
struct Copy {
    workspace: Workspace,
    target: PathBuf,
    metadata: Metadata,
}

pub(in crate::check) fn attempt(workspace: &Workspace) -> Result<Vec<Finding>> {
    let found = look(workspace)?;
    if !found.is_empty() {
        return Ok(found);
    }
    let mutations = read(workspace)?;
    ensure!(!mutations.is_empty(), "there is nothing to weaken");
    let copy = Copy::make(workspace)?;
    let mut found = copy.unweakened()?;
    for mutation in &mutations {
        found.extend(copy.weakened(mutation)?);
    }
    Ok(found)
}

impl Copy {
    fn make(workspace: &Workspace) -> Result<Copy> {
        let metadata = workspace.metadata()?;
        let place = metadata.target_directory.join("loom-mutations").into_std_path_buf();
        let root = place.join("tree");
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        for file in workspace.files()? {
            let (from, to) = (workspace.root.join(&file), root.join(&file));
            fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
            fs::copy(&from, &to).with_context(|| format!("cannot copy {file}"))?;
        }
        let workspace = Workspace { root };
        let metadata = workspace.metadata()?;
        Ok(Copy { workspace, target: place.join("target"), metadata })
    }

    /// Runs all tests as they are.
    fn unweakened(&self) -> Result<Vec<Finding>> {
        let mut found = Vec::new();
        let files: BTreeSet<_> = self.workspace.files()?.into_iter().filter(|file| is_model(file)).collect();
        for file in files {
            let text = self.workspace.text(&file).unwrap_or_default();
            let program = self.build(&file)?;
            for (line, test) in tests(&text) {
                if run(&program, &test)? != Outcome::Passed {
                    found.push(Finding::at(&file, line, format!("`{test}` does not pass as it is")));
                }
            }
            println!("as it is: {file}");
        }
        Ok(found)
    }

    /// Runs the tests of an entry with its line weakened.
    fn weakened(&self, mutation: &Mutation) -> Result<Vec<Finding>> {
        let start = Instant::now();
        let (text, range) = mutation.find(&self.workspace).map_err(anyhow::Error::msg)?;
        let path = self.workspace.root.join(&mutation.file);
        let weakened = [&text[..range.start], &mutation.weakened, &text[range.end..]].concat();
        fs::write(&path, weakened)?;
        let mut found = Vec::new();
        let program = self.build(&mutation.models);
        fs::write(&path, text)?;
        match program {
            Err(error) => found.push(Finding::at(LIST, mutation.at, format!("{error:#}"))),
            Ok(program) => {
                for test in &mutation.tests {
                    let what = match run(&program, test)? {
                        Outcome::Failed => continue,
                        Outcome::Passed => "passes all the same",
                        Outcome::NoEnd => "does not end",
                    };
                    found.push(Finding::at(LIST, mutation.at, format!("`{test}` {what}")));
                }
            }
        }
        println!("{} -> {}", mutation.file, mutation.weakened.trim());
        let word = if found.is_empty() { "noticed" } else { "FAILED" };
        println!("  {word} in {:.1} s by {}", start.elapsed().as_secs_f64(), mutation.tests.join(", "));
        Ok(found)
    }

    /// Builds the tests of one file, and gives the program.
    fn build(&self, models: &str) -> Result<PathBuf> {
        let (folder, name) = models.split_once("/tests/").context("tests lie in a crate's `tests`")?;
        let name = name.strip_suffix(".rs").context("tests are written in Rust")?;
        let manifest = self.workspace.root.join(folder).join("Cargo.toml");
        let package = self.metadata.packages.iter().find(|package| package.manifest_path == manifest);
        let package = &package.with_context(|| format!("{folder} is no member"))?.name;
        let step = Step::cargo(&format!(
            "test -p {package} --release --test {name} --no-run --message-format=json-render-diagnostics"
        ))
        .with("RUSTFLAGS", "--cfg loom")
        .with("CARGO_TARGET_DIR", self.target.to_str().context("the target folder's name is not UTF-8")?);
        let mut command = step.command(&self.workspace.root);
        let mut cargo = command
            .arg("--quiet")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run cargo")?;
        let mut program = BTreeMap::new();
        for message in Message::parse_stream(BufReader::new(cargo.stdout.take().context("it is piped")?)) {
            if let Message::CompilerArtifact(artifact) = message?
                && let Some(executable) = artifact.executable
            {
                program.insert(artifact.target.name, executable.into_std_path_buf());
            }
        }
        ensure!(cargo.wait()?.success(), "it does not compile: {step}");
        match program.remove(name) {
            Some(program) => Ok(program),
            None => bail!("cargo has built no {name}: {step}"),
        }
    }
}

/// Runs one test.
fn run(program: &Path, test: &str) -> Result<Outcome> {
    let mut child = Command::new(program)
        .args(["--exact", test])
        // A test that fails is what is wanted: it need not tell how.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() { Outcome::Passed } else { Outcome::Failed });
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(Outcome::NoEnd);
        }
        sleep(LOOK);
    }
}
