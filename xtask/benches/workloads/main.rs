//! The workloads of `cargo xtask bench`: what the event system, its peers and the machine take for the same work.
//!
//! Each family has a room. Everything goes through the interface that a user of the crates has; nothing here knows a crate's
//! inside. The peers have rooms of their own, with the same work done in their way.
//!
//! # Rules
//! * A workload runs in a process of its own (`children.rs`), so that none finds the memory, threads or timers of another.
//! * It prints just the figures that `figures::workload` declares for it.
//! * Counts and durations go through [`Scale`](measure::Scale). Scaled down, all workloads are run once by `cargo test`,
//!   which calls a bench target without `--bench`; timings are looked at by people, never asserted.

mod allocator;
mod c_handler;
mod children;
mod contended;
mod cpu;
mod crossbeam_peer;
mod future;
mod http;
mod http_proxy;
mod idle;
mod limits;
mod local;
mod machine;
mod measure;
mod memory;
mod mutex;
mod parking_lot_peer;
mod pending;
mod pingpong;
mod plugin_handler;
mod remote;
mod report;
mod rounds;
mod scale;
mod smoke;
mod stage;
mod timers;
mod tokio_peer;

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use figures::arguments::{self, Wish};
use measure::{Findings, Scale};

#[global_allocator]
static ALLOCATOR: allocator::OfWorkload = allocator::OfWorkload;

/// Does the work and notes what it took.
type Work = fn(Scale, &mut Findings);

/// Who does the work of each workload.
const WORK: &[(&str, Work)] = &[
    ("limit_atomic_swap", limits::atomic_swap),
    ("limit_cas_store", limits::cas_store),
    ("limit_clock_read", limits::clock_read),
    ("limit_malloc_free", limits::malloc_free),
    ("limit_cache_line_round_trip", limits::cache_line),
    ("limit_futex_round_trip", limits::futex),
    ("limit_sleep_lateness", limits::sleep),
    ("imm_local_1", local::one),
    ("imm_local_1000", local::thousand),
    ("imm_local_plugin", plugin_handler::one),
    ("imm_local_c", c_handler::one),
    ("handle_check", c_handler::handle_check),
    ("imm_reschedule", local::reschedule),
    ("imm_remote", remote::parking),
    ("net_imm_remote", remote::network),
    ("imm_remote_from_outside", remote::from_outside),
    ("pingpong_round_trip", pingpong::parking),
    ("net_pingpong_round_trip", pingpong::network),
    ("mutex_lock_unlock", mutex::lock_unlock),
    ("mutex_try_unlock", mutex::try_unlock),
    ("mutex_recursive", mutex::recursive),
    ("mutex_contended_2", mutex::contended_2),
    ("missed_lock_delay", contended::missed_lock),
    ("contended_1us", contended::one_us),
    ("contended_20us", contended::twenty_us),
    ("every_10k_100ms", timers::every),
    ("timer_fire_1k", timers::fire_1k),
    ("timer_fire_1m", timers::fire_1m),
    ("timer_insert_cancel", timers::insert_cancel),
    ("idle", idle::idle),
    ("continuation_mutex_timer_memory", memory::memory),
    ("spawn_future", future::spawn),
    ("wake_future", future::wake),
    ("scale_threads", scale::threads),
    ("scale_pending", pending::scale),
    ("http_hooks", http::hooks),
    ("http_proxy", http_proxy::compare),
    ("tokio_yield_1", tokio_peer::yield_1),
    ("tokio_yield_1000", tokio_peer::yield_1000),
    ("tokio_spawn_remote", tokio_peer::spawn_remote),
    ("tokio_channel_round_trip", tokio_peer::channel),
    ("tokio_timer_fire_1k", tokio_peer::fire_1k),
    ("tokio_timer_fire_1m", tokio_peer::fire_1m),
    ("tokio_delay_queue", tokio_peer::delay_queue),
    ("pl_mutex_lock_unlock", parking_lot_peer::lock_unlock),
    ("pl_mutex_try_unlock", parking_lot_peer::try_unlock),
    ("pl_mutex_recursive", parking_lot_peer::recursive),
    ("pl_mutex_contended_2", parking_lot_peer::contended_2),
    ("pl_contended_1us", parking_lot_peer::one_us),
    ("pl_contended_20us", parking_lot_peer::twenty_us),
    ("crossbeam_closure", crossbeam_peer::closure),
];

fn main() -> ExitCode {
    let done = match children::asked() {
        Some((name, scale)) => children::work(&name, scale),
        None if env::args_os().any(|word| word == "--bench") => bench(),
        None => smoke::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<()> {
    match arguments::parse(lexopt::Parser::from_env())? {
        Wish::Help => print!("{}", arguments::HELP),
        Wish::List => print!("{}", arguments::list()),
        Wish::Measure(order) => report::run(&order)?,
    }
    Ok(())
}
