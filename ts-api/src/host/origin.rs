//! An origin of our own, for those who want to see the host work and have nothing to put behind it.
//!
//! It answers every request with 200 and a line of text, on the same network threads.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::small::{Answered, Small, text};
use crate::Runtime;

/// An origin that has its port and does not serve yet.
pub(super) struct Embedded(Small);

impl Embedded {
    /// Takes a port that the system chooses.
    pub(super) fn bind() -> io::Result<Self> {
        Small::bind((Ipv4Addr::LOCALHOST, 0).into()).map(Self)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Begins to serve, until the event system shuts down.
    pub(super) fn start(self, runtime: &Runtime) -> io::Result<()> {
        let threads = runtime.processor().threads(runtime.net());
        let answer = |request: hyper::Request<_>| {
            let (method, path) = (request.method(), request.uri().path());
            Answered::Now(text(format!("The embedded origin was asked to {method} {path}.\n")))
        };
        self.0.start("the embedded origin", threads, Arc::new(answer))
    }
}
