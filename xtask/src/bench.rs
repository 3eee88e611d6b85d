//! `cargo xtask bench`: builds the workloads, and runs those that were asked for.
//!
//! They live in a target of their own, `benches/workloads`, with the peers among its dependencies, so that no other command
//! waits for these to be built. What was typed is checked before anything is.

use std::path::absolute;

use anyhow::{Context, Result, anyhow};
use figures::Order;

use crate::step::Step;
use crate::workspace::Workspace;

/// Measures, and says whether that went well; a ratio that falls short is no failure.
pub(crate) fn run(mut order: Order) -> Result<bool> {
    let workspace = Workspace::locate()?;
    // cargo runs the target in the folder of its package.
    order.json = order.json.map(absolute).transpose().context("--json")?;
    let mut step = Step::cargo("bench --quiet -p xtask --bench workloads --");
    for word in order.words() {
        step = step.arg(word.into_string().map_err(|word| anyhow!("{} is not UTF-8", word.display()))?);
    }
    eprintln!("$ {step}");
    step.run(&workspace.root)?;
    Ok(true)
}
