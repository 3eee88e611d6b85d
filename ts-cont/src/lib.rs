//! Continuations on event threads: scheduling, cancelling, thread groups, affinity and futures.
//!
//! # The five nouns
//!
//! * A [`Continuation`] is a handler and, usually, a [`ProxyMutex`]: nobody runs the handler without holding it.
//! * An [`Event`] is one call of a handler: a code, a cookie, data; the handler may arm it again.
//! * An [`Action`] is the handle of a scheduled call: cancel it from anywhere, at any time, and be told what happened.
//! * An [`EThread`] is a thread with a queue of events; [`Here`] is the evidence of running on one.
//! * The [`EventProcessor`] has groups of such threads, and chooses among them.
//!
//! # How a call reaches a handler
//!
//! `schedule_*` chooses a thread ([`affinity`] is the one place where that is decided), puts the event into a slot, and the
//! slot into the thread's queue: directly on that thread, through its inbox from elsewhere. The thread's loop finds it
//! ready, tries the continuation's mutex, and calls the handler. If the mutex is busy the event waits *at the mutex*, and
//! the unlock tells its thread; nothing is polled for.
//!
//! Time is monotonic, in nanoseconds, and belongs to a processor. An event never runs before its time. An idle thread does
//! not wake.
//!
//! # Examples
//!
//! ```
//! use std::sync::mpsc;
//! use std::time::Duration;
//! use ts_cont::{Continuation, EventProcessor, EventType, ProxyMutex, ShutdownOptions};
//!
//! let processor = EventProcessor::builder().build();
//! processor.spawn_event_threads(EventType::NET, 2, 0)?;
//!
//! let (sender, receiver) = mpsc::channel();
//! let mut left = 3;
//! let countdown = Continuation::new(&ProxyMutex::new(), move |event| {
//!     sender.send(left).unwrap();
//!     left -= 1;
//!     if left > 0 {
//!         event.reschedule_in(Duration::from_millis(1)).unwrap();
//!     }
//! });
//! processor.schedule_imm(&countdown, EventType::NET, ())?;
//! assert_eq!(receiver.iter().take(3).collect::<Vec<_>>(), [3, 2, 1]);
//!
//! drop(countdown);
//! assert!(processor.shutdown(ShutdownOptions::default()).is_clean());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it is not
//!
//! It knows nothing of plugins, C or HTTP; the crate `ts-api` is built on it for those who write plugins. It is no general
//! async runtime: futures run where events run, so that a server can use both.

#[doc(hidden)]
pub mod home;
#[doc(hidden)]
pub mod life;

#[cfg(not(loom))]
mod cell;

#[cfg(not(loom))]
mod action;
#[cfg(not(loom))]
mod actions;
#[cfg(not(loom))]
pub mod affinity;
#[cfg(not(loom))]
mod code;
#[cfg(not(loom))]
mod completion;
#[cfg(not(loom))]
mod continuation;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod ethread;
#[cfg(not(loom))]
mod event;
#[cfg(not(loom))]
pub mod future;
#[cfg(not(loom))]
mod guest;
#[cfg(not(loom))]
mod handler;
#[cfg(not(loom))]
pub mod metrics;
#[cfg(not(loom))]
mod pool;
#[cfg(not(loom))]
mod processor;
#[cfg(not(loom))]
mod shutdown;
#[cfg(not(loom))]
pub mod simulate;
#[cfg(not(loom))]
mod work;

#[cfg(not(loom))]
pub use crate::{
    action::{Action, Cancel},
    actions::{Actions, ActionsIter},
    cell::Destroyed,
    code::EventCode,
    completion::{Completion, Finished},
    continuation::{Continuation, Named},
    error::{CallError, RearmError, Refusal, RegisterError, ScheduleError, SpawnError},
    ethread::run::{POLL_INTERVAL, SWEEP_DELAY},
    ethread::{EThread, Here, ThreadType},
    event::{Event, Message, MissedTicks, Outcome},
    future::JoinHandle,
    guest::Guest,
    processor::group::{MAX_EVENT_TYPES, MakeWait},
    processor::spawn::{GroupSpec, MAX_THREADS_IN_GROUP},
    processor::{
        Builder, EventProcessor, EventType, GroupAttributes, NotReady, PanicPolicy, ThreadOptions, WaitKind,
    },
    shutdown::{Queued, ShutdownOptions, ShutdownReport},
};
#[cfg(not(loom))]
pub(crate) use ethread::Stop;
#[cfg(not(loom))]
pub use ts_event::{Io, ParkWait, PollWait, Registration, Wait, Wakeup};
#[cfg(not(loom))]
pub use ts_mutex::{Guarded, GuardedError, MutexGuard, ProxyMutex, diagnostics};
#[cfg(not(loom))]
pub use ts_thread::{Clock, HrTime, ManualClock};

/// The README's examples run like those of this page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
