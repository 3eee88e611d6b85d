//! A connection to the origin, made without blocking.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::task::{Poll, ready};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect as start, socket_with, sockopt};
use ts_cont::Io;

use super::stream::Stream;

/// Connects to `address`, from an address of ours if it is not to be just any, and watches the socket in `io`.
pub(crate) async fn connect(io: &Io, address: SocketAddr, from: Option<SocketAddr>) -> io::Result<Stream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    if let Some(from) = from {
        if from.is_ipv4() != address.is_ipv4() {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        if from.port() != 0 {
            // Several connections may go from one port, to different ends; and one that has ended does not hold it.
            sockopt::set_socket_reuseaddr(&socket, true)?;
        }
        bind(&socket, &from)?;
    }
    match start(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let socket = io.register(TcpStream::from(socket))?;
    poll_fn(|cx| {
        loop {
            ready!(socket.poll_writable(cx))?;
            if let Some(error) = socket.source().take_error()? {
                return Poll::Ready(Err(error));
            }
            // A fresh registration counts as writable before the kernel has said so.
            if socket.source().peer_addr().is_ok() {
                return Poll::Ready(Ok(()));
            }
            socket.clear_writable();
        }
    })
    .await?;
    // Heads and bodies are written as a whole; waiting to fill a packet would only delay them.
    socket.source().set_nodelay(true)?;
    Ok(Stream::new(socket))
}
