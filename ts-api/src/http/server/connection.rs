//! A client's connection: its session, and the transactions one after the other.
//!
//! The parser runs inside the session's task, and in HTTP/1 the transaction with it. A transaction waits for the one before to
//! reach its end, last hooks included.
//! What comes in passes the gate first; what goes wrong there is answered here, when the parser has ended.
//!
//! # Rules
//! * SSN_CLOSE comes after the last transaction's TXN_CLOSE, exactly once, if SSN_START was reached.
//! * When the server drains, an idle connection is closed at once, any other after the response that is under way. A request
//!   that had begun to come in is served.

use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use ts_cont::Here;
use ts_cont::future::{sleep, timeout};

use super::accept::turned_away;
use super::gate::Refusal;
use super::gate::client::{Awaits, Gate, Protocol};
use super::lane::Lane;
use super::session::Session;
use super::stop::Phase;
use super::stream::Stream;
use super::watch::Watch;
use super::{http1, http2};
use crate::http::{HookId, Reenable};

/// How long, and for how many bytes, a client that goes on sending is listened to after it was told that nobody reads it.
/// Who closes with something unread makes the system throw away what the client has not taken yet.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// Until the thread has looked at its sockets once more, which it does before its timers: a request that was there before the
/// server began to drain is known of then.
const NEXT_TURN: Duration = Duration::from_nanos(1);

/// Serves a connection that was accepted, to its end.
pub(crate) async fn serve(lane: Rc<Lane>, socket: TcpStream, client: SocketAddr) {
    let _counted_out = CountOut(Rc::clone(&lane), client.ip());
    lane.counters().connections.add();
    let incoming = socket.local_addr().ok();
    let here = Here::current().expect("connections are served on event threads");
    let registered = socket.set_nodelay(true).and_then(|()| {
        let io = here.io().ok_or(std::io::ErrorKind::Unsupported)?;
        io.register(socket)
    });
    let stream = match registered {
        Ok(stream) => Stream::new(stream),
        Err(error) => {
            tracing::error!(%client, %error, "a connection could not be watched");
            return;
        }
    };
    let gate = Rc::new(Gate::new(stream, lane.settings()));
    let session = Rc::new(Session::new(lane, client, incoming, gate));
    if session.call_out(HookId::SsnStart).await == Reenable::Continue {
        converse(&session).await;
    }
    poll_fn(|cx| session.poll_idle(cx)).await;
    session.call_out(HookId::SsnClose).await;
}

/// Serves requests until the connection ends.
async fn converse(session: &Rc<Session>) {
    let gate = &session.gate;
    let protocol = poll_fn(|cx| gate.poll_protocol(cx));
    let Some(protocol) = attend(session, protocol, |_| gate.close_after_this()).await else { return };
    session.protocol.set(Some(protocol));
    match protocol {
        Protocol::Http1 => http1::serve(session).await,
        Protocol::Http2 => http2::serve(session).await,
    }
    part(session).await;
}

/// Waits for `work`, but no longer than the client may take, and the server runs. When there are to be no more requests,
/// `close` tells the work so.
pub(super) async fn attend<F: Future>(
    session: &Session,
    work: F,
    mut close: impl FnMut(Pin<&mut F>),
) -> Option<F::Output> {
    let mut work = pin!(work);
    let (gate, settings) = (&session.gate, session.settings());
    let timeouts = &settings.timeouts;
    let stop = &session.lane.shared().stop;
    let mut draining = pin!(async {
        stop.wait(Phase::Draining).await;
        session.draining.set(true);
        sleep(NEXT_TURN).await;
    });
    let mut dropping = pin!(stop.wait(Phase::Dropping));
    let mut closing = false;
    let mut watch = Watch::default();
    poll_fn(|cx| {
        gate.note(session.has_hooks());
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(done));
        }
        if gate.poll_gone(cx).is_ready() {
            tracing::debug!(client = %session.client, "a client has gone before it had its answer");
            return Poll::Ready(None);
        }
        if dropping.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        let (given_up, served) = session.given_up();
        if given_up > served.saturating_add(settings.limits.http2.resets) {
            tracing::debug!(client = %session.client, given_up, "a client only resets what it asks for");
            return Poll::Ready(None);
        }
        if !closing && (draining.as_mut().poll(cx).is_ready() || session.has_enough()) {
            closing = true;
            close(work.as_mut());
            // It has to notice, and nothing else may happen to it.
            cx.waker().wake_by_ref();
        }
        let awaits = session.awaits();
        let limit = match awaits {
            // It has been told; what is left is for it to be heard.
            Awaits::Request if closing => LINGER,
            Awaits::Request => session.next_request.get().unwrap_or(timeouts.client_idle),
            Awaits::Head => timeouts.client_head,
            Awaits::Taking => session.stall.get().unwrap_or(timeouts.client_stall),
            Awaits::Nothing => return Poll::Pending,
        };
        if watch.poll(cx, session.turn() << 1 | u64::from(closing), limit).is_ready() {
            match awaits {
                Awaits::Head => gate.refuse(Refusal::new(408, "the head took too long")),
                Awaits::Request if !closing => {
                    closing = true;
                    close(work.as_mut());
                }
                _ => return Poll::Ready(None),
            }
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await
}

/// Tells a client that is refused, and closes so that it is heard.
async fn part(session: &Session) {
    let gate = &session.gate;
    if let Some(refusal) = gate.refused() {
        if !gate.is_amid_body() {
            session.counters().refuse(refusal);
        }
        tracing::debug!(client = %session.client, %refusal, "a client was refused");
    } else if gate.broke_off() {
        session.counters().broken_heads.add();
    }
    say_goodbye(&session.lane, gate, gate.answer()).await;
}

/// Tells a client that it is one too many.
pub(super) async fn turn_away(lane: &Lane, socket: TcpStream) {
    let here = Here::current().expect("connections are served on event threads");
    let Some(Ok(stream)) = here.io().map(|io| io.register(socket)) else { return };
    let gate = Gate::new(Stream::new(stream), lane.settings());
    gate.refuse(Refusal::new(503, "too many connections"));
    say_goodbye(lane, &gate, Some(turned_away())).await;
}

async fn say_goodbye(lane: &Lane, gate: &Gate, answer: Option<Vec<u8>>) {
    let farewell = async {
        if let Some(answer) = answer {
            let mut answer = &answer[..];
            if poll_fn(|cx| gate.poll_write_all(cx, &mut answer)).await.is_err() {
                return;
            }
        }
        gate.end_sending();
        if gate.has_unread() {
            let mut left = LINGER_BYTES;
            poll_fn(|cx| gate.poll_discard(cx, &mut left)).await;
        }
    };
    let mut farewell = pin!(timeout(LINGER, farewell));
    let mut dropping = pin!(lane.shared().stop.wait(Phase::Dropping));
    poll_fn(
        |cx| {
            if farewell.as_mut().poll(cx).is_ready() { Poll::Ready(()) } else { dropping.as_mut().poll(cx) }
        },
    )
    .await;
}

/// Whatever way the task ends, its connection is counted out.
struct CountOut(Rc<Lane>, IpAddr);

impl Drop for CountOut {
    fn drop(&mut self) {
        self.0.shared().stop.leave(self.1);
    }
}
