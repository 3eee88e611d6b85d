//! The admin port: whether the host is well, what it counts, and messages to plugins.
//!
//! It answers on the first network thread: GET and HEAD, and POST to `/plugin/TAG`, which sends the plugins a message with this
//! tag and the request's body. Whoever can reach the port is answered, so it belongs on an address that only those can reach
//! who may. A page in a browser may not send messages: its request says where the page is from.

use std::ffi::CString;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, ORIGIN};
use hyper::{Method, Request, Response, StatusCode};
use ts_cont::Here;

use super::access::Logs;
use super::exposition;
use super::small::{Answered, Small, text};
use crate::Runtime;
use crate::http::Server;

/// Before the tag of a message.
const MESSAGES: &str = "/plugin/";
/// Bytes of a message's data: plugins are told something, not given files.
const LONGEST_MESSAGE: usize = 1 << 20;

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
        let answer = move |request: Request<Incoming>| {
            if let Some(tag) = request.uri().path().strip_prefix(MESSAGES) {
                return message(tag.to_owned(), request);
            }
            let (method, path) = (request.method(), request.uri().path());
            Answered::Now(match path {
                _ if *method != Method::GET && *method != Method::HEAD => only("GET, HEAD"),
                "/healthz" => text("ok\n".to_owned()),
                "/metrics" => match (Here::current(), server.upgrade()) {
                    (Some(here), Some(server)) => {
                        metrics(exposition::page(here.processor_ref(), &server, logs.counts()))
                    }
                    _ => status(StatusCode::SERVICE_UNAVAILABLE),
                },
                _ => status(StatusCode::NOT_FOUND),
            })
        };
        self.0.start("the admin port", &threads[..1], Arc::new(answer))
    }
}

/// Sends the plugins a message, when its data is there.
fn message(tag: String, request: Request<Incoming>) -> Answered {
    let Some(tag) = CString::new(tag).ok().filter(|tag| !tag.is_empty()) else {
        return Answered::Now(status(StatusCode::NOT_FOUND));
    };
    if *request.method() != Method::POST {
        return Answered::Now(only("POST"));
    }
    if request.headers().contains_key(ORIGIN) {
        return Answered::Now(status(StatusCode::FORBIDDEN));
    }
    Answered::Later(Box::pin(async move {
        let data = match Limited::new(request.into_body(), LONGEST_MESSAGE).collect().await {
            Ok(data) => data.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return status(StatusCode::PAYLOAD_TOO_LARGE),
            Err(_) => return status(StatusCode::BAD_REQUEST),
        };
        match Runtime::current().map(|runtime| runtime.send_message(&tag, &data)) {
            Some(Ok(0)) => {
                let mut response = text("no plugin listens to messages\n".to_owned());
                *response.status_mut() = StatusCode::NOT_FOUND;
                response
            }
            Some(Ok(count)) => {
                let mut response = text(format!("sent to {count}\n"));
                *response.status_mut() = StatusCode::ACCEPTED;
                response
            }
            Some(Err(_)) | None => status(StatusCode::SERVICE_UNAVAILABLE),
        }
    }))
}

/// The method is not one of these.
fn only(methods: &'static str) -> Response<Full<Bytes>> {
    let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
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
