//! A blind tunnel: what a client asks for with CONNECT.
//!
//! It runs in the session's task, once the parser has handed the connection over with the answer sent. Bytes go both ways as
//! they come. One side that has said all it has to say ends its direction alone; the other goes on.
//!
//! # Rules
//! * The transaction is over when the tunnel is, whatever ends it.
//! * A direction holds memory only for what it has read and could not write.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{StatusCode, request};
use hyper::rt::{Read, ReadBuf, Write};

use super::connection::attend;
use super::counts::Counter;
use super::exchange::{Exchange, Sent};
use super::gate::client::GateIo;
use super::remap::{OriginName, split_authority};
use super::session::Session;
use super::settings::Settings;
use super::stream::Stream;
use super::watch::Watch;

/// Read in one go, into the stack's memory.
const READ: usize = 16 << 10;

/// How often one direction reads before the other, and other work of the thread, has its turn.
const READS_AT_ONCE: usize = 16;

/// Where a CONNECT request leads, or with which status it is refused.
pub(crate) fn target(settings: &Settings, parts: &request::Parts) -> Result<OriginName, StatusCode> {
    let targets = &settings.targets;
    // In HTTP/2 a tunnel would be one stream of many.
    if !targets.tunnels || parts.version >= http::Version::HTTP_2 {
        return Err(StatusCode::NOT_IMPLEMENTED);
    }
    let authority = parts.uri.authority().ok_or(StatusCode::BAD_REQUEST)?.as_str();
    let (_, port) = split_authority(authority);
    let port = port.filter(|port| *port != 0).ok_or(StatusCode::BAD_REQUEST)?;
    if authority.contains('@') {
        return Err(StatusCode::BAD_REQUEST);
    }
    if !targets.tunnel_ports.contains(&port) {
        return Err(StatusCode::FORBIDDEN);
    }
    OriginName::parse(authority, port).ok_or(StatusCode::BAD_REQUEST)
}

/// The origin's end of a tunnel to be.
pub(crate) struct Tunnel {
    origin: Stream,
    /// How long nothing may go either way.
    silence: Duration,
}

/// A tunnel that begins when the client has been told.
pub(super) struct Promised {
    tunnel: Tunnel,
    exchange: Rc<Exchange>,
}

impl Tunnel {
    pub(crate) fn new(origin: Stream, silence: Duration) -> Self {
        Self { origin, silence }
    }

    pub(super) fn promise(self, exchange: Rc<Exchange>) -> Promised {
        Promised { tunnel: self, exchange }
    }
}

impl Drop for Promised {
    fn drop(&mut self) {
        // If that is not said already: the client was gone before the tunnel began, or the server drops it.
        self.exchange.ended(Sent::ClientGone);
    }
}

/// Runs the tunnel that was promised, if one was.
pub(super) async fn serve(session: &Session) {
    let Some(mut promised) = session.take_tunnel() else { return };
    session.gate.open();
    let counters = session.counters();
    let mut client = GateIo(Rc::clone(&session.gate));
    let Tunnel { origin, silence } = &mut promised.tunnel;
    let (mut up, mut down) = (Way::default(), Way::default());
    let mut watch = Watch::default();
    let both = poll_fn(|cx| {
        let over_up = up.poll(cx, &mut client, origin, &counters.tunnel_bytes_up, Stream::end_sending);
        // The parser's handle leaves the end of the stream to the session.
        let end_sending = |client: &mut GateIo| client.0.end_sending();
        let over_down = down.poll(cx, origin, &mut client, &counters.tunnel_bytes_down, end_sending);
        match (over_up, over_down) {
            (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) => return Poll::Ready(Err(error)),
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(Ok(())),
            _ => {}
        }
        watch.poll(cx, up.moved + down.moved, *silence).map(|()| Err(io::ErrorKind::TimedOut.into()))
    });
    match attend(session, both, |_| {}).await {
        Some(Ok(())) => promised.exchange.ended(Sent::Completely),
        Some(Err(error)) => {
            tracing::debug!(client = %session.client, %error, "a tunnel ended");
            promised.exchange.ended(Sent::Completely);
        }
        // The client takes nothing, or the server has no more time; dropping says so.
        None => {}
    }
}

/// One direction.
#[derive(Default)]
struct Way {
    /// What was read and could not be written.
    left: Vec<u8>,
    ended: bool,
    shut: bool,
    /// How often something went by.
    moved: u64,
}

impl Way {
    /// Ready when the last byte, and the end, have gone by.
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        bytes: &Counter,
        end_sending: impl FnOnce(&mut W),
    ) -> Poll<io::Result<()>>
    where
        R: Read + Unpin,
        W: Write + Unpin,
    {
        for _ in 0..READS_AT_ONCE {
            while !self.left.is_empty() {
                let written = ready!(Pin::new(&mut *to).poll_write(cx, &self.left))?;
                self.wrote(written, bytes)?;
                self.left.drain(..written);
            }
            self.left = Vec::new();
            if self.ended {
                if !std::mem::replace(&mut self.shut, true) {
                    end_sending(to);
                }
                return Poll::Ready(Ok(()));
            }
            let mut space = [MaybeUninit::uninit(); READ];
            let mut space = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut *from).poll_read(cx, space.unfilled()))?;
            let mut read = space.filled();
            self.ended = read.is_empty();
            while !read.is_empty() {
                match Pin::new(&mut *to).poll_write(cx, read)? {
                    Poll::Ready(written) => {
                        self.wrote(written, bytes)?;
                        read = &read[written..];
                    }
                    Poll::Pending => {
                        self.left.extend_from_slice(read);
                        return Poll::Pending;
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn wrote(&mut self, length: usize, bytes: &Counter) -> io::Result<()> {
        if length == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.moved += 1;
        bytes.add_many(length as u64);
        Ok(())
    }
}
