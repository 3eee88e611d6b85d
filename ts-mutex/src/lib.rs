//! A recursive mutex that knows its holder and tells its waiters.
//!
//! [`ProxyMutex`] is the lock of an event system. A handler that holds it may be called again under it; whoever
//! misses it need not block, but queues and is told when it is given back; and no waiter starves. Blocking, waiting in
//! an event loop and waiting in a future are three ways to stand in the same queue.
//!
//! For people who write event loops and servers. If you write plugins, use the crate `ts-api`, which has this mutex under
//! its own names. If you want a lock around a value, and neither recursion nor waiting without blocking, std's `Mutex`
//! is the better choice.
//!
//! # Examples
//!
//! ```
//! use ts_mutex::{Guarded, ProxyMutex};
//!
//! let mutex = ProxyMutex::named("counter");
//! let count = Guarded::new(&mutex, 0);
//!
//! let guard = mutex.lock();
//! *count.borrow_mut(&guard)? += 1;
//! mutex.when_free(|_| println!("nested: the caller holds it already"));
//! drop(guard);
//!
//! assert_eq!(*count.borrow(&mutex.lock())?, 1);
//! # Ok::<(), ts_mutex::GuardedError>(())
//! ```
//!
//! # Where is what
//!
//! | you want to | look at |
//! |---|---|
//! | lock, try, ask who holds it | [`ProxyMutex`], [`MutexGuard`] |
//! | keep data that only the holder may touch | [`Guarded`] |
//! | wait without blocking | [`Waiter`] and [`Wake`], or the future [`ProxyMutex::run`] |
//! | leave something to be done by the holder | [`ProxyMutex::when_free`] |
//! | lock from C | [`ProxyMutex::raw_lock`], [`ProxyMutex::raw_unlock`] |
//! | find long holds and cycles of locks | [`diagnostics`] |
//!
//! The protocol, and the argument why no wake is lost, stand in the head of `src/raw.rs`.

mod contended;
mod counts;
pub mod diagnostics;
mod error;
mod guard;
mod guarded;
mod lazy;
mod proxy;
mod queue;
mod raw;
mod run;
mod shared;
mod waiter;
mod word;

pub use counts::MutexCounts;
pub use error::{GuardedError, RawUnlockError};
pub use guard::MutexGuard;
pub use guarded::{Guarded, Ref, RefMut};
pub use proxy::ProxyMutex;
pub use run::Run;
pub use waiter::{FAIR_SLICE, Waiter, Wake};

/// The examples of the README, so that they are run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
