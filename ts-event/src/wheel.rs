//! The timer wheel: entries in, and out again when their time has come, never before.
//!
//! Putting in and taking out is a few steps, however many timers there are. A level has 64 buckets, each 64
//! times as wide as one of the level below; when time reaches a bucket its entries move down, so each moves
//! at most once a level before it comes out. The wheel never reads a clock: time is what [`Wheel::advance`]
//! is told.
//!
//! # Rules
//! * An entry comes out of `advance(now)` exactly if `now` is its time or later. The tick decides where an
//!   entry lies, not when it is due: those of the current tick that are not due yet stay.
//! * On each level, the bucket in which `elapsed` lies is empty, but for level 0. So entries with the same
//!   deadline are always in the same bucket, in the order in which they came; that makes the order among them
//!   stable.
//! * A bucket knows a time before which none of its entries is due. It is exact until the earliest is taken
//!   out, and is made exact again when somebody looks at all the bucket's entries anyhow, or when these are
//!   few.
//! * A sweep walks from the highest bucket to the lowest. Entries only ever move to lower ones, so what lies
//!   in the wheel during a whole round is met at least once in it.
//!
//! A heap would keep the exact order all the time, and pay for it with each of the many timers that never
//! fire.

mod level;

use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use ts_thread::HrTime;

use self::level::{BUCKETS, Bucket, LEVELS, TICK_NANOS, digit, level_for, start_of, tick_of};
use crate::entry::Entry;
use crate::key::Key;
use crate::list::List;
use crate::place::{Place, mark_out};
use crate::slot::Slot;

/// The bucket of what is due and has not been handed out yet.
const DUE: usize = 0;
/// The bucket of what is never due.
const NEVER: usize = 1 + LEVELS * BUCKETS;

/// How long a bucket may be for `next_deadline` to look through it.
///
/// A longer one has its lower bound told, at the price of a wake-up too early; the walk would cost more than
/// that.
const SHORT: usize = 64;

/// A hierarchical timer wheel of entries.
///
/// Owned by one thread. Nothing allocates after [`new`](Self::new). Dropped, it drops the entries in it.
///
/// # Examples
///
/// ```
/// use ts_event::{HrTime, Slots, Wheel};
///
/// static TIMERS: Slots<&str> = Slots::new();
/// let at = HrTime::from_nanos;
///
/// let mut wheel = Wheel::new(at(0));
/// wheel.insert(TIMERS.entry("late"), at(3_000_000_000));
/// wheel.insert(TIMERS.entry("soon"), at(1_001));
/// let cancelled = TIMERS.entry("never mind");
/// let key = cancelled.key();
/// wheel.insert(cancelled, at(1_000));
/// assert!(wheel.remove(key).is_some());
///
/// assert_eq!(wheel.next_deadline(), Some(at(1_001)));
/// assert_eq!(wheel.advance(at(1_000), |_| unreachable!("a timer is never early")), 0);
///
/// let mut fired = Vec::new();
/// wheel.advance(at(4_000_000_000), |entry| fired.push(*entry));
/// assert_eq!(fired, ["soon", "late"]);
/// ```
pub struct Wheel<T: 'static> {
    /// The tick up to which time has been told.
    elapsed: u64,
    /// For each level, a bit for each bucket with entries in it.
    occupied: [u64; LEVELS],
    buckets: Box<[Bucket<T>]>,
    len: usize,
    place: Place,
    cursor: Cursor<T>,
}

/// How far a sweep has come.
struct Cursor<T> {
    /// All buckets below this one are still to be opened in this round.
    bucket: usize,
    /// The next slot to look at, in that bucket; null if it is done with.
    next: *mut Slot<T>,
}

/// What a call of [`Wheel::sweep`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// How many timers it looked at.
    pub visited: usize,
    /// Whether it came to the end of the wheel; the next call begins a new round.
    pub is_round_done: bool,
}

// SAFETY: the wheel owns the entries in it and nothing else, so it may go where they may.
unsafe impl<T: Send> Send for Wheel<T> {}

impl<T> Wheel<T> {
    /// How finely the wheel files its entries, in nanoseconds. It has no influence on when they come out.
    pub const TICK_NANOS: u64 = TICK_NANOS;

    /// An empty wheel that stands at `now`.
    #[must_use]
    pub fn new(now: HrTime) -> Self {
        Self {
            elapsed: tick_of(now.as_nanos()),
            occupied: [0; LEVELS],
            buckets: (0..=NEVER).map(|_| Bucket::new()).collect(),
            len: 0,
            place: Place::new(),
            cursor: Cursor { bucket: NEVER + 1, next: ptr::null_mut() },
        }
    }

    /// How many timers there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts an entry in, to come out at `at`.
    ///
    /// A time in the past is due at the next [`advance`](Self::advance). [`HrTime::MAX`] is never due.
    #[inline]
    pub fn insert(&mut self, entry: Entry<T>, at: HrTime) {
        let at = at.as_nanos();
        let slot = entry.into_slot();
        self.len += 1;
        // SAFETY: the entry owned its slot, and is given up for it.
        unsafe {
            slot.as_ref().set_filed(at);
            self.file(slot, at);
        }
    }

    /// Takes out the entry that `key` means, if it is in this wheel.
    #[inline]
    pub fn remove(&mut self, key: Key<T>) -> Option<Entry<T>> {
        let bucket = self.place.find(key)?;
        // SAFETY: the slot is marked as lying in that bucket.
        Some(unsafe { self.take(usize::from(bucket), key.slot_ptr()) })
    }

    /// When [`advance`](Self::advance) next has something to hand out; `None` if never.
    ///
    /// It may be too early, but not too late, if the earliest timer was taken out from among many others with
    /// nearly the same time. Whoever advances to the time told and asks again gets a later answer, and the
    /// right one after a few such steps, at most one for each level of the wheel.
    #[must_use]
    pub fn next_deadline(&mut self) -> Option<HrTime> {
        let bucket = if self.buckets[DUE].len > 0 {
            DUE
        } else {
            let (level, digit) = self.first()?;
            bucket_at(level, digit)
        };
        let here = &mut self.buckets[bucket];
        if !here.is_exact() && here.len <= SHORT {
            let mut earliest = u64::MAX;
            let mut slot = here.list.head();
            while let Some(there) = NonNull::new(slot) {
                // SAFETY: the list owns its slots.
                unsafe {
                    earliest = earliest.min(there.as_ref().filed());
                    slot = there.as_ref().next();
                }
            }
            here.found(earliest);
        }
        Some(HrTime::from_nanos(here.earliest()))
    }

    /// Tells the wheel that it is `now`, and hands what is due to `f`, in order of time; returns how many
    /// that were.
    ///
    /// Entries with the same time come in the order they were put in. Time that goes backwards changes
    /// nothing. If `f` panics, what it has not been given stays due and comes with the next call.
    pub fn advance(&mut self, now: HrTime, mut f: impl FnMut(Entry<T>)) -> usize {
        self.collect(now.as_nanos());
        let mut count = 0;
        while let Some(slot) = NonNull::new(self.buckets[DUE].list.head()) {
            count += 1;
            // SAFETY: the slot is in that bucket.
            f(unsafe { self.take(DUE, slot) });
        }
        count
    }

    /// Takes out some entry, whichever is at hand; for those who want them all out.
    pub fn pop_any(&mut self) -> Option<Entry<T>> {
        let bucket = [DUE, NEVER].into_iter().find(|bucket| self.buckets[*bucket].len > 0);
        let bucket = bucket.or_else(|| self.first().map(|(level, digit)| bucket_at(level, digit)))?;
        let slot = NonNull::new(self.buckets[bucket].list.head())?;
        // SAFETY: the slot is in that bucket.
        Some(unsafe { self.take(bucket, slot) })
    }

    /// Looks at up to `limit` timers, takes out those for which `is_dead` holds, and gives them to `gone`.
    ///
    /// The next call goes on where this one stopped. A timer that is in the wheel during a whole round is
    /// looked at at least once in that round, whatever else is put in, taken out or comes due between the
    /// calls.
    pub fn sweep(
        &mut self,
        limit: usize,
        mut is_dead: impl FnMut(&Entry<T>) -> bool,
        mut gone: impl FnMut(Entry<T>),
    ) -> Sweep {
        let mut visited = 0;
        loop {
            let Some(slot) = NonNull::new(self.cursor.next) else {
                match self.occupied_below(self.cursor.bucket) {
                    Some(bucket) => {
                        self.cursor = Cursor { bucket, next: self.buckets[bucket].list.head() };
                        continue;
                    }
                    None => {
                        self.cursor = Cursor { bucket: NEVER + 1, next: ptr::null_mut() };
                        return Sweep { visited, is_round_done: true };
                    }
                }
            };
            if visited == limit {
                return Sweep { visited, is_round_done: false };
            }
            visited += 1;
            // SAFETY: the slot is in the cursor's bucket, whose list owns it.
            self.cursor.next = unsafe { slot.as_ref().next() };
            // SAFETY: the slot holds an entry, which stays the list's: it is only lent, and not dropped here.
            let entry = ManuallyDrop::new(unsafe { Entry::from_slot(slot) });
            if is_dead(&entry) {
                // SAFETY: the slot is in the cursor's bucket.
                gone(unsafe { self.take(self.cursor.bucket, slot) });
            }
        }
    }

    /// Puts a slot where it belongs.
    ///
    /// # Safety
    ///
    /// The slot holds an entry filed at `at`, is in no list, and belongs to the caller, who gives it up.
    #[inline]
    unsafe fn file(&mut self, slot: NonNull<Slot<T>>, at: u64) {
        let bucket = if at == u64::MAX {
            NEVER
        } else {
            // What is past lies with what is due in this tick.
            let tick = tick_of(at).max(self.elapsed);
            let level = level_for(self.elapsed, tick);
            let digit = digit(level, tick);
            self.occupied[level] |= 1 << digit;
            bucket_at(level, digit)
        };
        // SAFETY: by contract.
        unsafe {
            self.place.mark(slot.as_ref(), bucket as u16);
            self.buckets[bucket].list.link_back(slot);
        }
        self.buckets[bucket].came(at);
    }

    /// Takes a slot out of its bucket.
    ///
    /// # Safety
    ///
    /// The slot is in `bucket`.
    #[inline]
    unsafe fn unfile(&mut self, bucket: usize, slot: NonNull<Slot<T>>) {
        // SAFETY: by contract, the list owns the slot.
        let (next, at) = unsafe { (slot.as_ref().next(), slot.as_ref().filed()) };
        if self.cursor.next == slot.as_ptr() {
            self.cursor.next = next;
        }
        let here = &mut self.buckets[bucket];
        // SAFETY: by contract.
        unsafe { here.list.unlink(slot) };
        here.went(at);
        if here.len == 0 {
            self.vacate(bucket);
        }
    }

    /// Takes an entry out of the wheel.
    ///
    /// # Safety
    ///
    /// The slot is in `bucket`.
    #[inline]
    unsafe fn take(&mut self, bucket: usize, slot: NonNull<Slot<T>>) -> Entry<T> {
        // SAFETY: by contract; then the slot is in no list, and becomes an entry once.
        unsafe {
            self.unfile(bucket, slot);
            self.len -= 1;
            mark_out(slot.as_ref());
            Entry::from_slot(slot)
        }
    }

    /// Notes that a bucket is empty.
    #[inline]
    fn vacate(&mut self, bucket: usize) {
        if bucket != DUE && bucket != NEVER {
            self.occupied[(bucket - 1) / BUCKETS] &= !(1 << ((bucket - 1) % BUCKETS));
        }
    }

    /// All of a bucket's slots.
    fn empty(&mut self, bucket: usize) -> List<T> {
        if self.cursor.bucket == bucket {
            // The sweep is to open this one again, for what may stay here. The rest moves to lower ones,
            // still to come.
            self.cursor = Cursor { bucket: bucket + 1, next: ptr::null_mut() };
        }
        self.vacate(bucket);
        self.buckets[bucket].take()
    }

    /// The first occupied bucket that has a time.
    #[inline]
    fn first(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|bits| *bits != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// The last occupied bucket before `bucket`.
    fn occupied_below(&self, bucket: usize) -> Option<usize> {
        if bucket > NEVER && self.buckets[NEVER].len > 0 {
            return Some(NEVER);
        }
        // Counted without `DUE`: how many buckets of the levels are still to be opened.
        let below = bucket.min(NEVER).saturating_sub(1);
        for level in (0..LEVELS).rev() {
            let open = below.saturating_sub(level * BUCKETS);
            let mask = if open >= BUCKETS { u64::MAX } else { (1 << open) - 1 };
            let bits = self.occupied[level] & mask;
            if bits != 0 {
                return Some(bucket_at(level, bits.ilog2() as usize));
            }
        }
        (bucket > DUE && self.buckets[DUE].len > 0).then_some(DUE)
    }

    /// Moves what is due to the bucket `DUE`, and the wheel to `now`.
    fn collect(&mut self, now: u64) {
        let tick = tick_of(now).max(self.elapsed);
        while let Some((level, digit)) = self.first() {
            let start = start_of(self.elapsed, level, digit);
            if start > tick {
                break;
            }
            self.elapsed = start;
            let bucket = bucket_at(level, digit);
            if level > 0 {
                self.move_down(bucket);
            } else if !self.collect_bucket(bucket, now) {
                break;
            }
        }
        // What is left starts after this tick, but for the bucket of this very tick: the rules above hold.
        self.elapsed = tick;
    }

    /// Files a bucket's entries again, now that the wheel stands at its start.
    fn move_down(&mut self, bucket: usize) {
        let list = self.empty(bucket);
        let mut slot = list.head();
        while let Some(here) = NonNull::new(slot) {
            // SAFETY: the slot was in the list taken above, and is filed once; its `next` is read before
            // that.
            unsafe {
                slot = here.as_ref().next();
                self.file(here, here.as_ref().filed());
            }
        }
    }

    /// Moves what is due in a bucket of level 0 to `DUE`, in order; returns whether that was all of it.
    fn collect_bucket(&mut self, bucket: usize, now: u64) -> bool {
        if self.buckets[bucket].earliest() > now {
            return false;
        }
        let (mut due, mut rest) = (List::new(), Bucket::new());
        let list = self.empty(bucket);
        let mut slot = list.head();
        while let Some(here) = NonNull::new(slot) {
            // SAFETY: the slot was in the list taken above, and is linked once; its `next` is read before
            // that.
            unsafe {
                slot = here.as_ref().next();
                let at = here.as_ref().filed();
                if at <= now {
                    self.place.mark(here.as_ref(), DUE as u16);
                    self.buckets[DUE].came(at);
                    due.link_back(here);
                } else {
                    rest.list.link_back(here);
                    rest.came(at);
                }
            }
        }
        due.sort();
        let all = &mut self.buckets[DUE].list;
        *all = std::mem::replace(all, List::new()).followed_by(due);
        if rest.len == 0 {
            return true;
        }
        self.occupied[0] |= 1 << (bucket - 1);
        self.buckets[bucket] = rest;
        false
    }
}

/// The number of a bucket.
#[inline]
fn bucket_at(level: usize, digit: usize) -> usize {
    1 + level * BUCKETS + digit
}

impl<T> Drop for Wheel<T> {
    fn drop(&mut self) {
        while self.pop_any().is_some() {}
    }
}

impl<T> fmt::Debug for Wheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = HrTime::from_nanos(self.elapsed.saturating_mul(TICK_NANOS));
        f.debug_struct("Wheel").field("len", &self.len).field("at", &at).finish_non_exhaustive()
    }
}
