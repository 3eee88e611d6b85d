//! OS threads with an identity, per-thread storage, a clock, and a way to sleep that ends on time.
//!
//! # Who should use this
//!
//! Whoever builds an event loop, a lock or a simulator and needs the ground to stand on: an id that is never reused, a
//! storage that follows a simulated thread as well as a real one, time that can be moved by hand, a parker with a deadline.
//! It knows nothing of locks, events or tasks; for those see the crates above it. If all you need is a thread, the
//! standard library's will do.
//!
//! # Directory
//!
//! * Who runs: [`current_id`], [`current()`], [`ContextId`], [`ContextKind`]; on one OS thread in turns: [`SimulatedContext`].
//! * What it stores: [`ContextLocal`].
//! * Starting a thread: [`Builder`], [`Execute`], [`JoinHandle`], [`StackRegion`], [`StartError`].
//! * Where it may run: [`Topology`], [`Level`], [`allowed_cpus`].
//! * What time it is: [`HrTime`], [`Clock`], [`ManualClock`], and the cheap [`cached_now`].
//! * Sleeping: [`Parker`], [`Unparker`], [`set_timer_slack`].
//! * Naming values by numbers that may come back wrong, as from C: [`register`].
//! * For authors of lock-free protocols: [`fence`].
//!
//! Linux only, on x86-64 and 64-bit ARM.

mod affinity;
#[doc(hidden)]
pub mod ahead;
mod cached;
mod clock;
mod context;
mod current;
mod error;
pub mod fence;
mod futex;
mod local;
mod manual;
mod park;
#[doc(hidden)]
pub mod pool;
pub mod register;
mod simulated;
mod slack;
mod stack;
mod start;
mod storage;
#[doc(hidden)]
pub mod sync;
mod thread;
mod time;
mod topology;

pub use cached::{cached_now, refresh_now};
pub use clock::Clock;
pub use context::{ContextId, ContextKind, Current};
pub use current::{current, current_id, is_current, is_current_raw};
pub use error::StartError;
pub use local::{ContextGone, ContextLocal};
pub use manual::{ManualClock, TimeWentBack};
pub use park::{Parker, Unpark, Unparker};
pub use simulated::{AlreadyEntered, SimulatedContext};
pub use slack::{set_timer_slack, timer_slack};
pub use stack::{DEFAULT_STACK_SIZE, StackRegion, min_stack_size};
pub use thread::{Builder, Execute, JoinHandle};
pub use time::HrTime;
pub use topology::{Level, Topology, allowed_cpus};

/// The README's example, compiled and run with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
