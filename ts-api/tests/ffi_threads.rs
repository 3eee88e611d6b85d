//! Threads as plugins in C have them: of their own, or joined in for a while.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::{Plugin, Ran};

fn run(entry: &str) -> Ran {
    Plugin::compile("threads.c").run(entry, &[])
}

/// What an entry prints that leaves nothing behind.
#[track_caller]
fn printed(entry: &str) -> Vec<String> {
    let ran = run(entry);
    assert_eq!(ran.left, Some(0), "{ran:#?}");
    ran.printed()
}

#[track_caller]
fn faults(entry: &str, function: &str, fault: &str) {
    let line = run(entry).fault();
    assert!(line.starts_with(&format!("ts: {function}")) && line.contains(fault), "{entry}: {line}");
}

#[test]
fn a_thread_schedules_and_is_waited_for_and_destroyed_from_anywhere() {
    assert_eq!(printed("a_life"), ["done"]);
}

#[test]
fn threads_that_are_over_leave_nothing_behind() {
    assert_eq!(printed("many_lives"), ["done"]);
}

#[test]
fn an_event_thread_always_has_the_same_handle_and_others_have_none() {
    assert_eq!(printed("handles_of_event_threads"), ["4"]);
    assert_eq!(printed("who_is_who"), ["done"]);
}

#[test]
fn a_foreign_thread_schedules_between_init_and_destroy() {
    assert_eq!(printed("a_foreign_thread_joins_in"), ["done"]);
    faults("a_foreign_thread_that_has_left", "TSContSchedule", "is neither an event thread nor");
}

#[test]
fn a_thread_joins_in_once_and_leaves_by_itself() {
    faults("joined_twice", "TSThreadInit", "knows this thread already");
    faults("joined_and_destroyed_elsewhere", "TSThreadDestroy, called by threads", "destroyed there");
}

#[test]
fn what_has_no_end_is_not_waited_for() {
    faults("joined_and_waited_for", "TSThreadWait, called by threads", "was not made by TSThreadCreate");
    faults("waited_for_by_itself", "TSThreadWait, called by threads", "its own end");
}

#[test]
fn a_thread_is_destroyed_when_it_is_over_once_and_by_its_maker() {
    faults("destroyed_running", "TSThreadDestroy, called by threads", "still running");
    faults("destroyed_twice", "TSThreadDestroy, called by threads", "is a thread that is gone");
    faults("the_hosts_destroyed", "TSThreadDestroy, called by threads", "is the host's");
}

#[test]
fn after_a_shutdown_no_thread_is_made() {
    let ran = run("after_the_shutdown");
    assert_eq!(ran.err, ["as expected"]);
    assert_eq!(ran.printed(), [""; 0]);
}
