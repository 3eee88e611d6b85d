//! Sequences of calls of the C interface beside a model: see `tests/support/calls.rs`, which makes them out of bytes.
#![no_main]

#[path = "../tests/support/calls.rs"]
mod calls;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| calls::run(input));
