//! A connection in HTTP/2: several transactions at the same time.
//!
//! Framing, flow control and the compression of fields are `hyper`'s; here are the bounds, and what HTTP/1 behind us would
//! read otherwise.
//!
//! # Rules
//! * A client that opens streams only to reset them is not served for ever: its connection is closed.

use std::future::Future;
use std::rc::Rc;

use http::StatusCode;
use http::header::{COOKIE, HOST, HeaderMap, HeaderValue};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use ts_cont::Here;

use super::body::ResponseBody;
use super::connection::attend;
use super::exchange::{ClientGone, Exchange};
use super::gate::Refusal;
use super::gate::client::GateIo;
use super::limits::Limits;
use super::session::{Begun, Session};
use super::timer::ThreadTimer;
use super::transaction::Received;

/// So much is added to a field's name and value when the size of a field list is told, says the RFC.
const FIELD_OVERHEAD: usize = 32;

/// Runs streams as tasks of the connection's thread.
#[derive(Debug, Clone, Copy)]
struct OnThread;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for OnThread {
    fn execute(&self, stream: F) {
        let here = Here::current().expect("connections are served on event threads");
        drop(here.spawn_local(stream));
    }
}

/// Serves streams until the connection ends.
pub(super) async fn serve(session: &Rc<Session>) {
    let served = Rc::clone(session);
    let service = service_fn(move |mut request: Request<Incoming>| {
        // At once and not in the stream's own task, so that the session counts it from now on.
        let checked = prepare(&mut request, &served.settings().limits);
        let (parts, body) = request.into_parts();
        let received = Box::new(Received { parts, body: Some(body), head: None });
        let begun = checked.map(|()| served.begin(&received));
        respond(Rc::clone(&served), begun, received)
    });
    let settings = session.settings();
    let limits = &settings.limits;
    let bounds = &limits.http2;
    let mut builder = Builder::new(OnThread);
    builder
        .timer(ThreadTimer)
        .max_concurrent_streams(bounds.streams)
        // Lists that are a little too long are answered, and counted, here.
        .max_header_list_size(u32::try_from(limits.head.saturating_mul(2)).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(bounds.pending_resets)
        .max_local_error_reset_streams(bounds.error_resets)
        .initial_stream_window_size(bounds.stream_window)
        .initial_connection_window_size(bounds.connection_window)
        .max_frame_size(bounds.frame)
        .max_send_buf_size(bounds.send_buffer);
    let connection = builder.serve_connection(GateIo(Rc::clone(&session.gate)), service);
    let ended = attend(session, connection, |connection| connection.graceful_shutdown()).await;
    if let Some(Err(error)) = ended {
        tracing::debug!(client = %session.client, %error, "a connection ended");
    }
}

async fn respond(
    session: Rc<Session>,
    begun: Result<Begun, Refusal>,
    received: Box<Received>,
) -> Result<Response<ResponseBody>, ClientGone> {
    match begun {
        // A stream ends with its response, so the transaction cannot be left to it.
        Ok(begun) => begun.respond(received, None).await,
        Err(refusal) => {
            session.counters().refuse(refusal);
            tracing::debug!(client = %session.client, %refusal, "a request was refused");
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            let exchange = Exchange::uncounted(Rc::clone(&session.lane), session.settings());
            let body = ResponseBody::text(format!("{status}\n"), Rc::new(exchange));
            let mut response = Response::new(body);
            *response.status_mut() = status;
            Ok(response)
        }
    }
}

/// Refuses what goes beyond the limits, or means one thing here and another in HTTP/1, and makes the rest what HTTP/1 knows.
fn prepare(request: &mut Request<Incoming>, limits: &Limits) -> Result<(), Refusal> {
    let uri = request.uri();
    if uri.path_and_query().is_some_and(|path| path.as_str().len() > limits.target) {
        return Err(Refusal::new(414, "the target is too long"));
    }
    let fields = request.headers();
    let (mut sum, mut longest) = (0, 0);
    for (name, value) in fields {
        let length = name.as_str().len() + value.len();
        sum += length + FIELD_OVERHEAD;
        longest = longest.max(length);
    }
    if fields.len() > limits.fields || longest > limits.field || sum > limits.head {
        return Err(Refusal::new(431, "too many fields, or fields that are too long"));
    }
    let method = request.method().as_str();
    if limits.methods.as_ref().is_some_and(|methods| !methods.iter().any(|known| known == method)) {
        return Err(Refusal::new(501, "a method that is not let pass"));
    }
    let hosts = fields.get_all(HOST).iter().count();
    let host = fields.get(HOST).map(HeaderValue::as_bytes);
    let authority = uri.authority().map(|authority| authority.as_str().as_bytes());
    match (authority, host) {
        _ if hosts > 1 => return Err(Refusal::malformed("more than one host")),
        (None, None) => return Err(Refusal::malformed("no host")),
        (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => {
            return Err(Refusal::malformed("two hosts that differ"));
        }
        _ => {}
    }
    let length =
        fields.get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if limits.body.is_some_and(|most| length.is_some_and(|length: u64| length > most)) {
        return Err(Refusal::new(413, "the body is too large"));
    }
    join_cookies(request.headers_mut());
    Ok(())
}

/// HTTP/2 may split cookies into fields of their own; HTTP/1 knows one field.
fn join_cookies(fields: &mut HeaderMap) {
    if fields.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<_> = fields.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        fields.insert(COOKIE, cookie);
    }
}
