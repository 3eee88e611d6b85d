//! Every workload once, with next to nothing to do: that each runs to its end and finds what it declares, and that all ratios
//! can be formed. No number is looked at.
//!
//! `cargo test` runs it, because it calls bench targets without `--bench`. It passes the words on that are meant for test
//! targets; a filter is for other tests, and a list has nothing of ours in it.

use std::env;
use std::time::Instant;

use anyhow::{Result, ensure};
use figures::row::Numbers;
use figures::workload::giver;
use figures::{LIST, ROWS, table};

use crate::WORK;
use crate::children::measure;
use crate::measure::Scale;

/// A thousandth: thousands of timers, milliseconds of contest.
const TINY: Scale = Scale(0.001);

pub(crate) fn run() -> Result<()> {
    let mut words = env::args().skip(1);
    if words.any(|word| word == "--list" || !word.starts_with('-')) {
        return Ok(());
    }
    for (name, _) in WORK {
        ensure!(LIST.iter().any(|workload| workload.name == *name), "{name} is done, but not in the list");
    }
    let mut numbers = Numbers::new();
    for workload in LIST {
        let lacks = workload.lacks();
        if !lacks.is_empty() {
            let required = env::var_os("TS_PEERS").is_some_and(|value| value == "required");
            ensure!(!required, "{} needs {}", workload.name, lacks.join(", "));
            println!("{} ... left out, not installed: {}", workload.name, lacks.join(", "));
            continue;
        }
        let began = Instant::now();
        numbers.extend(measure(workload, TINY)?);
        println!("{} ... ok ({} ms)", workload.name, began.elapsed().as_millis());
    }
    let judged = table::judge(&[numbers]);
    for row in ROWS {
        let formula = row.must.formula;
        if giver(row.subject()).is_some_and(|giver| !giver.lacks().is_empty()) {
            continue;
        }
        ensure!(judged.iter().any(|one| one.row == row), "{formula} cannot be formed");
    }
    Ok(())
}
