//! The lock word, the depth, and how they are taken and given back.
//!
//! The common case is one compare-and-swap to take the mutex and one store to give it back. Everything that needs a
//! queue lies in `contended.rs`; the argument for both is here.
//!
//! # Rules
//! * The `word` says who holds the mutex. Only the holder gives it back; only the waiter that it is reserved
//!   for, or somebody with the queue lock in hand, ends a reservation.
//! * `more` and `raw` (how many levels) are plain memory. Only the holder touches it.
//! * `waiting` is 1 while somebody is queued (a waiter, or a function for [`when_free`](crate::ProxyMutex::when_free)).
//!   It is changed under the queue lock only. So is the [`LOOK`] flag of the word, except that giving the mutex
//!   back wipes it out.
//! * The queue lock is held for a few instructions and never while foreign code runs, but for
//!   [`Wake::is_busy`](crate::Wake::is_busy). It may be taken while holding the mutex, and while not.
//!
//! # No wake is lost
//! What has to hold: *while somebody is queued, the mutex is held with the flag `LOOK`, or it is reserved, or somebody who
//! was called has not tried again yet, or a thread is on its way into the queue to see to it.*
//!
//! A waiter, with the queue lock in hand: (1) sets `waiting` if it was 0, and then runs `fence::heavy`;
//! (2) reads the word and takes the mutex if it may; (3) otherwise swaps `LOOK` into the word, or goes back to
//! (2) if the word has changed; (4) only then counts as queued and not called.
//!
//! A holder that gives the mutex back reads `waiting`.
//! * It is 1: a compare-and-swap from "held, no `LOOK`" to free. If that fails, the flag is set, and the queue is looked at
//!   *before* the mutex is given back. As the flag is in the word, this needs no fence.
//! * It is 0, perhaps because the 1 is not visible yet: a plain store of 0, which may wipe out a `LOOK`; `fence::light`; and
//!   `waiting` is read again. Say that `LOOK` was wiped out. Then the waiter's swap in (3) came before the store, so
//!   its (2) had not seen the store, although it came after the heavy fence. Of the two reads after the fences of
//!   such a pair, one sees the other side's write, so the holder's second read of `waiting` says 1, and the holder looks
//!   into the queue: it takes the mutex back if it is free, or swaps `LOOK` into the word again.
//!
//! Waiters that come while `waiting` is 1 need no fence: whoever set it ran the fence under the queue lock, before.
//!
//! A waiter that was called and finds the mutex held again may *nap*: it neither sets `LOOK` nor ends its call, and has said that
//! it will try again by itself, soon. So it is somebody who was called and has not tried again yet, and giving the mutex back is
//! one compare-and-swap as long as nobody else comes. It may not nap beyond the time when it is due.
//!
//! A waiter that takes the mutex sets `LOOK` in the same step if others are still queued. A waiter that leaves, and had been
//! called or had the mutex reserved, does what the holder would do: it looks. So does one that declines, passing over
//! itself; it still counts as called and not tried.
//!
//! # Nobody waits for ever, and nobody waits for a sleeper
//! Looking means: call the oldest waiter that was not called since it last tried, and give the mutex free for whoever is
//! first. If the oldest one has waited longer than [`FAIR_SLICE`](crate::FAIR_SLICE), the mutex is given to its ticket
//! instead. A waiter whose thread is busy is called but not counted on: the next one is called too, and gets the
//! reservation if it is due. As a thread may become busy in just that moment, it is asked again after the call,
//! behind a heavy fence: either it sees the call before it begins something else, or it is seen to be busy.
//!
//! # Ordering
//! * `[hold]`: from giving back to taking: what the last holder did has happened for the next.
//! * `[waiting-flag]`: `waiting` against the word, by way of the fence pair, as told above.
//!
//! A flag in the word alone would do without fences, but then every unlock would be a read-modify-write.

use std::hint::{assert_unchecked, cold_path};
use std::sync::atomic::{AtomicU32 as Counter, Ordering::Relaxed as CounterRelaxed};

use ts_thread::sync::UnsafeCell;
use ts_thread::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use ts_thread::{current_id, is_current_raw};

use crate::lazy::Lazy;
use crate::queue::Cold;
use crate::word::{FREE, LOOK};

/// The shared part of a mutex.
pub(crate) struct Core {
    pub(crate) word: AtomicU64,
    /// What only a mutex that was contended, or has a name, needs.
    cold: Lazy<Cold>,
    /// How often the mutex went from not held to held, the low half; the high one is in `cold`. The holder writes, anybody
    /// reads. It is part of no protocol, so that models need not see it.
    acquired: Counter,
    /// Shares, see `shared.rs`.
    pub(crate) refs: AtomicU32,
    /// How often the holder holds the mutex: levels beyond the first, of either kind. 0 while nobody holds it, so that a hold
    /// of one level writes nothing.
    more: UnsafeCell<u32>,
    /// How many of all levels are raw locks.
    raw: UnsafeCell<u16>,
    pub(crate) waiting: AtomicU8,
}

// SAFETY: it is made to be used by many threads: its word decides who may touch its two plain fields, its other fields are
// atomic or under a lock of their own. What waits in its queue is `Send`.
unsafe impl Sync for Core {}

// What the design asks of the size; see `shared.rs`.
#[cfg(not(loom))]
const _: () = assert!(size_of::<Core>() <= 32);

/// What came of an attempt to take the mutex.
#[must_use]
pub(crate) enum Entered {
    /// It was free.
    First,
    /// This context held it already.
    Again,
    /// Somebody else holds it, or it is reserved.
    Busy,
}

impl Core {
    pub(crate) fn new(cold: Lazy<Cold>) -> Self {
        Self {
            word: AtomicU64::new(FREE),
            cold,
            acquired: Counter::new(0),
            more: UnsafeCell::new(0),
            raw: UnsafeCell::new(0),
            refs: AtomicU32::new(1),
            waiting: AtomicU8::new(0),
        }
    }

    /// The cold part, made if it is not there.
    pub(crate) fn cold(&self) -> &Cold {
        self.cold.get_or_make(|| Cold::new(None))
    }

    /// The cold part, if it is there.
    pub(crate) fn cold_if_any(&self) -> Option<&Cold> {
        self.cold.get()
    }

    pub(crate) fn acquired(&self) -> u64 {
        let high = self.cold_if_any().map_or(0, |cold| cold.acquired_high.load(CounterRelaxed));
        u64::from(high) << 32 | u64::from(self.acquired.load(CounterRelaxed))
    }

    /// The word, as a hint for everybody but the holder.
    #[inline(always)]
    pub(crate) fn peek(&self) -> u64 {
        // Relaxed, alone: a context finds its own id here only if it stored it, since ids are never reused; any
        // other value, however old, means "not me". Nothing is read through the value.
        self.word.load(Ordering::Relaxed)
    }

    /// Whether the context that runs holds the mutex.
    #[inline(always)]
    pub(crate) fn is_held_by_current(&self) -> bool {
        // Neither 0 nor a reservation is an id.
        is_current_raw(self.peek() & !LOOK)
    }

    /// Takes the mutex for the context that runs, if that needs no waiting.
    #[inline(always)]
    pub(crate) fn enter(&self) -> Entered {
        self.enter_unless(|| false)
    }

    /// As [`enter`](Self::enter), but calls a mutex that is free busy when `put_off` says so.
    #[inline(always)]
    pub(crate) fn enter_unless(&self, put_off: impl FnOnce() -> bool) -> Entered {
        let word = self.peek();
        // First the question that no id has to be at hand for: neither 0 nor a reservation is one. The flag, which is seldom
        // there, is looked for last.
        if is_current_raw(word) || (word != FREE && is_current_flagged(word)) {
            self.deeper();
            Entered::Again
        } else if word == FREE && !put_off() && self.swap_in(FREE, current_id().get()) {
            self.count();
            self.is_first_level();
            Entered::First
        } else {
            Entered::Busy
        }
    }

    /// As [`enter`](Self::enter), for a caller who knows that the context that runs is `me`.
    #[inline(always)]
    pub(crate) fn enter_as(&self, me: u64) -> Entered {
        // Without a look beforehand: who dispatches finds nearly all free.
        match self.swap(FREE, me) {
            Ok(_) => {
                self.count();
                Entered::First
            }
            Err(word) if word & !LOOK == me => {
                cold_path();
                self.deeper();
                Entered::Again
            }
            Err(_) => {
                cold_path();
                Entered::Busy
            }
        }
    }

    /// Takes the mutex if the word is still `from`.
    #[inline(always)]
    pub(crate) fn swap_in(&self, from: u64, held: u64) -> bool {
        self.swap(from, held).is_ok()
    }

    /// As [`swap_in`](Self::swap_in), and says what the word is if it is not `from`.
    #[inline(always)]
    fn swap(&self, from: u64, held: u64) -> Result<u64, u64> {
        // Acquire [hold]: what the last holder did has happened. On failure nothing is read through the value.
        self.word.compare_exchange(from, held, Ordering::Acquire, Ordering::Relaxed)
    }

    /// Counts a hold. Only the holder may call it, once a hold.
    #[inline(always)]
    pub(crate) fn count(&self) {
        // The holder is the only one that writes, so no addition gets lost.
        let acquired = self.acquired.load(CounterRelaxed).wrapping_add(1);
        self.acquired.store(acquired, CounterRelaxed);
        if acquired == 0 {
            self.count_high();
        }
    }

    #[cold]
    #[inline(never)]
    fn count_high(&self) {
        self.cold().acquired_high.fetch_add(1, CounterRelaxed);
    }

    /// Tells the compiler that there is no level beyond the first, so that the end of a guard whose beginning it sees need not
    /// look. Only the holder may call it, after it took the mutex and before it ran anything foreign.
    #[inline(always)]
    pub(crate) fn is_first_level(&self) {
        // SAFETY: as in `deeper` for the cell. Nobody gives the mutex back before all levels beyond the first have ended.
        self.more.with(|more| unsafe { assert_unchecked(*more == 0) });
    }

    /// One level more. Only the holder may call it.
    #[inline(always)]
    pub(crate) fn deeper(&self) {
        // SAFETY: the caller holds the mutex, so nobody else touches the cell.
        self.more.with_mut(|more| unsafe {
            match (*more).checked_add(1) {
                Some(levels) => *more = levels,
                None => too_deep(),
            }
        });
    }

    /// One level less; true if it was the last, and then the mutex is still to be given back. Only the holder may call it.
    #[inline(always)]
    pub(crate) fn shallower(&self) -> bool {
        // SAFETY: as in `deeper`.
        self.more.with_mut(|more| unsafe {
            let last = *more == 0;
            if !last {
                *more -= 1;
            }
            last
        })
    }

    /// All levels. Only the holder may call it. 2³² of them are one too many to be told.
    pub(crate) fn depth(&self) -> u32 {
        // SAFETY: as in `deeper`.
        self.more.with(|more| unsafe { *more }).saturating_add(1)
    }

    /// The level that was just added is a raw one. Only the holder may call it.
    pub(crate) fn mark_raw(&self) {
        // SAFETY: as in `deeper`.
        self.raw.with_mut(|raw| unsafe {
            match (*raw).checked_add(1) {
                Some(levels) => *raw = levels,
                None => too_deep(),
            }
        });
    }

    /// The next level that ends shall be a raw one; false if there is none. Only the holder may call it.
    pub(crate) fn unmark_raw(&self) -> bool {
        // SAFETY: as in `deeper`.
        self.raw.with_mut(|raw| unsafe {
            let any = *raw > 0;
            if any {
                *raw -= 1;
            }
            any
        })
    }

    /// Called when nobody else can reach this any more. It does nothing, but shows a model that this is so.
    pub(crate) fn end(&self) {
        self.more.with_mut(|_| ());
    }

    /// Whether somebody is queued, as far as this thread has heard.
    #[inline(always)]
    pub(crate) fn is_anybody_queued(&self) -> bool {
        // Relaxed [waiting-flag]: when the mutex is given back this is asked twice. The first time, an old 0 is met by
        // the second look, and an old 1 costs a compare-and-swap; the second time, the fence before it orders it.
        self.waiting.load(Ordering::Relaxed) != 0
    }

    /// Gives the mutex back although somebody may be queued whom we have not heard of; true if that was so. Only the
    /// holder may call it, with no level left. `light` is the light half of the fences.
    #[inline(always)]
    pub(crate) fn give_back(&self, light: impl FnOnce()) -> bool {
        self.set_free();
        // [waiting-flag]: the light half; the heavy one is in `contended.rs`.
        light();
        self.is_anybody_queued()
    }

    /// Sets the word to free, whatever flag it has.
    #[inline(always)]
    fn set_free(&self) {
        if cfg!(loom) {
            // Release [hold]: as below. A compare-and-swap follows right after what it read, so a LOOK that was swapped into
            // our word comes before this store. loom does not know that of a store, and would let us read the LOOK
            // after it; it knows it of a swap. Nothing is read through the swap, so it orders no more than the store.
            self.word.swap(FREE, Ordering::Release);
        } else {
            // Release [hold]: what we did has happened for the next holder.
            self.word.store(FREE, Ordering::Release);
        }
    }

    /// Gives the mutex back unless LOOK is set; false if it is. Only the holder may call it, with no level left.
    pub(crate) fn give_back_unless_asked_to_look(&self) -> bool {
        let word = self.peek();
        // Release [hold]: as above. It fails only because somebody has set LOOK; nothing is read through that.
        word & LOOK == 0
            && self.word.compare_exchange(word, FREE, Ordering::Release, Ordering::Relaxed).is_ok()
    }
}

/// Whether the word is the id of the context that runs, with the flag.
#[cold]
#[inline(never)]
fn is_current_flagged(word: u64) -> bool {
    is_current_raw(word & !LOOK)
}

#[cold]
#[inline(never)]
fn too_deep() -> ! {
    panic!("a mutex is locked more often by the same context than can be counted")
}
