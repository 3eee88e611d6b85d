//! Continuations as plugins in C have them: calls, data, and the ways in which they end.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Source;

const CONTS: Source = Source("conts.c");

#[test]
fn a_handler_is_called_with_what_its_caller_gives() {
    let ran = CONTS.plugin().run("a_call", &["words"]);
    assert_eq!(ran.left, Some(0));
    assert_eq!(ran.printed(), ["called with 4 and words", "42", "called with 3 and nothing", "42"]);
}

#[test]
fn a_direct_call_brings_any_code_and_counts_for_nothing() {
    let codes = [0, 1, 2, 5, 60012, -1, i32::MAX, i32::MIN];
    assert_eq!(
        CONTS.printed("calls_with_every_code"),
        codes.map(|code| format!("called with {code} and words"))
    );
}

#[test]
fn a_handler_may_call_itself_and_destroy_itself_on_the_way() {
    let lines = ["1 begins", "2 begins", "3 begins", "3 ends", "2 ends", "1 ends"];
    assert_eq!(CONTS.printed("a_call_of_itself"), lines);
    assert_eq!(CONTS.printed("a_call_that_destroys"), ["destroyed", "the outer one goes on"].repeat(2));
}

#[test]
fn data_is_null_at_first_and_may_be_set_by_several_threads() {
    assert_eq!(CONTS.printed("data"), ["done"]);
}

#[test]
fn a_foreign_thread_may_create_call_and_destroy() {
    assert_eq!(CONTS.printed("a_life_on_a_foreign_thread"), ["called with 4 and nothing"]);
}

#[test]
fn pending_events_of_what_is_destroyed_never_come() {
    assert_eq!(CONTS.printed("destroyed_with_events_pending"), ["0 runs"]);
    assert_eq!(CONTS.printed("destroyed_when_scheduled_again"), ["1 runs"]);
    assert_eq!(CONTS.printed("destroyed_and_cancelled"), ["0 runs"]);
}

#[test]
fn a_periodic_event_ends_with_its_continuation() {
    assert_eq!(CONTS.printed("destroyed_in_a_periodic_handler"), ["4 runs"]);
    assert_eq!(CONTS.printed("destroyed_while_it_is_periodic"), ["no more runs"]);
    assert_eq!(CONTS.printed("destroyed_by_one_of_several_threads"), ["no more runs"]);
}

#[test]
fn several_threads_run_a_handler_without_a_mutex_at_once_and_it_gets_none() {
    assert_eq!(CONTS.printed("several_threads_in_one_handler"), ["both at once"]);
}

#[test]
fn a_call_of_what_another_thread_holds_is_a_fault() {
    assert_eq!(
        CONTS.run("a_call_while_another_thread_holds_the_mutex").fault(),
        "ts: TSContCall, called by conts: the continuation's mutex is held by another thread: lock it before the call"
    );
}

#[test]
fn a_handle_is_stale_for_good_once_its_continuation_is_destroyed() {
    let start = "ts: TSContDestroy, called by conts: contp is a continuation that is gone";
    for entry in ["destroyed_twice", "destroyed_twice_in_its_handler", "a_stale_handle_and_many_others"] {
        let line = CONTS.run(entry).fault();
        assert!(line.starts_with(start), "{entry}: {line}");
    }
}

#[test]
fn an_exception_may_not_leave_a_plugin() {
    let plugin = Source("exceptions.cc");
    assert_eq!(plugin.run("caught_inside").printed(), ["caught", "7"]);
    let handler = |event| format!("a handler of exceptions, in event {event}");
    let function = String::from("a function of exceptions");
    let leaving = [
        ("out_of_a_handler", handler(2)),
        ("out_of_a_call", handler(4)),
        ("out_of_a_thread", function.clone()),
        ("out_of_the_initialisation", function),
        ("a_handler_that_ends_its_thread", handler(1)),
    ];
    for (entry, what) in leaving {
        let ran = plugin.run(entry);
        assert!(ran.out.is_empty(), "{ran:#?}");
        assert_eq!(ran.fault(), format!("ts: {what}: an exception left it, or pthread_exit was called"));
    }
}
