//! Threads as plugins in C have them: of their own, or joined in for a while.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Source;

const THREADS: Source = Source("threads.c");

#[test]
fn a_thread_schedules_and_is_waited_for_and_destroyed_from_anywhere() {
    assert_eq!(THREADS.printed("a_life"), ["done"]);
}

#[test]
fn threads_that_are_over_leave_nothing_behind() {
    assert_eq!(THREADS.printed("many_lives"), ["done"]);
}

#[test]
fn an_event_thread_always_has_the_same_handle_and_others_have_none() {
    assert_eq!(THREADS.printed("handles_of_event_threads"), ["4"]);
    assert_eq!(THREADS.printed("who_is_who"), ["done"]);
}

#[test]
fn a_foreign_thread_schedules_between_init_and_destroy() {
    assert_eq!(THREADS.printed("a_foreign_thread_joins_in"), ["done"]);
    // A thread that has left is no plugin's any more.
    let line = THREADS.run("a_foreign_thread_that_has_left").fault();
    assert!(line.starts_with("ts: TSContSchedule: this thread is neither an event thread nor"), "{line}");
}

#[test]
fn a_thread_joins_in_once_and_leaves_by_itself() {
    let line = THREADS.run("joined_twice").fault();
    assert!(line.starts_with("ts: TSThreadInit: the host knows this thread already"), "{line}");
    THREADS.faults("joined_and_destroyed_elsewhere", "TSThreadDestroy", "destroyed there");
}

#[test]
fn what_has_no_end_is_not_waited_for() {
    THREADS.faults("joined_and_waited_for", "TSThreadWait", "was not made by TSThreadCreate");
    THREADS.faults("waited_for_by_itself", "TSThreadWait", "its own end");
}

#[test]
fn a_thread_is_destroyed_when_it_is_over_once_and_by_its_maker() {
    THREADS.faults("destroyed_running", "TSThreadDestroy", "still running");
    THREADS.faults("destroyed_twice", "TSThreadDestroy", "is a thread that is gone");
    THREADS.faults("the_hosts_destroyed", "TSThreadDestroy", "is the host's");
}

#[test]
fn after_a_shutdown_no_thread_is_made() {
    let ran = THREADS.run("after_the_shutdown");
    assert_eq!(ran.err, ["as expected"]);
    assert_eq!(ran.printed(), [""; 0]);
}
