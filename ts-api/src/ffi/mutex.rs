//! Mutexes.
//!
//! # Rules
//! * A mutex that no continuation was made with is its maker's, who destroys it. One that a continuation was made with lives as
//!   long as such continuations, and as long as a plugin holds it; then its handle is stale.
//! * What a plugin locks is counted apart from what the host holds for it: a plugin never unlocks the host's lock.

use ts_mutex::{ProxyMutex, RawUnlockError};

use super::call::{self, Call};
use super::handle::Table;
use super::types::{TS_ERROR, TS_SUCCESS, TSMutex, TSReturnCode};

struct Entry {
    mutex: ProxyMutex,
    /// The continuations that were made with it and are not destroyed; none if there never was one.
    conts: Option<usize>,
    /// Levels that plugins hold.
    levels: usize,
}

impl Entry {
    fn is_over(&self) -> bool {
        self.conts == Some(0) && self.levels == 0
    }
}

static MUTEXES: Table<TSMutex, Entry> = Table::new();

/// The mutex for a new continuation; it is given back with [`release`].
pub(crate) fn adopt(call: Call, handle: TSMutex) -> ProxyMutex {
    MUTEXES.with(call, "mutexp", handle, |entry| {
        *entry.conts.get_or_insert(0) += 1;
        entry.mutex.clone()
    })
}

/// A continuation that was made with the mutex is destroyed.
pub(crate) fn release(handle: TSMutex) {
    let over = MUTEXES.try_with(handle, |entry| {
        entry.conts = entry.conts.map(|conts| conts - 1);
        entry.is_over()
    });
    end_if(handle, over == Ok(true));
}

fn end_if(handle: TSMutex, over: bool) {
    if over {
        // Somebody may have made a continuation with it meanwhile, or locked it: then it is not over.
        let _ = MUTEXES.try_remove_if(handle, Entry::is_over);
    }
}

/// Says that a level is, or is no more, a plugin's; true if with that the mutex is over.
fn count(handle: TSMutex, change: impl FnOnce(&mut usize)) -> bool {
    let over = MUTEXES.try_with(handle, |entry| {
        change(&mut entry.levels);
        entry.is_over()
    });
    over == Ok(true)
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMutexCreate() -> TSMutex {
    call::enter("TSMutexCreate", |_| {
        MUTEXES.insert(Entry { mutex: ProxyMutex::new(), conts: None, levels: 0 })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMutexDestroy(mutexp: TSMutex) {
    call::enter("TSMutexDestroy", |call| {
        let (adopted, levels) =
            MUTEXES.with(call, "mutexp", mutexp, |entry| (entry.conts.is_some(), entry.levels));
        if adopted {
            call.fault(
                "mutexp belongs to the continuations that were made with it, and goes with the last of them",
            );
        }
        if levels > 0 {
            call.fault("mutexp is locked");
        }
        MUTEXES.remove(call, "mutexp", mutexp);
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMutexLock(mutexp: TSMutex) {
    call::enter("TSMutexLock", |call| {
        // Counted before it is waited for, so that it does not go meanwhile.
        let mutex = MUTEXES.with(call, "mutexp", mutexp, |entry| {
            entry.levels += 1;
            entry.mutex.clone()
        });
        mutex.raw_lock();
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMutexLockTry(mutexp: TSMutex) -> TSReturnCode {
    call::enter("TSMutexLockTry", |call| {
        let mutex = MUTEXES.with(call, "mutexp", mutexp, |entry| {
            entry.levels += 1;
            entry.mutex.clone()
        });
        if mutex.raw_try_lock() {
            return TS_SUCCESS;
        }
        let over = count(mutexp, |levels| *levels -= 1);
        end_if(mutexp, over);
        TS_ERROR
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMutexUnlock(mutexp: TSMutex) {
    call::enter("TSMutexUnlock", |call| {
        let mutex = MUTEXES.with(call, "mutexp", mutexp, |entry| entry.mutex.clone());
        match mutex.raw_unlock() {
            Ok(()) => {
                let over = count(mutexp, |levels| *levels -= 1);
                end_if(mutexp, over);
            }
            Err(RawUnlockError::OnlyGuards) => {
                call.fault("mutexp was locked by the host around this handler, and the host unlocks it");
            }
            Err(_) => call.fault("mutexp is not locked by this thread"),
        }
    });
}
