//! What the compiler refuses: one small program for each promise. The wording is that of the pinned compiler.

#![cfg(not(loom))]

#[test]
fn misuse_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
