//! Scheduling as plugins in C do it: codes, order, times, threads, affinity.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Source;

const SCHEDULE: Source = Source("schedule.c");

#[test]
fn the_code_tells_whether_it_was_for_now_and_nothing_comes_early() {
    assert_eq!(SCHEDULE.printed("codes_and_times"), ["20"]);
}

#[test]
fn a_period_is_kept_until_its_continuation_ends() {
    assert_eq!(SCHEDULE.printed("periods"), ["done"]);
}

#[test]
fn a_period_below_zero_means_every_turn_of_the_thread() {
    assert_eq!(SCHEDULE.printed("every_turn"), ["done"]);
}

#[test]
fn no_time_is_too_long() {
    assert_eq!(SCHEDULE.printed("extreme_times"), ["done"]);
}

#[test]
fn what_is_for_now_comes_in_the_order_of_the_calls_and_never_inside_of_one() {
    assert_eq!(SCHEDULE.printed("order_on_one_thread"), ["in order"]);
}

#[test]
fn no_call_waits_for_a_mutex() {
    assert_eq!(SCHEDULE.printed("scheduled_while_its_mutex_is_held"), ["done"]);
}

#[test]
fn threads_are_chosen_as_the_scenarios_say() {
    assert_eq!(SCHEDULE.printed("affinity"), ["as documented"]);
}

#[test]
fn an_entire_pool_gets_an_event_for_each_thread_or_none_if_there_is_no_room_for_the_actions() {
    assert_eq!(SCHEDULE.printed("entire_pools"), ["done"]);
    assert_eq!(Source("vectors.cc").printed("entire_pools"), ["done"]);
}

#[test]
fn after_a_shutdown_actions_are_null() {
    let ran = SCHEDULE.run("after_the_shutdown");
    assert_eq!(ran.left, Some(2));
    assert_eq!(ran.err, ["as expected"]);
    assert_eq!(ran.printed(), [""; 0]);
}
