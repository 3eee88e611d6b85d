//! Threads that do nothing but accept. Each waits in the system for its sockets, and for a bell that says that the server
//! drains.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use ts_cont::{Continuation, EventProcessor};

use super::{AT_ONCE, Acceptor};
use crate::http::server::StartError;
use crate::http::server::lane::Shared;
use crate::http::server::stop::Phase;

/// A waker that a thread in the system hears.
struct Bell(OwnedFd);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // It cannot be full: it is rung once.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

/// Starts the accept thread of this number.
pub(in super::super) fn start(
    processor: &EventProcessor,
    number: usize,
    listeners: Vec<TcpListener>,
    shared: Arc<Shared>,
) -> Result<(), StartError> {
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
    let bell = Arc::new(Bell(bell.map_err(|error| StartError::Watch(error.into()))?));
    for listener in &listeners {
        listener.set_nonblocking(true).map_err(StartError::Watch)?;
    }
    let work = Mutex::new(Some((listeners, shared, bell)));
    let continuation = Continuation::named("accept thread").shared(move |_| {
        let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((listeners, shared, bell)) = work {
            run(&listeners, Acceptor::new(shared, number, None), &bell);
        }
    });
    let name = format!("[ACCEPT {number}]");
    processor.spawn_thread(&continuation, &name, 0, ()).map_err(StartError::AcceptThread)?;
    Ok(())
}

fn run(listeners: &[TcpListener], mut acceptor: Acceptor, bell: &Arc<Bell>) {
    let shared = Arc::clone(&acceptor.shared);
    let waker = Waker::from(Arc::clone(bell));
    let mut draining = pin!(shared.stop.wait(Phase::Draining));
    let mut pause = None;
    while draining.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        let paused = pause.take();
        let mut waited: Vec<_> = [PollFd::new(&bell.0, PollFlags::IN)].into();
        if paused.is_none() {
            waited.extend(listeners.iter().map(|listener| PollFd::new(listener, PollFlags::IN)));
        }
        match poll(&mut waited, paused.map(timespec).as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                tracing::error!(%error, "an accept thread cannot wait, and ends");
                break;
            }
        }
        pause = listeners.iter().filter_map(|listener| accept_some(listener, &mut acceptor)).max();
    }
    listeners.iter().for_each(|listener| acceptor.close(listener));
}

/// Accepts what there is, up to a bound; how long to pause then, if something is wrong.
fn accept_some(listener: &TcpListener, acceptor: &mut Acceptor) -> Option<Duration> {
    for _ in 0..AT_ONCE {
        let accepted = listener.accept();
        if accepted.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            return None;
        }
        let pause = acceptor.take(accepted, listener);
        if pause.is_some() {
            return pause;
        }
    }
    None
}

fn timespec(pause: Duration) -> Timespec {
    Timespec { tv_sec: pause.as_secs() as i64, tv_nsec: i64::from(pause.subsec_nanos()) }
}
