//! `cargo xtask release`: look, plan, act.
//!
//! Each crate has a version of its own and is released when it has something to tell. Without `--execute` the plan is
//! shown and nothing is done; with it the same plan is carried out. Cargo makes, verifies and uploads packages; what it
//! does not know is here: what is published already, which version fits what changed, which requirement has to
//! follow, and how to go on after a failure.
//!
//! # Rules
//! * What is published is asked of the index, never guessed from tags or from a failure.
//! * Only what is missing is named to cargo. `--workspace` would refuse as soon as one version is out, and its dry run builds
//!   against the neighbours in the tree, which hides a forgotten bump.
//! * Packages are verified in a target folder that was never used: cargo takes what it unpacked and built once for
//!   immutable, and would verify against yesterday's neighbour.
//! * The commit is made and verified in a worktree of its own. Until all of it holds, nothing that anybody sees has
//!   changed; then the branch moves to that very commit.
//! * Everything after that can be done again: the same command finds what is there and does the rest. What cannot be undone is
//!   refused: a version that is out with other content, a tag that names another commit. Nothing is pushed.
//!
//! The parts that need packages of their own are behind the feature `release`, so that `cargo xtask check` does not build
//! them; this command calls cargo again with the feature turned on.

#[cfg(feature = "release")]
mod act;
#[cfg(feature = "release")]
mod changelog;
#[cfg(feature = "release")]
mod index;
#[cfg(feature = "release")]
mod interface;
#[cfg_attr(
    not(feature = "release"),
    expect(dead_code, reason = "only the names are needed to read the command line")
)]
mod level;
#[cfg(feature = "release")]
mod look;
#[cfg(feature = "release")]
mod manifest;
#[cfg(feature = "release")]
mod package;
#[cfg(feature = "release")]
mod plan;
#[cfg(feature = "release")]
mod tree;

pub(crate) use level::Level;

use anyhow::Result;

#[cfg(feature = "release")]
use crate::step;
use crate::workspace::Workspace;

/// What to release, and how far to go.
pub(crate) struct Options {
    /// All that changed, when empty.
    pub(crate) crates: Vec<String>,
    pub(crate) level: Option<Level>,
    pub(crate) execute: bool,
    /// Only tell how the crates stand to what is published.
    pub(crate) compare: bool,
    /// As cargo knows it; the public one when `None`.
    pub(crate) registry: Option<String>,
    pub(crate) branch: String,
}

/// Shows the plan and, if asked, carries it out. Says whether there was no objection.
#[cfg(feature = "release")]
pub(crate) fn run(options: &Options) -> Result<bool> {
    let workspace = Workspace::locate()?;
    let scratch = tempfile::TempDir::new()?;
    let facts = look::look(&workspace, options, scratch.path())?;
    print!("{facts}");
    if options.compare {
        let objections = [plan::too_near(&facts), facts.foreign()].concat();
        objections.iter().for_each(|objection| println!("* {objection}"));
        return Ok(objections.is_empty());
    }
    let date = step::Step::of("date", "-u +%F").read(&workspace.root)?;
    let plan = match plan::make(&facts, options, &date) {
        Ok(plan) => plan,
        Err(refusals) => {
            println!("\nrefused:");
            refusals.iter().for_each(|refusal| println!("* {refusal}"));
            return Ok(false);
        }
    };
    if plan.releases.is_empty() {
        println!("\nnothing to release: what is published is what is here");
        return Ok(true);
    }
    print!("\n{plan}");
    if !options.execute {
        println!("\nnothing was done; --execute carries this out");
        return Ok(true);
    }
    act::carry_out(&plan, &facts, &workspace)?;
    Ok(true)
}

/// Calls cargo again, for the program that can.
#[cfg(not(feature = "release"))]
pub(crate) fn run(_: &Options) -> Result<bool> {
    let workspace = Workspace::locate()?;
    let mut again = std::process::Command::new("cargo");
    again.args(["run", "--quiet", "-p", "xtask", "--features", "release", "--"]);
    again.args(std::env::args_os().skip(1)).current_dir(&workspace.root);
    Ok(again.status()?.success())
}
