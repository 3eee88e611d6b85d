//! Continuations as plugins in C have them.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Plugin;

#[test]
fn a_handler_is_called_with_what_its_caller_gives() {
    let ran = Plugin::compile("conts.c").run("a_call", &["words"]);
    assert_eq!(ran.left, Some(0));
    assert_eq!(ran.printed(), ["called with 4 and words", "42"]);
}

#[test]
fn a_fault_ends_the_process_with_a_line_that_names_call_plugin_and_fault() {
    let line = Plugin::compile("conts.c").run("destroys_twice", &[]).fault();
    assert!(
        line.starts_with("ts: TSContDestroy, called by conts: contp is a continuation that is gone"),
        "{line}"
    );
}
