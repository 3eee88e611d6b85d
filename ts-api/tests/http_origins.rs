//! Connections to origins: how many there are, who waits for one, how long they live, and what it means when they fail.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use support::{Bed, Client, DEADLINE, Nobody, Origin, respond, wait_until, with_a_short_limit};
use ts_api::http::{OriginPolicy, Remap, Settings, Timeouts};

/// One network thread, so that there is one pool.
fn bed(origin: &Origin, choose: impl FnOnce(&mut OriginPolicy, &mut Timeouts)) -> Bed {
    let mut settings = Settings::default();
    settings.remap = Remap::to(origin.address);
    choose(&mut settings.origin, &mut settings.timeouts);
    Bed::with_builder(1, |builder| builder.settings(settings))
}

/// An origin that says when it was asked, and answers when it is told to.
fn held() -> (Origin, Receiver<String>, Sender<()>) {
    let (asked, is_asked) = channel();
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let origin = Origin::new(move |request, stream| {
        asked.send(request.target().to_owned()).unwrap();
        may_go.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        respond(stream, "200 OK", request.target())
    });
    (origin, is_asked, go)
}

fn asking(bed: &Bed, target: &str) -> Client {
    let mut client = bed.client();
    client.ask(target);
    client
}

#[test]
fn there_are_no_more_connections_than_allowed_and_whoever_waits_longest_is_next() {
    let (origin, asked, go) = held();
    let bed = bed(&origin, |policy, _| {
        policy.connections = Some(1);
        policy.queue = 2;
        policy.queue_time = DEADLINE;
    });
    let mut first = asking(&bed, "/1");
    assert_eq!(asked.recv_timeout(DEADLINE).unwrap(), "/1");
    let mut second = asking(&bed, "/2");
    wait_until("the second request", || bed.server.counts().requests == 2);
    let third = asking(&bed, "/3");
    wait_until("the third request", || bed.server.counts().requests == 3);
    // The queue is full.
    let refused = bed.client().get("/4");
    assert_eq!(
        (refused.status(), refused.text().as_str()),
        (503, "503 Service Unavailable\nToo many requests wait for the origin.\n")
    );
    go.send(()).unwrap();
    assert_eq!(first.answer().text(), "/1");
    assert_eq!(asked.recv_timeout(DEADLINE).unwrap(), "/2");
    // One that leaves while it waits is passed over.
    third.vanish();
    wait_until("it to leave", || bed.server.counts().client_aborts == 1);
    let mut fifth = asking(&bed, "/5");
    wait_until("the fifth request", || bed.server.counts().requests == 5);
    go.send(()).unwrap();
    assert_eq!(second.answer().text(), "/2");
    assert_eq!(asked.recv_timeout(DEADLINE).unwrap(), "/5");
    go.send(()).unwrap();
    assert_eq!(fifth.answer().text(), "/5");
    drop((first, second, fifth));
    let counts = bed.end();
    assert_eq!((counts.origin_connections, counts.origin_busy, counts.origin_failures), (1, 1, 1));
    assert_eq!(*origin.connections.lock().unwrap(), 1);
}

#[test]
fn who_waits_for_too_long_is_a_503_and_a_place_that_comes_free_goes_to_the_next() {
    let (asked, is_asked) = channel();
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    // Each connection serves one request.
    let origin = Origin::new(move |request, stream| {
        asked.send(()).unwrap();
        may_go.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        respond(stream, "200 OK", request.target());
        let _ = stream.get_ref().shutdown(Shutdown::Both);
        false
    });
    let bed = bed(&origin, |policy, _| {
        policy.connections = Some(1);
        policy.queue_time = Duration::from_millis(20);
    });
    let mut first = asking(&bed, "/1");
    is_asked.recv_timeout(DEADLINE).unwrap();
    let late = bed.client().get("/2");
    assert_eq!(
        (late.status(), late.text().as_str()),
        (503, "503 Service Unavailable\nThe origin was busy for too long.\n")
    );
    let mut settings = bed.server.settings();
    settings.origin.queue_time = DEADLINE;
    bed.server.reload(settings);
    let mut third = asking(&bed, "/3");
    wait_until("the third request", || bed.server.counts().requests == 3);
    go.send(()).unwrap();
    assert_eq!(first.answer().text(), "/1");
    is_asked.recv_timeout(DEADLINE).unwrap();
    go.send(()).unwrap();
    assert_eq!(third.answer().text(), "/3");
    drop((first, third));
    let counts = bed.end();
    assert_eq!((counts.origin_connections, counts.origin_busy), (2, 1));
}

#[test]
fn a_connection_serves_as_many_requests_as_it_may() {
    let origin = Origin::echo();
    let bed = bed(&origin, |policy, _| policy.max_requests = Some(3));
    let mut client = bed.client();
    (0..7).for_each(|n| assert_eq!(client.get(&format!("/{n}")).status(), 200));
    drop(client);
    let counts = bed.end();
    assert_eq!((counts.origin_connections, counts.origin_reused, counts.origin_retries), (3, 4, 0));
}

#[test]
fn a_connection_that_is_too_old_or_too_many_is_not_kept() {
    for choose in [
        (|policy| policy.max_age = Some(Duration::ZERO)) as fn(&mut OriginPolicy),
        |policy| policy.idle = 0,
        |policy| policy.keep_alive = Duration::ZERO,
    ] {
        let origin = Origin::echo();
        let bed = bed(&origin, |policy, _| choose(policy));
        let mut client = bed.client();
        for n in 0..3 {
            assert_eq!(client.get("/").status(), 200);
            // It is closed before the next is asked for.
            wait_until("the origin to be left", || origin.open_connections() == 0);
            assert_eq!(bed.server.counts().origin_connections, n + 1);
        }
        drop(client);
        bed.end();
    }
}

#[test]
fn connections_at_rest_are_closed_when_their_time_is_over_and_when_the_server_drains() {
    let origin = Origin::echo();
    let kept = bed(&origin, |_, _| {});
    kept.client().get("/");
    assert_eq!(origin.open_connections(), 1);
    kept.end();
    wait_until("the kept connection to be closed", || origin.open_connections() == 0);
    let short = bed(&origin, |policy, _| policy.keep_alive = Duration::from_millis(30));
    short.client().get("/");
    wait_until("its time to be over", || origin.open_connections() == 0);
    short.end();
}

#[test]
fn an_origin_that_falls_silent_in_the_body_breaks_the_response_off() {
    let origin = Origin::new(|_, stream| {
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
        // Until the proxy gives up.
        let _ = stream.read(&mut [0]);
        false
    });
    let bed = bed(&origin, |_, timeouts| timeouts.silence = Duration::from_millis(50));
    let mut client = asking(&bed, "/");
    assert!(client.try_answer().is_err());
    let counts = bed.end();
    assert_eq!((counts.origin_failures, counts.origin_broken_bodies, counts.client_aborts), (1, 1, 0));
}

#[test]
fn a_client_that_reads_slowly_is_no_silence_of_the_origin() {
    let body = vec![b'x'; 32 << 20];
    let origin = Origin::new(move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.get_mut().write_all(head.as_bytes()).is_ok() && stream.get_mut().write_all(&body).is_ok()
    });
    let mute = Origin::new(|_, stream| stream.read(&mut [0]).is_err());
    // On a slow machine the origin itself may be silent for as long as that.
    with_a_short_limit(|limit| {
        let bed = bed(&origin, |_, timeouts| timeouts.silence = limit * 4);
        let mut client = asking(&bed, "/");
        wait_until("the origin to be asked", || bed.server.counts().origin_connections == 1);
        // It takes nothing for longer than the origin may be silent: another request takes that long.
        let mut settings = bed.server.settings();
        settings.timeouts.response = limit * 6;
        settings.remap = Remap::to(mute.address);
        bed.server.reload(settings);
        assert_eq!(bed.client().get("/").status(), 504);
        let length = client.try_answer().ok().map(|answer| answer.body.len());
        drop(client);
        let broken = bed.end().origin_broken_bodies;
        assert_eq!((length, broken), if broken == 0 { (Some(32 << 20), 0) } else { (None, 1) });
        broken == 0
    });
}

#[test]
fn all_of_an_exchange_has_its_time_as_well() {
    let origin = Origin::new(|_, stream| {
        let stream = stream.get_mut();
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        while stream.write_all(b"1\r\nx\r\n").is_ok() {
            std::thread::yield_now();
        }
        false
    });
    with_a_short_limit(|limit| {
        let bed = bed(&origin, |_, timeouts| timeouts.exchange = Some(limit));
        let status = asking(&bed, "/").try_answer().ok().map(|answer| answer.status());
        let broken = bed.end().origin_broken_bodies;
        // It is answered as long as its head has not come.
        assert_eq!((status, broken), if broken == 0 { (Some(504), 0) } else { (None, 1) });
        broken == 1
    });
}

#[test]
fn failures_are_told_by_stage_and_counted_by_kind() {
    let garbage = Origin::new(|_, stream| stream.get_mut().write_all(b"NONSENSE\r\n\r\n").is_ok());
    let switching = Origin::new(|_, stream| {
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
            .is_ok()
    });
    let mute = Origin::new(|_, stream| stream.read(&mut [0]).is_err());
    let nobody = Nobody::new();
    let bed = bed(&mute, |_, _| {});
    let told = |to| {
        let mut settings = bed.server.settings();
        settings.remap = Remap::to(to);
        // Only the one that never answers is to be too late.
        settings.timeouts.response = if to == mute.address { Duration::from_millis(30) } else { DEADLINE };
        bed.server.reload(settings);
        let answer = bed.client().get("/");
        (answer.status(), answer.text().lines().nth(1).unwrap_or_default().to_owned())
    };
    let expected = |status, text: &str| (status, text.to_owned());
    assert_eq!(told(mute.address), expected(504, "The origin did not answer in time."));
    assert_eq!(told(garbage.address), expected(502, "The origin's answer could not be understood."));
    assert_eq!(told(switching.address), expected(502, "The origin switched to another protocol."));
    assert_eq!(told(nobody.address), expected(502, "The origin could not be reached."));
    let counts = bed.end();
    assert_eq!(
        (counts.origin_late_answers, counts.origin_broken_answers, counts.origin_connect_failures),
        (1, 2, 1)
    );
    assert_eq!(counts.origin_failures, 4);
}

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

/// Reads a body of five bytes.
fn five(stream: &mut BufReader<TcpStream>) -> [u8; 5] {
    let mut body = [0; 5];
    stream.read_exact(&mut body).unwrap();
    body
}

#[test]
fn a_client_is_asked_to_go_on_when_the_origin_asks() {
    let (go, may_go) = channel::<()>();
    let may_go = Mutex::new(may_go);
    let (asked, is_asked) = channel();
    let origin = Origin::of_heads(move |request, stream| {
        assert_eq!(request.field("expect"), Some("100-continue"));
        asked.send(()).unwrap();
        may_go.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        assert_eq!(&five(stream), b"hello");
        respond(stream, "200 OK", "thanks")
    });
    let bed = bed(&origin, |_, timeouts| timeouts.expect = DEADLINE);
    let mut client = bed.client();
    for _ in 0..2 {
        client.send(POST);
        is_asked.recv_timeout(DEADLINE).unwrap();
        assert!(client.has_nothing_to_read(), "nobody has asked for the body yet");
        go.send(()).unwrap();
        assert_eq!(client.bare_answer().status(), 100);
        client.send("hello");
        assert_eq!(client.answer().text(), "thanks");
    }
    drop(client);
    let counts = bed.end();
    assert_eq!((counts.origin_connections, counts.client_aborts, counts.origin_failures), (1, 0, 0));
}

#[test]
fn an_origin_that_does_not_ask_gets_the_body_after_a_while() {
    let origin =
        Origin::of_heads(|_, stream| five(stream) == *b"hello" && respond(stream, "200 OK", "thanks"));
    let bed = bed(&origin, |_, timeouts| timeouts.expect = Duration::from_millis(20));
    let mut client = bed.client();
    client.send(POST);
    assert_eq!(client.bare_answer().status(), 100);
    client.send("hello");
    assert_eq!(client.answer().text(), "thanks");
    drop(client);
    bed.end();
}

#[test]
fn a_final_status_comes_instead_of_a_request_to_go_on_and_ends_both_connections() {
    let origin = Origin::of_heads(|_, stream| respond(stream, "417 Expectation Failed", "no"));
    let bed = bed(&origin, |_, timeouts| timeouts.expect = DEADLINE);
    for _ in 0..2 {
        let mut client = bed.client();
        client.send(POST);
        let answer = client.answer();
        assert_eq!((answer.status(), answer.text().as_str()), (417, "no"));
        assert!(client.is_closed());
    }
    wait_until("the origin to be left", || origin.open_connections() == 0);
    let counts = bed.end();
    assert_eq!((counts.origin_connections, counts.origin_failures), (2, 0));
}

#[test]
fn another_expectation_is_refused_and_one_without_a_body_ignored() {
    let origin = Origin::echo();
    let bed = bed(&origin, |_, _| {});
    let mut client = bed.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer().status(), 200);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n");
    assert_eq!(client.answer().status(), 417);
    assert_eq!(origin.requests()[0].field("expect"), None);
    drop(client);
    bed.end();
}

#[test]
fn trailers_go_both_ways_to_those_who_understand_them() {
    let origin = Origin::of_heads(|request, stream| {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            text.push(byte[0].into());
        }
        assert!(text.starts_with("2\r\nhi\r\n0\r\n"), "{text:?}");
        assert!(text.to_ascii_lowercase().contains("x-sum: 7\r\n"), "{text:?}");
        assert_eq!(request.field("trailer"), Some("X-Sum"));
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n\
                      2\r\nok\r\n0\r\nX-End: 9\r\n\r\n";
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let bed = bed(&origin, |_, _| {});
    let body = "2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n";
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n";
    let mut client = bed.client();
    client.send(format!("{head}TE: trailers\r\nConnection: TE, close\r\n\r\n{body}"));
    let mut answer = String::new();
    client.stream.read_to_string(&mut answer).unwrap();
    let answer = answer.to_ascii_lowercase();
    assert!(answer.contains("\r\ntrailer: x-end\r\n"), "{answer:?}");
    assert!(answer.ends_with("2\r\nok\r\n0\r\nx-end: 9\r\n\r\n"), "{answer:?}");
    assert_eq!(origin.requests()[0].field("te"), Some("trailers"));
    // A client that does not say that it understands them gets none.
    let mut client = bed.client();
    client.send(format!("{head}Connection: close\r\n\r\n{body}"));
    let mut answer = String::new();
    client.stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("2\r\nok\r\n0\r\n\r\n"), "{answer:?}");
    assert_eq!(origin.requests()[1].field("te"), None);
    bed.end();
}

#[test]
fn a_client_that_has_said_all_it_has_to_say_is_answered() {
    let (origin, asked, go) = held();
    let mut settings = Settings::default();
    settings.remap = Remap::to(origin.address);
    settings.limits.half_close = true;
    let bed = Bed::with_builder(1, |builder| builder.settings(settings));
    let mut client = asking(&bed, "/half");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    asked.recv_timeout(DEADLINE).unwrap();
    go.send(()).unwrap();
    assert_eq!(client.answer().text(), "/half");
    assert!(client.is_closed());
    drop(client);
    assert_eq!(bed.end().client_aborts, 0);
}

#[test]
fn an_origin_that_has_said_all_it_has_to_say_is_heard_to_the_end() {
    let origin = Origin::new(|_, stream| {
        // No length: the body goes on to the end of the stream.
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\nall of it").unwrap();
        stream.get_ref().shutdown(Shutdown::Write).unwrap();
        // It goes on listening.
        stream.read(&mut [0]).is_err()
    });
    let bed = bed(&origin, |_, _| {});
    let mut client = bed.client();
    assert_eq!(client.get("/").text(), "all of it");
    assert_eq!(client.get("/").text(), "all of it");
    drop(client);
    assert_eq!(bed.end().origin_failures, 0);
}
