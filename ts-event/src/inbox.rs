//! The door into a thread's queue: any thread may put an entry in, only the owner takes entries out.
//!
//! A push is one compare-and-swap and never blocks or allocates: the entries are chained through their own slots. The
//! owner takes the whole chain at once and turns it round, so what one sender sent keeps its order. Order between
//! senders is that of their compare-and-swaps.
//!
//! # Rules
//! * An entry is in at most one inbox, and the inbox owns it until the [`Chain`] hands it on.
//! * Only the receiver follows a link, and only after the swap in `take` or `close`. A sender compares and stores the
//!   head's value and never looks behind it; so it does not matter to it whether that entry has been taken, used
//!   again and pushed again meanwhile.
//! * Only the receiver puts `SLEEPING` and `CLOSED` into the head; `CLOSED` stays.
//!
//! # Ordering
//! * `[inbox-publish]`: from `push` to `take` and `close`.
//! * `[inbox-order]`: from each push, or [`Sender::pass`], to each later push, by way of the head, which is only ever changed by
//!   read-modify-write operations: so of two pushes to the same thread one has happened before the other returns,
//!   wherever they come from.
//!
//! How a sleeper is woken is told in [`wake`](crate::wake).
//!
//! A std channel would do, but it allocates for what it carries, and it cannot say whether the push has to wake the
//! receiver.

mod chain;
mod link;

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;

use crossbeam_utils::CachePadded;
use thiserror::Error;
use ts_thread::sync::Arc;
use ts_thread::sync::atomic::{
    AtomicPtr,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use crate::entry::Entry;
use crate::slot::Slot;
use crate::when::When;

pub use self::chain::Chain;

/// What the head is beside null and an entry. Slots are aligned, so no entry has one of these addresses.
const SLEEPING: usize = 1;
const CLOSED: usize = 2;

/// Makes an inbox: as many senders as you like, one receiver.
///
/// # Examples
///
/// ```
/// use ts_event::{Pushed, Slots, When, inbox};
///
/// static SLOTS: Slots<&str> = Slots::new();
/// let (sender, mut receiver) = inbox();
///
/// assert_eq!(sender.push(SLOTS.entry("first"), When::Now).unwrap(), Pushed::First);
/// assert_eq!(sender.push(SLOTS.entry("second"), When::Now).unwrap(), Pushed::Behind);
/// let taken: Vec<_> = receiver.take().map(|(entry, _)| *entry).collect();
/// assert_eq!(taken, ["first", "second"]);
///
/// assert!(receiver.try_sleep());
/// assert_eq!(sender.push(SLOTS.entry("third"), When::Now).unwrap(), Pushed::Sleeping, "wake it now");
/// ```
#[must_use]
pub fn inbox<T: 'static>() -> (Sender<T>, Receiver<T>) {
    let head = CachePadded::new(AtomicPtr::new(ptr::null_mut()));
    let shared = Arc::new(Shared { head, owns: PhantomData });
    (Sender { shared: shared.clone() }, Receiver { shared, not_sync: PhantomData })
}

struct Shared<T: 'static> {
    /// Alone on its line: senders fight for it, and the receiver's other data is near.
    head: CachePadded<AtomicPtr<Slot<T>>>,
    /// Values go from one thread to another and are looked at by one at a time, as behind a mutex: so this may be
    /// shared between threads exactly when they may be sent.
    owns: PhantomData<std::sync::Mutex<T>>,
}

/// What a push found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pushed {
    /// Other entries, not yet taken. Whoever pushed the first of them has seen to waking the receiver.
    Behind,
    /// Nothing, and the receiver awake: it looks at its inbox before it sleeps.
    First,
    /// Nothing, and the receiver asleep or about to be: **this push has to wake it**, and no other one will.
    Sleeping,
}

/// The receiver is gone: the entry comes back.
#[derive(Error)]
#[error("the inbox is closed: its receiver is gone")]
pub struct Closed<E>(
    /// What was to be pushed.
    pub E,
);

impl<E> fmt::Debug for Closed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closed").finish_non_exhaustive()
    }
}

/// The senders' side of an inbox. Any thread; clones push into the same inbox.
pub struct Sender<T: 'static> {
    shared: Arc<Shared<T>>,
}

impl<T: 'static> Sender<T> {
    /// Puts an entry in. Never blocks.
    ///
    /// Whoever gets [`Pushed::Sleeping`] must wake the receiver; each of its sleeps gives that answer at most once.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the entry, when the receiver has closed the inbox or has gone.
    pub fn push(&self, entry: Entry<T>, when: When) -> Result<Pushed, Closed<Entry<T>>> {
        let node = link::leave(entry, when);
        // Relaxed: a first guess. The compare-and-swap decides, and nothing is read through the value.
        let mut head = self.shared.head.load(Relaxed);
        loop {
            let (behind, pushed) = match head.addr() {
                CLOSED => {
                    // SAFETY: `node` was left above and never got into the chain.
                    let (entry, _) = unsafe { link::collect(node) };
                    return Err(Closed(entry));
                }
                0 => (ptr::null_mut(), Pushed::First),
                SLEEPING => (ptr::null_mut(), Pushed::Sleeping),
                _ => (head, Pushed::Behind),
            };
            // SAFETY: `node` was left above, and until the exchange below succeeds nobody else knows of it.
            unsafe { link::set_next(node, behind) };
            // Release [inbox-publish]: the entry, its time and its link are visible to `take` and `close`. The
            // exchange goes on with the release sequences of the entries behind it, so that taking the head carries
            // them too. Acquire [inbox-order]: what was done before earlier changes of the head has happened for whoever comes
            // back from here. On failure nothing is read through the value, so Relaxed will do.
            match self.shared.head.compare_exchange_weak(head, node.as_ptr(), AcqRel, Relaxed) {
                Ok(_) => return Ok(pushed),
                Err(now) => head = now,
            }
        }
    }

    /// Orders the caller among the senders as a push would, without putting anything in: what it has done before has
    /// happened for whoever pushes from now on. Any thread may call.
    pub fn pass(&self) {
        // Relaxed: a first guess.
        let mut head = self.shared.head.load(Relaxed);
        // Release [inbox-order]: for the Acquire of later pushes, as each change of the head goes on with the release sequence
        // of those before it.
        while let Err(now) = self.shared.head.compare_exchange_weak(head, head, Release, Relaxed) {
            head = now;
        }
    }

    /// Whether the receiver has closed the inbox or has gone. A `false` may be out of date when it is read.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // Relaxed: a hint, see above.
        self.shared.head.load(Relaxed).addr() == CLOSED
    }
}

impl<T: 'static> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T: 'static> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// The owner's side of an inbox. It may move to another thread, but belongs to one at a time. Dropping it closes the
/// inbox and drops what is in it.
pub struct Receiver<T: 'static> {
    shared: Arc<Shared<T>>,
    not_sync: PhantomData<Cell<()>>,
}

impl<T: 'static> Receiver<T> {
    /// Takes all that is in, in order of arrival. An empty inbox costs one load.
    pub fn take(&mut self) -> Chain<T> {
        if self.is_empty() {
            return Chain::EMPTY;
        }
        // Acquire [inbox-publish]: the other end, for the Release in `push`. Only the receiver makes anything but
        // an entry of the head, so after the look above this is one.
        let head = self.shared.head.swap(ptr::null_mut(), Acquire);
        // SAFETY: the swap took the chain out of everybody else's reach.
        unsafe { Chain::turn_round(head) }
    }

    /// Whether nothing is in. What is being pushed right now may be missed, but not what was pushed before this
    /// thread was woken for it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // Relaxed: nothing is read through the value. Why a stale look does no harm is told in `wake.md`.
        !is_entry(self.shared.head.load(Relaxed))
    }

    /// Declares this thread asleep, so that the next push tells its sender to wake it. False when something is in, or
    /// the inbox is closed: do not sleep.
    ///
    /// After `true`, wait for the wake-up and then call [`awake`](Self::awake).
    #[must_use]
    pub fn try_sleep(&mut self) -> bool {
        let asleep = ptr::without_provenance_mut(SLEEPING);
        // Relaxed: carries nothing. Its place among the changes of this one word is all that counts (`wake.md`).
        match self.shared.head.compare_exchange(ptr::null_mut(), asleep, Relaxed, Relaxed) {
            Ok(_) => true,
            Err(head) => head.addr() == SLEEPING,
        }
    }

    /// Declares this thread awake again, whatever ended its sleep. Without a sleep before it, does nothing.
    pub fn awake(&mut self) {
        let asleep = ptr::without_provenance_mut(SLEEPING);
        // Relaxed: this thread stored SLEEPING itself, so it sees that or a push on top of it.
        if self.shared.head.load(Relaxed) == asleep {
            // Relaxed: as in `try_sleep`. Failure means that something was pushed: then there is no SLEEPING left.
            _ = self.shared.head.compare_exchange(asleep, ptr::null_mut(), Relaxed, Relaxed);
        }
    }

    /// Closes the inbox for good and takes what is in. From now on every push fails.
    pub fn close(&mut self) -> Chain<T> {
        // Acquire [inbox-publish]: as in `take`.
        let head = self.shared.head.swap(ptr::without_provenance_mut(CLOSED), Acquire);
        if !is_entry(head) {
            return Chain::EMPTY;
        }
        // SAFETY: the swap took the chain out of everybody else's reach.
        unsafe { Chain::turn_round(head) }
    }
}

impl<T: 'static> Drop for Receiver<T> {
    fn drop(&mut self) {
        drop(self.close());
    }
}

impl<T: 'static> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("empty", &self.is_empty()).finish_non_exhaustive()
    }
}

fn is_entry<T>(head: *mut Slot<T>) -> bool {
    head.addr() > CLOSED
}
