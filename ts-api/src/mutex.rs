//! Mutexes: take, try, give back; when not to block; and data that belongs to one.
//!
//! # Which call on which thread
//! * In a handler: [`Mutex::try_lock`]. If it fails, schedule a later attempt.
//! * On a thread of the plugin's own ([`crate::PluginThread`]): [`Mutex::lock`] is fine too.
//! * A blocking lock on a network thread is done, and reported once for each place in the source, since every transaction
//!   of that thread waits with it. (Mutexes.)

mod data;

pub use data::{DataRef, DataRefMut, MutexData};

use crate::table::Code;
use crate::table::handle::MutexHandle;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;

/// A recursive mutex that knows its holder; a handle that is shared by cloning.
///
/// The thread that holds it may take it again; it is free when as many levels have ended. Any thread may call every
/// function. Two handles are equal if they are the same mutex. It lives as long as one handle or continuation has it.
///
/// # Examples
///
/// ```
/// use ts_api::Mutex;
///
/// let mutex = Mutex::new();
/// let outer = mutex.try_lock().expect("it is free");
/// let inner = mutex.try_lock().expect("we hold it already");
/// drop(outer);
/// assert!(mutex.held_by_current());
/// drop(inner);
/// assert!(!mutex.held_by_current());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mutex {
    handle: MutexHandle,
}

/// One level of holding a [`Mutex`]; dropping it ends that level. It stays on its thread.
#[must_use = "dropping the guard at once gives the mutex back at once"]
pub struct Guard<'a> {
    mutex: Mutex,
    unlocked_at: Option<&'static Location<'static>>,
    /// Neither `Send` nor `Sync`.
    of: PhantomData<(&'a Mutex, *mut ())>,
}

impl Mutex {
    /// A mutex that nobody holds.
    #[must_use]
    pub fn new() -> Self {
        Self::named("")
    }

    /// A mutex with a name for reports.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self { handle: MutexHandle::new(name) }
    }

    /// Takes the mutex, or one more level of it, if that needs no waiting.
    ///
    /// # Panics
    ///
    /// At the 2³²-th level it ends the process, since no panic gets out of the host.
    #[must_use = "dropping the guard at once gives the mutex back at once"]
    #[track_caller]
    pub fn try_lock(&self) -> Option<Guard<'_>> {
        self.handle.try_lock(Location::caller()).then(|| self.guard())
    }

    /// Takes the mutex, or one more level of it; blocks while another thread holds it.
    ///
    /// For threads of the plugin's own. In a handler use [`Mutex::try_lock`]: on a network thread this is reported.
    ///
    /// # Panics
    ///
    /// If it cannot be waited for: in a simulation, where all threads are one. And at the 2³²-th level.
    #[track_caller]
    pub fn lock(&self) -> Guard<'_> {
        match self.handle.lock(Location::caller()) {
            Code::OK => self.guard(),
            _ => panic!("the mutex is busy, and this thread cannot wait for it"),
        }
    }

    /// Whether the calling thread holds the mutex.
    #[must_use]
    pub fn held_by_current(&self) -> bool {
        self.handle.is_held()
    }

    /// The guard of a level that was just taken.
    fn guard<'a>(&self) -> Guard<'a> {
        Guard { mutex: self.clone(), unlocked_at: None, of: PhantomData }
    }

    /// A guard that keeps the mutex alive by itself, if it can be had without waiting.
    pub(crate) fn into_guard(self) -> Option<Guard<'static>> {
        self.handle.try_lock(Location::caller()).then_some(Guard {
            mutex: self,
            unlocked_at: None,
            of: PhantomData,
        })
    }

    pub(crate) fn handle(&self) -> &MutexHandle {
        &self.handle
    }

    pub(crate) fn from_handle(handle: MutexHandle) -> Self {
        Self { handle }
    }

    #[cfg_attr(
        not(feature = "runtime"),
        allow(dead_code, reason = "only linked programs take handles apart")
    )]
    pub(crate) fn into_handle(self) -> MutexHandle {
        self.handle
    }
}

impl Default for Mutex {
    fn default() -> Self {
        Self::new()
    }
}

impl Guard<'_> {
    /// The mutex that is held.
    #[must_use]
    pub fn mutex(&self) -> &Mutex {
        &self.mutex
    }

    /// Ends the level here, as dropping it would. The place of this call is named if the mutex was held for too long; where
    /// a guard goes out of scope is not known.
    #[track_caller]
    pub fn unlock(mut self) {
        self.unlocked_at = Some(Location::caller());
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let code = self.mutex.handle.unlock(self.unlocked_at);
        debug_assert_eq!(code, Code::OK, "a guard is dropped on the thread that took it");
    }
}

impl fmt::Debug for Mutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("held_by_current", &self.held_by_current()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Guard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("mutex", &self.mutex).finish()
    }
}
