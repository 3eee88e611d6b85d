//! The table of ratios: what is compared with what, what it must be, and what is aimed at.

use std::collections::HashMap;
use std::fmt;

use crate::spread::median;
use crate::workload::giver;

/// The numbers of one run, by the names of their figures.
pub type Numbers = HashMap<String, f64>;

/// How a number is made of figures of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formula {
    /// A figure as it is.
    Plain(&'static str),
    /// One divided by another, both in the same unit of time where they are times.
    Ratio(&'static str, &'static str),
    /// One minus another of the same unit.
    Over(&'static str, &'static str),
}

impl Formula {
    fn parts(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Plain(figure) => (figure, None),
            Self::Ratio(figure, other) | Self::Over(figure, other) => (figure, Some(other)),
        }
    }

    /// The number, if the run gave what it is made of.
    pub fn of(self, numbers: &Numbers) -> Option<f64> {
        let number = |name: &str| numbers.get(name).copied();
        match self {
            Self::Plain(figure) => number(figure),
            Self::Ratio(figure, other) => {
                Some(number(figure)? * nanos_in(figure) / (number(other)? * nanos_in(other)))
            }
            Self::Over(figure, other) => Some(number(figure)? - number(other)?),
        }
    }
}

/// What a ratio has to multiply a figure with so that nanoseconds and microseconds can be compared.
fn nanos_in(figure: &str) -> f64 {
    let unit = giver(figure).and_then(|giver| giver.names().find(|(name, _)| name == figure));
    if unit.is_some_and(|(_, unit)| unit == "us") { 1000.0 } else { 1.0 }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(figure) => write!(f, "{figure}"),
            Self::Ratio(figure, other) => write!(f, "{figure} / {other}"),
            Self::Over(figure, other) => write!(f, "{figure} - {other}"),
        }
    }
}

/// Where a number has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// Less than this.
    Below(f64),
    /// More than this.
    Above(f64),
}

impl Bound {
    /// Whether the number is there. One that is not a number is nowhere.
    pub fn holds(self, number: f64) -> bool {
        match self {
            Self::AtMost(bound) => number <= bound,
            Self::AtLeast(bound) => number >= bound,
            Self::Below(bound) => number < bound,
            Self::Above(bound) => number > bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "<= {bound}"),
            Self::AtLeast(bound) => write!(f, ">= {bound}"),
            Self::Below(bound) => write!(f, "< {bound}"),
            Self::Above(bound) => write!(f, "> {bound}"),
        }
    }
}

/// A number and where it has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim {
    /// How the number is made.
    pub formula: Formula,
    /// Where it has to be.
    pub bound: Bound,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The median over the runs of what the formula gives for each.
    pub number: f64,
    /// Whether it is where it has to be.
    pub holds: bool,
}

impl Claim {
    /// Judges the runs; none if one of them lacks a figure.
    pub fn judge(&self, runs: &[Numbers]) -> Option<Verdict> {
        let each: Option<Vec<f64>> = runs.iter().map(|run| self.formula.of(run)).collect();
        let number = median(&each?)?;
        Some(Verdict { number, holds: self.bound.holds(number) })
    }
}

/// One line of the table.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// What has to be; the first figure of its formula is what the row is about.
    pub must: Claim,
    /// What is aimed at, where there is more to wish for.
    pub aim: Option<Claim>,
}

impl Row {
    /// The figure that the row is about.
    pub fn subject(&self) -> &'static str {
        self.must.formula.parts().0
    }

    /// All figures that are needed to judge it.
    pub fn needs(&self) -> impl Iterator<Item = &'static str> {
        let of = |claim: &Claim| {
            let (figure, other) = claim.formula.parts();
            [Some(figure), other]
        };
        let aim = self.aim.as_ref().map(of).into_iter().flatten();
        of(&self.must).into_iter().chain(aim).flatten()
    }
}

use Bound::{Above, AtLeast, AtMost, Below};
use Formula::{Over, Plain, Ratio};

const fn must(formula: Formula, bound: Bound) -> Row {
    Row { must: Claim { formula, bound }, aim: None }
}

impl Row {
    /// The same formula, aimed higher.
    const fn aim(self, bound: Bound) -> Self {
        let formula = self.must.formula;
        self.aim_at(formula, bound)
    }

    /// An aim that is measured against something else.
    const fn aim_at(self, formula: Formula, bound: Bound) -> Self {
        Self { must: self.must, aim: Some(Claim { formula, bound }) }
    }
}

/// All rows. Where the aim of a lock is not to need a read-modify-write, the machine's cheapest one is the measure.
pub const ROWS: &[Row] = &[
    must(Ratio("imm_local_1", "limit_cas_store"), AtMost(4.0)).aim(AtMost(1.5)),
    must(Ratio("imm_local_1000", "limit_cas_store"), AtMost(3.0)).aim(AtMost(1.5)),
    // A plugin's handler against a plugin's: both choose the thread anew each time. The aim is one that knows its thread.
    must(Ratio("imm_local_c", "imm_local_plugin"), AtMost(1.3))
        .aim_at(Ratio("imm_local_c", "imm_local_1"), AtMost(1.3)),
    must(Plain("handle_check"), AtMost(5.0)).aim(AtMost(3.0)),
    must(Ratio("imm_reschedule", "limit_cas_store"), AtMost(3.0)).aim(AtMost(1.2)),
    must(Ratio("imm_remote", "crossbeam_closure"), AtMost(0.8)).aim(AtMost(0.4)),
    must(Ratio("imm_remote_from_outside", "crossbeam_closure"), AtMost(1.0)).aim(AtMost(0.5)),
    must(Ratio("pingpong_round_trip", "limit_futex_round_trip"), AtMost(1.3)).aim(Below(1.0)),
    must(Ratio("mutex_lock_unlock", "limit_cas_store"), AtMost(1.5))
        .aim_at(Ratio("mutex_lock_unlock", "limit_atomic_swap"), Below(1.0)),
    must(Ratio("mutex_lock_unlock", "pl_mutex_lock_unlock"), AtMost(1.0)),
    must(Ratio("mutex_recursive", "pl_mutex_recursive"), AtMost(1.0))
        .aim_at(Plain("mutex_recursive"), AtMost(1.0)),
    must(Plain("missed_lock_delay_p50"), AtMost(20.0))
        .aim_at(Ratio("missed_lock_delay_p50", "limit_futex_round_trip"), AtMost(0.5)),
    must(Plain("missed_lock_delay_p99"), AtMost(200.0)).aim(AtMost(50.0)),
    must(Plain("contended_20us_min_max"), AtLeast(0.9)).aim(AtLeast(0.99)),
    must(Plain("contended_20us_wait_max"), AtMost(40_000.0)).aim(AtMost(1_000.0)),
    must(Ratio("contended_20us_wait_max", "pl_contended_20us_wait_max"), AtMost(2.0)),
    must(Ratio("contended_1us", "pl_contended_1us"), AtLeast(0.95)).aim(Above(1.0)),
    must(Ratio("timer_insert", "tokio_delay_queue_insert"), AtMost(0.5))
        .aim_at(Plain("timer_insert"), AtMost(40.0)),
    must(Ratio("timer_cancel", "tokio_delay_queue_remove"), AtMost(0.4))
        .aim_at(Plain("timer_cancel"), AtMost(20.0)),
    must(Plain("timer_cancelled_upkeep_cpu"), AtMost(0.2)).aim(AtMost(0.0)),
    must(Ratio("timer_fire_1m_cpu", "tokio_timer_fire_1m_cpu"), AtMost(0.5))
        .aim_at(Plain("timer_fire_1m_cpu"), AtMost(200.0)),
    must(Over("timer_fire_1k_lateness_p50", "limit_sleep_lateness_p50"), AtMost(50.0))
        .aim_at(Ratio("timer_fire_1k_lateness_p50", "limit_sleep_lateness_p50"), AtMost(1.0)),
    must(Ratio("timer_fire_1k_lateness_p99", "limit_sleep_lateness_p99"), AtMost(2.0)).aim(AtMost(1.0)),
    must(Plain("timer_fire_1k_early"), AtMost(0.0)),
    must(Plain("every_10k_100ms_rate"), AtLeast(0.999)),
    must(Plain("every_10k_100ms_cpu"), AtMost(3.0)).aim(AtMost(1.5)),
    must(Plain("idle_wakeups"), AtMost(0.0)),
    must(Plain("continuation_mutex_timer_memory"), AtMost(160.0)).aim(AtMost(112.0)),
    must(Ratio("scale_pending_1m", "scale_pending_0"), AtMost(1.5)).aim(AtMost(1.0)),
    must(Ratio("http_hooks_1", "http_hooks_0"), AtLeast(0.9)).aim(AtLeast(0.97)),
    must(Ratio("http_proxy", "nginx_proxy"), AtLeast(0.7)).aim(AtLeast(1.0)),
    must(Ratio("http_proxy_p99", "nginx_proxy_p99"), AtMost(1.0))
        .aim_at(Ratio("http_proxy_p99", "nginx_proxy_bound_p99"), AtMost(1.0)),
];
