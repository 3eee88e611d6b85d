//! HTTP/2 without TLS, by prior knowledge: several transactions of a session at once, and the bounds.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::future::Future;
use std::num::NonZeroU64;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::{HeaderMap, Request};
use support::{
    Bed, Client, DEADLINE, Diary, Origin, go_on, hook_of, respond, wait_until, with_a_short_limit,
};
use ts_api::Cont;
use ts_api::http::{HookId, Limits};

/// Runs a client, and no longer than anything here takes.
fn client<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(DEADLINE, work).await.expect("in time") })
}

type Closed = tokio::task::JoinHandle<Result<(), h2::Error>>;

/// A connection, and how it ends.
async fn connect(bed: &Bed) -> (SendRequest<Bytes>, Closed) {
    let stream = tokio::net::TcpStream::connect(bed.address()).await.unwrap();
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    (send, tokio::spawn(connection))
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://h2.example{path}")).body(()).unwrap()
}

async fn send(
    to: &mut SendRequest<Bytes>,
    request: Request<()>,
    body: Option<&str>,
) -> (ResponseFuture, SendStream<Bytes>) {
    *to = to.clone().ready().await.unwrap();
    let (response, mut stream) = to.send_request(request, body.is_none()).unwrap();
    if let Some(body) = body {
        stream.send_data(Bytes::copy_from_slice(body.as_bytes()), true).unwrap();
    }
    (response, stream)
}

async fn whole(response: ResponseFuture) -> (u16, HeaderMap, String) {
    let (parts, mut body) = response.await.unwrap().into_parts();
    let mut text = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        text.extend_from_slice(&data);
    }
    (parts.status.as_u16(), parts.headers, String::from_utf8(text).unwrap())
}

async fn ask(
    to: &mut SendRequest<Bytes>,
    request: Request<()>,
    body: Option<&str>,
) -> (u16, HeaderMap, String) {
    whole(send(to, request, body).await.0).await
}

fn with(choose: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    choose(&mut limits);
    limits
}

#[test]
fn requests_and_bodies_pass_in_both_directions() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    client(async {
        let (mut to, _) = connect(&bed).await;
        let (status, fields, text) = ask(&mut to, get("/a?b"), None).await;
        assert_eq!((status, text.as_str()), (200, "GET /a?b HTTP/1.1 "));
        assert_eq!(fields["x-origin"], "yes");
        let post = Request::post("http://h2.example/p").header("content-length", 5).body(()).unwrap();
        assert_eq!(ask(&mut to, post, Some("hello")).await.2, "POST /p HTTP/1.1 hello");
        let post = Request::post("http://h2.example/p").body(()).unwrap();
        assert_eq!(ask(&mut to, post, Some("no length")).await.2, "POST /p HTTP/1.1 no length");
        let head = Request::head("http://h2.example/h").body(()).unwrap();
        assert_eq!(ask(&mut to, head, None).await.2, "");
    });
    let request = &origin.requests()[0];
    assert_eq!(request.field("host"), Some("h2.example"));
    let counts = bed.end();
    assert_eq!((counts.connections, counts.requests, counts.transactions), (1, 4, 4));
    assert_eq!((counts.responses_2xx, counts.refused_heads, counts.client_aborts), (4, 0, 0));
}

#[test]
fn a_slow_request_does_not_hold_up_a_fast_one() {
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let origin = Origin::new(move |request, stream| {
        if request.target() == "/slow" {
            may_go.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        }
        respond(stream, "200 OK", request.target())
    });
    let bed = Bed::new(origin.address);
    client(async {
        let (mut to, _) = connect(&bed).await;
        let (slow, _) = send(&mut to, get("/slow"), None).await;
        assert_eq!(ask(&mut to, get("/fast"), None).await.2, "/fast");
        go.send(()).unwrap();
        assert_eq!(whole(slow).await.2, "/slow");
    });
    bed.end();
}

#[test]
fn the_hooks_of_a_session_enclose_those_of_all_its_transactions() {
    let bed = Bed::new(Origin::echo().address);
    let diary = Diary::new();
    let pen = diary.pen();
    let all = Cont::shared(move |event| {
        let transaction = event.transaction().map_or(0, |transaction| transaction.number());
        pen(format!("{} {transaction}", hook_of(event)));
        go_on(event);
    });
    for hook in
        [HookId::SsnStart, HookId::TxnStart, HookId::SendRequestHdr, HookId::TxnClose, HookId::SsnClose]
    {
        bed.hook(hook, &all);
    }
    client(async {
        let (mut to, _) = connect(&bed).await;
        let mut responses = Vec::new();
        for index in 0..10 {
            responses.push(send(&mut to, get(&format!("/{index}")), None).await.0);
        }
        for (index, response) in responses.into_iter().enumerate() {
            assert_eq!(whole(response).await.2, format!("GET /{index} HTTP/1.1 "));
        }
    });
    let lines = diary.until("SSN_CLOSE 0");
    assert_eq!(lines[0], "SSN_START 0");
    let of: Vec<Vec<&str>> = {
        let mut numbers: Vec<&str> =
            lines.iter().filter_map(|line| line.strip_prefix("TXN_START ")).collect();
        numbers.dedup();
        let of = |number: &&str| {
            lines.iter().filter_map(|line| line.strip_suffix(&format!(" {number}"))).collect::<Vec<_>>()
        };
        numbers.iter().map(of).collect()
    };
    assert_eq!(of.len(), 10);
    assert!(of.iter().all(|hooks| *hooks == ["TXN_START", "SEND_REQUEST_HDR", "TXN_CLOSE"]), "{of:?}");
    drop(all);
    bed.end();
}

#[test]
fn requests_beyond_the_limits_are_answered_and_are_no_transactions() {
    let origin = Origin::echo();
    let limits = with(|limits| {
        limits.target = 100;
        limits.fields = 10;
        limits.field = 200;
        limits.head = 1000;
        limits.body = Some(10);
        limits.methods = Some(vec!["GET".to_owned(), "POST".to_owned()]);
    });
    let bed = Bed::with(origin.address, |builder| builder.limits(limits));
    let long = "x".repeat(150);
    let fields = |count: usize, value: &str| {
        (0..count).fold(Request::get("http://h2.example/"), |request, index| {
            request.header(format!("x-{index}"), value)
        })
    };
    client(async {
        let (mut to, _) = connect(&bed).await;
        for (request, expected) in [
            (Request::get(format!("http://h2.example/{long}")), 414),
            (fields(11, "1"), 431),
            (fields(1, &"x".repeat(250)), 431),
            (fields(7, &long), 431),
            (Request::put("http://h2.example/"), 501),
            (Request::get("http://h2.example/").header("host", "other.example"), 400),
            (Request::get("http://h2.example/").header("host", "a").header("host", "h2.example"), 400),
            (fields(9, "1"), 200),
        ] {
            let (status, ..) = ask(&mut to, request.body(()).unwrap(), None).await;
            assert_eq!(status, expected);
        }
        let announced = Request::post("http://h2.example/").header("content-length", 11).body(()).unwrap();
        assert_eq!(whole(send(&mut to, announced, Some("hello world")).await.0).await.0, 413);
    });
    let counts = bed.end();
    assert_eq!((counts.refused_heads, counts.requests, counts.transactions), (8, 1, 1));
    assert_eq!((counts.refused_targets, counts.refused_large, counts.refused_unknown), (1, 3, 1));
    assert_eq!((counts.refused_malformed, counts.refused_bodies), (2, 1));
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_body_that_turns_out_too_large_is_answered_413() {
    let origin = Origin::echo();
    let bed = Bed::with(origin.address, |builder| builder.limits(with(|limits| limits.body = Some(10))));
    client(async {
        let (mut to, _) = connect(&bed).await;
        let post = || Request::post("http://h2.example/").body(()).unwrap();
        assert_eq!(ask(&mut to, post(), Some("0123456789")).await.0, 200);
        assert_eq!(ask(&mut to, post(), Some("0123456789a")).await.0, 413);
        // The connection is none the worse.
        assert_eq!(ask(&mut to, get("/"), None).await.0, 200);
    });
    let counts = bed.end();
    assert_eq!((counts.requests, counts.transactions, counts.responses_4xx), (3, 3, 1));
    assert_eq!((counts.origin_failures, counts.client_aborts), (0, 0));
}

#[test]
fn cookies_that_come_in_pieces_go_on_as_one() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    client(async {
        let (mut to, _) = connect(&bed).await;
        let request = Request::get("http://h2.example/").header("cookie", "a=1").header("cookie", "b=2");
        assert_eq!(ask(&mut to, request.body(()).unwrap(), None).await.0, 200);
    });
    let requests = origin.requests();
    let cookies: Vec<_> =
        requests[0].fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie")).collect();
    assert_eq!((cookies.len(), cookies[0].1.as_str()), (1, "a=1; b=2"));
    bed.end();
}

#[test]
fn a_client_that_only_resets_is_not_served_for_ever() {
    // Nobody is answered before the client resets.
    let (_keep, never) = channel::<()>();
    let never = Mutex::new(never);
    let origin = Origin::new(move |request, stream| {
        if request.target() == "/held" {
            _ = never.lock().unwrap().recv_timeout(DEADLINE);
        }
        respond(stream, "200 OK", "")
    });
    let bed = Bed::with(origin.address, |builder| builder.limits(with(|limits| limits.http2.resets = 20)));
    client(async {
        let (to, closed) = connect(&bed).await;
        let mut streams = 0;
        loop {
            let Ok(mut to) = to.clone().ready().await else { break };
            let Ok((response, mut stream)) = to.send_request(get("/held"), false) else { break };
            streams += 1;
            stream.send_reset(Reason::CANCEL);
            drop(response);
            tokio::task::yield_now().await;
            assert!(streams < 100_000);
        }
        // However it says so, it is over.
        let _ = closed.await.unwrap();
        // Others are served.
        let (mut other, _) = connect(&bed).await;
        assert_eq!(ask(&mut other, get("/"), None).await.0, 200);
    });
    bed.end();
}

#[test]
fn draining_finishes_what_runs_and_says_goodbye() {
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let (asked, is_asked) = channel();
    let origin = Origin::new(move |_, stream| {
        asked.send(()).unwrap();
        may_go.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        respond(stream, "200 OK", "done")
    });
    let bed = Bed::new(origin.address);
    std::thread::scope(|scope| {
        let served = scope.spawn(|| {
            client(async {
                let (mut to, closed) = connect(&bed).await;
                let (response, _) = send(&mut to, get("/"), None).await;
                assert_eq!(whole(response).await.2, "done");
                // A goodbye, and not a connection that breaks off.
                closed.await.unwrap().unwrap();
            });
        });
        is_asked.recv_timeout(DEADLINE).unwrap();
        let drained = scope.spawn(|| bed.server.drain(DEADLINE));
        wait_until("nobody is let in", || std::net::TcpStream::connect(bed.address()).is_err());
        go.send(()).unwrap();
        served.join().unwrap();
        assert!(drained.join().unwrap().is_clean());
    });
    bed.end();
}

#[test]
fn an_idle_connection_is_closed() {
    let origin = Origin::echo();
    with_a_short_limit(|limit| {
        let bed = Bed::with(origin.address, |builder| builder.client_timeout(limit));
        let answered = client(async {
            let (to, closed) = connect(&bed).await;
            let Ok(mut to) = to.ready().await else { return false };
            let Ok((response, _)) = to.send_request(get("/"), true) else { return false };
            // The request may come too late.
            let Ok(response) = response.await else { return false };
            assert_eq!(response.status(), 200);
            drop(response);
            closed.await.unwrap().unwrap();
            true
        });
        bed.end();
        answered
    });
}

#[test]
fn a_connection_is_closed_after_its_last_request() {
    let limits = with(|limits| limits.requests_per_connection = NonZeroU64::new(2));
    let bed = Bed::with(Origin::echo().address, |builder| builder.limits(limits));
    client(async {
        let (mut to, closed) = connect(&bed).await;
        assert_eq!(ask(&mut to, get("/"), None).await.0, 200);
        assert_eq!(ask(&mut to, get("/"), None).await.0, 200);
        closed.await.unwrap().unwrap();
    });
    bed.end();
}

#[test]
fn where_it_is_not_spoken_a_client_is_told_so() {
    let limits = with(|limits| limits.http2.enabled = false);
    let bed = Bed::with(Origin::echo().address, |builder| builder.limits(limits));
    let mut client: Client = bed.client();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(client.answer().status(), 505);
    assert!(client.is_closed());
    drop(client);
    assert_eq!(bed.end().refused_versions, 1);
}

#[test]
fn a_preface_that_comes_byte_by_byte_is_known() {
    use std::io::Read;
    let bed = Bed::new(Origin::echo().address);
    let mut client: Client = bed.client();
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" {
        client.send([*byte]);
    }
    // The server's settings, type 4, come first.
    let mut frame = [0; 9];
    client.stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4);
    drop(client);
    bed.end();
}
