//! Random sequences of calls of the C interface: what the fuzz target `calls` does for longer, and led by what it reaches.
#![cfg(feature = "ffi")]

#[path = "support/calls.rs"]
mod calls;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    // The only test here: it splits processes off, which go on with what one thread had.
    #[test]
    fn sequences_of_legal_calls_do_as_the_model_says_and_a_wrong_one_is_a_fault(
        bytes in prop::collection::vec(any::<u8>(), 0..400)
    ) {
        calls::run(&bytes);
    }
}
