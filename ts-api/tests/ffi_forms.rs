//! What the headers make of the exported functions: in C++ vectors, guards, owners, controls; formats and assertions in both.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Source;

const FORMS: Source = Source("forms.cc");

#[test]
fn a_vector_has_an_action_for_each_thread_of_the_pool() {
    assert_eq!(FORMS.printed("vectors"), ["2, 2, 0"]);
}

#[test]
fn a_guard_holds_its_mutex_to_the_end_of_its_scope() {
    assert_eq!(FORMS.printed("guards"), ["held", "free", "last", "1 forms"]);
}

#[test]
fn a_control_has_its_tag_from_the_loading_on_and_evaluates_nothing_while_it_is_off() {
    assert_eq!(FORMS.printed("controls"), ["1 forms"]);
}

#[test]
fn no_text_is_too_long_for_a_format() {
    assert_eq!(FORMS.printed("formats"), ["1 forms"]);
}

#[test]
fn the_host_has_the_version_that_the_headers_follow() {
    assert_eq!(FORMS.printed("versions"), ["1 forms"]);
}

#[test]
fn memory_is_there_for_as_many_as_were_asked_for_and_assertions_are_always_evaluated() {
    assert_eq!(FORMS.printed("memory"), ["2 1 forms"]);
}

#[test]
fn a_failed_assertion_ends_the_process_with_its_text_and_place() {
    let ran = FORMS.run("asserts");
    assert!(!ran.status.success() && ran.out.is_empty(), "{ran:#?}");
    let said = ran.err.join("\n");
    assert!(said.contains("more is wanted") && said.contains("forms.cc:"), "{said}");
}

#[test]
fn nothing_is_the_pointer_that_stands_for_an_error() {
    assert_eq!(FORMS.printed("error_pointers"), ["1 forms"]);
}
