//! What goes beyond a limit has an answer of its own: sizes, counts and times of what clients send, and garbage from origins.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::num::NonZeroU64;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use support::{Bed, Client, DEADLINE, Origin, respond, wait_until, with_a_short_limit};
use ts_api::http::{Limits, Settings};

const SHORT: Duration = Duration::from_millis(50);

/// A proxy with limits and times of the test's choice.
fn bed(origin: &Origin, choose: impl FnOnce(&mut Settings)) -> Bed {
    Bed::with(origin.address, |builder| {
        let mut settings = Settings::default();
        choose(&mut settings);
        builder.settings(settings).origin(origin.address)
    })
}

#[track_caller]
fn refused(client: &mut Client, status: u16) {
    let answer = client.answer();
    assert_eq!((answer.status(), answer.field("connection")), (status, Some("close")));
    assert!(client.is_closed());
}

/// Sends one byte after the other until the server answers.
fn drip(client: &mut Client, byte: &[u8]) {
    client.stream.get_ref().set_read_timeout(Some(Duration::from_millis(2))).unwrap();
    loop {
        client.send_in_vain(byte);
        match client.stream.get_ref().peek(&mut [0]) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            _ => break,
        }
    }
    client.stream.get_ref().set_read_timeout(Some(DEADLINE)).unwrap();
}

#[test]
fn sizes_are_let_pass_up_to_the_limit_and_not_a_byte_beyond() {
    let origin = Origin::echo();
    let bed = bed(&origin, |settings| {
        let limits = &mut settings.limits;
        (limits.target, limits.field, limits.fields, limits.head) = (100, 200, 20, 1000);
        limits.body = Some(10);
        limits.methods = Some(vec!["GET".to_owned(), "POST".to_owned()]);
    });
    let target = |length: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(length - 1));
    // The line ends count.
    let field = |length: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(length - 4));
    let fields = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count - 1));
    let head = |length: usize| {
        let start = "GET / HTTP/1.1\r\nHost: a\r\n";
        let line = format!("X: {}\r\n", "x".repeat(95));
        let lines = line.repeat((length - start.len() - 2 - 10) / line.len());
        let rest = length - start.len() - lines.len() - 2;
        format!("{start}{lines}X: {}\r\n\r\n", "x".repeat(rest - 5))
    };
    let length = |length: usize| {
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(length))
    };
    let chunks = |length: usize| {
        let body = "1\r\nx\r\n".repeat(length);
        format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}0\r\n\r\n")
    };
    assert_eq!(head(1000).len(), 1000);
    for (within, beyond, status) in [
        (target(100), target(101), 414),
        (target(100), target(5000), 414),
        (field(199), field(201), 431),
        (fields(20), fields(21), 431),
        (head(999), head(1002), 431),
        (length(10), length(11), 413),
        (chunks(10), chunks(11), 413),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".into(),
            "PUT / HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            501,
        ),
    ] {
        let mut client = bed.client();
        client.send(within);
        assert_eq!(client.answer().status(), 200);
        client.send_in_vain(beyond);
        refused(&mut client, status);
    }
    let counts = bed.end();
    assert_eq!((counts.refused_targets, counts.refused_large), (2, 3));
    assert_eq!((counts.refused_bodies, counts.refused_unknown, counts.refused_heads), (1, 1, 7));
    // A body that turns out too large had begun a transaction.
    assert_eq!((counts.transactions, counts.responses_4xx, counts.client_aborts), (9, 1, 0));
    assert_eq!((counts.origin_failures, origin.requests().len()), (0, 8));
}

#[test]
fn more_fields_than_the_parser_has_room_for_pass_if_they_may() {
    let origin = Origin::echo();
    let bed = bed(&origin, |settings| settings.limits.fields = 500);
    let mut client = bed.client();
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(499)));
    assert_eq!(client.answer().status(), 200);
    client.send_in_vain(format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(500)));
    refused(&mut client, 431);
    assert_eq!(origin.requests()[0].fields.iter().filter(|(name, _)| name == "X").count(), 499);
    drop(client);
    bed.end();
}

#[test]
fn a_head_that_takes_too_long_is_answered_408() {
    let bed = bed(&Origin::echo(), |settings| settings.timeouts.client_head = SHORT);
    let mut client = bed.client();
    assert_eq!(client.get("/").status(), 200);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    refused(&mut client, 408);
    // However busily it sends.
    let mut client = bed.client();
    client.send("GET / HTTP/1.1\r\nX: ");
    drip(&mut client, b"x");
    assert_eq!(client.answer().status(), 408);
    drop(client);
    let counts = bed.end();
    assert_eq!((counts.refused_late, counts.refused_heads, counts.transactions), (2, 2, 1));
}

#[test]
fn a_connection_on_which_nothing_comes_is_closed_without_a_word() {
    let origin = Origin::echo();
    with_a_short_limit(|limit| {
        let bed = bed(&origin, |settings| settings.timeouts.client_idle = limit);
        assert!(bed.client().is_closed());
        let mut client = bed.client();
        client.send_in_vain("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let status = client.try_answer().ok().map(|answer| answer.status());
        assert!(client.is_closed());
        drop(client);
        let counts = bed.end();
        assert_eq!((counts.connections, counts.refused_heads, counts.broken_heads), (2, 0, 0));
        // Its request may come too late.
        assert!(matches!(status, None | Some(200)), "{status:?}");
        status.is_some()
    });
}

#[test]
fn a_body_that_takes_too_long_or_only_drips_is_answered_408() {
    let origin = Origin::echo();
    let by_time = bed(&origin, |settings| {
        settings.timeouts.client_body = SHORT;
        settings.limits.body_rate = 0;
    });
    let by_pace = bed(&origin, |settings| {
        settings.timeouts.client_pace = SHORT;
        settings.limits.body_rate = 1_000_000;
    });
    for bed in [by_time, by_pace] {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
        let mut client = bed.client();
        client.send(head);
        refused(&mut client, 408);
        let mut client = bed.client();
        client.send(head);
        drip(&mut client, b"x");
        assert_eq!(client.answer().status(), 408);
        drop(client);
        let counts = bed.end();
        assert_eq!((counts.transactions, counts.responses_4xx, counts.refused_heads), (2, 2, 0));
        assert_eq!((counts.client_aborts, counts.origin_failures), (0, 0));
    }
    assert!(origin.requests().is_empty());
}

#[test]
fn a_client_that_takes_nothing_of_its_response_is_dropped() {
    let (over, is_over) = channel();
    let origin = Origin::new(move |_, stream| {
        let stream = stream.get_mut();
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        let chunk = "10000\r\n".to_owned() + &"x".repeat(1 << 16) + "\r\n";
        while stream.write_all(chunk.as_bytes()).is_ok() {}
        over.send(()).unwrap();
        false
    });
    let bed = bed(&origin, |settings| settings.timeouts.client_stall = SHORT);
    let mut client = bed.client();
    client.ask("/");
    is_over.recv_timeout(DEADLINE).unwrap();
    wait_until("the connection is dropped", || bed.server.open_connections() == 0);
    drop(client);
    assert_eq!(bed.end().client_aborts, 1);
}

#[test]
fn the_last_request_that_a_connection_may_carry_says_so_and_its_answer_is_not_lost_with_what_follows() {
    let (go, may_go) = channel();
    let may_go = Mutex::new(may_go);
    let origin = Origin::new(move |request, stream| {
        if request.target() == "/2" {
            let () = may_go.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        }
        respond(stream, "200 OK", request.target())
    });
    let bed = bed(&origin, |settings| {
        settings.limits.requests_per_connection = NonZeroU64::new(2);
    });
    let mut client = bed.client();
    assert_eq!(client.get("/1").field("connection"), None);
    client.ask("/2");
    client.ask("/3");
    go.send(()).unwrap();
    assert_eq!(client.answer().field("connection"), Some("close"));
    let mut rest = Vec::new();
    client.stream.read_to_end(&mut rest).expect("a reset would take with it what has not been read");
    assert!(rest.is_empty());
    drop(client);
    assert_eq!(bed.end().requests, 2);
}

#[test]
fn a_client_that_closes_its_sending_half_is_served_if_that_is_wanted() {
    let (asked, is_asked) = channel();
    let origin = Origin::new(move |_, stream| {
        asked.send(()).unwrap();
        // The proxy keeps the connection if it still wants the answer.
        respond(stream, "200 OK", "answer")
    });
    let bed = bed(&origin, |settings| settings.limits.half_close = true);
    let mut client = bed.client();
    client.ask("/");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    is_asked.recv_timeout(DEADLINE).unwrap();
    assert_eq!(client.answer().text(), "answer");
    assert!(client.is_closed());
    drop(client);
    assert_eq!(bed.end().client_aborts, 0);
}

#[test]
fn a_request_that_is_on_its_way_when_the_server_drains_is_served() {
    let origin = Origin::echo();
    let is_told = || {
        let bed = Bed::new(origin.address);
        let mut begun = bed.client();
        let mut idle = bed.client();
        assert_eq!((begun.get("/").status(), idle.get("/").status()), (200, 200));
        begun.send("GET /late HTTP/1.1\r\nHo");
        let (is_told, report) = std::thread::scope(|scope| {
            let drain = scope.spawn(|| bed.server.drain(DEADLINE));
            // The idle one is closed at once, so the drain has begun.
            assert!(idle.is_closed());
            begun.send("st: a\r\n\r\n");
            let answer = begun.answer();
            assert_eq!(answer.status(), 200);
            assert!(begun.is_closed());
            (answer.field("connection") == Some("close"), drain.join().unwrap())
        });
        assert!(report.is_clean(), "{report}");
        bed.end();
        is_told
    };
    // Its thread may learn of the drain after the other's, and too late to say so.
    assert!((0..50).any(|_| is_told()), "it is the last request of its connection");
}

/// Each of these responses is an origin's fault, and a 502 for the client.
const GARBAGE: &[(&str, &[u8])] = &[
    ("no HTTP", b"220 ready\r\n\r\n"),
    ("another version", b"HTTP/2.0 200 OK\r\n\r\n"),
    ("bare line feeds", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    ("both framings", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    ("a signed length", b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc"),
    ("an unknown coding", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\n"),
    ("a blank before the colon", b"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc"),
    ("a folded field", b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    ("a NUL", b"HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 0\r\n\r\n"),
    ("a status of two digits", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status beyond all classes", b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"),
    ("a switch that nobody asked for", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
    ("a head without end", b"HTTP/1.1 200 OK\r\nX: "),
];

#[test]
fn what_an_origin_sends_wrong_is_a_502() {
    for (what, garbage) in GARBAGE {
        let origin = Origin::new(move |_, stream| {
            stream.get_mut().write_all(garbage).unwrap();
            false
        });
        let bed = Bed::new(origin.address);
        assert_eq!(support::get(bed.address(), "/").status(), 502, "{what}");
        let counts = bed.end();
        assert_eq!((counts.origin_failures, counts.client_aborts), (1, 0), "{what}");
    }
}

#[test]
fn a_head_beyond_the_limits_is_a_502_when_it_is_the_origins() {
    for response in [
        format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(300)),
        format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "X: y\r\n".repeat(20)),
    ] {
        let origin = Origin::new(move |_, stream| stream.get_mut().write_all(response.as_bytes()).is_ok());
        let bed = bed(&origin, |settings| {
            (settings.limits.field, settings.limits.fields) = (200, 10);
        });
        assert_eq!(support::get(bed.address(), "/").status(), 502);
        bed.end();
    }
}

#[test]
fn a_second_response_that_nobody_asked_for_goes_to_nobody() {
    let origin = Origin::new(|request, stream| {
        let own = request.target().to_owned();
        let split = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother";
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{own}{split}", own.len());
        stream.get_mut().write_all(response.as_bytes()).is_ok()
    });
    let bed = Bed::with_threads(origin.address, 1);
    let mut client = bed.client();
    for target in ["/a", "/bb", "/ccc", "/dddd"] {
        assert_eq!(client.get(target).text(), target);
    }
    drop(client);
    bed.end();
}

#[test]
fn responses_in_any_framing_pass_byte_by_byte() {
    let responses: [&[u8]; 4] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
        b"HTTP/1.0 200\r\n\r\nhello",
    ];
    for response in responses {
        let origin = Origin::new(move |_, stream| {
            stream.get_ref().set_nodelay(true).unwrap();
            for byte in response {
                stream.get_mut().write_all(&[*byte]).unwrap();
            }
            false
        });
        let bed = Bed::new(origin.address);
        let mut client = bed.client();
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = client.answer();
        assert_eq!((answer.status(), answer.text().as_str()), (200, "hello"));
        drop(client);
        bed.end();
    }
}

#[test]
fn limits_hold_from_the_next_connection_on_when_they_are_reloaded() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let get = "GET /0123456789 HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = bed.client();
    client.send(get);
    assert_eq!(client.answer().status(), 200);
    let mut settings = bed.server.settings();
    settings.limits = Limits::default();
    settings.limits.target = 10;
    bed.server.reload(settings);
    let mut client = bed.client();
    client.send(get);
    refused(&mut client, 414);
    drop(client);
    bed.end();
}
