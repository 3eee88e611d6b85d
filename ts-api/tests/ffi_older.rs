//! What sources say that are older than the headers, in C and in C++.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Source;

fn printed(entry: &str) -> [Vec<String>; 2] {
    ["older.c", "older.cc"].map(|source| Source(source).printed(entry))
}

#[test]
fn a_schedule_that_names_a_pool_is_one_on_that_pool() {
    assert_eq!(printed("a_schedule_names_a_pool_or_none"), [["done"]; 2]);
}

#[test]
fn arguments_of_transactions_and_sessions_have_calls_of_their_own() {
    let expected = ["of a transaction", "of a session"];
    assert_eq!(printed("arguments_have_calls_for_each_kind"), [expected; 2]);
}

#[test]
fn types_and_limits_of_older_headers_are_there() {
    assert_eq!(printed("types_and_limits_are_known"), [["7"]; 2]);
}
