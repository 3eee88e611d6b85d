//! What there is to know of sessions and transactions, and to set, as plugins in C ask.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;
#[path = "support/serve.rs"]
mod serve;
#[path = "support/http.rs"]
mod support;

use c::Plugin;
use serve::serve;
use support::Origin;

#[test]
fn a_transaction_tells_where_it_goes_and_how_the_origin_fares() {
    let origin = Origin::echo();
    let served = serve(&Plugin::compile("getters.c"), "where_it_goes", &[], origin.address);
    let mut client = served.client();
    for reuses in 0..2 {
        assert_eq!(client.get("/").status(), 200);
        let there = format!("127.0.0.1 {}", origin.address.port());
        assert_eq!(served.next(), "READ_REQUEST_HDR: (null) -1, STATE_UNDEFINED, 0");
        assert_eq!(served.next(), format!("POST_REMAP: {there}, STATE_UNDEFINED, 0"));
        assert_eq!(served.next(), format!("READ_RESPONSE_HDR: {there}, CONNECTION_ALIVE, {reuses}"));
        assert_eq!(served.next(), format!("TXN_CLOSE: {there}, TRANSACTION_COMPLETE, {reuses}"));
    }
    drop(client);
    assert_eq!(served.end().0, [""; 0]);
}

#[test]
fn a_response_that_is_there_because_the_origin_failed_is_told_from_one_of_the_origins() {
    let closes = Origin::new(|_, _| false);
    let served = serve(&Plugin::compile("getters.c"), "failures", &[], closes.address);
    assert_eq!(served.client().get("/").status(), 502);
    assert_eq!(served.next(), "CONNECTION_CLOSED");
    served.end();
}

#[test]
fn debug_output_may_be_wanted_for_a_session_or_a_transaction() {
    let origin = Origin::echo();
    let served = serve(&Plugin::compile("getters.c"), "chooses", &[], origin.address);
    let mut client = served.client();
    assert_eq!((client.get("/").status(), client.get("/").status()), (200, 200));
    drop(client);
    assert_eq!(served.take(2), ["transaction 1 of session 1", "transaction 2 of session 1"]);
    served.end();
}

#[test]
fn bytes_of_messages_are_counted() {
    let origin = Origin::new(|_, stream| support::respond(stream, "200 OK", "answer"));
    let served = serve(&Plugin::compile("getters.c"), "bytes", &[], origin.address);
    let mut client = served.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(client.answer().text(), "answer");
    assert_eq!(served.take(4), ["1 0 0 0", "0 0 0 0", "1 1 1 1", "4 4 6 6"]);
    served.end();
}

#[test]
fn settings_of_one_transaction_are_told_as_they_are_in_force() {
    let origin = Origin::echo();
    let served = serve(&Plugin::compile("getters.c"), "settings", &[], origin.address);
    assert_eq!(served.client().get("/").field("connection"), Some("close"));
    let expected = [
        "5 http.keep_alive_enabled_in 1 1",
        "6 http.keep_alive_enabled_out 1 1",
        "38 http.keep_alive_no_activity_timeout_in 60 61",
        "39 http.keep_alive_no_activity_timeout_out 60 61",
        "40 http.transaction_no_activity_timeout_in 60 61",
        "41 http.transaction_no_activity_timeout_out 30 31",
        "42 http.transaction_active_timeout_out 0 1",
        "46 http.connect_attempts_timeout 5 6",
        "88 http.transaction_active_timeout_in 0 1",
        "105 http.request_buffer_enabled 0 1",
    ];
    assert_eq!(served.take(expected.len()), expected);
    served.end();
}

#[test]
fn another_url_is_asked_instead() {
    let (first, second) =
        (Origin::new(|_, stream| support::respond(stream, "404 Not Found", "")), Origin::echo());
    let url = format!("http://{}/there!", second.address);
    let served = serve(&Plugin::compile("getters.c"), "redirects", &[&url], first.address);
    assert_eq!(served.client().get("/").text(), "GET /there HTTP/1.1 ");
    assert_eq!(
        served.take(3),
        ["READ_RESPONSE_HDR after 1", "SEND_RESPONSE_HDR after 1", "TXN_CLOSE after 1"]
    );
    served.end();
}

#[test]
fn addresses_may_be_set_of_ours_and_for_other_plugins() {
    let origin = Origin::echo();
    let served = serve(&Plugin::compile("getters.c"), "addresses", &[], origin.address);
    assert_eq!(served.client().get("/").status(), 200);
    assert_eq!(served.take(2), ["from 127.0.0.2", "for 127.0.0.2"]);
    served.end();
}

#[test]
fn sockets_may_be_looked_at_and_the_clients_packets_marked() {
    let origin = Origin::echo();
    let served = serve(&Plugin::compile("getters.c"), "sockets", &[], origin.address);
    assert_eq!(served.client().get("/").status(), 200);
    assert_eq!(served.next(), "looked");
    served.end();
}

#[test]
fn a_body_that_cannot_be_so_long_is_a_fault() {
    let origin = Origin::echo();
    let served = serve(&Plugin::compile("getters.c"), "endless", &[], origin.address);
    let mut client = served.client();
    client.ask("/");
    let line = served.fault();
    let begin = "ts: TSHttpTxnErrorBodySet, called by getters: buf is 0x";
    assert!(line.starts_with(begin) && line.ends_with(", with a length of 18446744073709551615"), "{line}");
}

#[test]
fn a_transaction_has_switches() {
    let origin = Origin::echo();
    let served = serve(&Plugin::compile("getters.c"), "switches", &[], origin.address);
    // Where its client says, it would be one of the inner addresses.
    let mut client = served.client();
    client.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", origin.address));
    assert_eq!(client.answer().status(), 403);
    assert_eq!(served.next(), "0 1 1");
    served.end();
}
