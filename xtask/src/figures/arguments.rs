//! What may be typed after `cargo xtask bench`.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use lexopt::prelude::{Long, Short, Value, ValueExt};

use crate::select::select;
use crate::workload::LIST;

/// The text of `--help`.
pub const HELP: &str = "\
Measures the event system, its peers and the machine's own limits in the same run, and judges the ratios.

Usage: cargo xtask bench [NAME...] [--runs N] [--json FILE] [--scale FACTOR]
       cargo xtask bench --list

Without a name all workloads run. A name is that of a workload or figure, or the beginning of one, or a pattern with * and ?.
What the ratios of a chosen one need is measured with it. Each figure is one line, NAME VALUE UNIT, the median of the runs.

  --runs N        repeat everything N times, one run after the other (3 unless said)
  --json FILE     write figures, ratios and machine to FILE too
  --scale FACTOR  multiply counts and durations; anything but 1 only shows that all of it works
  --list          print the workloads and what each does
  --help          print this text
";

/// How often everything is measured, unless something else is asked for: the least of which a median can leave one out.
pub const RUNS: u32 = 3;

/// What to measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// As they were typed; all of them mean something.
    pub names: Vec<String>,
    /// How often.
    pub runs: u32,
    /// Where to write the same as JSON.
    pub json: Option<PathBuf>,
    /// What to multiply counts and durations with.
    pub scale: f64,
}

impl Default for Order {
    fn default() -> Self {
        Self { names: vec![], runs: RUNS, json: None, scale: 1.0 }
    }
}

impl Order {
    /// The words that [`parse`] makes this order of.
    pub fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = self.names.iter().map(OsString::from).collect();
        words.extend(["--runs".into(), self.runs.to_string().into()]);
        words.extend(["--scale".into(), self.scale.to_string().into()]);
        if let Some(json) = &self.json {
            words.extend(["--json".into(), json.into()]);
        }
        words
    }
}

/// What the caller wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// To read [`HELP`].
    Help,
    /// To read [`list`].
    List,
    /// To measure.
    Measure(Order),
}

/// Reads what stands after the command.
///
/// # Errors
///
/// A word that is not understood, a name that means no workload, a number out of its range.
pub fn parse(mut parser: lexopt::Parser) -> Result<Wish> {
    let mut order = Order::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Wish::Help),
            Long("list") => return Ok(Wish::List),
            Long("runs") => order.runs = parser.value()?.parse()?,
            Long("json") => order.json = Some(parser.value()?.into()),
            Long("scale") => order.scale = parser.value()?.parse()?,
            // cargo says so to every bench target.
            Long("bench") => {}
            Value(name) => order.names.push(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(order.runs > 0, "--runs 0 measures nothing");
    ensure!(order.scale > 0.0 && order.scale <= 100.0, "--scale is a factor above 0 and up to 100");
    select(&order.names)?;
    Ok(Wish::Measure(order))
}

/// The workloads, a line each.
pub fn list() -> String {
    LIST.iter().map(|workload| format!("{:<32} {}\n", workload.name, workload.work)).collect()
}
