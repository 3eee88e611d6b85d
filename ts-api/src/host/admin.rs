//! The admin port: whether the host is well, and what it counts.
//!
//! It answers GET and HEAD, on the first network thread. Whoever can reach the port is answered, so it belongs on an address
//! that only those can reach who may.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use ts_cont::Here;

use super::access::Logs;
use super::exposition;
use super::small::{Small, text};
use crate::Runtime;
use crate::http::Server;

/// An admin port that is taken and not served yet.
pub(super) struct AdminPort(Small);

impl AdminPort {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        Small::bind(address).map(Self)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Begins to serve, until the event system shuts down.
    pub(super) fn start(self, runtime: &Runtime, server: &Arc<Server>, logs: Logs) -> io::Result<()> {
        let threads = runtime.processor().threads(runtime.net());
        // The threads that serve must not keep alive what stops them.
        let server = Arc::downgrade(server);
        let answer = move |method: &Method, path: &str| match path {
            _ if *method != Method::GET && *method != Method::HEAD => {
                let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                response
            }
            "/healthz" => text("ok\n".to_owned()),
            "/metrics" => match (Here::current(), server.upgrade()) {
                (Some(here), Some(server)) => {
                    metrics(exposition::page(here.processor_ref(), &server, logs.counts()))
                }
                _ => status(StatusCode::SERVICE_UNAVAILABLE),
            },
            _ => status(StatusCode::NOT_FOUND),
        };
        let answer =
            Arc::new(move |request: &hyper::Request<_>| answer(request.method(), request.uri().path()));
        self.0.start("the admin port", &threads[..1], answer)
    }
}

fn metrics(page: String) -> Response<Full<Bytes>> {
    let mut response = text(page);
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, format);
    response
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = text(format!("{status}\n"));
    *response.status_mut() = status;
    response
}
