//! The connections to one origin, from any address of ours or one, that one network thread has: those at rest, and the queue for them if there is a limit.
//!
//! # Rules
//! * A connection that becomes free goes to whoever has waited for longest; only then does it rest.
//! * The place of a connection is counted from before it is made until its task has ended.
//! * What was granted to somebody who has left is given back, and so to the next.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use ts_cont::EventType;
use ts_cont::future::timeout;

use super::failure::Failure;
use super::link::Link;
use super::policy::OriginPolicy;
use super::remap::OriginName;
use super::resolve::{Names, Resolve};
use super::socket::Socket;

/// The connections of one network thread.
pub(crate) struct Pools {
    pub(super) names: Rc<Names>,
    by_origin: RefCell<HashMap<OriginName, Rc<Pool>>>,
    /// Those that go from an address of ours that a plugin has said.
    from_elsewhere: RefCell<HashMap<(OriginName, SocketAddr), Rc<Pool>>>,
    /// The one that was asked for last: mostly it is asked for again.
    last: RefCell<Option<Rc<Pool>>>,
}

/// The connections to one origin.
pub(crate) struct Pool {
    pools: Weak<Pools>,
    origin: OriginName,
    /// Ours, if it is not just any.
    from: Option<SocketAddr>,
    policy: Cell<OriginPolicy>,
    /// The one that rested last stands last: it is the least likely to have been closed meanwhile.
    idle: RefCell<Vec<Rc<Link>>>,
    /// Connections, also those that are being made.
    open: Cell<usize>,
    waiting: RefCell<VecDeque<Rc<Waiting>>>,
    /// Nobody will ask any more.
    closed: Cell<bool>,
}

/// Somebody who waits for a connection.
#[derive(Default)]
struct Waiting {
    granted: RefCell<Option<Granted>>,
    waker: RefCell<Option<Waker>>,
}

/// What one may get.
pub(super) enum Granted {
    Connection(Opened),
    Place(Slot),
}

/// A connection to the origin, before anything is sent over it. Dropped, it is given back.
pub(crate) struct Opened {
    link: Option<Rc<Link>>,
    /// It has had a request before.
    kept: bool,
}

/// The right to have a connection.
pub(super) struct Slot(Rc<Pool>);

impl Pools {
    pub(crate) fn new(resolver: Arc<dyn Resolve>, lookups: EventType) -> Rc<Self> {
        Rc::new(Self {
            names: Names::new(resolver, lookups),
            by_origin: RefCell::default(),
            from_elsewhere: RefCell::default(),
            last: RefCell::default(),
        })
    }

    /// The connections to `origin` from an address of ours, or from any.
    pub(super) fn of(
        self: &Rc<Self>,
        origin: &OriginName,
        from: Option<SocketAddr>,
        policy: &OriginPolicy,
    ) -> Rc<Pool> {
        let is_it = |pool: &&Rc<Pool>| pool.origin == *origin && pool.from == from;
        let last = self.last.borrow().as_ref().filter(is_it).cloned();
        let pool = last.unwrap_or_else(|| {
            let new = || Rc::new(Pool::new(Rc::downgrade(self), origin.clone(), from, *policy));
            let pool = match from {
                None => {
                    let known = self.by_origin.borrow().get(origin).cloned();
                    known.unwrap_or_else(|| {
                        let pool = new();
                        let none = self.by_origin.borrow_mut().insert(origin.clone(), Rc::clone(&pool));
                        debug_assert!(none.is_none(), "it was looked for just now");
                        pool
                    })
                }
                Some(from) => {
                    let mut known = self.from_elsewhere.borrow_mut();
                    Rc::clone(known.entry((origin.clone(), from)).or_insert_with(new))
                }
            };
            let _before = self.last.replace(Some(Rc::clone(&pool)));
            pool
        });
        pool.policy.set(*policy);
        pool
    }

    /// Nobody has, or waits for, a connection of this pool.
    fn forget(&self, pool: &Rc<Pool>) {
        let _out = match pool.from {
            None => self.by_origin.borrow_mut().remove(&pool.origin),
            Some(from) => self.from_elsewhere.borrow_mut().remove(&(pool.origin.clone(), from)),
        };
        let is_last = self.last.borrow().as_ref().is_some_and(|last| Rc::ptr_eq(last, pool));
        if is_last {
            let _last = self.last.take();
        }
    }
}

impl Drop for Pools {
    fn drop(&mut self) {
        for pool in self.by_origin.take().into_values().chain(self.from_elsewhere.take().into_values()) {
            pool.closed.set(true);
            let idle = pool.idle.take();
            idle.iter().for_each(|link| link.close());
        }
    }
}

impl Pool {
    fn new(pools: Weak<Pools>, origin: OriginName, from: Option<SocketAddr>, policy: OriginPolicy) -> Self {
        Self {
            pools,
            origin,
            from,
            policy: Cell::new(policy),
            idle: RefCell::default(),
            open: Cell::new(0),
            waiting: RefCell::default(),
            closed: Cell::new(false),
        }
    }

    pub(super) fn policy(&self) -> OriginPolicy {
        self.policy.get()
    }

    /// A connection that rests.
    pub(super) fn take(&self) -> Option<Opened> {
        loop {
            let link = self.idle.borrow_mut().pop()?;
            if link.may_go_on() {
                return Some(Opened::kept(link));
            }
            link.close();
        }
    }

    /// The right to make another connection, if there may be one.
    pub(super) fn reserve(self: &Rc<Self>) -> Option<Slot> {
        let open = self.open.get();
        let may = self.policy.get().connections.is_none_or(|most| open < most);
        may.then(|| {
            self.open.set(open + 1);
            Slot(Rc::clone(self))
        })
    }

    /// Waits for a connection to become free, or for a place for another one.
    pub(super) async fn wait(self: &Rc<Self>, limit: Duration) -> Result<Granted, Failure> {
        if self.waiting.borrow().len() >= self.policy.get().queue {
            return Err(Failure::QueueFull);
        }
        let mine = Rc::new(Waiting::default());
        self.waiting.borrow_mut().push_back(Rc::clone(&mine));
        let place = Place { pool: self, mine };
        let granted = poll_fn(|cx| match place.mine.granted.take() {
            Some(granted) => Poll::Ready(granted),
            None => {
                let _before = place.mine.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        });
        timeout(limit, granted).await.map_err(|_| Failure::QueueTooLate)
    }

    /// A connection is free.
    pub(super) fn put_back(&self, link: &Rc<Link>) {
        if self.closed.get() || !link.may_go_on() {
            link.close();
            return;
        }
        if let Some(next) = self.next_waiting() {
            next.grant(Granted::Connection(Opened::kept(Rc::clone(link))));
            return;
        }
        let policy = self.policy.get();
        link.rest(link.idle().unwrap_or(policy.keep_alive));
        let mut idle = self.idle.borrow_mut();
        idle.push(Rc::clone(link));
        let oldest = (idle.len() > policy.idle).then(|| idle.remove(0));
        drop(idle);
        if let Some(oldest) = oldest {
            oldest.close();
        }
    }

    /// A connection has ended.
    pub(super) fn remove(&self, link: &Rc<Link>) {
        let mut idle = self.idle.borrow_mut();
        let found = idle.iter().position(|resting| Rc::ptr_eq(resting, link));
        let _out = found.map(|at| idle.remove(at));
    }

    fn next_waiting(&self) -> Option<Rc<Waiting>> {
        self.waiting.borrow_mut().pop_front()
    }
}

impl Waiting {
    fn grant(&self, granted: Granted) {
        let none = self.granted.replace(Some(granted));
        debug_assert!(none.is_none(), "who has been granted something is not in the queue");
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A place in the queue, and what was granted at it and not taken.
struct Place<'a> {
    pool: &'a Rc<Pool>,
    mine: Rc<Waiting>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pool.waiting.borrow_mut().retain(|waiting| !Rc::ptr_eq(waiting, &self.mine));
        let _given_back = self.mine.granted.take();
    }
}

impl Slot {
    pub(super) fn pool(&self) -> &Rc<Pool> {
        &self.0
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let pool = &self.0;
        pool.open.set(pool.open.get() - 1);
        // A limit that was lowered meanwhile holds for those who wait as well.
        if !pool.waiting.borrow().is_empty()
            && let Some(slot) = pool.reserve()
            && let Some(next) = pool.next_waiting()
        {
            next.grant(Granted::Place(slot));
        } else if pool.open.get() == 0
            && pool.waiting.borrow().is_empty()
            && let Some(pools) = pool.pools.upgrade()
        {
            pools.forget(pool);
        }
    }
}

impl Opened {
    pub(super) fn new(link: Rc<Link>) -> Self {
        Self { link: Some(link), kept: false }
    }

    fn kept(link: Rc<Link>) -> Self {
        link.take();
        Self { link: Some(link), kept: true }
    }

    pub(super) fn is_kept(&self) -> bool {
        self.kept
    }

    /// The address that it leads to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.link.as_ref().expect("it is taken out only by value").address()
    }

    /// The number of its socket.
    pub(crate) fn socket(&self) -> Option<Socket> {
        self.link.as_ref().map(|link| link.socket().clone())
    }

    /// Our address, as the origin sees it.
    pub(crate) fn outgoing(&self) -> Option<SocketAddr> {
        self.link.as_ref().and_then(|link| link.outgoing())
    }

    /// Says how long it is kept without work after the request that comes next, if not as long as others, and whether at all.
    pub(crate) fn keep_after_this(&self, idle: Option<Duration>, keep: bool) {
        if let Some(link) = &self.link {
            link.keep_after_this(idle, keep);
        }
    }

    /// How many requests it has been given.
    pub(crate) fn requests(&self) -> u64 {
        self.link.as_ref().map_or(0, |link| link.requests())
    }

    /// Takes the connection, to send something over it.
    pub(super) fn into_link(mut self) -> Rc<Link> {
        self.link.take().expect("it is taken out only here")
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            link.pool().put_back(&link);
        }
    }
}
