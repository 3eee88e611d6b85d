//! Which continuations are alive: for the list at shutdown.
//!
//! A cold table in shards, so that threads that make and free continuations at the same time seldom meet.

use crate::cell::CellRef;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use ts_thread::current_id;

const SHARDS: usize = 16;

static TABLE: [Mutex<Vec<CellRef>>; SHARDS] = [const { Mutex::new(Vec::new()) }; SHARDS];

/// Where in the table a continuation is, and to which processor it belongs.
pub(crate) struct Registered {
    shard: AtomicU32,
    /// Written and read under the shard's lock.
    index: AtomicU32,
    /// The processor on whose thread it was made, or that first scheduled it; zero is none yet.
    processor: AtomicU64,
}

impl Registered {
    pub(crate) fn new() -> Self {
        Self { shard: AtomicU32::new(0), index: AtomicU32::new(0), processor: AtomicU64::new(0) }
    }

    /// Says which processor the continuation belongs to, unless it is known.
    pub(crate) fn belong_to(&self, processor: u32) {
        // Relaxed, also below: only a report reads it.
        if self.processor.load(Ordering::Relaxed) == 0 {
            self.processor.store(u64::from(processor), Ordering::Relaxed);
        }
    }

    pub(crate) fn processor(&self) -> u32 {
        // Relaxed: see `belong_to`. The number came from a `u32`.
        self.processor.load(Ordering::Relaxed) as u32
    }
}

pub(crate) fn enter(cell: CellRef) {
    let shard = (current_id().get() as usize) % SHARDS;
    let mut table = TABLE[shard].lock();
    let registered = &cell.get().registered();
    // Relaxed, here and in `leave`: `shard` is written once before the cell is shared, `index` under the shard's lock.
    registered.shard.store(shard as u32, Ordering::Relaxed);
    registered.index.store(table.len() as u32, Ordering::Relaxed);
    table.push(cell);
}

pub(crate) fn leave(cell: CellRef) {
    let registered = &cell.get().registered();
    let mut table = TABLE[registered.shard.load(Ordering::Relaxed) as usize].lock();
    let index = registered.index.load(Ordering::Relaxed) as usize;
    debug_assert!(table[index] == cell, "a continuation is where the table says it is");
    table.swap_remove(index);
    if let Some(moved) = table.get(index) {
        moved.get().registered().index.store(index as u32, Ordering::Relaxed);
    }
}

/// Calls `f` with every continuation alive just now. `f` must not make or free continuations.
pub(crate) fn for_each(mut f: impl FnMut(CellRef)) {
    for shard in &TABLE {
        for &cell in shard.lock().iter() {
            f(cell);
        }
    }
}
