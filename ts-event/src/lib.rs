//! How an event waits its turn: what one event thread queues, and how that thread waits when nothing is queued.
//!
//! # Who should use this
//!
//! Whoever wants a piece of an event loop, or all of it, without somebody else's idea of tasks on top: a timer wheel, an
//! inbox that many threads push into and one empties, a queue with fair turns, a wait that ends exactly on time. It knows
//! nothing of locks, continuations or thread groups; for those see the crates above it. It is no executor and
//! runs no thread of its own. If all you need is to pass messages, a channel will do.
//!
//! # Directory
//!
//! * Events: [`Slots`] and a thread's [`Cache`] of them, [`Entry`] (who owns one), [`Key`] (who may ask about it), and how to
//!   call one off: [`CallOff`], [`Phase`], [`Begin`], [`End`]. For loops that run many: [`Begun`], [`Spot`].
//! * Where they wait: [`Ready`], [`Wheel`] (with [`Sweep`]), [`PollList`].
//! * From other threads: [`inbox()`], its [`Sender`] and [`Receiver`]; [`wake`] tells how a push wakes who sleeps.
//! * All of that as one thread's [`Queue`].
//! * When: [`When`], in the time of [`Clock`] and [`HrTime`].
//! * How to wait: [`Wait`], as a [`ParkWait`] or, with I/O ([`Io`], [`Registration`]), as a [`PollWait`]; [`Wakeup`] from
//!   elsewhere.
//!
//! Linux only, on x86-64 and 64-bit ARM.

mod begun;
mod cache;
mod call_off;
mod entry;
mod inbox;
mod key;
mod park_wait;
mod place;
mod poll;
mod poller;
mod prefetch;
mod queue;
mod ready;
mod region;
mod slot;
mod slots;
mod wait;
mod wheel;
mod when;
mod word;

#[doc = include_str!("wake.md")]
pub mod wake {}

pub use self::begun::{Begun, Spot};
pub use self::cache::{Cache, Vacant};
pub use self::call_off::{Begin, CallOff, End, Phase};
pub use self::entry::Entry;
pub use self::inbox::{Chain, Closed, Pushed, Receiver, Sender, inbox};
pub use self::key::Key;
pub use self::park_wait::ParkWait;
pub use self::poll::PollList;
pub use self::poller::{Io, PollWait, Registration};
pub use self::prefetch::prefetch;
pub use self::queue::{DEFAULT_BUDGET, Queue, Visit};
pub use self::ready::{Ready, Room};
pub use self::slots::Slots;
pub use self::wait::{Wait, Wakeup};
pub use self::wheel::{Sweep, Wheel};
pub use self::when::When;
pub use ts_thread::{Clock, HrTime};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
