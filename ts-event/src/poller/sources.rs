//! The table of watched sources: which directions of each are ready, and who waits for them.
//!
//! # Rules
//! * A source's token is its place in the table and the generation of its stay there; a token of an earlier stay
//!   finds nothing.
//! * Nothing here calls a waker or drops one: they are handed out, for the caller to call or drop when the table is
//!   no longer borrowed.

use std::collections::VecDeque;
use std::task::Waker;

use mio::event::Event;
use slab::Slab;

// A token is a number of the poller's, and holds a place and a generation of 32 bits each.
const _: () = assert!(usize::BITS == 64);

/// Which way data goes. The two are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Read,
    Write,
}

/// What the poller says about a source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    readable: bool,
    writable: bool,
    /// The other side has closed, the source has failed, or urgent data has come: from now on a read that brings less
    /// than there is room for does not say that there is nothing more.
    unsteady: bool,
}

impl Report {
    /// Errors and hang-ups are news for both directions: the next call on the source says what happened.
    pub(super) fn of(event: &Event) -> Self {
        let unsteady = event.is_read_closed() || event.is_error() || event.is_priority();
        Self {
            readable: event.is_readable() || unsteady,
            writable: event.is_writable() || event.is_write_closed() || event.is_error(),
            unsteady,
        }
    }

    fn is_about(self, direction: Direction) -> bool {
        match direction {
            Direction::Read => self.readable,
            Direction::Write => self.writable,
        }
    }
}

pub(super) struct Sources {
    table: Slab<Source>,
    /// Of the next source. Wraps after 2^32 registrations, and a stale token lives no longer than one look.
    generation: u32,
    closed: bool,
}

struct Source {
    generation: u32,
    /// See [`Report::unsteady`]; for the rest of its stay.
    unsteady: bool,
    read: Side,
    write: Side,
}

struct Side {
    ready: bool,
    waiter: Option<Waker>,
}

/// What a task that asks for a direction is told.
pub(super) enum Answer {
    Ready,
    /// Not ready, and the asker's waker is the one that stands there already.
    Waiting,
    /// Not ready: leave a waker with [`Sources::wait`].
    NotReady,
    Closed,
}

impl Source {
    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }
}

impl Sources {
    pub(super) fn new() -> Self {
        Self { table: Slab::new(), generation: 0, closed: false }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// A place for one more source, with both directions taken for ready until a call says otherwise.
    pub(super) fn insert(&mut self) -> usize {
        let generation = self.generation;
        self.generation = generation.wrapping_add(1);
        let ready = || Side { ready: true, waiter: None };
        let place = self.table.insert(Source { generation, unsteady: false, read: ready(), write: ready() });
        (generation as usize) << 32 | place
    }

    /// Takes a source out. The caller drops its wakers, which stand in what is returned.
    #[must_use = "dropping a waker runs code of others: not while the table is borrowed"]
    pub(super) fn remove(&mut self, token: usize) -> Option<[Option<Waker>; 2]> {
        self.find(token)?;
        let source = self.table.remove(place_of(token));
        Some([source.read.waiter, source.write.waiter])
    }

    pub(super) fn ask(&mut self, token: usize, direction: Direction, asker: &Waker) -> Answer {
        if self.closed {
            return Answer::Closed;
        }
        match self.find(token).map(|source| source.side(direction)) {
            Some(side) if side.ready => Answer::Ready,
            Some(Side { waiter: Some(waiter), .. }) if waiter.will_wake(asker) => Answer::Waiting,
            Some(_) => Answer::NotReady,
            None => Answer::Closed,
        }
    }

    /// Leaves a waker for a direction and hands out the one that stood there.
    #[must_use = "dropping a waker runs code of others: not while the table is borrowed"]
    pub(super) fn wait(&mut self, token: usize, direction: Direction, waiter: Waker) -> Option<Waker> {
        match self.find(token) {
            Some(source) => source.side(direction).waiter.replace(waiter),
            None => Some(waiter),
        }
    }

    pub(super) fn clear(&mut self, token: usize, direction: Direction) {
        if let Some(source) = self.find(token) {
            source.side(direction).ready = false;
        }
    }

    /// A read has brought less than there was room for: if the source is steady, whatever comes later is reported.
    pub(super) fn drained(&mut self, token: usize) {
        if let Some(source) = self.find(token)
            && !source.unsteady
        {
            source.read.ready = false;
        }
    }

    /// Notes what the poller said about a source; false when that is about an earlier stay.
    pub(super) fn mark_ready(&mut self, token: usize, report: Report, to_wake: &mut VecDeque<Waker>) -> bool {
        let Some(source) = self.find(token) else { return false };
        source.unsteady |= report.unsteady;
        for direction in [Direction::Read, Direction::Write] {
            if report.is_about(direction) {
                let side = source.side(direction);
                side.ready = true;
                to_wake.extend(side.waiter.take());
            }
        }
        true
    }

    /// From now on every question is answered with `Closed`; hands out all who wait.
    pub(super) fn close(&mut self, to_wake: &mut VecDeque<Waker>) {
        self.closed = true;
        for (_, source) in &mut self.table {
            to_wake.extend(source.read.waiter.take());
            to_wake.extend(source.write.waiter.take());
        }
    }

    fn find(&mut self, token: usize) -> Option<&mut Source> {
        self.table.get_mut(place_of(token)).filter(|source| source.generation as usize == token >> 32)
    }
}

/// The lower half of a token.
fn place_of(token: usize) -> usize {
    token & u32::MAX as usize
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_an_earlier_stay_finds_nothing() {
        let mut sources = Sources::new();
        let first = sources.insert();
        assert!(sources.remove(first).is_some());
        let second = sources.insert();
        assert_eq!(place_of(first), place_of(second), "the place is used again");

        sources.clear(second, Direction::Read);
        let report = Report { readable: true, writable: false, unsteady: false };
        assert!(!sources.mark_ready(first, report, &mut VecDeque::new()));
        assert!(matches!(sources.ask(second, Direction::Read, Waker::noop()), Answer::NotReady));
        assert!(sources.remove(first).is_none());
        assert_eq!(sources.len(), 1);
    }
}
