//! The gate against two models: itself with other reads, and the parser behind it.
//!
//! However a stream of bytes is split into reads, the same of it passes. And what passes is read by the parser as the very
//! messages that the gate saw: as many of them, with the same bodies.
#![cfg(all(feature = "http", feature = "runtime"))]

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use ts_api::http::Limits;
use ts_api::http::gate::{Framer, Refusal, Side, Step};

/// What the gate made of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Outcome {
    passed: Vec<u8>,
    /// Where each message that passed begins.
    heads: Vec<usize>,
    refused: Option<Refusal>,
    /// Whether the stream ends between messages.
    whole: bool,
}

/// Runs a stream through the gate in reads that end at `ends`, and at its end.
fn judge(side: Side, bytes: &[u8], mut ends: Vec<usize>, limits: &Limits) -> Outcome {
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut framer = Framer::new(side);
    let mut outcome = Outcome::default();
    let mut at = 0;
    for end in ends {
        while at < end {
            match framer.step(&bytes[at..end], limits, true) {
                Ok(Step::More) => break,
                Ok(Step::Head(length, head)) => {
                    outcome.heads.push(at);
                    let raw = head.raw.expect("it was asked for");
                    assert_ne!(raw.method().is_empty(), raw.status() == 0, "it is found again");
                    // What was noted stands in the head, in that order.
                    let text = &bytes[at..at + length];
                    let fields = raw
                        .fields()
                        .map(|(name, value)| [&name[..], b":", &value[..]].concat())
                        .collect::<Vec<_>>();
                    let lines = text.split(|byte| *byte == b'\n').filter(|line| {
                        line.contains(&b':') && !line.ends_with(b"HTTP/1.1\r") && !line.starts_with(b"HTTP/")
                    });
                    assert!(fields.len() <= lines.count() + 1);
                    at += length;
                }
                Ok(Step::Body(length)) => at += length,
                Err(refusal) => {
                    outcome.refused = Some(refusal);
                    outcome.passed = bytes[..at].to_vec();
                    return outcome;
                }
            }
        }
    }
    outcome.passed = bytes[..at].to_vec();
    outcome.whole = framer.is_at_head() && at == bytes.len();
    outcome
}

/// A socket whose client has sent all that it will.
struct Script(Bytes);

impl Read for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.0.len().min(buf.remaining());
        buf.put_slice(&self.0.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl Write for Script {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The requests that the parser reads, each with its body, until it refuses or the stream ends.
fn parsed(bytes: &[u8]) -> Vec<(String, Option<Vec<u8>>)> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let seen = Rc::clone(&seen);
        async move {
            let start = format!("{} {}", request.method(), request.uri());
            let index = { seen.borrow().len() };
            seen.borrow_mut().push((start, None));
            if let Ok(body) = request.into_body().collect().await {
                seen.borrow_mut()[index].1 = Some(body.to_bytes().to_vec());
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    {
        let connection = http1::Builder::new()
            .half_close(true)
            .max_headers(200)
            .serve_connection(Script(Bytes::copy_from_slice(bytes)), service);
        let mut connection = pin!(connection);
        for _ in 0..1000 {
            if connection.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                break;
            }
        }
    }
    seen.take()
}

/// Pieces that streams of requests are made of, good ones and bad ones.
const PIECES: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /a?b HTTP/1.1\r\n",
    "HEAD http://h/x HTTP/1.1\r\n",
    "OPTIONS * HTTP/1.1\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
    "GET / HTTP/1.0\r\n",
    "GET / HTTP/1.1\n",
    "GET  / HTTP/1.1\r\n",
    "PUT /|{} HTTP/1.1\r\n",
    "GET /#f HTTP/1.1\r\n",
    "GET / HTTP/2.0\r\n",
    "Host: a\r\n",
    "Host: a\r\n",
    "Host: a\r\n",
    "host:b:80\r\n",
    "Host:\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 5\r\n",
    "content-length:3\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length : 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding:Chunked \r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, gzip\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "X: y\r\n",
    "X: y\rz\r\n",
    "X: y\n",
    "X\r\n",
    ": y\r\n",
    " X: y\r\n",
    "X: \u{e4}\r\n",
    "X: \0\r\n",
    "Expect: 100-continue\r\n",
    "Upgrade: h2c\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "\r\n",
    "\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    "hello",
    "5\r\nhello\r\n",
    "5;a=b\r\nhello\r\n",
    "5 \r\nhello\r\n",
    "05\r\nhello\r\n",
    "0x5\r\nhello\r\n",
    "-5\r\nhello\r\n",
    "5\nhello\n",
    "5\r\nhello!\r\n",
    "0\r\n\r\n",
    "0\r\n\r\n",
    "0\r\nX: y\r\n\r\n",
    "0\r\nX y\r\n\r\n",
    "FFFFFFFFFFFFFFFFF\r\n",
    "0;\r\n\r\n",
    "x",
];

/// Whole requests that are good, so that there is something behind which others can hide.
const GOOD: &[&str] = &[
    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /4 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=\"y\"\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
    "GET /5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "PUT /6?{x} HTTP/1.1\r\nHost: [::1]:8\r\nX-A:\t\u{e4} \r\nContent-Length: 000\r\n\r\n",
];

/// Pieces that streams of responses are made of, and whole ones, likewise.
const RESPONSES: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 304\r\n",
    "HTTP/1.0 200 OK\r\n",
    "HTTP/1.1 200 OK\n",
    "HTTP/2 200\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "X: y\r\n",
    "X : y\r\n",
    "\r\n",
    "\r\n",
    "hello",
    "5 \r\nhello\r\n",
    "0\r\n\r\n",
    "\n",
    "\r",
    "X: y\n",
    " y\r\n",
    "X: y\rz\r\n",
];

const GOOD_RESPONSES: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "\r\nHTTP/1.1 204\r\n\r\n",
    "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\nX:\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
];

fn stream(good: &'static [&'static str], pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let good = prop::collection::vec(select(good), 0..4);
    let pieces = prop::collection::vec(select(pieces), 0..12);
    let noise = prop::option::weighted(0.3, (any::<Index>(), any::<u8>()));
    (good, pieces, noise).prop_map(|(good, pieces, noise)| {
        let mut bytes = [good.concat(), pieces.concat()].concat().into_bytes();
        if let Some((index, byte)) = noise
            && !bytes.is_empty()
        {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        bytes
    })
}

/// Limits that streams of these pieces keep, or keep, reach or go beyond.
fn limits() -> impl Strategy<Value = Limits> {
    let narrow = (0..200_usize, 0..40_usize, 0..40_usize, 0..8_usize);
    prop_oneof![Just((400, 100, 40, 12)), narrow].prop_map(|figures| {
        let mut limits = Limits::default();
        (limits.head, limits.field, limits.target, limits.fields) = figures;
        limits
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn however_requests_are_split_the_same_of_them_passes(
        bytes in stream(GOOD, PIECES),
        limits in limits(),
        ends in prop::collection::vec(any::<Index>(), 0..20),
    ) {
        let whole = judge(Side::Client, &bytes, Vec::new(), &limits);
        let ends = ends.iter().map(|end| end.index(bytes.len() + 1)).collect();
        prop_assert_eq!(&judge(Side::Client, &bytes, ends, &limits), &whole);
        prop_assert_eq!(&judge(Side::Client, &bytes, (0..bytes.len()).collect(), &limits), &whole);
    }

    #[test]
    fn however_responses_are_split_the_same_of_them_passes(
        bytes in stream(GOOD_RESPONSES, RESPONSES),
        limits in limits(),
        ends in prop::collection::vec(any::<Index>(), 0..20),
    ) {
        let whole = judge(Side::Origin, &bytes, Vec::new(), &limits);
        let ends = ends.iter().map(|end| end.index(bytes.len() + 1)).collect();
        prop_assert_eq!(&judge(Side::Origin, &bytes, ends, &limits), &whole);
        prop_assert_eq!(&judge(Side::Origin, &bytes, (0..bytes.len()).collect(), &limits), &whole);
    }

    #[test]
    fn what_passes_is_framed_by_the_parser_as_by_the_gate(bytes in stream(GOOD, PIECES)) {
        let outcome = judge(Side::Client, &bytes, Vec::new(), &Limits::default());
        let requests = parsed(&outcome.passed);
        // The parser stops early where a request asks for it, or for a tunnel; it never sees one more.
        let stops = |from: usize, to: usize| {
            let head = String::from_utf8_lossy(&outcome.passed[from..to]).to_lowercase();
            head.contains("connection: close") || head.contains("http/1.0") || head.contains("connect a")
        };
        let ends: Vec<_> = outcome.heads.iter().skip(1).copied().chain([outcome.passed.len()]).collect();
        let last = outcome.heads.iter().zip(&ends).position(|(from, to)| stops(*from, *to));
        let expected = last.map_or(outcome.heads.len(), |last| last + 1);
        prop_assert!(requests.len() <= outcome.heads.len(), "{requests:?}");
        prop_assert!(requests.len() >= expected, "{requests:?} of {expected}");
        // All but perhaps the last have come as a whole.
        let whole = if outcome.whole { requests.len() } else { requests.len().saturating_sub(1) };
        for (number, (start, body)) in requests.iter().enumerate().take(whole) {
            prop_assert!(body.is_some(), "the body of {start} is malformed to the parser");
            if let Some(body) = body
                && !body.is_empty()
            {
                // It stands between this head and the next.
                let message = &outcome.passed[outcome.heads[number]..ends[number]];
                prop_assert!(message.len() > body.len());
            }
        }
    }

    #[test]
    fn nothing_makes_the_gate_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), limits in limits()) {
        judge(Side::Client, &bytes, Vec::new(), &limits);
        judge(Side::Origin, &bytes, Vec::new(), &limits);
    }
}
