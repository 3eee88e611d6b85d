//! Which protocols a request came by, as plugins in C ask.
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
fn the_protocols_are_told_outermost_first_as_soon_as_the_request_is_there() {
    let origin = Origin::echo();
    let served = serve(&Plugin::compile("protocols.c"), "says_them", &[], origin.address);
    assert_eq!(served.client().get("/").status(), 200);
    assert_eq!(served.take(3), ["http/1.1", "tcp", "ipv4"]);
    assert_eq!(served.end().0, [""; 0]);
}
