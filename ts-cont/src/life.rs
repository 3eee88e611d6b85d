//! How long a continuation lives: who refers to it, whether it is destroyed, and who may drop its handler.
//!
//! # References
//!
//! A continuation's memory lives as long as somebody refers to it: handles, and events that wait to call it. Handles
//! count with atomic operations. Events come in two kinds, so that a dispatch needs no read-modify-write of its own:
//!
//! * *shared*: scheduled by a thread that does not hold the continuation's mutex. Such an event owns one of `refs`.
//! * *plain*: scheduled by the holder of the mutex. It is counted in `Held::pending`, an ordinary number that only
//!   the holder of the mutex touches. All plain events together own `Held::borrowed` of `refs`, at least one while
//!   there are any.
//!
//! At its dispatch, under the mutex, a shared event becomes a plain one: its reference joins `borrowed` and nothing
//! atomic happens. References go back when the last plain event is through, or when very many have come together (one is
//! enough). A handler that schedules its continuation again does so while the event under dispatch still counts, so a
//! continuation that keeps itself going never returns to zero and never pays.
//!
//! # Destroying
//!
//! The flag `DESTROYED` is set once, by anybody. Whoever is then alone with the handler drops it:
//!
//! * with a mutex: whoever holds the mutex with no handler of this continuation on its stack. That is the destroyer
//!   itself if it can have the mutex; when that is from within the handler, then whoever entered that first, when it returns,
//!   and a dispatch is told so (`Here::tell_dispatch`), so that it need not look; else the holder's unlock.
//! * without one: `running` counts the threads inside the handler in the same word as the flag; who takes the count to
//!   zero with the flag set, or finds it there when setting the flag, drops.
//!
//! # Ordering
//!
//! `[refs]`: every release of a reference is a Release, and the one that takes the count to zero is followed by an
//! Acquire fence, so that whatever was done through any reference happens before the memory is freed.
//! `[shared-running]`: leaving a handler is a Release, and whoever finds `running` at zero acquires, so that the handler
//! is dropped after its last use. `[destroyed]`: the flag is set with Release and read with Acquire by those that the
//! mutex does not order. `[born]`: the memory of continuations is used again and can be looked through; the first
//! reference is a Release, behind all else that makes a continuation, and whoever takes one without having any acquires.

use std::borrow::Borrow;
use std::hint::cold_path;
use ts_thread::sync::UnsafeCell;
use ts_thread::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};

/// Set in `state` when the continuation has been destroyed.
const DESTROYED: u32 = 1 << 31;
/// Set in `state` by whoever has the sole right to drop the handler of a continuation without a mutex.
const DROPPING: u32 = 1 << 30;
/// The other bits count the threads inside the handler of a continuation without a mutex.
const RUNNING: u32 = DROPPING - 1;

/// How many references the plain events may own together before those that are not needed go back. High enough that this
/// costs an event next to nothing, low enough that the number fits into a byte.
const SPARE: u8 = 1 << 7;

/// As many calls of one handler as may be on one stack.
pub const MAX_DEPTH: u32 = u16::MAX as u32;

/// More references than this are a leak in a loop. There is as much room again above, so that a few threads that count up at
/// the same time cannot get past it.
const TOO_MANY: u32 = u32::MAX / 2;

/// What everybody reads and writes.
#[derive(Debug)]
pub struct Away {
    refs: AtomicU32,
    state: AtomicU32,
}

/// What the holder of the mutex alone writes, but for the flag.
#[derive(Debug)]
#[repr(C)]
pub struct Held {
    /// Events that wait or run, counted by holders of the mutex.
    pending: UnsafeCell<u32>,
    /// How many calls of the handler are on the holder's stack.
    depth: UnsafeCell<u16>,
    /// How many of `refs` the events in `pending` own together.
    borrowed: UnsafeCell<u8>,
    /// That `DESTROYED` is set, for those who hold the mutex.
    dead: AtomicBool,
}

// As small as it can be: it is at the start of each continuation.
#[cfg(not(loom))]
const _: () = assert!(size_of::<Held>() == 8 && size_of::<Away>() == 8);

// SAFETY: the plain fields are touched only by methods that require the mutex to be held (their `# Safety`), so accesses of
// different threads are ordered by the mutex; the other field is atomic.
unsafe impl Sync for Held {}

/// References, destruction and running handlers of one continuation.
///
/// It has two parts, which may lie anywhere. Who schedules a continuation from elsewhere writes the one, for each event; the
/// thread that runs it reads and writes the other. On one cache line they would make each other wait.
#[derive(Debug, Clone, Copy)]
pub struct Life<A = Away, H = Held> {
    away: A,
    held: H,
}

/// What a thread without the mutex has to do after it set the flag.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Mark {
    /// Somebody destroyed the continuation before.
    Already,
    /// This call destroyed it; its handler is still to be dropped.
    First,
}

/// Whether the reference that was given back was the last.
#[must_use = "the last reference frees the memory"]
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Release {
    /// Others remain.
    Shared,
    /// Nobody refers to the continuation any more: free it.
    Last,
}

impl Away {
    /// No references: nothing lives here.
    pub fn nobody() -> Self {
        Self { refs: AtomicU32::new(0), state: AtomicU32::new(0) }
    }

    /// Takes a reference if there is any, for a caller that has none, and only knows where a continuation may live.
    #[must_use = "a reference that was taken has to be given back"]
    pub fn try_retain(&self) -> bool {
        // Relaxed: only a first look; the exchange below decides and orders.
        let mut refs = self.refs.load(Ordering::Relaxed);
        while refs > 0 {
            // Acquire [born]: whatever lives here has been made. On failure nothing is read through the value.
            match self.refs.compare_exchange_weak(refs, refs + 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => refs = now,
            }
        }
        false
    }
}

impl Held {
    /// Nothing pending.
    pub fn new() -> Self {
        Self {
            pending: UnsafeCell::new(0),
            depth: UnsafeCell::new(0),
            borrowed: UnsafeCell::new(0),
            dead: AtomicBool::new(false),
        }
    }
}

impl Default for Held {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Life {
    fn default() -> Self {
        Self::new()
    }
}

impl Life {
    /// One reference, nothing pending.
    pub fn new() -> Self {
        let life = Self { away: Away::nobody(), held: Held::new() };
        life.begin();
        life
    }
}

impl<A: Borrow<Away>, H: Borrow<Held>> Life<A, H> {
    /// The life that has these parts.
    #[inline(always)]
    pub fn of(away: A, held: H) -> Self {
        Self { away, held }
    }

    /// The part that everybody reads and writes.
    #[inline(always)]
    pub fn away(&self) -> &Away {
        self.away.borrow()
    }

    #[inline(always)]
    fn held(&self) -> &Held {
        self.held.borrow()
    }

    /// Begins a life where there is none: one reference, the caller's. `Held` is new, and all else has been made.
    #[inline]
    pub fn begin(&self) {
        // Relaxed: [born] below publishes it.
        self.away().state.store(0, Ordering::Relaxed);
        // Release [born]: what was made before is visible to whoever takes a reference without having one.
        self.away().refs.store(1, Ordering::Release);
    }

    /// Takes one more reference; the caller has one already.
    #[inline]
    pub fn retain(&self) {
        // Relaxed: the caller's own reference keeps the count above zero, and nothing is published by counting up.
        if self.away().refs.fetch_add(1, Ordering::Relaxed) > TOO_MANY {
            // Unwinding would leave the count where it is, so that one day it would wrap.
            std::process::abort();
        }
    }

    /// As [`Life::retain`], so many at once: few.
    #[inline]
    pub fn retain_many(&self, count: u8) {
        // Relaxed: as in `retain`.
        if self.away().refs.fetch_add(u32::from(count), Ordering::Relaxed) > TOO_MANY {
            std::process::abort();
        }
    }

    /// Whether there are more references than these `count`, which are the caller's.
    ///
    /// Who hears yes may keep them for a while: they are not all that there is, and if they become that meanwhile it is because
    /// others gave theirs back at the same time.
    #[inline(always)]
    pub fn has_others(&self, count: usize) -> bool {
        // Relaxed: nothing is concluded but when to give back, and `release` orders that.
        self.away().refs.load(Ordering::Relaxed) as usize > count
    }

    /// Gives `count` references back.
    #[inline]
    pub fn release(&self, count: usize) -> Release {
        // Nobody has more references than there are.
        let count = count as u32;
        // Release [refs]: what was done through these references comes before the free.
        if self.away().refs.fetch_sub(count, Ordering::Release) == count {
            // Acquire [refs]: the other end, for every Release above.
            fence(Ordering::Acquire);
            Release::Last
        } else {
            Release::Shared
        }
    }

    /// Counts one more event of a caller that holds the mutex.
    ///
    /// # Safety
    ///
    /// The caller holds the continuation's mutex, and a reference.
    #[inline]
    pub unsafe fn add_plain(&self) {
        // SAFETY: the mutex is held, so nobody else touches the plain fields.
        let pending = self.held().pending.with_mut(|pending| unsafe {
            *pending += 1;
            *pending
        });
        if pending == 1 {
            // SAFETY: as above.
            self.held().borrowed.with_mut(|borrowed| unsafe { *borrowed += 1 });
            self.retain();
        }
    }

    /// As [`Life::add_plain`], when there is a plain event already.
    ///
    /// # Safety
    ///
    /// The caller holds the continuation's mutex, under which an event is counted plainly just now.
    #[inline]
    pub unsafe fn add_another(&self) {
        // SAFETY: the mutex is held, so nobody else touches the plain fields.
        self.held().pending.with_mut(|pending| unsafe {
            debug_assert!(*pending > 0, "no event is counted");
            *pending += 1;
        });
    }

    /// Turns an event that owns a reference into a plain one, and says how many references the caller now owes to
    /// [`Life::release`]; the one that is left will do for all plain events.
    ///
    /// # Safety
    ///
    /// The caller holds the continuation's mutex, and the event's reference, which passes to the plain events.
    #[inline]
    #[must_use = "the references have to be given back"]
    pub unsafe fn adopt_shared(&self) -> usize {
        // SAFETY: the mutex is held, so nobody else touches the plain fields.
        self.held().pending.with_mut(|pending| unsafe { *pending += 1 });
        // SAFETY: as above.
        self.held().borrowed.with_mut(|borrowed| unsafe {
            *borrowed += 1;
            if *borrowed > SPARE {
                // A periodic event keeps `pending` up for years.
                usize::from(std::mem::replace(&mut *borrowed, 1)) - 1
            } else {
                0
            }
        })
    }

    /// Counts one plain event less, and says how many references the caller now owes to [`Life::release`], after it has
    /// let go of the mutex.
    ///
    /// # Safety
    ///
    /// The caller holds the continuation's mutex and ends an event that was counted plainly.
    #[must_use = "the references have to be given back"]
    #[inline]
    pub unsafe fn remove_plain(&self) -> usize {
        // SAFETY: the mutex is held, so nobody else touches the plain fields.
        let pending = self.held().pending.with_mut(|pending| unsafe {
            debug_assert!(*pending > 0, "an event was counted off twice");
            *pending -= 1;
            *pending
        });
        if pending > 0 {
            return 0;
        }
        cold_path();
        // SAFETY: as above.
        self.held().borrowed.with_mut(|borrowed| usize::from(unsafe { std::mem::take(&mut *borrowed) }))
    }

    /// Events counted plainly just now.
    ///
    /// # Safety
    ///
    /// The caller holds the continuation's mutex.
    pub unsafe fn plain_pending(&self) -> u32 {
        // SAFETY: the mutex is held, so nobody else touches the plain fields.
        self.held().pending.with(|pending| unsafe { *pending })
    }

    /// How many calls of the handler are on the stack of the mutex's holder.
    ///
    /// # Safety
    ///
    /// The caller holds the continuation's mutex.
    pub unsafe fn depth(&self) -> u32 {
        // SAFETY: the mutex is held, so nobody else touches the plain fields.
        u32::from(self.held().depth.with(|depth| unsafe { *depth }))
    }

    /// Notes that the handler is entered.
    ///
    /// # Safety
    ///
    /// The caller holds the continuation's mutex; there are fewer calls on the stack than [`MAX_DEPTH`].
    #[inline]
    pub unsafe fn enter(&self) {
        // SAFETY: the mutex is held, so nobody else touches the plain fields.
        self.held().depth.with_mut(|depth| unsafe { *depth += 1 });
    }

    /// As [`Life::enter`], for a dispatch: no call is on the stack.
    ///
    /// # Safety
    ///
    /// The caller holds the continuation's mutex, and no call is on its stack.
    #[inline]
    pub unsafe fn enter_first(&self) {
        // SAFETY: the mutex is held, so nobody else touches the plain fields.
        self.held().depth.with_mut(|depth| unsafe {
            debug_assert_eq!(*depth, 0, "a call is on the stack");
            *depth = 1;
        });
    }

    /// The other end of [`Life::enter_first`]: again no call is on the stack.
    ///
    /// # Safety
    ///
    /// The caller holds the continuation's mutex; of the calls on its stack only that one is left, and ends now.
    #[inline]
    pub unsafe fn leave_last(&self) {
        // SAFETY: the mutex is held, so nobody else touches the plain fields.
        self.held().depth.with_mut(|depth| unsafe {
            debug_assert_eq!(*depth, 1, "other calls are on the stack");
            *depth = 0;
        });
    }

    /// Notes that the handler was left, and returns the calls that remain on the stack.
    ///
    /// # Safety
    ///
    /// The caller holds the continuation's mutex and entered before.
    #[inline]
    pub unsafe fn leave(&self) -> u32 {
        // SAFETY: the mutex is held, so nobody else touches the plain fields.
        self.held().depth.with_mut(|depth| unsafe {
            *depth -= 1;
            u32::from(*depth)
        })
    }

    /// Whether the continuation has been destroyed.
    #[inline]
    pub fn is_destroyed(&self) -> bool {
        // Acquire [destroyed]: whoever sees the flag also sees what came before the destruction.
        self.away().state.load(Ordering::Acquire) & DESTROYED != 0
    }

    /// Whether the continuation has been destroyed, for a holder of its mutex.
    ///
    /// Of two threads of which one destroys at this moment and the other is about to enter the handler, either may be first, as
    /// with [`Life::is_destroyed`]. Once the mark is made, and for whoever takes the mutex after that, the answer is yes.
    #[inline]
    pub fn is_dead(&self) -> bool {
        // Acquire [destroyed]: as in `is_destroyed`.
        self.held().dead.load(Ordering::Acquire)
    }

    /// Marks the continuation as destroyed.
    pub fn mark_destroyed(&self) -> Mark {
        // AcqRel [destroyed]: published to the readers above; and Acquire [shared-running] for `claim_drop` below.
        if self.away().state.fetch_or(DESTROYED, Ordering::AcqRel) & DESTROYED != 0 {
            return Mark::Already;
        }
        // Release [destroyed]: as above. Whoever goes on from here does it after this, and lets others know by the mutex, by
        // a fence or by telling them.
        self.held().dead.store(true, Ordering::Release);
        Mark::First
    }

    /// Enters the handler of a continuation without a mutex; false if it is destroyed.
    pub fn enter_shared(&self) -> bool {
        // Acquire [destroyed]: a thread that sees the flag stays out. Relaxed would do for the count itself.
        if self.away().state.fetch_add(1, Ordering::Acquire) & DESTROYED == 0 {
            return true;
        }
        // The handler was not touched, but this thread may have been the last that its dropper waited for.
        false
    }

    /// Leaves the handler of a continuation without a mutex, also after [`Life::enter_shared`] returned false. True if the
    /// caller now has the sole right to drop the handler.
    #[must_use = "the handler has to be dropped"]
    pub fn leave_shared(&self) -> bool {
        // Release [shared-running]: the use of the handler comes before its drop.
        let before = self.away().state.fetch_sub(1, Ordering::Release);
        before & RUNNING == 1 && before & DESTROYED != 0 && self.claim_drop()
    }

    /// After the flag was set: true if nobody is inside the handler of a continuation without a mutex and the caller is the
    /// one to drop it.
    #[must_use = "the handler has to be dropped"]
    pub fn claim_drop(&self) -> bool {
        // Relaxed: only a first look; the exchange below decides and orders.
        let mut state = self.away().state.load(Ordering::Relaxed);
        loop {
            if state & RUNNING != 0 || state & DROPPING != 0 {
                return false;
            }
            // Acquire [shared-running]: every use of the handler comes before the drop. On failure nothing is concluded but
            // from the new value, so Relaxed will do.
            match self.away().state.compare_exchange_weak(
                state,
                state | DROPPING,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
    }

    /// References just now; only good for a report.
    pub fn refs(&self) -> usize {
        // Relaxed: a figure for people.
        self.away().refs.load(Ordering::Relaxed) as usize
    }
}
