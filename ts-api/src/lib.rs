//! The facade for plugin authors: continuations, mutexes, scheduling on pools, hooks, HTTP transactions.
//!
//! A plugin is a set of continuations: handlers that the host calls when a timeout is over, when a hook is reached, when
//! somebody calls them. This crate has what they are made with, under the names that plugin authors know.
//!
//! | you want to | look at |
//! |---|---|
//! | make a continuation, call it, end it | [`Cont`], [`Event`] |
//! | protect data | [`Mutex`], [`Guard`], [`MutexData`] |
//! | run something later, every so often, elsewhere | [`schedule`], [`Pool`], [`Action`] |
//! | have a thread of your own | [`PluginThread`] |
//! | be told of start and end | [`lifecycle`] |
#![cfg_attr(feature = "runtime", doc = "| run all of it in a program or a test | [`Runtime`] |")]
//!
//! # Examples
//!
#![cfg_attr(feature = "runtime", doc = "```")]
#![cfg_attr(not(feature = "runtime"), doc = "```ignore")]
//! use std::sync::mpsc;
//! use std::time::Duration;
//! use ts_api::{Cont, Mutex, Pool, Runtime};
//!
//! let runtime = Runtime::builder().net_threads(2).task_threads(1).start()?;
//! let guest = runtime.guest();
//!
//! let (sender, receiver) = mpsc::channel();
//! let mut ticks = 0;
//! let clock = Cont::new(&Mutex::new(), move |event| {
//!     ticks += 1;
//!     sender.send((ticks, event.thread().unwrap().name())).unwrap();
//! });
//! let action = clock.schedule_every_on_pool(Duration::from_millis(1), Pool::Task)?;
//! assert_eq!(receiver.recv()?, (1, String::from("[ET_TASK 0]")));
//! action.cancel();
//!
//! drop((clock, guest));
//! assert!(runtime.shutdown(Default::default()).is_clean());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Two kinds of program
//!
//! With the default feature `runtime` a program links the event system and starts it with `Runtime`. A plugin that is built
//! to be loaded by a host leaves the feature out; it is given the host's table of functions at entry, and hands it to
//! [`table::install_raw`]. The same source works in both.
//!
//! # What it is not
//!
//! It schedules nothing itself: that is the crate `ts-cont`, which servers that need no plugins use directly.

// Under loom the layers below are no more than their models, and there is nothing to build on.
#![cfg(not(loom))]

// The host's own plugins are written with the names that plugin authors use.
#[cfg(feature = "host")]
extern crate self as ts_api;

mod action;
mod code;
mod cont;
mod error;
#[cfg(feature = "ffi")]
mod ffi;
#[cfg(feature = "host")]
pub mod host;
#[cfg(feature = "http")]
pub mod http;
pub mod lifecycle;
mod mutex;
#[cfg(feature = "ffi")]
mod nearest;
mod pool;
#[cfg(feature = "runtime")]
pub mod runtime;
pub mod schedule;
pub mod table;
mod thread;

pub use action::{Action, Cancel};
pub use code::EventCode;
pub use cont::{Cont, Destroyed, Event, NamedCont, Outcome};
pub use error::{CallError, DataError, HostError, ScheduleError, TableError};
pub use mutex::{DataRef, DataRefMut, Guard, Mutex, MutexData};
pub use pool::Pool;
#[cfg(feature = "runtime")]
pub use runtime::Runtime;
pub use schedule::{Explanation, Reason};
pub use thread::{EventThread, PluginThread};

/// The examples of the README, so that they are run.
#[cfg(all(doctest, feature = "http", feature = "runtime"))]
#[doc = include_str!("../README.md")]
struct Readme;
