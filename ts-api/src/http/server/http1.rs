//! A connection in HTTP/1: one transaction after the other.

use std::future::poll_fn;
use std::rc::Rc;

use http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};

use super::body::ResponseBody;
use super::connection::attend;
use super::exchange::ClientGone;
use super::gate::Refusal;
use super::gate::client::GateIo;
use super::in_place::Rest;
use super::session::Session;
use super::timer::ThreadTimer;
use super::transaction::Received;
use super::tunnel;

/// How many fields the parser has room for without being asked.
const FIELDS_OF_PARSER: usize = 100;

/// What the parser takes in memory for a head at least: its own default.
const PARSER_MEMORY: usize = 8192 + 4096 * 100;

/// Runs the parser until the connection ends.
pub(super) async fn serve(session: &Rc<Session>) {
    let rest = Rest::default();
    let served = (Rc::clone(session), rest.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (parts, body) = request.into_parts();
        let (session, rest) = served.clone();
        respond(session, Box::new(Received { parts, body: Some(body), head: None }), rest)
    });
    let settings = session.settings();
    let limits = &settings.limits;
    let mut builder = Builder::new();
    builder
        .timer(ThreadTimer)
        // The gate's.
        .header_read_timeout(None)
        // Who goes while it is to be answered is noticed by the gate, which needs no memory to read into for that.
        .half_close(true)
        .title_case_headers(true)
        .max_buf_size(PARSER_MEMORY.max(limits.head.saturating_mul(2)));
    if limits.fields > FIELDS_OF_PARSER {
        builder.max_headers(limits.fields);
    }
    let connection = builder.serve_connection(GateIo(Rc::clone(&session.gate)), service);
    let work = rest.after(connection);
    let ended = attend(session, work, |_| session.gate.close_after_this()).await;
    rest.detach();
    if let Some(Ok(())) = ended {
        tunnel::serve(session).await;
    }
    // One that never began ends its transaction.
    drop(session.take_tunnel());
    if let Some(Err(error)) = ended {
        if error.is_parse() && session.gate.refused().is_none() {
            // The gate should have known.
            session.counters().refuse(Refusal::malformed("the parser"));
            tracing::warn!(client = %session.client, %error, "the parser refused what had passed");
        }
        tracing::debug!(client = %session.client, %error, "a connection ended");
    }
}

/// The parser asks for a response.
async fn respond(
    session: Rc<Session>,
    mut received: Box<Received>,
    rest: Rest,
) -> Result<Response<ResponseBody>, ClientGone> {
    // The transaction before may still have its closing hooks to go through.
    poll_fn(|cx| session.poll_idle(cx)).await;
    received.head = session.gate.take_head();
    session.gate.note_spelling(&mut received.parts.extensions);
    let begun = session.begin(&received);
    if session.has_enough() {
        session.gate.close_after_this();
    }
    let exchange = Rc::clone(&begun.exchange);
    let mut response = begun.respond(received, Some(rest)).await?;
    if session.gate.is_last() || session.draining.get() || exchange.refusal().is_some() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
