//! The timer wheel: entries in, and out again when their time has come, never before.
//!
//! Putting in and taking out is a few steps, however many timers there are. A level has 256 buckets, each 256
//! times as wide as one of the level below; when time reaches a bucket its entries move down, so each moves
//! at most once a level before it comes out. The wheel never reads a clock: time is what [`Wheel::advance`]
//! is told.
//!
//! With many timers all that counts is memory: a timer's slot is nowhere near that of the next one due. So a bucket lists
//! its slots in blocks (see `block.rs`), and whoever walks over a bucket fetches the slots of the next block while
//! it works on this one.
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
//! fire. Lists through the slots need no blocks, but a walk along one waits for memory at each step.

mod block;
mod bucket;
mod level;
mod occupied;

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::ptr::NonNull;

use ts_thread::HrTime;

use self::block::{Block, Blocks, Cursor, PlaceOf, bits};
use self::bucket::Bucket;
use self::level::{BUCKETS, LEVELS, TICK_NANOS, digit, level_for, start_of, tick_of};
use self::occupied::Occupied;
use crate::entry::Entry;
use crate::key::Key;
use crate::place::{Place, mark_out};
use crate::prefetch;
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

/// How many entries ahead of the one that is handed out the slots are fetched.
const AHEAD: usize = 8;

/// Slots so many bytes apart are neighbours, or nearly.
const NEAR: usize = 256;

/// How much room for entries that are handed out together is kept for the next time.
const KEPT: usize = 4096;

/// A hierarchical timer wheel of entries.
///
/// Owned by one thread. It takes about 9 bytes a timer, at its fullest so far, in pieces that double, and so
/// allocates rarely. Dropped, it drops the entries in it.
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
    /// The buckets of the levels that have entries; by number, less one.
    occupied: Occupied,
    buckets: Box<[Bucket<T>]>,
    blocks: Blocks<T>,
    len: usize,
    place: Place,
    /// Where the slot lies that was taken out last.
    last_out: usize,
    /// Room for what is handed out; empty between calls.
    due: Vec<Due<T>>,
}

/// When something was due, and its slot.
type Due<T> = (u64, NonNull<Slot<T>>);

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
            occupied: Occupied::new(),
            buckets: (0..=NEVER).map(|_| Bucket::new()).collect(),
            blocks: Blocks::new(Cursor::before(NEVER + 1)),
            len: 0,
            place: Place::new(),
            last_out: 0,
            due: Vec::new(),
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
    #[inline(always)]
    pub fn insert(&mut self, entry: Entry<T>, at: HrTime) {
        let at = at.as_nanos();
        let slot = entry.into_slot();
        self.len += 1;
        // SAFETY: the entry owned its slot, and is given up for it.
        unsafe {
            slot.as_ref().set_filed(at);
            self.place.mark(slot.as_ref());
            self.file(slot, at);
        }
    }

    /// Takes out the entry that `key` means, if it is in this wheel.
    #[inline(always)]
    pub fn remove(&mut self, key: Key<T>) -> Option<Entry<T>> {
        if !self.place.has(key) {
            return None;
        }
        // SAFETY: the slot is marked as lying in the wheel.
        Some(unsafe { self.take(key.slot_ptr()) })
    }

    /// When [`advance`](Self::advance) next has something to hand out; `None` if never.
    ///
    /// It may be too early, but not too late, if the earliest timer was taken out from among many others with
    /// nearly the same time. Whoever advances to the time told and asks again gets a later answer, and the
    /// right one after a few such steps, at most one for each level of the wheel.
    #[must_use]
    pub fn next_deadline(&mut self) -> Option<HrTime> {
        let bucket = if self.buckets[DUE].is_empty() { self.first()? } else { DUE };
        let here = &mut self.buckets[bucket];
        if !here.is_exact() && here.len() <= SHORT {
            here.look_for_earliest();
        }
        Some(HrTime::from_nanos(here.earliest()))
    }

    /// Tells the wheel that it is `now`, and hands what is due to `f`, in order of time; returns how many
    /// that were.
    ///
    /// Entries with the same time come in the order they were put in. Time that goes backwards changes
    /// nothing. If `f` panics, what it has not been given stays due and comes with the next call.
    pub fn advance(&mut self, now: HrTime, mut f: impl FnMut(Entry<T>)) -> usize {
        let mut count = 0;
        if !self.buckets[DUE].is_empty() {
            count += self.hand_out(DUE, u64::MAX, &mut f);
        }
        let now = now.as_nanos();
        let tick = tick_of(now).max(self.elapsed);
        while let Some(bucket) = self.first() {
            let (level, digit) = ((bucket - 1) / BUCKETS, (bucket - 1) % BUCKETS);
            let start = start_of(self.elapsed, level, digit);
            if start > tick {
                break;
            }
            self.elapsed = start;
            if level > 0 {
                self.move_down(bucket);
                continue;
            }
            if self.buckets[bucket].earliest() <= now {
                count += self.hand_out(bucket, now, &mut f);
            }
            if !self.buckets[bucket].is_empty() {
                break;
            }
        }
        // What is left starts after this tick, but for the bucket of this very tick: the rules above hold.
        self.elapsed = tick;
        count
    }

    /// Takes out some entry, whichever is at hand; for those who want them all out.
    pub fn pop_any(&mut self) -> Option<Entry<T>> {
        let bucket = [DUE, NEVER].into_iter().find(|bucket| !self.buckets[*bucket].is_empty());
        let bucket = bucket.or_else(|| self.first())?;
        let block = NonNull::new(self.buckets[bucket].head())?;
        // SAFETY: the bucket owns its blocks, none is empty, and the slot is in this one.
        unsafe {
            let number = block.as_ref().live.trailing_zeros();
            Some(self.take(Block::slot(block, number)))
        }
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
            let cursor = &mut self.blocks.cursor;
            let Some(block) = NonNull::new(cursor.block) else {
                let bucket = cursor.bucket;
                match self.occupied_below(bucket) {
                    Some(bucket) => {
                        self.blocks.cursor = Cursor::before(bucket);
                        self.blocks.cursor.enter(self.buckets[bucket].head());
                        continue;
                    }
                    None => {
                        self.blocks.cursor = Cursor::before(NEVER + 1);
                        return Sweep { visited, is_round_done: true };
                    }
                }
            };
            // SAFETY: the block is in the cursor's bucket, which owns it.
            let (live, next) = unsafe { (block.as_ref().live, block.as_ref().next) };
            let ahead = u32::MAX.checked_shl(cursor.number).unwrap_or(0) & live;
            let Some(number) = bits(ahead).next() else {
                cursor.enter(next);
                continue;
            };
            if visited == limit {
                return Sweep { visited, is_round_done: false };
            }
            visited += 1;
            cursor.number = number + 1;
            // SAFETY: the bit of this place is set.
            let slot = unsafe { Block::slot(block, number) };
            // SAFETY: the slot holds an entry, which stays the bucket's: it is only lent, and not dropped here.
            let entry = ManuallyDrop::new(unsafe { Entry::from_slot(slot) });
            if is_dead(&entry) {
                // SAFETY: the slot is in the wheel.
                gone(unsafe { self.take(slot) });
            }
        }
    }

    /// Puts a slot where it belongs.
    ///
    /// # Safety
    ///
    /// The slot holds an entry filed at `at`, is in no bucket, and belongs to the caller, who gives it up.
    #[inline(always)]
    unsafe fn file(&mut self, slot: NonNull<Slot<T>>, at: u64) {
        let number = if at == u64::MAX {
            NEVER
        } else {
            // What is past lies with what is due in this tick.
            let tick = tick_of(at).max(self.elapsed);
            let level = level_for(self.elapsed, tick);
            1 + level * BUCKETS + digit(level, tick)
        };
        // SAFETY: a level is below `LEVELS` and a digit below `BUCKETS`, so there is a bucket of this number.
        let bucket = unsafe { self.buckets.get_unchecked_mut(number) };
        // SAFETY: by contract; the place is one of the bucket's.
        unsafe {
            let place = match bucket.place_at_hand() {
                Some(place) => place,
                None => self.room(number),
            };
            self.buckets.get_unchecked_mut(number).list(place, slot, at);
        }
    }

    /// A place at the end of a bucket that has none at hand: perhaps since it is empty, which it will not be any more.
    #[cold]
    #[inline(never)]
    fn room(&mut self, number: usize) -> (NonNull<Block<T>>, u32) {
        let bucket = &mut self.buckets[number];
        if bucket.is_empty() && number != DUE && number != NEVER {
            self.occupied.insert(number - 1);
        }
        bucket.room(&mut self.blocks, number as u16)
    }

    /// Takes an entry out of the wheel.
    ///
    /// # Safety
    ///
    /// The slot is in a bucket of this wheel.
    #[inline(always)]
    unsafe fn take(&mut self, slot: NonNull<Slot<T>>) -> Entry<T> {
        // SAFETY: by contract, so the bucket owns the slot, and its link is the pointer to its place. Then the slot is in no
        // bucket, and becomes an entry once.
        unsafe {
            let place = PlaceOf::<T>::new_unchecked(slot.as_ref().link());
            let number = usize::from(Block::of(place).as_ref().bucket);
            // A block has the number of the bucket that it was made for.
            let bucket = self.buckets.get_unchecked_mut(number);
            // Slots that are taken out as they lie are fetched by the processor.
            let here = slot.addr().get();
            let is_in_order = here.wrapping_sub(self.last_out).wrapping_add(NEAR) <= 2 * NEAR;
            self.last_out = here;
            bucket.remove(&mut self.blocks, place, slot.as_ref().filed(), !is_in_order);
            if bucket.is_empty() {
                self.vacate(number);
            }
            self.len -= 1;
            mark_out(slot.as_ref());
            Entry::from_slot(slot)
        }
    }

    /// Notes that a bucket is empty.
    #[cold]
    #[inline(never)]
    fn vacate(&mut self, bucket: usize) {
        if bucket != DUE && bucket != NEVER {
            self.occupied.remove(bucket - 1);
        }
    }

    /// The first occupied bucket that has a time.
    #[inline]
    fn first(&self) -> Option<usize> {
        self.occupied.first().map(|number| 1 + number)
    }

    /// The last occupied bucket before `bucket`.
    fn occupied_below(&self, bucket: usize) -> Option<usize> {
        if bucket > NEVER && !self.buckets[NEVER].is_empty() {
            return Some(NEVER);
        }
        let level = self.occupied.last_below(bucket.saturating_sub(1)).map(|number| 1 + number);
        level.or_else(|| (bucket > DUE && !self.buckets[DUE].is_empty()).then_some(DUE))
    }

    /// Files a bucket's entries again, now that the wheel stands at its start.
    fn move_down(&mut self, bucket: usize) {
        if self.blocks.cursor.bucket == bucket {
            // The entries move to lower buckets, which are still to come.
            self.blocks.cursor = Cursor::before(bucket);
        }
        self.vacate(bucket);
        let mut next = self.buckets[bucket].take().head();
        if let Some(block) = NonNull::new(next) {
            // SAFETY: the block was in the bucket taken above.
            unsafe { Block::prefetch_slots(block) };
        }
        while let Some(block) = NonNull::new(next) {
            // SAFETY: the blocks were in the bucket taken above, and so are ours; each slot in them is filed once, and each
            // block put away once, when nothing refers to it any more.
            unsafe {
                next = block.as_ref().next;
                if let Some(next) = NonNull::new(next) {
                    Block::prefetch_slots(next);
                    Block::prefetch(next.as_ref().next);
                }
                for number in bits(block.as_ref().live) {
                    let slot = Block::slot(block, number);
                    self.file(slot, slot.as_ref().filed());
                }
                self.blocks.put(block);
            }
        }
    }

    /// Hands out what is due in a bucket, in order; returns how many that were.
    fn hand_out(&mut self, bucket: usize, now: u64, f: &mut impl FnMut(Entry<T>)) -> usize {
        let mut due = mem::take(&mut self.due);
        self.buckets[bucket].drain_due(&mut self.blocks, now, &mut due);
        if self.buckets[bucket].is_empty() {
            self.vacate(bucket);
        }
        // Stable, so that equal times keep their order.
        due.sort_by_key(|(at, _)| *at);
        let mut out = HandOut { wheel: self, due, done: 0 };
        while let Some(entry) = out.next() {
            f(entry);
        }
        out.done
    }
}

/// Entries that are out of their bucket, and handed out one by one.
struct HandOut<'a, T: 'static> {
    wheel: &'a mut Wheel<T>,
    due: Vec<Due<T>>,
    done: usize,
}

impl<T> HandOut<'_, T> {
    #[inline]
    fn next(&mut self) -> Option<Entry<T>> {
        let (_, slot) = *self.due.get(self.done)?;
        if let Some((_, ahead)) = self.due.get(self.done + AHEAD) {
            prefetch::slot(ahead.as_ptr());
        }
        self.done += 1;
        self.wheel.len -= 1;
        // SAFETY: the slot was taken out of its bucket for this, and becomes an entry once.
        unsafe {
            mark_out(slot.as_ref());
            Some(Entry::from_slot(slot))
        }
    }
}

impl<T> Drop for HandOut<'_, T> {
    /// What has not been handed out, because a receiver panicked, stays due.
    fn drop(&mut self) {
        for (at, slot) in self.due.drain(..).skip(self.done) {
            if self.wheel.blocks.cursor.bucket == DUE {
                // The sweep is to open this one again.
                self.wheel.blocks.cursor = Cursor::before(DUE + 1);
            }
            // SAFETY: the slot is in no bucket, still holds its entry, and is listed once.
            unsafe { self.wheel.buckets[DUE].push(&mut self.wheel.blocks, DUE as u16, slot, at) };
        }
        if self.due.capacity() <= KEPT {
            self.wheel.due = mem::take(&mut self.due);
        }
    }
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
