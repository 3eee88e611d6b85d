//! A client's socket behind its gate, as the parser reads and writes it.
//!
//! The parser has one handle and the session another. A refused head looks like the end of the stream to the parser, once it
//! has nothing more to do; then the session writes the answer. A body that must not go on is an error to whoever reads it.
//!
//! # Rules
//! * The parser sees the end of the stream in the middle of a message only if the client has gone: it then gives up.
//! * What has been read and may not pass yet stays here, and no more is read ahead than a head may be long.

use std::cell::{Cell, RefCell};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use ts_cont::Here;
use ts_thread::HrTime;

use super::framer::{Framer, Side, Step};
use super::head::Asked;
use super::raw::RawHead;
use super::refusal::Refusal;
use super::spelling::Spelling;
use crate::http::server::limits::Limits;
use crate::http::server::settings::Settings;
use crate::http::server::sizes::Meter;
use crate::http::server::socket::Socket;
use crate::http::server::stream::Stream;

/// Read at once into the gate's own memory.
const READ: usize = 4096;

/// What begins a connection in HTTP/2.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Which protocol a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// What a connection waits for, as far as its client is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaits {
    /// For the first byte of a request.
    Request,
    /// For the rest of a head.
    Head,
    /// For the client to take some of a response.
    Taking,
    /// For others.
    Nothing,
}

/// A client's gate.
pub(crate) struct Gate {
    stream: RefCell<Stream>,
    settings: Rc<Settings>,
    inner: RefCell<Inner>,
    /// The head is to be noted as it is received.
    noting: Cell<bool>,
    /// When the first byte of the head that comes next was read, if that is noted.
    first_read: Cell<Option<HrTime>>,
    /// A request has passed whose response has not been handed over.
    answering: Cell<bool>,
    /// The socket took nothing of the last write.
    blocked: Cell<bool>,
    /// The head of the response, if somebody may ask how long it is.
    pub(crate) meter: Meter,
    /// Something of the response to the request that passed last has been written.
    written: Cell<bool>,
    refused: Cell<Option<Refusal>>,
    /// No further request is let pass, but for the spare one.
    last: Cell<bool>,
    /// A request had begun to come in when the last one was announced.
    spare: Cell<bool>,
    /// Changes with everything that makes a client's time begin anew.
    turn: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

struct Inner {
    framer: Framer,
    held: BytesMut,
    /// So many bytes of what is held have been judged and may pass.
    good: usize,
    raw: Option<RawHead>,
    spelling: Spelling,
    asked: Asked,
    /// The client has closed its sending half.
    ended: bool,
    /// The client was refused in the middle of a body.
    amid_body: bool,
}

/// The parser's handle.
pub(crate) struct GateIo(pub(crate) Rc<Gate>);

/// What is to be done for a parser that reads.
enum Next {
    /// Something held may pass.
    Give,
    /// Nothing is held: read into the parser's own memory.
    Direct,
    /// There is not enough of a head: read more of it.
    Fill,
    /// Nothing may pass now; but see whether the client goes meanwhile.
    Stay,
    /// As before, but it is known how things are with the client.
    Wait,
    /// Nothing may pass any more.
    End,
    /// The body must not go on.
    Fail(Refusal),
}

impl Gate {
    pub(crate) fn new(stream: Stream, settings: Rc<Settings>) -> Self {
        let inner = Inner {
            framer: Framer::new(Side::Client),
            held: BytesMut::new(),
            good: 0,
            raw: None,
            spelling: Spelling::default(),
            asked: Asked::default(),
            ended: false,
            amid_body: false,
        };
        Self {
            stream: RefCell::new(stream),
            settings,
            inner: RefCell::new(inner),
            first_read: Cell::new(None),
            noting: Cell::new(false),
            answering: Cell::new(false),
            blocked: Cell::new(false),
            meter: Meter::default(),
            written: Cell::new(false),
            refused: Cell::new(None),
            last: Cell::new(false),
            spare: Cell::new(false),
            turn: Cell::new(0),
            waker: RefCell::default(),
        }
    }

    /// Waits until it is known which protocol the client speaks. The end of the stream, or an error, counts as HTTP/1.
    pub(crate) fn poll_protocol(&self, cx: &mut Context<'_>) -> Poll<Protocol> {
        loop {
            {
                let mut inner = self.inner.borrow_mut();
                let common =
                    inner.held.iter().zip(PREFACE).take_while(|(held, preface)| held == preface).count();
                if common == PREFACE.len() && self.limits().http2.enabled {
                    inner.framer.open();
                    return Poll::Ready(Protocol::Http2);
                }
                if common == PREFACE.len() || common < inner.held.len() || inner.ended || self.is_last() {
                    return Poll::Ready(Protocol::Http1);
                }
            }
            if !matches!(ready!(self.poll_fill(cx)), Ok(1..)) {
                self.inner.borrow_mut().ended = true;
            }
        }
    }

    /// What follows the request that passed last is no HTTP: it passes as it is.
    pub(crate) fn open(&self) {
        self.inner.borrow_mut().framer.open();
    }

    /// The head of the request that passed last, as it was received; none if it was not to be noted.
    pub(crate) fn take_head(&self) -> Option<RawHead> {
        self.inner.borrow_mut().raw.take()
    }

    /// Ready when the client has gone that is still to be answered. What it sends meanwhile is read ahead, as far as may be.
    pub(crate) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.may_begin() || self.refused.get().is_some() {
                return Poll::Pending;
            }
            {
                let inner = self.inner.borrow();
                let limits = self.limits();
                if inner.good > 0 || !inner.framer.is_at_head() {
                    return Poll::Pending;
                }
                if inner.ended {
                    let gone = inner.held.is_empty() && !limits.half_close;
                    return if gone { Poll::Ready(()) } else { Poll::Pending };
                }
                if inner.held.len() >= limits.head {
                    return Poll::Pending;
                }
            }
            if ready!(self.poll_fill(cx)).is_err() {
                return Poll::Ready(());
            }
        }
    }

    /// Notes how the names of the request that passed last are spelled, if not as the parser spells them by itself.
    pub(crate) fn note_spelling(&self, extensions: &mut http::Extensions) {
        self.inner.borrow_mut().spelling.note_in(extensions);
    }

    /// When the first byte of the request that passed last was read; none if it had waited, or was not to be noted.
    pub(crate) fn take_first_read(&self) -> Option<HrTime> {
        self.first_read.take()
    }

    fn note_first_read(&self) {
        if self.noting.get() {
            self.first_read.set(Here::current().map(|here| here.now()));
        }
    }

    /// Says whether heads are to be noted from now on.
    pub(crate) fn note(&self, noting: bool) {
        self.noting.set(noting);
    }

    /// The response to the request that passed last has been handed over, or there will be none.
    pub(crate) fn answered(&self) {
        self.answering.set(false);
        self.next_turn();
        self.wake_if_held();
    }

    /// Lets no further request pass, but for one that has begun to come in.
    pub(crate) fn close_after_this(&self) {
        if self.last.replace(true) {
            return;
        }
        let idle = !self.answering.get() && self.inner.borrow().framer.is_at_head();
        if idle {
            // It may lie in the socket, from a client that cannot know that it comes too late.
            let _ = self.poll_fill(&mut Context::from_waker(Waker::noop()));
            self.spare.set(!self.inner.borrow().held.is_empty());
        }
        self.wake();
    }

    /// Whether the request that passed last is the last.
    pub(crate) fn is_last(&self) -> bool {
        self.last.get() && !self.spare.get()
    }

    /// Why the client is refused, if it is.
    pub(crate) fn refused(&self) -> Option<Refusal> {
        self.refused.get()
    }

    /// Refuses the client, whatever it sends.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        if self.refused.get().is_none() {
            self.refused.set(Some(refusal));
        }
        self.wake();
    }

    /// The number of its socket.
    pub(crate) fn socket(&self) -> Socket {
        self.stream.borrow().socket()
    }

    /// Whose time is running.
    pub(crate) fn awaits(&self) -> Awaits {
        let inner = self.inner.borrow();
        if self.blocked.get() {
            Awaits::Taking
        } else if self.answering.get() || self.refused.get().is_some() || !inner.framer.is_at_head() {
            Awaits::Nothing
        } else if inner.held.is_empty() {
            Awaits::Request
        } else {
            Awaits::Head
        }
    }

    /// Another number whenever a client's time begins anew.
    pub(crate) fn turn(&self) -> u64 {
        self.turn.get()
    }

    /// Whether a part of a head has come, and no more will: the client broke off.
    pub(crate) fn broke_off(&self) -> bool {
        let inner = self.inner.borrow();
        inner.ended && inner.framer.is_at_head() && !inner.held.is_empty() && self.refused.get().is_none()
    }

    /// Whether the client was refused in the middle of a request's body, so that there is a transaction.
    pub(crate) fn is_amid_body(&self) -> bool {
        self.inner.borrow().amid_body
    }

    /// The answer to a refused client, unless a response to the same request has been begun.
    pub(crate) fn answer(&self) -> Option<Vec<u8>> {
        let refusal = self.refused.get()?;
        let inner = self.inner.borrow();
        let (begun, bodiless) = match inner.amid_body {
            true => (self.written.get(), inner.asked == Asked::Head),
            false => (self.answering.get(), inner.held.starts_with(b"HEAD ")),
        };
        (!begun).then(|| refusal.response(!bodiless))
    }

    /// Whether the client may have sent, or go on sending, what nobody will read.
    pub(crate) fn has_unread(&self) -> bool {
        let inner = self.inner.borrow();
        let amid = self.refused.get().is_some() || !inner.held.is_empty() || !inner.framer.is_at_head();
        amid && !inner.ended
    }

    /// Writes all of `bytes`, past the parser.
    pub(crate) fn poll_write_all(&self, cx: &mut Context<'_>, bytes: &mut &[u8]) -> Poll<io::Result<()>> {
        while !bytes.is_empty() {
            let written = ready!(self.with_stream(|stream| stream.poll_write(cx, bytes)))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *bytes = &bytes[written..];
        }
        Poll::Ready(Ok(()))
    }

    /// Reads and throws away until the client closes, or `left` bytes have gone by.
    pub(crate) fn poll_discard(&self, cx: &mut Context<'_>, left: &mut usize) -> Poll<()> {
        let mut scrap = [MaybeUninit::uninit(); READ];
        loop {
            let mut scrap = ReadBuf::uninit(&mut scrap);
            let read = ready!(self.with_stream(|stream| stream.poll_read(cx, scrap.unfilled())));
            let length = scrap.filled().len();
            if read.is_err() || length == 0 || length >= *left {
                return Poll::Ready(());
            }
            *left -= length;
        }
    }

    /// Closes the sending half.
    pub(crate) fn end_sending(&self) {
        let cx = &mut Context::from_waker(Waker::noop());
        let _ = self.with_stream(|stream| stream.poll_shutdown(cx));
    }

    fn with_stream<R>(&self, f: impl FnOnce(Pin<&mut Stream>) -> R) -> R {
        f(Pin::new(&mut *self.stream.borrow_mut()))
    }

    fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    fn next_turn(&self) {
        self.turn.set(self.turn.get().wrapping_add(1));
    }

    /// Whether a request may pass: the one before has been answered, and the answer has left the parser.
    fn may_begin(&self) -> bool {
        !self.answering.get() && !self.blocked.get()
    }

    fn wake_if_held(&self) {
        let held = {
            let inner = self.inner.borrow();
            !inner.held.is_empty() || inner.ended
        };
        if held || self.last.get() || self.refused.get().is_some() {
            self.wake();
        }
    }

    fn wake(&self) {
        let waker = self.waker.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn wait(&self, cx: &Context<'_>) {
        let old = self.waker.borrow_mut().replace(cx.waker().clone());
        drop(old);
    }

    /// Reads into the gate's own memory.
    fn poll_fill(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [MaybeUninit::uninit(); READ];
        let mut space = ReadBuf::uninit(&mut space);
        ready!(self.with_stream(|stream| stream.poll_read(cx, space.unfilled())))?;
        let mut inner = self.inner.borrow_mut();
        if inner.held.is_empty() && inner.framer.is_at_head() {
            self.next_turn();
            self.note_first_read();
        }
        inner.held.extend_from_slice(space.filled());
        inner.ended |= space.filled().is_empty();
        Poll::Ready(Ok(space.filled().len()))
    }

    /// Looks at `bytes`, which come next; how many of them may pass.
    fn judge(&self, inner: &mut Inner, bytes: &[u8]) -> usize {
        let mut good = 0;
        while good < bytes.len() {
            let at_head = inner.framer.is_at_head();
            if at_head && (!self.may_begin() || self.is_last()) {
                break;
            }
            match inner.framer.step(&bytes[good..], self.limits(), self.noting.get()) {
                Ok(Step::Head(length, head)) => {
                    good += length;
                    inner.raw = head.raw;
                    inner.spelling.set(head.odd);
                    inner.asked = head.asked;
                    self.answering.set(true);
                    self.written.set(false);
                    self.spare.set(false);
                    self.next_turn();
                }
                Ok(Step::Body(length)) => good += length,
                Ok(Step::More) => break,
                Err(refusal) => {
                    inner.amid_body = !at_head;
                    // What is good of a body goes first, and is not what this is about.
                    self.refuse(refusal);
                    break;
                }
            }
        }
        good
    }

    /// What there is to do, with what is held judged as far as it goes.
    fn next(&self) -> Next {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        if inner.good == 0 && !inner.held.is_empty() && self.refused.get().is_none() {
            let held = std::mem::take(&mut inner.held);
            inner.good = self.judge(inner, &held);
            inner.held = held;
        }
        if inner.good > 0 {
            return Next::Give;
        }
        if let Some(refusal) = self.refused.get() {
            return match (inner.amid_body, self.may_begin()) {
                (true, _) => Next::Fail(refusal),
                (false, true) => Next::End,
                (false, false) => Next::Wait,
            };
        }
        let at_head = inner.framer.is_at_head();
        match at_head {
            true if !self.may_begin() => match inner.ended {
                true if inner.held.is_empty() && !self.limits().half_close => Next::End,
                true => Next::Wait,
                false if inner.held.len() >= self.limits().head => Next::Wait,
                false => Next::Stay,
            },
            true if self.is_last() => Next::End,
            _ if inner.ended => Next::End,
            _ if inner.held.is_empty() => Next::Direct,
            _ => Next::Fill,
        }
    }

    fn give(&self, cursor: &mut ReadBufCursor<'_>) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let length = inner.good.min(cursor.remaining());
        cursor.put_slice(&inner.held[..length]);
        inner.held.advance(length);
        inner.good -= length;
        if inner.held.is_empty() {
            // An idle connection holds no memory.
            inner.held = BytesMut::new();
        }
    }

    /// Reads into the parser's memory what may pass, and keeps the rest; false if that is all of it.
    fn poll_direct(&self, cx: &mut Context<'_>, cursor: &mut ReadBufCursor<'_>) -> Poll<io::Result<bool>> {
        // SAFETY: what is written to it is only ever initialised.
        let mut space = ReadBuf::uninit(unsafe { cursor.as_mut() });
        ready!(self.with_stream(|stream| stream.poll_read(cx, space.unfilled())))?;
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let read = space.filled();
        if read.is_empty() {
            inner.ended = true;
            return Poll::Ready(Ok(true));
        }
        if inner.framer.is_at_head() {
            self.note_first_read();
        }
        let good = self.judge(inner, read);
        if good < read.len() {
            inner.held.extend_from_slice(&read[good..]);
            self.next_turn();
        }
        // SAFETY: the stream has filled at least that many bytes at the cursor.
        unsafe { cursor.advance(good) };
        Poll::Ready(Ok(good > 0))
    }
}

impl Read for GateIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let gate = &*self.0;
        loop {
            match gate.next() {
                Next::Give => {
                    gate.give(&mut cursor);
                    return Poll::Ready(Ok(()));
                }
                Next::Direct => {
                    if ready!(gate.poll_direct(cx, &mut cursor))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                Next::Fill => _ = ready!(gate.poll_fill(cx))?,
                Next::Stay => {
                    // Whatever ends the waiting wakes the same task.
                    gate.wait(cx);
                    _ = ready!(gate.poll_fill(cx))?;
                }
                Next::Wait => {
                    gate.wait(cx);
                    return Poll::Pending;
                }
                Next::End => return Poll::Ready(Ok(())),
                Next::Fail(refusal) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refusal)));
                }
            }
        }
    }
}

impl GateIo {
    /// What comes of a write of `bytes`.
    fn wrote<'a>(
        &self,
        bytes: impl IntoIterator<Item = &'a [u8]>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let gate = &*self.0;
        if let Poll::Ready(Ok(mut length)) = written
            && gate.meter.is_on()
        {
            for bytes in bytes {
                let of_these = bytes.len().min(length);
                gate.meter.pass(&bytes[..of_these]);
                length -= of_these;
            }
        }
        match &written {
            Poll::Pending => {
                if !gate.blocked.replace(true) {
                    gate.next_turn();
                }
            }
            Poll::Ready(_) => {
                gate.written.set(true);
                if gate.blocked.replace(false) {
                    gate.next_turn();
                    gate.wake_if_held();
                }
            }
        }
        written
    }
}

impl Write for GateIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.wrote([buf], self.0.with_stream(|stream| stream.poll_write(cx, buf)))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.with_stream(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The session closes the sending half, when it has said what it has to say.
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.0.with_stream(|stream| stream.poll_write_vectored(cx, bufs));
        self.wrote(bufs.iter().map(|buf| &**buf), written)
    }
}
