//! The messages of transactions, as plugins in C read and change them.
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
fn messages_are_read_and_changed_at_their_hooks_and_nowhere_else() {
    let origin = Origin::echo();
    let served = serve(&Plugin::compile("messages.c"), "read_and_changed", &[], origin.address);
    let mut client = served.client();
    for _ in 0..2 {
        client.send(
            "POST /old?q HTTP/1.1\r\nHost: test.example\r\nX-Gone: a\r\nContent-Length: 4\r\nx-TWICE: b\r\n\r\nbody",
        );
        let answer = client.answer();
        assert_eq!((answer.status(), answer.field("x-response")), (203, Some("3, 4")));
        assert!(answer.start.ends_with(" Changed"), "{}", answer.start);
        assert_eq!(answer.text(), "POST /new HTTP/1.1 body");
        let fields = ["Host: test.example", "X-Gone: a", "Content-Length: 4", "x-TWICE: b"];
        assert_eq!(served.take(4), fields);
        assert_eq!(served.next(), "POST");
    }
    for request in origin.requests() {
        assert_eq!(request.field("x-gone"), None);
        assert_eq!((request.field("x-plugin"), request.field("x-origin")), (Some("1"), Some("2")));
    }
    drop(client);
    served.end();
}

#[test]
fn fields_that_stay_within_the_host_are_told_from_hook_to_hook_and_to_nobody_else() {
    let origin = Origin::echo();
    let served = serve(&Plugin::compile("messages.c"), "inner_fields", &[], origin.address);
    let mut client = served.client();
    let answer = client.get("/");
    assert_eq!((answer.status(), answer.field("x-told")), (200, Some("of the response")));
    assert_eq!(answer.field("@origin"), None);
    assert_eq!(served.next(), "of the request");
    let request = &origin.requests()[0];
    assert_eq!((request.field("x-user"), request.field("@user")), (Some("7"), None));
    client.send("GET / HTTP/1.1\r\nHost: h\r\n@User: somebody\r\n\r\n");
    assert_eq!(client.answer().status(), 400, "none comes from outside");
    drop(client);
    served.end();
}

#[test]
fn a_message_ends_with_its_transaction() {
    let origin = Origin::echo();
    let served = serve(&Plugin::compile("messages.c"), "kept_too_long", &[], origin.address);
    let mut client = served.client();
    assert_eq!(client.get("/").status(), 200);
    client.ask("/");
    let _ = client.try_answer();
    let line = served.fault();
    assert!(
        line.starts_with(
            "ts: TSMimeHdrFieldsCount, called by messages: bufp is a marshal buffer that is gone"
        ),
        "{line}"
    );
}
