//! A listening socket, with what is to be chosen about it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind as bind_to, listen, socket_with, sockopt};

/// What is chosen about the sockets that are listened on. Accepted connections take it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOptions {
    /// How many connections may wait to be accepted; the system may allow fewer (`net.core.somaxconn`). Default: 4096.
    pub backlog: u32,
    /// After how long a silence the system asks whether the client is still there. Default: none, it does not ask.
    pub keep_alive: Option<Duration>,
    /// Bytes that the system keeps of what came in and is not read yet. Default: none, the system's own.
    pub receive_buffer: Option<usize>,
    /// Bytes that the system keeps of what is to go out. Default: none, the system's own.
    pub send_buffer: Option<usize>,
    /// Whether an IPv6 address takes no IPv4 connections. Default: false.
    pub only_ipv6: bool,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { backlog: 4096, keep_alive: None, receive_buffer: None, send_buffer: None, only_ipv6: false }
    }
}

/// A socket that listens at `address`; one of several if it is `shared`.
pub(in super::super) fn bind(
    address: SocketAddr,
    options: &SocketOptions,
    shared: bool,
) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if shared {
        sockopt::set_socket_reuseport(&socket, true)?;
    }
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, options.only_ipv6)?;
    }
    if let Some(silence) = options.keep_alive {
        sockopt::set_socket_keepalive(&socket, true)?;
        sockopt::set_tcp_keepidle(&socket, silence)?;
    }
    if let Some(bytes) = options.receive_buffer {
        sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
    }
    if let Some(bytes) = options.send_buffer {
        sockopt::set_socket_send_buffer_size(&socket, bytes)?;
    }
    bind_to(&socket, &address)?;
    listen(&socket, i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    Ok(TcpListener::from(socket))
}
