//! The run of all that was asked for, and what is printed of it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use figures::row::Numbers;
use figures::table::{self, Judged, Line};
use figures::{Order, select};
use serde_json::{Value, json};

use crate::children;
use crate::machine::Machine;
use crate::measure::Scale;

/// Measures, run after run, and prints figures and ratios; what is under way is told on the error output.
pub(crate) fn run(order: &Order) -> Result<()> {
    let (workloads, lacking): (Vec<_>, Vec<_>) =
        select(&order.names)?.into_iter().partition(|workload| workload.lacks().is_empty());
    for workload in lacking {
        eprintln!("{} is left out: not installed: {}", workload.name, workload.lacks().join(", "));
    }
    let machine = Machine::look();
    print!("{machine}");
    let mut runs = Vec::new();
    for run in 1..=order.runs {
        let mut numbers = Numbers::new();
        for (index, workload) in workloads.iter().enumerate() {
            eprintln!("run {run} of {}, {} of {}: {}", order.runs, index + 1, workloads.len(), workload.name);
            numbers.extend(children::measure(workload, Scale(order.scale))?);
        }
        runs.push(numbers);
    }
    let lines = table::lines(&workloads, &runs);
    let judged = table::judge(&runs);
    print!("\n{}", table::figures(&lines));
    if !judged.is_empty() {
        print!("\n{}", table::ratios(&judged));
    }
    if order.scale != 1.0 {
        println!("\n# scaled by {}: these figures say nothing", order.scale);
    }
    if let Some(file) = &order.json {
        write(file, &document(order, &machine, &lines, &judged, &runs))?;
    }
    Ok(())
}

fn write(file: &Path, document: &Value) -> Result<()> {
    let text = format!("{document:#}\n");
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// The same as is printed, with the numbers of each run.
fn document(order: &Order, machine: &Machine, lines: &[Line], judged: &[Judged], runs: &[Numbers]) -> Value {
    let figures: Vec<Value> = lines
        .iter()
        .map(|line| {
            let each: Vec<f64> = runs.iter().map(|run| run[&line.name]).collect();
            json!({ "name": line.name, "value": line.value, "unit": line.unit, "runs": each })
        })
        .collect();
    let ratios: Vec<Value> = judged
        .iter()
        .map(|one| {
            let aim = one.row.aim.zip(one.aim).map(|(claim, verdict)| {
                json!({
                    "formula": claim.formula.to_string(),
                    "bound": claim.bound.to_string(),
                    "measured": verdict.number,
                })
            });
            json!({
                "formula": one.row.must.formula.to_string(),
                "measured": one.must.number,
                "must_be": one.row.must.bound.to_string(),
                "verdict": one.word(),
                "aim": aim,
                "aim_met": one.reaches_aim(),
            })
        })
        .collect();
    json!({
        "machine": machine.to_json(),
        "runs": order.runs,
        "scale": order.scale,
        "figures": figures,
        "ratios": ratios,
    })
}
