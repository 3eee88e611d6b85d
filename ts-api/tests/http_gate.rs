//! What can be read in two ways does not pass: each way of smuggling a request that is known, on raw sockets.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::io::{Read, Write};
use std::net::Shutdown;

use support::{Bed, Client, Origin};

/// Sends `bytes`, and reads the statuses of all answers until the server closes.
fn statuses(bed: &Bed, bytes: impl AsRef<[u8]>) -> Vec<u16> {
    let mut client = bed.client();
    client.send_in_vain(bytes);
    let mut all = Vec::new();
    while let Ok(answer) = client.try_answer() {
        all.push(answer.status());
    }
    all
}

/// Each of these is refused, whatever comes after it: nothing reaches the origin.
const REFUSED: &[(&str, u16, &[u8])] = &[
    ("CL.TE", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"),
    ("TE.CL", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n"),
    ("TE.TE, an unknown second", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"),
    ("TE.TE, an unknown first", 501, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("chunked twice", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("chunked first", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ("gzip, chunked", 501, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("gzip alone", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
    ("identity", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"),
    ("xchunked", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("chunked with a parameter", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;x=1\r\n\r\n0\r\n\r\n"),
    ("chunked in quotes", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    ("an empty coding", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \r\n\r\n0\r\n\r\n"),
    ("an empty element", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"),
    ("chunked after a vertical tab", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("a blank before the colon", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    ("a tab before the colon", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 3\r\n\r\nabc"),
    ("a folded coding", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ("a folded field", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n"),
    ("a blank before the first field", 400, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    ("a coding in HTTP/1.0", 400, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("two lengths", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    ("two equal lengths", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    ("a list of lengths", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc"),
    ("a signed length", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc"),
    ("a negative length", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
    ("a hexadecimal length", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc"),
    ("an empty length", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n"),
    ("a length with a blank in it", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\n"),
    ("a length beyond all numbers", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"),
    ("a length beyond signed numbers", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n"),
    ("bare line feeds", 400, b"GET / HTTP/1.1\nHost: a\n\n"),
    ("one bare line feed", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\nContent-Length: 3\r\n\r\nabc"),
    ("a bare line feed at the end", 400, b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    ("a bare carriage return in a value", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\rContent-Length: 3\r\n\r\nabc"),
    ("a bare carriage return in the target", 400, b"GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("two carriage returns", 400, b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
    ("a NUL in a value", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    ("a NUL in a name", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n"),
    ("a NUL in the target", 400, b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("an empty name", 400, b"GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n"),
    ("a line without a colon", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"),
    ("a name with a bracket", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX[0]: a\r\n\r\n"),
    ("a delete character in a value", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n"),
    ("several empty lines first", 400, b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a bare line feed first", 400, b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("no host", 400, b"GET / HTTP/1.1\r\n\r\n"),
    ("two hosts", 400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    ("a host with a path", 400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ("a host with a user", 400, b"GET / HTTP/1.1\r\nHost: x@a\r\n\r\n"),
    ("a host with a blank", 400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    ("a host with a port of letters", 400, b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"),
    ("an absolute target without a host field", 400, b"GET http://a/ HTTP/1.1\r\n\r\n"),
    ("an absolute target without a host", 400, b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a target that is no target", 400, b"GET x HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a star for another method", 400, b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a fragment", 400, b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a target with a blank", 400, b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("two blanks", 400, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a target beyond ASCII", 400, b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("CONNECT with a length", 400, b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\n\r\nabc"),
    ("CONNECT without a port", 400, b"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("CONNECT with a path", 400, b"CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("HTTP/0.9", 400, b"GET /\r\n\r\n"),
    ("a version of letters", 400, b"GET / HTTP/x.y\r\nHost: a\r\n\r\n"),
    ("a version in lower case", 400, b"GET / http/1.1\r\nHost: a\r\n\r\n"),
    ("HTTP/2.0 in words", 505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("HTTP/1.2", 505, b"GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    ("a method with a bracket", 400, b"GE(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("TLS", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ("a response", 400, b"HTTP/3.1 200 OK\r\n\r\n"),
];

#[test]
fn what_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_served() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    for (what, status, head) in REFUSED {
        // A request behind it must not be served, whoever it seems to be from.
        let bytes = [head, &b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"[..]].concat();
        assert_eq!(statuses(&bed, &bytes), [*status], "{what}");
        // One that is all right comes first, and is answered.
        let bytes = [b"GET /fine HTTP/1.1\r\nHost: a\r\n\r\n", &bytes[..]].concat();
        assert_eq!(statuses(&bed, &bytes), [200, *status], "behind another: {what}");
    }
    assert!(origin.requests().iter().all(|request| request.target() == "/fine"));
    let counts = bed.end();
    let refused = 2 * REFUSED.len() as u64;
    assert_eq!((counts.refused_heads, counts.requests), (refused, refused / 2));
    let kinds = counts.refused_malformed + counts.refused_unknown + counts.refused_versions;
    assert_eq!((kinds, counts.transactions), (refused, refused / 2));
}

/// Each of these bodies breaks off where it is malformed.
const MALFORMED_CHUNKS: &[(&str, &[u8])] = &[
    ("a size beyond all numbers", b"10000000000000000\r\nx"),
    ("a size beyond signed numbers", b"8000000000000000\r\nx"),
    ("leading zeros without end", b"00000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("a signed size", b"+5\r\nhello\r\n0\r\n\r\n"),
    ("a negative size", b"-1\r\n\r\n0\r\n\r\n"),
    ("a size with a prefix", b"0x5\r\nhello\r\n0\r\n\r\n"),
    ("a blank before the size", b" 5\r\nhello\r\n0\r\n\r\n"),
    ("a blank after the size", b"5 \r\nhello\r\n0\r\n\r\n"),
    ("no size", b"\r\nhello\r\n0\r\n\r\n"),
    ("only an extension", b";a=b\r\nhello\r\n0\r\n\r\n"),
    ("a size with an underscore", b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n"),
    ("a bare line feed after the size", b"5\nhello\r\n0\r\n\r\n"),
    ("a bare carriage return after the size", b"5\rhello\r\n0\r\n\r\n"),
    ("a bare line feed in an extension", b"5;a\nhello\r\n0\r\n\r\n"),
    ("a bare carriage return in an extension", b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    ("a NUL in an extension", b"5;\0\r\nhello\r\n0\r\n\r\n"),
    ("data longer than its size", b"5\r\nhello!\r\n0\r\n\r\n"),
    ("a bare line feed after the data", b"5\r\nhello\n0\r\n\r\n"),
    ("a bare line feed at the end", b"0\r\n\n"),
    ("a trailer with a blank before the colon", b"0\r\nX : 1\r\n\r\n"),
    ("a folded trailer", b"0\r\nX: 1\r\n 2\r\n\r\n"),
    ("a trailer with a bare line feed", b"0\r\nX: 1\n\r\n"),
    ("a trailer without a colon", b"0\r\nX\r\n\r\n"),
    ("a NUL in a trailer", b"0\r\nX: \0\r\n\r\n"),
];

#[test]
fn a_malformed_chunk_is_answered_400_and_nothing_behind_it_is_served() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    for (what, body) in MALFORMED_CHUNKS {
        let head = b"POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let behind = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(statuses(&bed, [head, *body, behind].concat()), [400], "{what}");
        // In two parts, so that the origin may have been asked already.
        let mut client = bed.client();
        client.send([head, &b"4\r\npart\r\n"[..]].concat());
        client.send_in_vain([body, &behind[..]].concat());
        assert_eq!(client.answer().status(), 400, "in two parts: {what}");
        assert!(client.is_closed());
    }
    assert!(origin.requests().is_empty(), "no request was complete");
    let counts = bed.end();
    assert_eq!((counts.refused_heads, counts.origin_failures, counts.client_aborts), (0, 0, 0));
    assert_eq!(counts.responses_4xx, 2 * MALFORMED_CHUNKS.len() as u64);
}

#[test]
fn what_is_unusual_and_clear_passes() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    for (what, request, seen) in [
        ("one empty line first", &b"\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n"[..], "GET /a HTTP/1.1 "),
        ("no host in HTTP/1.0", b"GET /a HTTP/1.0\r\n\r\n", "GET /a HTTP/1.1 "),
        ("an empty host", b"GET /a HTTP/1.1\r\nHost:\r\n\r\n", "GET /a HTTP/1.1 "),
        ("an IPv6 host", b"GET /a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET /a HTTP/1.1 "),
        ("chunked in capitals", b"POST /a HTTP/1.1\r\nHost: a\r\ntransfer-encoding:\tChunked \r\n\r\n1\r\nx\r\n0\r\n\r\n", "POST /a HTTP/1.1 x"),
        ("extensions", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\"b;c\"\r\nx\r\n0;d\r\n\r\n", "POST /a HTTP/1.1 x"),
        ("trailers", b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n", "POST /a HTTP/1.1 x"),
        ("a length of zero", b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n", "POST /a HTTP/1.1 "),
        ("an unusual method", b"PROPFIND /a HTTP/1.1\r\nHost: a\r\n\r\n", "PROPFIND /a HTTP/1.1 "),
        ("what browsers do not escape", b"GET /a|{\"b\"}?[c]^` HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a|{\"b\"}?[c]^` HTTP/1.1 "),
    ] {
        let answer = {
            let mut client = bed.client();
            client.send(request);
            client.answer()
        };
        assert_eq!((answer.status(), answer.text().as_str()), (200, seen), "{what}");
    }
    assert_eq!(bed.end().refused_heads, 0);
}

#[test]
fn an_absolute_target_decides_about_the_host_whatever_the_field_says() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    client.send("GET http://real.example/a HTTP/1.1\r\nHost: other.example\r\n\r\n");
    assert_eq!(client.answer().status(), 200);
    let request = &origin.requests()[0];
    assert_eq!((request.target(), request.field("host")), ("/a", Some("real.example")));
    assert_eq!(request.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host")).count(), 1);
    drop(client);
    bed.end();
}

#[test]
fn a_refusal_comes_after_the_answers_to_what_was_asked_before() {
    let bed = Bed::new(Origin::echo().address);
    let mut client = bed.client();
    let fine = "GET /fine HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(format!("{fine}{fine}{fine}BAD\r\n\r\n{fine}"));
    for _ in 0..3 {
        assert_eq!(client.answer().status(), 200);
    }
    let answer = client.answer();
    assert_eq!((answer.status(), answer.field("connection")), (400, Some("close")));
    assert_eq!((answer.text().as_str(), answer.field("date").is_some()), ("400 Bad Request\n", true));
    assert!(client.is_closed());
    drop(client);
    bed.end();
}

#[test]
fn a_refused_head_request_gets_no_body() {
    let bed = Bed::new(Origin::echo().address);
    let mut client = bed.client();
    client.send("HEAD / HTTP/1.1\r\n\r\n");
    let answer = client.bare_answer();
    assert_eq!((answer.status(), answer.field("content-length")), (400, Some("16")));
    assert!(client.is_closed());
    drop(client);
    bed.end();
}

#[test]
fn a_client_that_breaks_a_head_off_is_counted_and_gets_nothing() {
    let bed = Bed::new(Origin::echo().address);
    let mut client = bed.client();
    client.send("GET / HTTP/1.1\r\nHo");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert!(client.is_closed());
    drop(client);
    let counts = bed.end();
    assert_eq!((counts.broken_heads, counts.refused_heads, counts.requests), (1, 0, 0));
}

#[test]
fn requests_that_come_byte_by_byte_are_served_like_others() {
    let origin = Origin::echo();
    let bed = Bed::new(origin.address);
    let mut client = bed.client();
    let post =
        b"POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\n";
    for byte in [&b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"[..], post].concat() {
        client.send([byte]);
    }
    assert_eq!(client.answer().text(), "GET /a HTTP/1.1 ");
    assert_eq!(client.answer().text(), "POST /b HTTP/1.1 hello");
    drop(client);
    bed.end();
}

#[test]
fn an_answer_that_the_client_is_to_read_is_not_lost_with_what_it_sends() {
    let bed = Bed::new(Origin::echo().address);
    let mut client = bed.client();
    client.send_in_vain("BAD\r\n\r\n");
    // It goes on sending; the server reads on for a while, so that no reset overtakes the answer.
    for _ in 0..64 {
        client.send_in_vain([b'x'; 1024]);
    }
    let mut answer = String::new();
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    client.stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    drop(client);
    bed.end();
}

#[test]
fn an_early_answer_closes_a_connection_whose_body_nobody_reads() {
    let origin = Origin::of_heads(|_, stream| {
        stream.get_mut().write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").unwrap();
        false
    });
    let bed = Bed::new(origin.address);
    let mut client: Client = bed.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome of it");
    assert_eq!(client.answer().status(), 403);
    // What it sends now is body, and never a request.
    client.send_in_vain("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert!(client.is_closed());
    drop(client);
    bed.end();
    assert_eq!(origin.requests().len(), 1);
}
