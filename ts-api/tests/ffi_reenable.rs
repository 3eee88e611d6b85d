//! Re-enabling by plugins in C: by whom, how often, when it is too late; events that are about a transaction.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;
#[path = "support/serve.rs"]
mod serve;
#[path = "support/http.rs"]
mod support;

use std::time::Duration;

use c::Plugin;
use serve::{Served, serve, serve_impatiently};
use support::Origin;

fn reenable(entry: &str) -> (Served, Origin) {
    let origin = Origin::echo();
    (serve(&Plugin::compile("reenable.c"), entry, &[], origin.address), origin)
}

/// The line that a request ends the process with.
fn fault(entry: &str) -> String {
    let (served, _origin) = reenable(entry);
    let mut client = served.client();
    client.ask("/");
    let _ = client.try_answer();
    let line = served.fault();
    line.strip_prefix("ts: ").expect("a line of ours").to_owned()
}

#[test]
fn a_thread_that_the_host_does_not_know_may_re_enable() {
    let (served, origin) = reenable("from_a_foreign_thread");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut client = served.client();
            scope.spawn(move || {
                for _ in 0..25 {
                    assert_eq!(
                        client.get("/").status(),
                        500,
                        "it ends in an error before the origin is asked"
                    );
                }
            });
        }
    });
    assert_eq!(origin.requests().len(), 0);
    served.end();
}

#[test]
fn such_a_thread_may_re_enable_a_session_too() {
    let (served, _origin) = reenable("a_session_from_a_foreign_thread");
    assert_eq!(served.client().get("/").status(), 200);
    served.end();
}

#[test]
fn a_second_re_enable_is_refused_and_changes_nothing() {
    let (served, _origin) = reenable("twice");
    assert_eq!(served.client().get("/").status(), 200);
    let twice = ["TS_EVENT_HTTP_READ_REQUEST_HDR 0 -1", "TS_EVENT_HTTP_SEND_RESPONSE_HDR 0 -1"];
    assert_eq!(served.take(2), twice);
    served.end();
}

#[test]
fn a_handler_that_had_to_wait_for_its_mutex_re_enables_like_any_other() {
    let (mut served, _origin) = reenable("after_a_wait");
    let mut client = served.client();
    client.ask("/");
    assert_eq!(served.next(), "first");
    served.message("go", "on");
    assert_eq!(served.next(), "second");
    assert_eq!(client.answer().status(), 200);
    drop(client);
    served.end();
}

#[test]
fn a_second_re_enable_does_not_count_for_the_next_one_while_that_waits_to_be_called() {
    let (mut served, _origin) = reenable("while_the_next_one_waits");
    let mut client = served.client();
    client.ask("/");
    assert_eq!(served.next(), "once");
    served.message("once", "more");
    assert_eq!(served.take(2), ["again: -1", "second"]);
    assert_eq!(client.answer().status(), 200, "and not an error");
    drop(client);
    served.end();
}

#[test]
fn one_that_comes_when_the_host_has_gone_on_is_refused() {
    let origin = Origin::echo();
    let plugin = Plugin::compile("reenable.c");
    let mut served = serve_impatiently(&plugin, "too_late", origin.address, Duration::from_millis(1));
    assert_eq!(served.client().get("/").status(), 500);
    served.message("too", "");
    assert_eq!(served.next(), "too late: -1");
    served.end();
}

#[test]
fn an_answer_that_is_none_is_a_fault() {
    for (entry, function, event) in [
        ("a_wrong_answer", "TSHttpTxnReenable", 60011),
        ("a_wrong_answer_of_a_session", "TSHttpSsnReenable", 60013),
    ] {
        let answers = "TS_EVENT_HTTP_CONTINUE or TS_EVENT_HTTP_ERROR";
        let expected = format!("{function}, called by reenable: event is {event}, and must be {answers}");
        assert_eq!(fault(entry), expected);
    }
}

#[test]
fn a_session_is_no_transaction() {
    let line = fault("a_session_as_a_transaction");
    let expected = "TSHttpTxnReenable, called by reenable: txnp is a session, where a transaction is needed";
    assert!(line.starts_with(expected), "{line}");
}

#[test]
fn a_transaction_that_is_over_is_a_fault_and_never_another_transaction() {
    let (served, _origin) = reenable("a_transaction_that_is_over");
    let mut client = served.client();
    assert_eq!(client.get("/").status(), 200);
    client.ask("/");
    assert!(client.try_answer().is_err());
    let line = served.fault();
    let expected = "ts: TSHttpTxnSsnGet, called by reenable: txnp is a transaction that is gone: it was destroyed, or has come to its end";
    assert!(line.starts_with(expected), "{line}");
    let line = Plugin::compile("reenable.c").run("no_transaction", &[]).fault();
    assert_eq!(line, "ts: TSHttpTxnReenable, called by reenable: txnp is null where a transaction is needed");
}

#[test]
fn an_event_about_a_transaction_comes_while_that_is_there_and_not_after() {
    let (served, _origin) = reenable("an_event_about_a_transaction");
    let mut client = served.client();
    for _ in 0..3 {
        assert_eq!(client.get("/").status(), 200);
        assert_eq!(served.take(4), ["at once", "too late", "in time", "closed"]);
    }
    drop(client);
    assert_eq!(served.end(), (vec![], 1));
}

#[test]
fn an_event_about_a_transaction_needs_a_mutex_and_a_thread_of_the_hosts() {
    let line = fault("scheduled_by_a_foreign_thread");
    assert!(line.starts_with("TSHttpSchedule: "), "{line}");
    let line = fault("scheduled_without_a_mutex");
    assert!(
        line.starts_with("TSHttpSchedule, called by reenable: scheduling needs a continuation with a mutex"),
        "{line}"
    );
}
