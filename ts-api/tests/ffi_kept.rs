//! What plugins in C keep with transactions and sessions, and how these are called.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;
#[path = "support/serve.rs"]
mod serve;
#[path = "support/http.rs"]
mod support;

use c::Plugin;
use serve::{Served, serve};
use support::Origin;

fn run(entry: &str) -> (Served, Origin) {
    let origin = Origin::echo();
    (serve(&Plugin::compile("kept.c"), entry, &[], origin.address), origin)
}

#[test]
fn each_transaction_and_session_has_arguments_of_its_own() {
    let (served, _origin) = run("arguments");
    for requests in 1..3 {
        let mut client = served.client();
        for _ in 0..requests {
            assert_eq!(client.get("/").status(), 200);
        }
        drop(client);
        let lines = served.take(requests + 1);
        let expected = (1..=requests).map(|number| format!("number {number}"));
        assert_eq!(lines, expected.chain([format!("a session of {requests}")]).collect::<Vec<_>>());
    }
    served.end();
}

#[test]
fn an_argument_of_something_else_or_of_what_is_over_is_a_fault() {
    let (served, _origin) = run("of_another");
    let _client = served.client();
    let line = served.fault();
    assert!(
        line.starts_with(
            "ts: TSUserArgSet, called by kept: data is a session, where a transaction is needed"
        ),
        "{line}"
    );
    let (served, _origin) = run("over");
    let mut client = served.client();
    assert_eq!(client.get("/").status(), 200);
    drop(client);
    let line = served.fault();
    assert!(
        line.starts_with("ts: TSUserArgGet, called by kept: data is a transaction that is gone"),
        "{line}"
    );
}
