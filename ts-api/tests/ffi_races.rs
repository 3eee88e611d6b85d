//! What threads of plugins in C may do at the same time.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Plugin;

#[test]
fn the_last_who_had_a_mutex_may_destroy_it_at_once() {
    let ran = Plugin::compile("races.c").run("the_last_who_had_a_mutex_destroys_it", &["5000"]);
    assert_eq!(ran.printed(), ["done"]);
}
