//! Hooks of sessions and transactions, and of the life of the host, as plugins in C have them.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;
#[path = "support/serve.rs"]
mod serve;
#[path = "support/http.rs"]
mod support;

use c::Plugin;
use serve::{Served, serve};
use support::{Origin, respond};

fn hooks(entry: &str) -> (Served, Origin) {
    let origin = Origin::echo();
    (serve(&Plugin::compile("hooks.c"), entry, &[], origin.address), origin)
}

#[test]
fn continuations_are_called_on_three_levels_in_order() {
    let (served, _origin) = hooks("three_levels");
    let mut client = served.client();
    assert_eq!(client.get("/").status(), 200);
    drop(client);
    let order = [
        "global SSN_START",
        "global TXN_START",
        "session TXN_START",
        "global READ_REQUEST_HDR",
        "session READ_REQUEST_HDR",
        "transaction READ_REQUEST_HDR",
        "global TXN_CLOSE",
        "session TXN_CLOSE",
        "transaction TXN_CLOSE",
        "global SSN_CLOSE",
        "session SSN_CLOSE",
    ];
    assert_eq!(served.take(order.len()), order);
    assert_eq!(served.end().0, [""; 0]);
}

#[test]
fn a_hook_that_the_host_does_not_have_is_refused_by_name() {
    let ran = Plugin::compile("hooks.c").run("hooks_that_never_come", &[]);
    let refused = [
        "TS_HTTP_READ_CACHE_HDR_HOOK",
        "TS_HTTP_REQUEST_TRANSFORM_HOOK",
        "TS_HTTP_RESPONSE_TRANSFORM_HOOK",
        "TS_HTTP_SELECT_ALT_HOOK",
        "TS_HTTP_CACHE_LOOKUP_COMPLETE_HOOK",
        "TS_HTTP_RESPONSE_CLIENT_HOOK",
        "TS_HTTP_REQUEST_CLIENT_HOOK",
        "TS_VCONN_START_HOOK",
        "TS_VCONN_CLOSE_HOOK",
        "TS_SSL_CLIENT_HELLO_HOOK",
        "TS_SSL_CERT_HOOK",
        "TS_SSL_SERVERNAME_HOOK",
        "TS_SSL_VERIFY_SERVER_HOOK",
        "TS_SSL_VERIFY_CLIENT_HOOK",
        "TS_SSL_SESSION_HOOK",
        "TS_VCONN_OUTBOUND_START_HOOK",
        "TS_VCONN_OUTBOUND_CLOSE_HOOK",
        "life cycle 2",
        "life cycle 3",
        "life cycle 4",
        "life cycle 8",
    ];
    assert_eq!(ran.printed(), refused);
}

#[test]
fn a_number_that_is_no_hook_is_a_fault() {
    let plugin = Plugin::compile("hooks.c");
    let line = plugin.run("a_hook_that_is_none", &[]).fault();
    assert_eq!(line, "ts: TSHttpHookAdd, called by hooks: there is no hook 30");
    let line = plugin.run("a_life_cycle_hook_that_is_none", &[]).fault();
    assert_eq!(line, "ts: TSLifecycleHookAdd, called by hooks: there is no life-cycle hook 10");
}

#[test]
fn one_that_is_added_too_late_for_its_hook_is_refused() {
    let (served, _origin) = hooks("the_last_adds_one");
    assert_eq!(served.client().get("/").status(), 200);
    assert_eq!(served.next(), "adds at OS_DNS: -1");
    assert_eq!(served.end().0, [""; 0], "and not called");
}

#[test]
fn a_continuation_that_is_destroyed_before_its_hook_is_passed_over() {
    let (served, _origin) = hooks("destroys_before_the_hook");
    assert_eq!(served.client().get("/").status(), 200);
    assert_eq!(served.next(), "stays OS_DNS");
    assert_eq!(served.end().0, [""; 0]);
}

#[test]
fn a_global_hook_may_be_added_at_any_time_from_any_thread() {
    let (served, _origin) = hooks("adds_while_requests_are_served");
    let mut client = served.client();
    for _ in 0..3 {
        assert_eq!(client.get("/").status(), 200);
        assert_eq!(served.next(), "added READ_REQUEST_HDR");
    }
    drop(client);
    assert_eq!(served.end().0, [""; 0]);
}

#[test]
fn each_transaction_may_have_a_continuation_of_its_own_with_data_and_timers() {
    let (served, _origin) = hooks("one_for_each_transaction");
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let mut client = served.client();
            client.ask("/");
            client
        })
        .collect();
    for mut client in clients {
        assert_eq!(client.answer().status(), 200);
        assert_eq!(client.get("/again").status(), 200);
    }
    assert_eq!(served.take(8), ["closed after 4 events"; 8]);
    let (rest, left) = served.end();
    assert_eq!((rest.len(), left), (0, 1), "only the global one is left");
}

#[test]
fn each_session_may_have_data_of_its_own() {
    let (served, _origin) = hooks("data_of_each_session");
    for requests in 1..3 {
        let mut client = served.client();
        for _ in 0..requests {
            assert_eq!(client.get("/").status(), 200);
        }
        drop(client);
        assert_eq!(served.next(), format!("a session of {requests} requests"));
    }
    assert_eq!(served.end(), (vec![], 1));
}

#[test]
fn a_session_may_be_refused() {
    let (served, _origin) = hooks("refuses_sessions");
    let mut client = served.client();
    assert!(client.is_closed());
    assert_eq!(served.take(2), ["SSN_START", "SSN_CLOSE"]);
    served.end();
}

#[test]
fn a_transaction_tells_what_it_is_and_whom_it_is_between() {
    let origin = Origin::echo();
    let port = origin.address.port().to_string();
    let served = serve(&Plugin::compile("hooks.c"), "facts", &[&port], origin.address);
    assert_eq!(served.client().get("/path?query").status(), 200);
    let here = served.address.port();
    assert_eq!(served.next(), "url http://test.example/path?query");
    assert_eq!(served.next(), format!("incoming {here} {here}"));
    assert_eq!(served.next(), format!("origin {port} {port}"));
    served.end();
}

#[test]
fn a_transaction_has_limits_of_its_own() {
    let silent = Origin::new(|_, _| true);
    let quick = Origin::new(|_, stream| respond(stream, "200 OK", "quick"));
    for (limit, origin, status) in [("0", &silent, 504), ("1", &silent, 504), ("3", &quick, 200)] {
        let served = serve(&Plugin::compile("hooks.c"), "limits", &[limit], origin.address);
        assert_eq!(served.client().get("/").status(), status, "limit {limit}");
        served.end();
    }
    let served = serve(&Plugin::compile("hooks.c"), "no_limits", &[], quick.address);
    assert_eq!(served.client().get("/").text(), "quick", "zero is no limit");
    served.end();
}

#[test]
fn the_moments_of_the_hosts_life_are_told_in_their_order() {
    let (mut served, _origin) = hooks("life_cycle");
    assert_eq!(served.began, ["initialised", "LOG_INITIALIZED", "PORTS_INITIALIZED", "PORTS_READY"]);
    served.message("colour", "blue");
    assert_eq!(served.next(), "colour says blue");
    let rest = served.end().0;
    assert_eq!(rest, ["SHUTDOWN"]);
}

#[test]
fn a_message_waits_for_a_mutex_that_is_busy() {
    let (mut served, _origin) = hooks("a_busy_mutex");
    served.message("colour", "blue");
    assert_eq!(served.take(2), ["let go", "colour says blue"]);
    served.end();
}

#[test]
fn a_plugin_may_refuse_hosts_with_a_status_and_a_body_of_its_own() {
    let origin = Origin::echo();
    let served = serve(&Plugin::compile("deny.cc"), "deny", &["denied.example"], origin.address);
    let mut client = served.client();
    client.send("GET / HTTP/1.1\r\nHost: denied.example\r\n\r\n");
    let refused = client.answer();
    assert_eq!(served.next(), "busy", "the first one found the list in use, and asked again");
    assert_eq!(refused.start, "HTTP/1.1 403 Forbidden");
    assert_eq!(refused.text(), "This host is not for you.\n");
    assert_eq!(refused.field("content-type"), Some("text/plain"));
    assert_eq!(origin.requests().len(), 0);
    assert_eq!(client.get("/").status(), 200);
    assert_eq!(origin.requests().len(), 1);
    drop(client);
    assert_eq!(served.end(), (vec![], 1), "each transaction's own continuation is gone");
}

#[test]
fn a_status_that_is_set_before_a_request_is_mapped_answers_it() {
    let (served, origin) = hooks("statuses");
    let mut client = served.client();
    for status in [302, 403, 503] {
        let answer = client.get(&format!("/{status}"));
        assert_eq!((answer.status(), answer.text().starts_with(&status.to_string())), (status, true));
    }
    assert_eq!(origin.requests().len(), 0);
    assert_eq!(client.get("/200").status(), 200, "one that comes when it has been mapped is too late");
    assert_eq!(client.get("/410").status(), 200, "that one was taken back");
    drop(client);
    served.end();
}

#[test]
fn a_requests_body_may_be_read_as_a_whole_before_the_origin_is_asked() {
    let (served, origin) = hooks("a_body_as_a_whole");
    let mut client = served.client();
    let body = "body".repeat(20_000);
    client.send(format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    assert_eq!(client.answer().status(), 200);
    assert_eq!(served.next(), "80000 bytes from body");
    assert_eq!(origin.requests()[0].text(), body);
    // The reader that was kept has gone with the transaction.
    client.ask("/");
    assert!(client.try_answer().is_err());
    let line = served.fault();
    assert!(
        line.starts_with(
            "ts: TSIOBufferReaderAvail, called by hooks: readerp is an IO buffer's reader that is gone"
        ),
        "{line}"
    );
}
