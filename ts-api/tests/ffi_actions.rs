//! Actions as plugins in C have them: cancelled and asked for at every time, any number of times.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Source;

const ACTIONS: Source = Source("actions.c");

#[test]
fn an_event_that_is_cancelled_before_it_ran_never_comes() {
    assert_eq!(ACTIONS.printed("before_it_ran"), ["never"]);
    assert_eq!(ACTIONS.printed("by_the_handlers_argument"), ["never"]);
}

#[test]
fn an_event_may_be_cancelled_in_its_own_handler() {
    assert_eq!(ACTIONS.printed("in_its_handler"), ["00, then 1", "once"]);
}

#[test]
fn cancelling_what_is_over_touches_nobody_else() {
    assert_eq!(ACTIONS.printed("after_it_ran"), ["1000"]);
}

#[test]
fn there_is_nothing_to_cancel_in_no_action() {
    assert_eq!(ACTIONS.printed("of_nothing"), ["0 0"]);
}

#[test]
fn who_holds_the_mutex_and_cancels_sees_no_handler_run() {
    assert_eq!(ACTIONS.printed("under_the_mutex"), ["done"]);
}
