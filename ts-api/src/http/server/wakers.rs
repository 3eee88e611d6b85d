//! The wakers of a connection to an origin, by whom they are called.
//!
//! The parser looks at its socket several times in each go, and is woken by whoever takes the last of a response's body, when
//! it has long been done with that. So it has wakers of its own, that wake nobody while the connection rests; and the socket
//! has another one, which remembers that it has not been called yet: then there is nothing to look for.
//!
//! # Rules
//! * The connection rests from when the parser could take the next request until it is given one. What it has to hear of
//!   meanwhile comes from the socket, or over the waker of the task itself.
//! * A busy connection rests for less time than a body takes to be read. So the parser has two wakers, for every other request,
//!   and the one of the last request wakes nobody either.
//! * The socket is quiet only from when it was asked in vain, with the waker that is called when that changes.
//!
//! # Ordering
//!
//! Parser, socket and bodies of one connection are on one thread, and so is everybody who calls these wakers. The flags are
//! atomics since wakers are made to be shared.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

/// The wakers of one connection's task.
pub(crate) struct Wakers {
    task: Waker,
    of_parser: [(Arc<OfParser>, Waker); 2],
    /// Which of the parser's wakers counts.
    turn: Cell<usize>,
    of_socket: (Arc<OfSocket>, Waker),
}

struct OfParser {
    task: Waker,
    rests: AtomicBool,
}

struct OfSocket {
    task: Waker,
    quiet: AtomicBool,
}

impl Wakers {
    pub(crate) fn new(task: &Waker) -> Self {
        let of_parser = [false, true].map(|rests| {
            let of_parser = Arc::new(OfParser { task: task.clone(), rests: AtomicBool::new(rests) });
            (Arc::clone(&of_parser), of_parser.into())
        });
        let of_socket = Arc::new(OfSocket { task: task.clone(), quiet: AtomicBool::new(false) });
        Self {
            task: task.clone(),
            of_parser,
            turn: Cell::new(0),
            of_socket: (Arc::clone(&of_socket), of_socket.into()),
        }
    }

    /// The task's own.
    pub(crate) fn task(&self) -> &Waker {
        &self.task
    }

    /// For the parser and what it waits for besides the socket, until it has the next request.
    pub(crate) fn of_parser(&self) -> &Waker {
        &self.of_parser[self.turn.get()].1
    }

    /// For the socket.
    pub(crate) fn of_socket(&self) -> &Waker {
        &self.of_socket.1
    }

    /// The parser is done with the last request.
    pub(crate) fn rest(&self) {
        // Relaxed: as said above, all of it happens on one thread.
        self.of_parser[self.turn.get()].0.rests.store(true, Ordering::Relaxed);
    }

    /// The parser has the next request.
    pub(crate) fn begin(&self) {
        self.rest();
        self.turn.set(1 - self.turn.get());
        // Relaxed: likewise.
        self.of_parser[self.turn.get()].0.rests.store(false, Ordering::Relaxed);
    }

    /// The socket had nothing to read, and its waker is where it is called when there is something.
    pub(crate) fn set_quiet(&self) {
        // Relaxed: likewise.
        self.of_socket.0.quiet.store(true, Ordering::Relaxed);
    }

    /// Whether the socket has had nothing to read since then.
    pub(crate) fn is_quiet(&self) -> bool {
        // Relaxed: likewise.
        self.of_socket.0.quiet.load(Ordering::Relaxed)
    }
}

impl Wake for OfParser {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Relaxed: it is called on the thread that sets it.
        if !self.rests.load(Ordering::Relaxed) {
            self.task.wake_by_ref();
        }
    }
}

impl Wake for OfSocket {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Relaxed: it is called on the thread that sets it.
        self.quiet.store(false, Ordering::Relaxed);
        self.task.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::server::told::Told;

    #[test]
    fn the_parser_wakes_nobody_while_the_connection_rests_and_the_socket_does() {
        let told = Arc::<Told>::default();
        let wakers = Wakers::new(&Waker::from(Arc::clone(&told)));
        wakers.of_parser().wake_by_ref();
        assert_eq!(told.take(), 1);
        wakers.rest();
        wakers.of_parser().wake_by_ref();
        assert_eq!(told.take(), 0);
        wakers.of_socket().wake_by_ref();
        wakers.task().wake_by_ref();
        assert_eq!(told.take(), 2);
        wakers.begin();
        wakers.of_parser().wake_by_ref();
        assert_eq!(told.take(), 1);
    }

    #[test]
    fn who_has_to_do_with_the_last_request_wakes_nobody() {
        let told = Arc::<Told>::default();
        let wakers = Wakers::new(&Waker::from(Arc::clone(&told)));
        for _ in 0..3 {
            let last = wakers.of_parser().clone();
            wakers.begin();
            last.wake();
            assert_eq!(told.take(), 0);
            wakers.of_parser().wake_by_ref();
            assert_eq!(told.take(), 1);
        }
    }

    #[test]
    fn the_socket_is_quiet_until_its_waker_is_called() {
        let wakers = Wakers::new(Waker::noop());
        assert!(!wakers.is_quiet(), "it was not asked yet");
        wakers.set_quiet();
        wakers.of_parser().wake_by_ref();
        assert!(wakers.is_quiet());
        wakers.of_socket().wake_by_ref();
        assert!(!wakers.is_quiet());
    }
}
