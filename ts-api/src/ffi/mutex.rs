//! Mutexes.
//!
//! # Rules
//! * A mutex that no continuation was made with is its maker's, who destroys it. One that a continuation was made with lives as
//!   long as such continuations, and as long as a plugin holds it; then its handle is stale.
//! * What a plugin locks is counted apart from what the host holds for it: a plugin never unlocks the host's lock.
//! * A blocking lock on a network thread is done, and reported once for each function of a plugin's.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use ts_mutex::{ProxyMutex, RawUnlockError, diagnostics};

use super::call::{self, Call};
use super::handle::{Kind, Raw, Table};
use super::plugin;
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

#[unsafe(no_mangle)]
pub extern "C" fn TSMutexCreate() -> TSMutex {
    call::enter("TSMutexCreate", |_| {
        MUTEXES.insert(Entry { mutex: ProxyMutex::new(), conts: None, levels: 0 })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMutexDestroy(mutexp: TSMutex) {
    call::enter("TSMutexDestroy", |call| {
        // In one step, so that nobody takes it up in between.
        match MUTEXES.try_remove_if(mutexp, |entry| entry.conts.is_none() && entry.levels == 0) {
            Ok(Some(_)) => {}
            Ok(None) if MUTEXES.try_with(mutexp, |entry| entry.conts.is_none()) == Ok(true) => {
                call.fault("mutexp is locked")
            }
            Ok(None) => call.fault(
                "mutexp belongs to the continuations that were made with it, and goes with the last of them",
            ),
            Err(bad) => call.bad_handle("mutexp", mutexp.bits(), Kind::Mutex, bad),
        }
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
        if diagnostics::blocking_allowed() {
            mutex.raw_lock();
        } else {
            lock_and_report(&mutex);
        }
    });
}

/// Locks on a thread that must not block, and reports that once for each function of a plugin.
#[cold]
fn lock_and_report(mutex: &ProxyMutex) {
    static REPORTED: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());
    let running = plugin::innermost();
    let function = running.as_ref().map_or(0, |running| running.function);
    if REPORTED.lock().insert(function) {
        tracing::warn!(
            plugin = running.and_then(|running| running.plugin).map_or("unknown", |plugin| plugin.name()),
            thread = ts_thread::current().name(),
            function = %format_args!("{function:#x}"),
            "TSMutexLock on a thread that must not block: use TSMutexLockTry, or a thread of TSThreadCreate"
        );
    }
    // It has been reported, and with more than could be seen below.
    diagnostics::set_blocking_allowed(true);
    mutex.raw_lock();
    diagnostics::set_blocking_allowed(false);
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
        let over = MUTEXES.with(call, "mutexp", mutexp, |entry| {
            entry.levels -= 1;
            entry.is_over()
        });
        end_if(mutexp, over);
        TS_ERROR
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSMutexUnlock(mutexp: TSMutex) {
    call::enter("TSMutexUnlock", |call| {
        // Counted before it is given back: whoever gets it next may destroy it at once. If it is not this thread's to give back,
        // nobody goes on to see the count.
        let (mutex, over) = MUTEXES.with(call, "mutexp", mutexp, |entry| {
            entry.levels = entry.levels.saturating_sub(1);
            (entry.mutex.clone(), entry.is_over())
        });
        match mutex.raw_unlock() {
            Ok(()) => end_if(mutexp, over),
            Err(RawUnlockError::OnlyGuards) => {
                call.fault("mutexp was locked by the host around this handler, and the host unlocks it");
            }
            Err(_) => call.fault("mutexp is not locked by this thread"),
        }
    });
}
