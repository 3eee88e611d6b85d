//! `cargo xtask check`: the one list of checks, the same for a person at a desk and for the hosted run.
//!
//! Cheap checks stand first, so that a slip is told in seconds. A check that fails does not hide the next one. Each
//! prints the commands it runs in a form that a shell takes back, and the summary says how to repeat what failed.
//!
//! # Rules
//! * A check is either a row of commands (`commands.rs`) or a look at the project's own files (the other rooms).
//! * A look returns what it found, with file and line. It changes nothing, and prints nothing unless it takes minutes.
//! * Beside the list that everybody runs stand two that need more than a compiler: other tools and a network, or time. What
//!   one of those lacks here is said, with how to get it, and not counted as failed, unless it was asked for by name.

mod commands;
mod deep;
mod examples;
mod fuzz;
mod labels;
mod layers;
mod layout;
mod licences;
mod links;
mod mutations;
mod names;
mod online;
mod pages;
mod words;

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::step::Step;
use crate::workspace::Workspace;

/// One thing that a look objects to, and where.
pub(crate) struct Finding {
    place: String,
    what: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Finding {
        Finding { place: place.into(), what: what.into() }
    }

    fn at(file: &str, line: usize, what: impl Into<String>) -> Finding {
        Finding::new(format!("{file}:{line}"), what)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Why a check cannot run here, and what would let it.
#[derive(Debug)]
struct Lacking(String);

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Lacking {}

/// Which list a check stands in.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Group {
    /// What everybody runs, CI too.
    #[default]
    Usual,
    /// What needs a network, or tools that ask one.
    Online,
    /// What takes long, or needs another compiler.
    Deep,
}

enum Act {
    Run(fn(&Workspace) -> Result<Vec<Step>>),
    Look(fn(&Workspace) -> Result<Vec<Finding>>),
}

struct Check {
    group: Group,
    name: &'static str,
    promise: &'static str,
    act: Act,
}

impl Check {
    const fn run(
        name: &'static str,
        promise: &'static str,
        steps: fn(&Workspace) -> Result<Vec<Step>>,
    ) -> Check {
        Check { group: Group::Usual, name, promise, act: Act::Run(steps) }
    }

    const fn look(
        name: &'static str,
        promise: &'static str,
        look: fn(&Workspace) -> Result<Vec<Finding>>,
    ) -> Check {
        Check { group: Group::Usual, name, promise, act: Act::Look(look) }
    }

    const fn of(mut self, group: Group) -> Check {
        self.group = group;
        self
    }
}

/// Cheap ones first. `test` is the command of the README.
const LIST: &[Check] = &[
    Check::look(
        "layout",
        "nothing lies at the top level, or is missing in a crate, against the layout",
        layout::look,
    ),
    Check::look(
        "words",
        "no machine paths, to-do marks, ignored tests, or allowances without a reason",
        words::look,
    ),
    Check::look("links", "relative links in Markdown lead somewhere", links::look),
    Check::look("names", "files and functions that pages name are there", names::look),
    Check::look("pages", "each crate's page has the parts that its readers look for", pages::look),
    Check::look("examples", "the README's examples are quoted from pages that are compiled", examples::look),
    Check::look("labels", "every ordering label has a partner in its crate", labels::look),
    Check::look("loom-list", "each loom test has a line whose weakening it notices", mutations::look),
    Check::look("layers", "each crate knows only what is below it, and no second runtime", layers::look),
    Check::look(
        "licences",
        "what is linked may be used under licences that ask no more than ours",
        licences::look,
    ),
    Check::run("format", "rustfmt would change nothing", commands::format),
    Check::run("lint", "clippy is silent, with default features and with all", commands::lint),
    Check::run("test", "all tests pass with all features", commands::test),
    Check::run("test-default", "all tests pass with default features", commands::test_default),
    Check::run("docs", "rustdoc is silent, private items included", commands::docs),
    Check::run("alone", "each published crate stands alone, also with features taken away", commands::alone),
    Check::run("loom", "the lock-free protocols hold in every order loom tries", commands::loom),
    Check::run("features", "every other combination of features is silent too", commands::features),
    Check::run(
        "published",
        "versions fit what is published, and interfaces show nobody else's items",
        online::published,
    )
    .of(Group::Online),
    Check::run("oldest", "the oldest Rust that is promised will do", online::oldest).of(Group::Online),
    Check::run("minimal", "the least versions that manifests ask for will do", online::minimal)
        .of(Group::Online),
    Check::run("advisories", "nobody warns of what is linked", online::advisories).of(Group::Online),
    Check::look("loom-mutations", "each loom test fails when its line is weakened", mutations::attempt)
        .of(Group::Deep),
    Check::run("loom-long", "the protocols hold with more switches between threads", deep::loom)
        .of(Group::Deep),
    Check::run(
        "fuzz",
        "what we parse ourselves, and the C interface, stand whatever comes, for a minute each",
        fuzz::targets,
    )
    .of(Group::Deep),
    Check::run("simulation", "many more seeds and cases break no promise", deep::simulation).of(Group::Deep),
    Check::run("publish", "the workspace can be published, and others can use it", deep::publish)
        .of(Group::Deep),
    Check::run("address", "AddressSanitizer is silent", deep::address).of(Group::Deep),
    Check::run("leak", "LeakSanitizer is silent", deep::leak).of(Group::Deep),
    Check::run("valgrind", "valgrind is silent", deep::valgrind).of(Group::Deep),
    Check::run("thread", "ThreadSanitizer is silent", deep::thread).of(Group::Deep),
    Check::run("miri", "Miri is silent on queues, slots and wheel", deep::miri).of(Group::Deep),
    Check::run("arm", "all of it compiles for 64-bit ARM", deep::arm).of(Group::Deep),
];

/// Which checks to run. The names come from [`names()`].
#[derive(Default)]
pub(crate) struct Selection {
    /// All of the group, when empty.
    pub(crate) only: Vec<&'static str>,
    pub(crate) group: Group,
    pub(crate) skip: Vec<&'static str>,
    pub(crate) fail_fast: bool,
}

/// The names of all checks, in the order in which they run.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    LIST.iter().map(|check| check.name)
}

/// Prints the names and promises of all checks.
pub(crate) fn list() {
    for check in LIST {
        let group = match check.group {
            Group::Usual => "",
            Group::Online => " (--online)",
            Group::Deep => " (--deep)",
        };
        println!("{:<14} {}{group}", check.name, check.promise);
    }
}

/// Runs the selected checks and says whether all of them passed.
pub(crate) fn run(selection: &Selection) -> Result<bool> {
    let workspace = Workspace::locate()?;
    let mut summary = Vec::new();
    for check in LIST {
        let named = selection.only.contains(&check.name);
        let wanted = named || selection.only.is_empty() && check.group == selection.group;
        if !wanted || selection.skip.contains(&check.name) {
            continue;
        }
        println!("\n== {}: {} (cargo xtask check {})", check.name, check.promise, check.name);
        let start = Instant::now();
        let mut row = Row { check, failures: vec![], lacking: None, took: Duration::ZERO };
        match perform(check, &workspace, selection.fail_fast) {
            Ok(failures) => row.failures = failures,
            Err(error) => {
                println!("{error:#}");
                if error.is::<Lacking>() {
                    row.lacking = Some(error.to_string());
                }
                if named || row.lacking.is_none() {
                    row.failures.push(format!("could not run: cargo xtask check {}", check.name));
                }
            }
        }
        row.took = start.elapsed();
        println!("== {row}");
        let stop = row.failed() && selection.fail_fast;
        summary.push(row);
        if stop {
            break;
        }
    }
    let failed = summary.iter().filter(|row| row.failed()).count();
    println!("\n== summary");
    for row in &summary {
        println!("{row}");
        for failure in &row.failures {
            println!("        {failure}");
        }
    }
    let lacking = summary.iter().filter(|row| row.lacking.is_some()).count();
    println!("checks run: {}, failed: {failed}", summary.len() - lacking);
    if lacking > 0 {
        println!("checks that could not run here: {lacking}");
        for row in &summary {
            if let Some(lacking) = &row.lacking {
                println!("        {}: {lacking}", row.check.name);
            }
        }
    }
    Ok(failed == 0)
}

/// What failed in one check: the commands to repeat, or a count of findings. Empty when it passed.
fn perform(check: &Check, workspace: &Workspace, fail_fast: bool) -> Result<Vec<String>> {
    match check.act {
        Act::Run(steps) => steps(workspace).and_then(|steps| {
            // A check that has lost what it checks must not look like one that passed.
            ensure!(!steps.is_empty(), "there is nothing to run");
            Ok(run_steps(&steps, workspace, fail_fast))
        }),
        Act::Look(look) => look(workspace).map(|found| {
            found.iter().for_each(|finding| println!("{finding}"));
            match found.len() {
                0 => vec![],
                n => vec![format!("{n} found: cargo xtask check {}", check.name)],
            }
        }),
    }
}

fn run_steps(steps: &[Step], workspace: &Workspace, fail_fast: bool) -> Vec<String> {
    let mut failures = Vec::new();
    for step in steps {
        println!("$ {step}");
        if let Err(error) = step.run(&workspace.root) {
            println!("{error:#}");
            failures.push(step.to_string());
            if fail_fast {
                break;
            }
        }
    }
    failures
}

struct Row {
    check: &'static Check,
    failures: Vec<String>,
    lacking: Option<String>,
    took: Duration,
}

impl Row {
    fn failed(&self) -> bool {
        !self.failures.is_empty()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match (self.failed(), &self.lacking) {
            (true, _) => "FAILED",
            (false, None) => "ok",
            (false, Some(_)) => "not run",
        };
        write!(f, "{word:<7} {:<14} {:>7.1} s", self.check.name, self.took.as_secs_f64())
    }
}
