//! Promise: what must not be shared or sent does not compile.
#![cfg(not(loom))]

#[test]
fn what_belongs_to_one_thread_does_not_leave_it() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
