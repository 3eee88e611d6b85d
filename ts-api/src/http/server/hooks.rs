//! The lists of continuations at each hook, and how a call-out walks over three of them.
//!
//! # Rules
//! * A list only grows. Whoever adds sees to it that the continuation is there before the list is longer.
//! * A walk takes the lists in order: global, session, transaction. A list is passed when its last continuation is taken.
//!   What is added to a list that is not passed, an empty one included, is met in the same walk; what is added later, by
//!   that last continuation itself or while another list has its turn, is not.
//! * A destroyed continuation stays in its list and is stepped over.
//!
//! The rule of the second point is the original's. It would be simpler to say that a list is passed when its last
//! continuation has answered; but plugins may rely on a continuation that adds another of its kind not going on for ever.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use smallvec::SmallVec;
use ts_cont::Continuation;

use crate::http::HookId;

const HOOKS: usize = HookId::ALL.len();

/// How many a list has room for in itself: one cache line, with its length. There are seldom more at one hook.
const NEAR: usize = 3;
/// Behind those the first chunk has room for 8, each further one for twice as many as the one before.
const FIRST_CHUNK: usize = 8;
const CHUNKS: usize = 24;

/// The continuations of a whole event system. Adding takes a lock, reading none.
pub(crate) struct GlobalHooks {
    lists: [GrowingList; HOOKS],
    mask: AtomicU32,
    adding: Mutex<()>,
}

/// A list that is read while it grows.
#[repr(C, align(64))]
struct GrowingList {
    len: AtomicUsize,
    near: [OnceLock<Continuation>; NEAR],
    chunks: [OnceLock<Box<[OnceLock<Continuation>]>>; CHUNKS],
}

const _: () = assert!(std::mem::offset_of!(GrowingList, chunks) <= 64);

impl Default for GlobalHooks {
    fn default() -> Self {
        Self {
            lists: std::array::from_fn(|_| GrowingList {
                len: AtomicUsize::new(0),
                near: [const { OnceLock::new() }; NEAR],
                chunks: [const { OnceLock::new() }; CHUNKS],
            }),
            mask: AtomicU32::new(0),
            adding: Mutex::new(()),
        }
    }
}

impl GlobalHooks {
    pub(crate) fn add(&self, hook: HookId, continuation: Continuation) {
        let _one_at_a_time = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        self.lists[hook.place()].push(continuation);
        // Release [global-hooks]: whoever sees the hook in the mask finds the continuation in the list.
        self.mask.fetch_or(1 << hook.place(), Ordering::Release);
    }

    fn mask(&self) -> u32 {
        // Acquire [global-hooks]: the other end of `add`.
        self.mask.load(Ordering::Acquire)
    }
}

impl GrowingList {
    /// Called by one thread at a time.
    fn push(&self, continuation: Continuation) {
        // Relaxed: only this thread writes it now, and the one before it gave its lock to this one.
        let len = self.len.load(Ordering::Relaxed);
        let place = self.near.get(len).unwrap_or_else(|| {
            let (chunk, place) = split(len - NEAR);
            let make = || std::iter::repeat_with(OnceLock::new).take(FIRST_CHUNK << chunk).collect();
            &self.chunks[chunk].get_or_init(make)[place]
        });
        let set = place.set(continuation);
        debug_assert!(set.is_ok(), "a place is filled once");
        // Release [hook-list]: the place is filled before it counts.
        self.len.store(len + 1, Ordering::Release);
    }

    fn len(&self) -> usize {
        // Acquire [hook-list]: the other end of `push`.
        self.len.load(Ordering::Acquire)
    }

    fn get(&self, index: usize) -> Option<&Continuation> {
        if let Some(near) = self.near.get(index) {
            return near.get();
        }
        let (chunk, place) = split(index - NEAR);
        self.chunks.get(chunk)?.get()?.get(place)?.get()
    }
}

/// In which chunk something is that stands at `index` behind the near ones, and where there.
fn split(index: usize) -> (usize, usize) {
    let chunk = (index / FIRST_CHUNK + 1).ilog2() as usize;
    (chunk, index - FIRST_CHUNK * ((1 << chunk) - 1))
}

/// The continuations of one session or transaction.
#[derive(Default)]
pub(crate) struct OwnHooks {
    list: Mutex<SmallVec<[(HookId, Continuation); 2]>>,
    mask: AtomicU32,
}

impl OwnHooks {
    /// Adds a continuation; false if it is one that must not be there twice, and is there.
    pub(crate) fn add(&self, hook: HookId, continuation: Continuation, once: bool) -> bool {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if once && list.iter().any(|(at, present)| *at == hook && *present == continuation) {
            return false;
        }
        list.push((hook, continuation));
        // Relaxed, and no exchange: it is written under the lock. Whoever sees it goes through that, and a call-out that has
        // just begun may miss what is added just now.
        self.mask.store(self.mask() | 1 << hook.place(), Ordering::Relaxed);
        true
    }

    /// Lets go of all continuations.
    pub(crate) fn clear(&self) {
        let mut locked = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        // Relaxed: see `add`.
        self.mask.store(0, Ordering::Relaxed);
        let list = std::mem::take(&mut *locked);
        drop(locked);
        // A plugin's data may go with it, so the lock is not held.
        drop(list);
    }

    fn mask(&self) -> u32 {
        // Relaxed: see `add`.
        self.mask.load(Ordering::Relaxed)
    }

    /// Who stands at `index` of the list of `hook`, and whether that is the last one there; none if it is no longer than that.
    fn at(&self, hook: HookId, index: usize) -> Option<(Continuation, bool)> {
        // At most hooks there is nobody, and no lock is taken to see it. Who is added by a handler, or before somebody answers,
        // is seen by the walk that goes on then.
        if self.mask() & (1 << hook.place()) == 0 {
            return None;
        }
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let mut from_there = list.iter().filter(|(at, _)| *at == hook).skip(index);
        let (_, continuation) = from_there.next()?;
        Some((continuation.clone(), from_there.next().is_none()))
    }
}

/// The lists that a session or transaction is called out to.
#[derive(Clone, Copy)]
pub(crate) struct Lists<'a> {
    pub(crate) global: &'a GlobalHooks,
    pub(crate) session: Option<&'a OwnHooks>,
    pub(crate) transaction: Option<&'a OwnHooks>,
}

/// Which of the three lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Global = 0,
    Session = 1,
    Transaction = 2,
}

impl<'a> Lists<'a> {
    /// Whether there is anybody at all, at any hook.
    pub(crate) fn any(&self) -> bool {
        self.mask() != 0
    }

    /// Whether there is anybody at `hook`.
    pub(crate) fn has(&self, hook: HookId) -> bool {
        self.mask() & (1 << hook.place()) != 0
    }

    fn mask(&self) -> u32 {
        self.global.mask()
            | self.session.map_or(0, OwnHooks::mask)
            | self.transaction.map_or(0, OwnHooks::mask)
    }
}

/// Where a call-out is in the three lists.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Walk {
    taken: [u32; 3],
    passed: [bool; 3],
}

impl Walk {
    /// The next continuation that is not destroyed. Lent by a list that nothing is ever taken out of, so as not to be counted.
    pub(crate) fn next<'a>(&mut self, lists: &Lists<'a>, hook: HookId) -> Option<Cow<'a, Continuation>> {
        loop {
            let continuation = match self.take_global(lists.global, hook) {
                Some(continuation) => Cow::Borrowed(continuation),
                None => Cow::Owned(self.take_own(lists, hook)?),
            };
            if !continuation.is_destroyed() {
                return Some(continuation);
            }
        }
    }

    fn take_global<'a>(&mut self, global: &'a GlobalHooks, hook: HookId) -> Option<&'a Continuation> {
        if self.has_passed(List::Global) {
            return None;
        }
        let list = &global.lists[hook.place()];
        let (len, index) = (list.len(), self.taken[List::Global as usize] as usize);
        let continuation = list.get(index).filter(|_| index < len)?;
        self.takes(List::Global, index + 1 == len);
        Some(continuation)
    }

    fn take_own(&mut self, lists: &Lists<'_>, hook: HookId) -> Option<Continuation> {
        for (list, own) in [(List::Session, lists.session), (List::Transaction, lists.transaction)] {
            if let Some(own) = own
                && !self.has_passed(list)
                && let Some((continuation, is_last)) = own.at(hook, self.taken[list as usize] as usize)
            {
                self.takes(list, is_last);
                return Some(continuation);
            }
        }
        None
    }

    fn takes(&mut self, list: List, is_last: bool) {
        self.taken[list as usize] += 1;
        self.passed[list as usize] = is_last;
    }

    pub(crate) fn has_passed(&self, list: List) -> bool {
        self.passed[list as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cont;

    #[test]
    fn a_list_has_all_that_were_added_in_their_order_near_and_far() {
        let hooks = GlobalHooks::default();
        let list = &hooks.lists[HookId::TxnStart.place()];
        let conts: Vec<_> = (0..100).map(|_| Continuation::from(Cont::shared(|_| ()))).collect();
        for (index, cont) in conts.iter().enumerate() {
            assert_eq!((list.len(), list.get(index)), (index, None));
            hooks.add(HookId::TxnStart, cont.clone());
            assert_eq!(list.get(index), Some(cont));
        }
        let lists = Lists { global: &hooks, session: None, transaction: None };
        let mut walk = Walk::default();
        let met: Vec<_> = std::iter::from_fn(|| walk.next(&lists, HookId::TxnStart)).collect();
        assert!(met.iter().map(|met| &**met).eq(&conts));
        assert!(walk.has_passed(List::Global));
        assert!(hooks.lists.iter().filter(|list| list.len() > 0).count() == 1);
    }

    #[test]
    fn chunks_follow_each_other_without_gap() {
        let mut next = (0, 0);
        for index in 0..10_000 {
            assert_eq!(split(index), next);
            next.1 += 1;
            if next.1 == FIRST_CHUNK << next.0 {
                next = (next.0 + 1, 0);
            }
        }
    }
}
