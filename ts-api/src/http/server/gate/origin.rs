//! An origin's socket behind its gate, as the parser reads and writes it.
//!
//! # Rules
//! * What must not pass is an error to the parser, which gives the connection up; the request is answered 502.
//! * An origin that sends what nobody asked for is not believed any more: the next response would be to another request.

use std::cell::{Cell, Ref, RefCell};
use std::error::Error as _;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use thiserror::Error;

use super::framer::{Framer, Side, Step};
use super::head::Asked;
use super::raw::RawHead;
use super::refusal::Refusal;
use super::spelling::Spelling;
use crate::http::server::limits::Limits;
use crate::http::server::stream::Stream;
use crate::http::server::wakers::Wakers;

/// Read at once into the gate's own memory.
const READ: usize = 4096;

/// An origin's gate.
pub(crate) struct OriginGate {
    limits: Limits,
    inner: RefCell<Inner>,
    noting: Cell<bool>,
    wakers: RefCell<Option<Wakers>>,
}

struct Inner {
    framer: Framer,
    /// A request was sent, and its response has not begun.
    awaited: bool,
    held: BytesMut,
    /// So many bytes of what is held have been judged and may pass.
    good: usize,
    raw: Option<RawHead>,
    spelling: Spelling,
}

/// The parser's handle.
pub(crate) struct OriginIo {
    stream: Stream,
    gate: Rc<OriginGate>,
}

impl OriginGate {
    /// The gate before `stream`, and the parser's handle.
    pub(crate) fn before(stream: Stream, limits: &Limits) -> (Rc<Self>, OriginIo) {
        let inner = Inner {
            framer: Framer::new(Side::Origin),
            awaited: false,
            held: BytesMut::new(),
            good: 0,
            raw: None,
            spelling: Spelling::default(),
        };
        let limits = limits.clone();
        let (inner, noting, wakers) = (RefCell::new(inner), Cell::new(false), RefCell::default());
        let gate = Rc::new(Self { limits, inner, noting, wakers });
        let io = OriginIo { stream, gate: Rc::clone(&gate) };
        (gate, io)
    }

    /// Begins to wake the connection's task by `wakers`, or ends it: a waker keeps its task's memory.
    pub(crate) fn set_wakers(&self, wakers: Option<Wakers>) {
        let before = self.wakers.replace(wakers);
        drop(before);
    }

    /// The wakers of the connection's task, as long as there is one.
    pub(crate) fn wakers(&self) -> Ref<'_, Option<Wakers>> {
        self.wakers.borrow()
    }

    /// Does something for which the socket's own waker is the one to be called.
    fn with_socket<R>(&self, cx: &mut Context<'_>, f: impl FnOnce(&mut Context<'_>) -> R) -> R {
        match &*self.wakers() {
            Some(wakers) => f(&mut Context::from_waker(wakers.of_socket())),
            None => f(cx),
        }
    }

    /// A request is on its way, whose response's head is to be noted as it is received if it is to be `noted`.
    pub(crate) fn expect(&self, method: &http::Method, noted: bool) {
        let mut inner = self.inner.borrow_mut();
        inner.framer.expect(Asked::of(method.as_str().as_bytes()));
        inner.awaited = true;
        self.noting.set(noted);
    }

    /// The head of the last response, as it was received; none if it was not to be noted.
    pub(crate) fn take_head(&self) -> Option<RawHead> {
        self.inner.borrow_mut().raw.take()
    }

    /// Notes how the names of the last response's head are spelled, if not as the parser spells them by itself.
    pub(crate) fn note_spelling(&self, extensions: &mut http::Extensions) {
        self.inner.borrow_mut().spelling.note_in(extensions);
    }

    /// Looks at `bytes`, which come next; how many of them may pass. A flaw is only told when nothing good comes before it.
    fn judge(&self, inner: &mut Inner, bytes: &[u8]) -> Result<usize, Refusal> {
        let mut good = 0;
        while good < bytes.len() {
            let unasked = inner.framer.is_at_head() && !inner.awaited;
            let step = match unasked {
                true => Err(Refusal::malformed("a response that nobody asked for")),
                false => inner.framer.step(&bytes[good..], &self.limits, self.noting.get()),
            };
            match step {
                Ok(Step::Head(length, head)) => {
                    good += length;
                    inner.awaited = head.interim;
                    if !head.interim {
                        inner.raw = head.raw;
                        inner.spelling.set(head.odd);
                    }
                }
                Ok(Step::Body(length)) => good += length,
                Ok(Step::More) => break,
                Err(refusal) if good == 0 => return Err(refusal),
                Err(_) => break,
            }
        }
        Ok(good)
    }
}

impl OriginGate {
    /// Gives what is held; false if nothing of it may pass yet.
    fn give(&self, cursor: &mut ReadBufCursor<'_>) -> Result<bool, Refusal> {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        if inner.held.is_empty() {
            return Ok(false);
        }
        if inner.good == 0 {
            let held = std::mem::take(&mut inner.held);
            inner.good = self.judge(inner, &held)?;
            inner.held = held;
        }
        let length = inner.good.min(cursor.remaining());
        cursor.put_slice(&inner.held[..length]);
        inner.held.advance(length);
        inner.good -= length;
        if inner.held.is_empty() {
            inner.held = BytesMut::new();
        }
        Ok(length > 0)
    }

    /// Reads on where a head is not complete; false at the end of the stream.
    fn poll_fill(&self, stream: Pin<&mut Stream>, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut space = [MaybeUninit::uninit(); READ];
        let mut space = ReadBuf::uninit(&mut space);
        ready!(stream.poll_read(cx, space.unfilled()))?;
        self.inner.borrow_mut().held.extend_from_slice(space.filled());
        Poll::Ready(Ok(!space.filled().is_empty()))
    }

    /// Reads into the parser's memory what may pass, and keeps the rest; false if that is all of it.
    fn poll_direct(
        &self,
        stream: Pin<&mut Stream>,
        cx: &mut Context<'_>,
        cursor: &mut ReadBufCursor<'_>,
    ) -> Poll<io::Result<bool>> {
        // SAFETY: what is written to it is only ever initialised.
        let mut space = ReadBuf::uninit(unsafe { cursor.as_mut() });
        ready!(stream.poll_read(cx, space.unfilled()))?;
        let read = space.filled();
        let mut inner = self.inner.borrow_mut();
        let good = self.judge(&mut inner, read).map_err(refused)?;
        inner.held.extend_from_slice(&read[good..]);
        let any = good > 0 || read.is_empty();
        // SAFETY: the stream has filled at least that many bytes at the cursor.
        unsafe { cursor.advance(good) };
        Poll::Ready(Ok(any))
    }

    /// Reads from the socket, into the parser's memory if nothing is held, and says whether there is something for the parser,
    /// or the end.
    fn poll_socket(
        &self,
        stream: Pin<&mut Stream>,
        cx: &mut Context<'_>,
        cursor: &mut ReadBufCursor<'_>,
    ) -> Poll<io::Result<bool>> {
        let partial = { !self.inner.borrow().held.is_empty() };
        if partial {
            // The end of the stream in the middle of a head is the parser's to complain about: it has nothing.
            Poll::Ready(Ok(!ready!(self.poll_fill(stream, cx))?))
        } else {
            self.poll_direct(stream, cx, cursor)
        }
    }
}

/// What an origin sent. It is not the refusal itself, which is a client's.
#[derive(Debug, Error)]
#[error("{0}")]
struct Garbage(&'static str);

fn refused(refusal: Refusal) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Garbage(refusal.why()))
}

/// Whether an origin sent what cannot be understood, and did not just fall silent.
pub(crate) fn is_garbage(error: &hyper::Error) -> bool {
    let mut next = error.source();
    while let Some(source) = next {
        let inner = source.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        if inner.is_some_and(|inner| inner.is::<Garbage>()) {
            return true;
        }
        next = source.source();
    }
    error.is_parse()
}

impl Read for OriginIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, gate } = &mut *self;
        loop {
            if gate.give(&mut cursor).map_err(refused)? {
                return Poll::Ready(Ok(()));
            }
            let wakers = gate.wakers();
            let done = match &*wakers {
                Some(wakers) if wakers.is_quiet() => return Poll::Pending,
                Some(wakers) => {
                    let cx = &mut Context::from_waker(wakers.of_socket());
                    let done = gate.poll_socket(Pin::new(stream), cx, &mut cursor);
                    if done.is_pending() {
                        wakers.set_quiet();
                    }
                    done
                }
                None => gate.poll_socket(Pin::new(stream), cx, &mut cursor),
            };
            if ready!(done)? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl Write for OriginIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, gate } = &mut *self;
        gate.with_socket(cx, |cx| Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, gate } = &mut *self;
        gate.with_socket(cx, |cx| Pin::new(stream).poll_write_vectored(cx, bufs))
    }
}
