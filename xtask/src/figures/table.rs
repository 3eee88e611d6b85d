//! How figures and ratios are printed.

use std::fmt::Write;

use crate::row::{Claim, Numbers, ROWS, Row, Verdict};
use crate::spread::median;
use crate::workload::Workload;

/// A figure over all runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The figure.
    pub name: String,
    /// The median of the runs.
    pub value: f64,
    /// What it is counted in.
    pub unit: &'static str,
}

/// The medians of all figures of these workloads that all runs gave.
pub fn lines(workloads: &[&Workload], runs: &[Numbers]) -> Vec<Line> {
    let all = workloads.iter().flat_map(|workload| workload.names());
    all.filter_map(|(name, unit)| {
        let each: Option<Vec<f64>> = runs.iter().map(|run| run.get(&name).copied()).collect();
        Some(Line { value: median(&each?)?, name, unit })
    })
    .collect()
}

/// One line a figure: name, value, unit.
pub fn figures(lines: &[Line]) -> String {
    let mut text = String::new();
    for Line { name, value, unit } in lines {
        writeln!(text, "{name} {} {unit}", number(*value)).expect("a string takes everything");
    }
    text
}

/// A row with what became of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// The row.
    pub row: &'static Row,
    /// What has to be.
    pub must: Verdict,
    /// What is aimed at, if the row says so.
    pub aim: Option<Verdict>,
}

impl Judged {
    /// `pass`, or `short` of what has to be.
    pub fn word(&self) -> &'static str {
        if self.must.holds { "pass" } else { "short" }
    }

    /// Whether the aim is reached; what has to be is the aim of a row that has no other.
    pub fn reaches_aim(&self) -> bool {
        self.aim.unwrap_or(self.must).holds
    }
}

/// The rows for which all runs gave what is needed.
pub fn judge(runs: &[Numbers]) -> Vec<Judged> {
    let judged = |row: &'static Row| {
        let must = row.must.judge(runs)?;
        let aim = match &row.aim {
            Some(claim) => Some(claim.judge(runs)?),
            None => None,
        };
        Some(Judged { row, must, aim })
    };
    if runs.is_empty() { vec![] } else { ROWS.iter().filter_map(judged).collect() }
}

/// The table of ratios: how each is computed, what came out, where it must be, pass or short, the aim and whether it is met.
pub fn ratios(judged: &[Judged]) -> String {
    let head = ["row", "measured", "must be", "", "aim", "met"].map(str::to_owned);
    let mut cells = vec![head];
    for one in judged {
        let aim = match (&one.row.aim, one.aim) {
            (Some(claim), Some(verdict)) => aim(claim, &one.row.must, verdict),
            _ => "as must".to_owned(),
        };
        cells.push([
            one.row.must.formula.to_string(),
            number(one.must.number),
            one.row.must.bound.to_string(),
            one.word().to_owned(),
            aim,
            if one.reaches_aim() { "yes" } else { "no" }.to_owned(),
        ]);
    }
    aligned(&cells)
}

/// The bound alone, unless the aim is about another number than what must be.
fn aim(claim: &Claim, must: &Claim, verdict: Verdict) -> String {
    if claim.formula == must.formula {
        return claim.bound.to_string();
    }
    format!("{} {} ({})", claim.formula, claim.bound, number(verdict.number))
}

fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let padded: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A number with as many digits as are worth reading: four, and the whole part always.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 1.0 => format!("{value:.4}"),
        size if size < 10.0 => format!("{value:.3}"),
        size if size < 100.0 => format!("{value:.2}"),
        size if size < 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
