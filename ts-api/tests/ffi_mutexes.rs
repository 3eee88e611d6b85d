//! Mutexes as plugins in C have them: who holds them, how often, and how long there are any.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Source;

const MUTEXES: Source = Source("mutexes.c");

#[test]
fn its_holder_may_lock_it_again_and_others_wait_until_all_levels_are_unlocked() {
    assert_eq!(MUTEXES.printed("recursion"), ["done"]);
}

#[test]
fn foreign_threads_exclude_each_other() {
    assert_eq!(MUTEXES.printed("foreign_threads"), ["80000"]);
}

#[test]
fn continuations_that_share_one_exclude_each_other() {
    assert_eq!(MUTEXES.printed("shared_by_continuations"), ["1000"]);
}

#[test]
fn a_plugin_that_holds_one_keeps_handlers_away() {
    assert_eq!(MUTEXES.printed("held_against_a_handler"), ["done"]);
}

#[test]
fn one_that_is_locked_outlives_its_last_continuation() {
    let ran = MUTEXES.run("locked_beyond_the_last_continuation");
    assert_eq!(ran.out, ["unlocked"]);
    assert!(ran.fault().starts_with("ts: TSMutexLock, called by mutexes: mutexp is a mutex that is gone"));
    assert_eq!(MUTEXES.printed("locked_in_a_handler_that_destroys"), ["done"]);
    MUTEXES.faults("gone_with_the_last_continuation", "TSMutexLockTry", "is a mutex that is gone");
}

#[test]
fn unlocking_what_one_does_not_hold_is_a_fault() {
    MUTEXES.faults("unlocked_twice", "TSMutexUnlock", "is not locked by this thread");
    let line = MUTEXES.run("unlocked_by_another_thread").fault();
    assert_eq!(line, "ts: TSMutexUnlock: mutexp is not locked by this thread");
    MUTEXES.faults(
        "unlocked_in_place_of_the_host",
        "TSMutexUnlock",
        "was locked by the host around this handler",
    );
}

#[test]
fn one_that_is_in_use_cannot_be_destroyed() {
    MUTEXES.faults("destroyed_locked", "TSMutexDestroy", "is locked");
    MUTEXES.faults("destroyed_with_continuations", "TSMutexDestroy", "belongs to the continuations");
    MUTEXES.faults("destroyed_twice", "TSMutexDestroy", "is a mutex that is gone");
}
