//! What getters lend: bytes that stay where they are for as long as their buffer.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::ffi::{c_char, c_int};
use std::hash::{Hash, Hasher};
use std::ptr::NonNull;
use std::sync::Arc;

/// Bytes lent to plugins, each content once, with a NUL behind it.
#[derive(Default)]
pub(in crate::ffi) struct Lent(HashSet<Kept>);

/// Bytes and a NUL. They stay where they are when this is moved.
struct Kept(Arc<[u8]>);

impl Kept {
    fn new(bytes: &[u8]) -> Self {
        Self(bytes.iter().copied().chain([0]).collect())
    }

    fn place(&self) -> NonNull<c_char> {
        NonNull::from(&*self.0).cast()
    }
}

// The NUL does not count: so what is kept is found by the bytes alone.
impl Borrow<[u8]> for Kept {
    fn borrow(&self) -> &[u8] {
        self.0.split_last().map_or(&[], |(_, bytes)| bytes)
    }
}

impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Borrow::<[u8]>::borrow(self).hash(state);
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Kept {}

impl Lent {
    /// Where the bytes are for good. Their length fits an `int`, since no head is that long.
    pub(in crate::ffi) fn lend(&mut self, bytes: &[u8]) -> NonNull<c_char> {
        if let Some(kept) = self.0.get(bytes) {
            return kept.place();
        }
        let kept = Kept::new(bytes);
        let place = kept.place();
        self.0.insert(kept);
        place
    }
}

/// A length as it crosses.
pub(in crate::ffi) fn length(bytes: &[u8]) -> c_int {
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
        // A NUL within is one of the bytes.
        assert_ne!(lent.lend(b"text/html\0"), first);
        assert_eq!(lent.lend(b""), lent.lend(b""));
        // SAFETY: it was lent with a NUL behind it, and the buffer is still there.
        assert_eq!(unsafe { CStr::from_ptr(first.as_ptr()) }, c"text/html");
    }
}
