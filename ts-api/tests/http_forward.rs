//! What a client sends reaches the origin, and what the origin answers reaches the client.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::{Bed, Client, DEADLINE, Diary, Nobody, Origin, cont_mutex, get, respond, shut_down};
use ts_api::http::{HookId, Server, StartError};
use ts_api::{Cont, Pool, Runtime};

#[test]
fn a_request_is_forwarded_and_its_response_comes_back() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let answer = get(bed.address(), "/path?query");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text(), "GET /path?query HTTP/1.1 ");
    assert_eq!(answer.field("x-origin"), Some("yes"));
    assert_eq!(origin.requests()[0].field("host"), Some("test.example"));
    let counts = bed.end();
    assert_eq!((counts.connections, counts.requests, counts.responses_2xx), (1, 1, 1));
    assert_eq!((counts.transactions, counts.client_aborts), (1, 0));
    assert_eq!((counts.handles, counts.call_outs), (0, 0));
}

#[test]
fn what_plugins_could_see_is_made_only_when_there_is_one() {
    let bed = Bed::new(Origin::echo().address);
    let mut client = bed.client();
    (0..10).for_each(|n| drop(client.get(&format!("/{n}"))));
    drop(client);
    let counts = bed.server.counts();
    assert_eq!((counts.requests, counts.handles, counts.call_outs), (10, 0, 0));
    // From here on there is: a session for both transactions.
    let diary = Diary::new();
    let close = diary.cont("plugin");
    bed.hook(HookId::TxnClose, &close);
    let mut client = bed.client();
    (0..2).for_each(|n| drop(client.get(&format!("/{n}"))));
    drop((client, close));
    let counts = bed.end();
    assert_eq!((counts.requests, counts.handles, counts.call_outs), (12, 3, 2));
}

#[test]
fn connections_are_kept_on_both_sides() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    for n in 0..20 {
        assert_eq!(client.get(&format!("/{n}")).text(), format!("GET /{n} HTTP/1.1 "));
    }
    drop(client);
    assert_eq!(*origin.connections.lock().unwrap(), 1);
    let counts = bed.end();
    assert_eq!((counts.connections, counts.requests, counts.origin_connections), (1, 20, 1));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::echo();
    for with_hooks in [false, true] {
        let bed = Bed::new(origin.address);
        let diary = Diary::new();
        let close = diary.cont("global");
        if with_hooks {
            bed.hook(HookId::TxnClose, &close);
        }
        let mut client = bed.client();
        let requests: String =
            (0..10).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a.example\r\n\r\n")).collect();
        client.send(requests);
        for n in 0..10 {
            assert_eq!(client.answer().text(), format!("GET /{n} HTTP/1.1 "));
        }
        drop((client, close));
        bed.end();
    }
}

#[test]
fn bodies_go_both_ways_in_either_framing() {
    let origin = Origin::new(|request, stream| {
        let text =
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", request.body.len());
        let stream = stream.get_mut();
        stream.write_all(text.as_bytes()).unwrap();
        stream.write_all(&request.body).unwrap();
        stream.write_all(b"\r\n0\r\n\r\n").is_ok()
    });
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.answer().text(), "hello");
    client.send(
        "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    );
    assert_eq!(client.answer().text(), "abcde");
    // A method that rarely has a body keeps the one it has.
    client.send("GET /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    assert_eq!(client.answer().text(), "x");
    let seen = origin.requests();
    assert_eq!(seen[0].field("content-length"), Some("5"));
    assert_eq!(seen[1].field("transfer-encoding"), Some("chunked"));
    drop(client);
    bed.end();
}

#[test]
fn responses_without_a_body_keep_their_heads() {
    let origin = Origin::new(|request, stream| {
        let text = match request.target() {
            "/head" => "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
            "/none" => "HTTP/1.1 204 No Content\r\n\r\n",
            _ => "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
        };
        stream.get_mut().write_all(text.as_bytes()).is_ok()
    });
    for with_hooks in [false, true] {
        let bed = Bed::new(origin.address);
        let diary = Diary::new();
        let close = diary.cont("global");
        if with_hooks {
            bed.hook(HookId::TxnClose, &close);
        }
        let mut client = bed.client();
        for _ in 0..2 {
            client.send("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n");
            let head = client.bare_answer();
            assert_eq!((head.status(), head.field("content-length")), (200, Some("1000")));
            assert_eq!(client.get("/none").status(), 204);
            let unchanged = client.get("/etag");
            assert_eq!((unchanged.status(), unchanged.field("etag")), (304, Some("\"a\"")));
        }
        drop((client, close));
        let counts = bed.end();
        assert_eq!((counts.client_aborts, counts.origin_failures), (0, 0));
    }
}

#[test]
fn fields_of_one_connection_stay_on_it() {
    let origin = Origin::new(|_, stream| {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=9\r\nConnection: X-Hop\r\n\
                    X-Hop: 1\r\nX-End: 2\r\n\r\nok";
        stream.get_mut().write_all(text.as_bytes()).is_ok()
    });
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    client.send(
        "GET http://other.example/p HTTP/1.1\r\nHost: test.example\r\nX-Mine: 1\r\nX-YOURS: 2\r\n\
         Connection: x-mine\r\nTE: trailers\r\nProxy-Connection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
    );
    let answer = client.answer();
    assert_eq!(answer.text(), "ok");
    assert_eq!(answer.field("x-hop"), None);
    assert_eq!(answer.field("keep-alive"), None);
    assert_eq!(answer.field("x-end"), Some("2"));
    let seen = &origin.requests()[0];
    assert_eq!(seen.start, "GET /p HTTP/1.1");
    assert_eq!(seen.field("host"), Some("other.example"));
    for name in ["x-mine", "proxy-connection", "expect"] {
        assert_eq!(seen.field(name), None, "{name}");
    }
    // What was said of trailers is said again, for the next connection.
    assert_eq!((seen.field("te"), seen.field("connection")), (Some("trailers"), Some("te")));
    assert!(seen.fields.contains(&("X-YOURS".into(), "2".into())), "the case is kept: {seen:?}");
    drop(client);
    bed.end();
}

#[test]
fn fields_keep_order_and_case_around_those_of_one_connection() {
    // Whatever is taken out, and wherever it stood, what remains is as it was received.
    let hop = [
        "Connection: close, X-Hop",
        "Keep-Alive: timeout=9",
        "X-Hop: 1",
        "TE: trailers",
        "Expect: 100-continue",
        "Proxy-Connection: keep-alive",
        "Upgrade: none",
        "Trailer: X-Sum",
        "Transfer-Encoding: chunked",
    ];
    let mixed = ["X-One: 1", "x-two: 2", "X-THREE: 3", "x-Four: 4", "X-FIVE: 5", "x-six: 6", "X-sEvEn: 7"];
    let plain =
        ["X-One: 1", "X-2-Two: 2", "X-Three: 3", "X-Four-Fo: 4", "X--Five: 5", "X-S1x: 6", "X-Seven_a: 7"];
    let message = |own: &[&'static str], start: &str, hop: &[&'static str]| {
        let mut fields: Vec<_> = own.to_vec();
        hop.iter().enumerate().for_each(|(at, field)| fields.insert(at * 2 % fields.len(), field));
        format!("{start}\r\n{}\r\n\r\n", fields.join("\r\n"))
    };
    let in_order = |wire: &support::Wire| -> Vec<String> {
        let own = wire.fields.iter().filter(|(name, _)| name.to_ascii_lowercase().starts_with("x-"));
        own.map(|(name, value)| format!("{name}: {value}")).collect()
    };
    for (own, with_hooks) in [(mixed, false), (mixed, true), (plain, false), (plain, true)] {
        for hop in [&hop[..1], &hop[..3], &hop[..]] {
            let chunked = hop.len() == 9;
            let body = if chunked { "0\r\n\r\n" } else { "" };
            // Without a length the response goes on to the end of the connection.
            let response = message(&own, "HTTP/1.1 200 OK", hop) + body;
            let origin = Origin::new(move |_, stream| {
                stream.get_mut().write_all(response.as_bytes()).unwrap();
                false
            });
            let bed = Bed::new(origin.address);
            let diary = Diary::new();
            let close = diary.cont("global");
            if with_hooks {
                bed.hook(HookId::TxnClose, &close);
            }
            let mut client = bed.client();
            let host = if own == plain { "Host" } else { "hOST" };
            client.send(message(&own, &format!("POST / HTTP/1.1\r\n{host}: a"), hop) + body);
            let mut answer = client.answer();
            if answer.status() == 100 {
                answer = client.answer();
            }
            assert_eq!(answer.status(), 200);
            assert_eq!(in_order(&answer), own, "{hop:?}");
            let seen = &origin.requests()[0];
            assert_eq!(in_order(seen), own, "{hop:?}");
            assert_eq!(seen.fields[0], (host.to_owned(), "a".to_owned()));
            drop((client, close));
            bed.end();
        }
    }
}

#[test]
fn http_1_0_clients_get_what_they_understand() {
    let origin = Origin::new(|_, stream| {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        stream.get_mut().write_all(text.as_bytes()).is_ok()
    });
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    client.send("GET /old HTTP/1.0\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.field("transfer-encoding"), answer.text().as_str()), (None, "ok"));
    assert!(client.is_closed());
    assert_eq!(origin.requests()[0].field("host"), Some(origin.address.to_string().as_str()));
    bed.end();
}

#[test]
fn a_head_that_is_no_request_is_refused_and_counted() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let diary = Diary::new();
    let start = diary.cont("global");
    bed.hook(HookId::TxnStart, &start);
    let mut client = bed.client();
    client.send("NONSENSE\r\n\r\n");
    assert_eq!(client.answer().status(), 400);
    assert!(client.is_closed());
    let mut client = bed.client();
    client.send_in_vain(format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(1 << 20)));
    assert_eq!(client.answer().status(), 431);
    let mut client = bed.client();
    client.send_in_vain(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(1 << 16)));
    assert_eq!(client.answer().status(), 414);
    drop((client, start));
    let counts = bed.end();
    assert_eq!((counts.refused_heads, counts.requests, counts.transactions), (3, 0, 0));
    assert_eq!((counts.refused_malformed, counts.refused_large, counts.refused_targets), (1, 1, 1));
    assert!(origin.requests().is_empty());
    assert!(diary.rest().is_empty());
}

#[test]
fn requests_that_no_proxy_may_pass_on_are_refused() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n", 501),
    ] {
        let mut client = bed.client();
        client.send(request);
        assert_eq!(client.answer().status(), status, "{request:?}");
    }
    assert!(origin.requests().is_empty());
    let counts = bed.end();
    assert_eq!((counts.refused_malformed, counts.responses_4xx, counts.responses_5xx), (2, 0, 1));
}

#[test]
fn an_origin_that_refuses_connections_is_a_502() {
    let nobody = Nobody::new();
    let bed = Bed::new(nobody.address);
    let mut client = bed.client();
    assert_eq!(client.get("/").status(), 502);
    assert_eq!(client.get("/again").status(), 502);
    drop(client);
    let counts = bed.end();
    assert_eq!((counts.origin_failures, counts.responses_5xx), (2, 2));
}

#[test]
fn an_origin_that_closes_without_an_answer_is_a_502() {
    let origin = Origin::new(|_, _| false);
    let bed = Bed::new(origin.address);
    assert_eq!(get(bed.address(), "/").status(), 502);
    assert_eq!(bed.end().origin_failures, 1);
}

#[test]
fn an_origin_that_says_nothing_is_a_504() {
    let origin = Origin::new(|_, stream| {
        // Until the proxy gives up.
        let _ = stream.read(&mut [0]);
        false
    });
    let bed = Bed::with(origin.address, |builder| builder.origin_timeout(Duration::from_millis(50)));
    assert_eq!(get(bed.address(), "/").status(), 504);
    assert_eq!(bed.end().origin_failures, 1);
}

#[test]
fn an_origin_that_breaks_off_in_the_body_breaks_the_response_off() {
    let origin = Origin::new(|_, stream| {
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
        false
    });
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    client.ask("/");
    assert!(client.try_answer().is_err());
    assert_eq!(bed.end().origin_failures, 1);
}

#[test]
fn a_kept_connection_that_the_origin_has_closed_costs_no_request() {
    let (closed, is_closed) = channel();
    let origin = Origin::new(move |_, stream| {
        respond(stream, "200 OK", "once");
        let _ = stream.get_ref().shutdown(std::net::Shutdown::Both);
        closed.send(()).unwrap();
        false
    });
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    for _ in 0..20 {
        assert_eq!(client.get("/").text(), "once");
        is_closed.recv_timeout(DEADLINE).unwrap();
    }
    drop(client);
    assert_eq!(bed.end().origin_failures, 0);
}

#[test]
fn a_request_that_a_kept_connection_swallowed_is_asked_again_only_if_that_does_no_harm() {
    let known = Mutex::new(HashSet::new());
    // Each connection answers one request and swallows the second.
    let origin = Origin::new(move |_, stream| {
        let first = known.lock().unwrap().insert(stream.get_ref().peer_addr().unwrap());
        first && respond(stream, "200 OK", "first")
    });
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    assert_eq!(client.get("/").status(), 200);
    client.send("GET /?again HTTP/1.1\r\nhOST: a\r\nX-One: 1\r\nX-One: 2\r\nx-TWO: 3\r\n\r\n");
    assert_eq!(client.answer().status(), 200);
    let [_, swallowed, again] = &origin.requests()[..] else { panic!("the second was asked twice") };
    assert_eq!((&again.start, &again.fields), (&swallowed.start, &swallowed.fields));
    let sent = [("hOST", "a"), ("X-One", "1"), ("X-One", "2"), ("x-TWO", "3")];
    assert_eq!(again.fields[..4], sent.map(|(name, value)| (name.to_owned(), value.to_owned())));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(client.answer().status(), 502);
    assert_eq!(origin.requests().len(), 4);
    drop(client);
    assert_eq!(bed.end().origin_failures, 1);
}

#[test]
fn a_large_body_is_streamed_and_not_gathered() {
    // The origin goes on writing until the proxy takes no more, and says how much that was: the client has read nothing.
    let (written, was_written) = channel();
    let origin = Origin::new(move |_, stream| {
        let stream = stream.get_mut();
        let total = 1_usize << 30;
        stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n").as_bytes()).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let chunk = vec![b'x'; 1 << 16];
        let mut sum = 0;
        while sum < total {
            match stream.write(&chunk) {
                Ok(length) => sum += length,
                Err(_) => break,
            }
        }
        written.send(sum).unwrap();
        // It stays until the proxy leaves, so that only the client breaks off.
        while !matches!(stream.read(&mut [0]), Ok(0) | Err(_)) {}
        false
    });
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    client.ask("/");
    let sum = was_written.recv_timeout(DEADLINE).unwrap();
    // Socket buffers take some megabytes; the proxy adds its own few hundred kilobytes.
    assert!(sum < 64 << 20, "{sum} bytes were taken of a client that reads nothing");
    client.vanish();
    assert_eq!(bed.end().client_aborts, 1);
}

#[test]
fn a_large_body_arrives_whole_in_both_directions() {
    let origin = Origin::new(|request, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", request.body.len());
        stream.get_mut().write_all(head.as_bytes()).unwrap();
        stream.get_mut().write_all(&request.body).is_ok()
    });
    let bed = Bed::new(origin.address);
    let body: Vec<u8> = (0..8_000_000_u32).map(|n| (n % 251) as u8).collect();
    let mut client = bed.client();
    client.send(format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
    client.send(&body);
    assert!(client.answer().body == body);
    drop(client);
    bed.end();
}

#[test]
fn a_port_in_use_is_an_error_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let runtime = Runtime::builder().net_threads(1).task_threads(1).start().unwrap();
    let refused = Server::builder().listen(address).origin(address).start(&runtime);
    let error = refused.unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(matches!(Server::builder().listen(address).start(&runtime), Err(StartError::NoOrigin)));
    assert!(matches!(Server::builder().origin(address).start(&runtime), Err(StartError::NoAddress)));
    assert!(shut_down(&runtime).is_clean());
}

#[test]
fn draining_finishes_what_runs_and_closes_what_is_idle() {
    let (asked, is_asked) = channel();
    let (answer, may_answer) = channel::<()>();
    let may_answer = Mutex::new(may_answer);
    let origin = Origin::new(move |request, stream| {
        if request.target() == "/slow" {
            asked.send(()).unwrap();
            may_answer.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        }
        respond(stream, "200 OK", "done")
    });
    let bed = Bed::new(origin.address);
    let mut idle = bed.client();
    assert_eq!(idle.get("/").text(), "done");
    let mut busy = bed.client();
    busy.ask("/slow");
    is_asked.recv_timeout(DEADLINE).unwrap();
    let address = bed.address();
    let drained = std::thread::spawn(move || (bed.server.drain(DEADLINE), bed));
    assert!(idle.is_closed());
    answer.send(()).unwrap();
    assert_eq!(busy.answer().text(), "done");
    assert!(busy.is_closed());
    let (report, bed) = drained.join().unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.open, 2);
    assert!(TcpStream::connect(address).is_err() || Client::connect(address).is_closed());
    assert!(shut_down(&bed.runtime).is_clean());
}

#[test]
fn draining_on_an_event_thread_panics_at_once() {
    let runtime = Runtime::builder().net_threads(1).task_threads(1).start().unwrap();
    let server = Server::builder().listen("127.0.0.1:0").origin("127.0.0.1:9".parse().unwrap());
    let server = Arc::new(server.start(&runtime).unwrap());
    for pool in [Pool::Net, Pool::Task] {
        let (told, was_told) = channel();
        let drained = Arc::clone(&server);
        let cont = Cont::new(&cont_mutex(), move |_| {
            let panicked = catch_unwind(AssertUnwindSafe(|| drained.drain(Duration::ZERO)));
            let words = panicked.unwrap_err().downcast_ref::<&str>().map(|words| (*words).to_owned());
            told.send(words).unwrap();
        });
        {
            let _guest = runtime.guest();
            cont.schedule_on_pool(Duration::ZERO, pool).unwrap();
        }
        let words = was_told.recv_timeout(DEADLINE).unwrap().unwrap();
        assert!(words.contains("a thread that is no event thread"), "{words}");
    }
    // It goes on serving: the next request is answered, if only by word of an origin that is not there.
    assert_eq!(get(server.local_addr(), "/").status(), 502);
    assert!(server.drain(DEADLINE).is_clean());
    assert!(shut_down(&runtime).is_clean());
}

#[test]
fn draining_drops_what_does_not_finish_in_time() {
    let (asked, is_asked) = channel();
    let origin = Origin::new(move |_, stream| {
        asked.send(()).unwrap();
        let _ = stream.read(&mut [0]);
        false
    });
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    client.ask("/");
    is_asked.recv_timeout(DEADLINE).unwrap();
    let report = bed.server.drain(Duration::ZERO);
    // Whether the second that closing hooks are given was enough is the machine's affair: `end` waits for longer.
    assert_eq!((report.open, report.dropped), (1, 1), "{report}");
    assert!(client.is_closed());
    assert_eq!(bed.end().client_aborts, 1);
}
