//! What getters lend: bytes that stay where they are for as long as their buffer.

use std::collections::HashSet;
use std::ffi::{c_char, c_int};
use std::ptr::NonNull;

/// Bytes lent to plugins, each content once, with a NUL behind it.
#[derive(Default)]
pub(super) struct Lent(HashSet<Box<[u8]>>);

impl Lent {
    /// Where the bytes are for good. Their length fits an `int`, since no head is that long.
    pub(super) fn lend(&mut self, bytes: &[u8]) -> NonNull<c_char> {
        let kept: Box<[u8]> = [bytes, b"\0"].concat().into();
        if !self.0.contains(&kept) {
            self.0.insert(kept.clone());
        }
        let place = self.0.get(&kept).expect("it was put there");
        NonNull::from(&**place).cast()
    }
}

/// A length as it crosses.
pub(super) fn length(bytes: &[u8]) -> c_int {
    c_int::try_from(bytes.len()).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn the_same_content_is_lent_once_and_never_moves() {
        let mut lent = Lent::default();
        let first = lent.lend(b"text/html");
        for number in 0..1_000 {
            lent.lend(format!("{number}").as_bytes());
        }
        assert_eq!(lent.lend(b"text/html"), first);
        assert_eq!(lent.0.len(), 1_001);
        // SAFETY: it was lent with a NUL behind it, and the buffer is still there.
        assert_eq!(unsafe { CStr::from_ptr(first.as_ptr()) }, c"text/html");
    }
}
