//! Names of origins: looked up on a thread that may block, and remembered for a while.
//!
//! # Rules
//! * Of one network thread at most one look-up for a name is under way; whoever wants the same name meanwhile waits for it. It
//!   goes on when they leave.
//! * What is remembered is bounded: beyond [`NAMES_KEPT`] names, those whose time is over go, then any.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use thiserror::Error;
use ts_cont::future::timeout;
use ts_cont::{EventType, Here};
use ts_thread::HrTime;

use super::policy::OriginPolicy;

/// Names remembered by one network thread: more than a proxy has origins, and of a forward proxy's the busy ones.
const NAMES_KEPT: usize = 4096;

/// Finds the addresses of a host.
///
/// It is called on a task thread (or one of the DNS pool, if the runtime has it) and may block.
///
/// # Examples
///
/// ```
/// use std::io;
/// use std::net::{IpAddr, Ipv4Addr};
/// use ts_api::http::{Resolve, Server};
///
/// /// For tests: every name is this machine's.
/// struct Here;
///
/// impl Resolve for Here {
///     fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
///         Ok(vec![Ipv4Addr::LOCALHOST.into()])
///     }
/// }
///
/// let builder = Server::builder().resolver(Here);
/// # drop(builder);
/// ```
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `host`, the best first.
    ///
    /// # Errors
    ///
    /// Whatever the look-up failed with; the origin then counts as not reachable.
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver: what `/etc/nsswitch.conf` says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// Why a name has no addresses.
#[derive(Debug, Clone, Error)]
pub(crate) enum LookupError {
    #[error("the look-up failed: {0}")]
    Failed(Rc<io::Error>),
    #[error("it has no address")]
    NoAddress,
    #[error("the look-up took too long")]
    TooLate,
    #[error("there is no thread to look it up on")]
    NoThread,
}

/// Addresses of one name.
#[derive(Debug)]
pub(crate) struct Addresses {
    pub(crate) all: Box<[IpAddr]>,
    /// With which one to begin: each use begins with the next.
    turn: Cell<usize>,
}

impl Addresses {
    /// All of them, from the one whose turn it is.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let first = self.turn.get() % self.all.len();
        self.turn.set(first + 1);
        self.all[first..].iter().chain(&self.all[..first]).copied()
    }
}

type Answer = Result<Rc<Addresses>, LookupError>;

/// The names that one network thread knows.
pub(crate) struct Names {
    resolver: Arc<dyn Resolve>,
    /// Where look-ups may block.
    group: EventType,
    known: RefCell<HashMap<Box<str>, Entry>>,
}

enum Entry {
    Known { answer: Answer, until: HrTime },
    Asking(Rc<Asking>),
}

/// A look-up under way.
#[derive(Default)]
struct Asking {
    answer: RefCell<Option<Answer>>,
    waiting: RefCell<Vec<Waker>>,
}

impl Names {
    pub(crate) fn new(resolver: Arc<dyn Resolve>, group: EventType) -> Rc<Self> {
        Rc::new(Self { resolver, group, known: RefCell::default() })
    }

    /// The addresses of a host; waits for at most `limit` if they have to be looked up.
    pub(crate) async fn find(self: &Rc<Self>, host: &str, limit: Duration, policy: &OriginPolicy) -> Answer {
        let asking = match self.known.borrow().get(host) {
            Some(Entry::Known { answer, until }) if now() < *until => return answer.clone(),
            Some(Entry::Asking(asking)) => Some(Rc::clone(asking)),
            _ => None,
        };
        let asking = asking.unwrap_or_else(|| self.ask(host, policy));
        let answered = poll_fn(|cx| match &*asking.answer.borrow() {
            Some(answer) => Poll::Ready(answer.clone()),
            None => {
                asking.waiting.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        });
        timeout(limit, answered).await.unwrap_or(Err(LookupError::TooLate))
    }

    /// Begins a look-up, which goes on by itself.
    fn ask(self: &Rc<Self>, host: &str, policy: &OriginPolicy) -> Rc<Asking> {
        let asking = Rc::new(Asking::default());
        self.make_room();
        self.known.borrow_mut().insert(host.into(), Entry::Asking(Rc::clone(&asking)));
        let (names, host, policy) = (Rc::clone(self), Box::<str>::from(host), *policy);
        let ended = Rc::clone(&asking);
        let here = Here::current().expect("origins are looked for on event threads");
        let lookup = async move {
            let answer = names.look_up(&host).await;
            let kept = if answer.is_ok() { policy.lookup_kept } else { policy.lookup_failure_kept };
            let until = now().saturating_add(kept);
            names.known.borrow_mut().insert(host, Entry::Known { answer: answer.clone(), until });
            *ended.answer.borrow_mut() = Some(answer);
            let waiting = ended.waiting.take();
            waiting.into_iter().for_each(Waker::wake);
        };
        drop(here.spawn_local(lookup));
        asking
    }

    async fn look_up(&self, host: &str) -> Answer {
        let here = Here::current().expect("origins are looked for on event threads");
        let (resolver, asked) = (Arc::clone(&self.resolver), host.to_owned());
        let blocking = async move { resolver.resolve(&asked) };
        let spawned = here.processor_ref().spawn(self.group, blocking);
        let found = spawned.map_err(|_| LookupError::NoThread)?.await.ok_or(LookupError::NoThread)?;
        let all = found.map_err(|error| LookupError::Failed(Rc::new(error)))?;
        if all.is_empty() {
            return Err(LookupError::NoAddress);
        }
        Ok(Rc::new(Addresses { all: all.into(), turn: Cell::new(0) }))
    }

    fn make_room(&self) {
        let mut known = self.known.borrow_mut();
        if known.len() < NAMES_KEPT {
            return;
        }
        let now = now();
        known.retain(|_, entry| !matches!(entry, Entry::Known { until, .. } if *until <= now));
        if known.len() >= NAMES_KEPT {
            known.retain(|_, entry| matches!(entry, Entry::Asking(_)));
        }
    }
}

fn now() -> HrTime {
    Here::current().expect("origins are looked for on event threads").now()
}
