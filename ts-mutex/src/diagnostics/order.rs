//! In which order mutexes are taken.
//!
//! An edge from one mutex to another says: somebody held the first while it took the second by a lock that can block. If
//! the edges close a cycle, threads can block each other for ever, though they may never have done so yet. An
//! attempt that does not block makes no edge to what it takes, since it cannot be stuck there.
//!
//! # Rules
//! * Edges are between mutexes, not between places in the code: taking many mutexes of one kind at one place, in an order
//!   that the program knows, is no cycle.
//! * The edges of a mutex go when it goes, as the next one may get its address.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Place;
use super::held::Held;
use crate::proxy::ProxyMutex;

/// Where the first mutex of an edge was taken, and where the second.
type Places = (Place, Place);

struct Graph {
    edges: BTreeMap<usize, BTreeMap<usize, Places>>,
    /// The same edges from their other end, so that a mutex is forgotten without a search.
    back: BTreeMap<usize, BTreeSet<usize>>,
    reported: BTreeSet<Places>,
}

static GRAPH: Mutex<Graph> =
    Mutex::new(Graph { edges: BTreeMap::new(), back: BTreeMap::new(), reported: BTreeSet::new() });

/// Whether there was ever an edge.
static USED: AtomicBool = AtomicBool::new(false);

/// Notes that `mutex` is taken at `place` while `others` are held, and reports the cycles which that closes.
pub(super) fn check(others: &[Held], mutex: &ProxyMutex, place: Place) {
    for held in others {
        let cycle = {
            let mut graph = GRAPH.lock().unwrap_or_else(PoisonError::into_inner);
            // Relaxed, alone: whoever frees one of these two mutexes does so after its last use, and this is one; with
            // it, it has seen this store.
            USED.store(true, Ordering::Relaxed);
            graph.note(held.id, mutex.id(), (held.place, place))
        };
        if let Some((first, then)) = cycle {
            tracing::warn!(
                target: "ts_mutex",
                mutex = ?mutex,
                taken = %place,
                while_held = %held.place,
                elsewhere_taken = %then,
                elsewhere_while_held = %first,
                "mutexes are taken in an order that can block for ever"
            );
        }
    }
}

/// The mutex with this id is freed, and the number may be used again.
pub(super) fn forget(id: usize) {
    // Relaxed, alone: see `check`.
    if USED.load(Ordering::Relaxed) {
        GRAPH.lock().unwrap_or_else(PoisonError::into_inner).forget(id);
    }
}

impl Graph {
    /// Adds an edge. If it closes a cycle that was not reported for this pair of places, gives the places of the first
    /// edge on the way back.
    fn note(&mut self, first: usize, then: usize, places: Places) -> Option<Places> {
        let known = self.edges.entry(first).or_default().insert(then, places) == Some(places);
        if known {
            return None;
        }
        self.back.entry(then).or_default().insert(first);
        let back = self.way(then, first)?;
        self.reported.insert(places).then_some(back)
    }

    /// The places of the first edge of a way from `from` to `to`, if there is one.
    fn way(&self, from: usize, to: usize) -> Option<Places> {
        let mut seen = BTreeSet::from([from]);
        let mut open: Vec<(usize, Option<Places>)> = vec![(from, None)];
        while let Some((at, start)) = open.pop() {
            for (&next, &places) in self.edges.get(&at).into_iter().flatten() {
                let start = start.unwrap_or(places);
                if next == to {
                    return Some(start);
                }
                if seen.insert(next) {
                    open.push((next, Some(start)));
                }
            }
        }
        None
    }

    fn forget(&mut self, id: usize) {
        for then in self.edges.remove(&id).into_iter().flat_map(BTreeMap::into_keys) {
            if let Entry::Occupied(mut firsts) = self.back.entry(then)
                && firsts.get_mut().remove(&id)
                && firsts.get().is_empty()
            {
                firsts.remove();
            }
        }
        for first in self.back.remove(&id).into_iter().flatten() {
            if let Entry::Occupied(mut thens) = self.edges.entry(first)
                && thens.get_mut().remove(&id).is_some()
                && thens.get().is_empty()
            {
                thens.remove();
            }
        }
    }
}
