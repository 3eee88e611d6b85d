//! How an event waits its turn: what one event thread queues, and how that thread waits when nothing is queued.
//!
//! # Who should use this
//!
//! Whoever wants a piece of an event loop, or all of it, without somebody else's idea of tasks on top: a timer wheel, an
//! inbox that many threads push into and one empties, a queue with fair turns, a wait that ends exactly on time. It knows
//! nothing of locks, continuations or thread groups; for those see the crates above it. It is no executor and
//! starts no thread. If all you need is to pass messages, a channel will do.
//!
//! # Directory
//!
//! * When: [`When`], in the time of [`Clock`] and [`HrTime`].
//! * How to wait: [`Wait`], as a [`ParkWait`] or, with I/O ([`Io`], [`Registration`]), as a [`PollWait`]; [`Wakeup`] from
//!   elsewhere.
//!
//! Linux only, on x86-64 and 64-bit ARM.

mod park_wait;
mod poller;
mod wait;
mod when;

pub use self::park_wait::ParkWait;
pub use self::poller::{Io, PollWait, Registration};
pub use self::wait::{Wait, Wakeup};
pub use self::when::When;
pub use ts_thread::{Clock, HrTime};
