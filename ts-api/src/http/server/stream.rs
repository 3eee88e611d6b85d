//! A socket of a network thread as `hyper` wants it: reads and writes that wait for readiness.
//!
//! The calls are those for sockets, which cost the kernel less than those for any file.
//!
//! All of it happens on the thread whose poll set watches the socket; nothing here may be sent to another thread.

use std::cell::OnceCell;
use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use smallvec::SmallVec;
use ts_cont::Registration;

use super::socket::Socket;

/// Up to so many bytes, pieces are copied and sent as one: the kernel takes longer over a list of pieces than that.
const TOGETHER: usize = 1024;

/// A connected TCP socket, watched on this thread.
pub(crate) struct Stream(Registration<TcpStream>, OnceCell<Socket>);

impl Stream {
    pub(crate) fn new(registration: Registration<TcpStream>) -> Self {
        Self(registration, OnceCell::new())
    }

    /// Its number, as long as this is there.
    pub(crate) fn socket(&self) -> Socket {
        self.1.get_or_init(|| Socket::new(self.0.source().as_raw_fd())).clone()
    }

    /// Closes the sending half. Whether the other side is still there shows when something is read.
    pub(crate) fn end_sending(&mut self) {
        let _ = self.0.source().shutdown(std::net::Shutdown::Write);
    }
}

impl Stream {
    /// Its own address.
    pub(crate) fn local_addr(&self) -> Option<std::net::SocketAddr> {
        self.0.source().local_addr().ok()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(socket) = self.1.get() {
            socket.close();
        }
    }
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let read = self.0.poll_read_up_to(cx, buf.remaining(), |stream| {
            // SAFETY: the kernel only writes into the slice, so nothing in it becomes uninitialised.
            let unfilled = unsafe { buf.as_mut() };
            let ((filled, _), _) = recv(stream, unfilled, RecvFlags::empty())?;
            Ok(filled.len())
        });
        read.map_ok(|length| {
            // SAFETY: the kernel has just filled that many bytes at the cursor.
            unsafe { buf.advance(length) }
        })
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write_with(cx, |stream| Ok(send(stream, buf, SendFlags::NOSIGNAL)?))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.source().shutdown(std::net::Shutdown::Write))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [buf] = bufs {
            return self.poll_write(cx, buf);
        }
        if bufs.iter().map(|buf| buf.len()).sum::<usize>() <= TOGETHER {
            let mut together = SmallVec::<[u8; TOGETHER]>::new();
            bufs.iter().for_each(|buf| together.extend_from_slice(buf));
            return self.poll_write(cx, &together);
        }
        self.0.poll_write_with(cx, |stream| {
            let mut none = SendAncillaryBuffer::default();
            Ok(sendmsg(stream, bufs, &mut none, SendFlags::NOSIGNAL)?)
        })
    }
}
