//! Both halves as loom can model them: `SeqCst` fences.

use crate::sync::atomic::{Ordering, fence};

#[inline]
pub(super) fn light() {
    // SeqCst [fence-pair]: the light half of the pair.
    fence(Ordering::SeqCst);
}

/// The light half for those who know the mode: so that their ways are modelled too.
#[inline]
pub(super) fn light_asymmetric() {
    light();
}

#[inline]
pub(super) fn heavy() {
    // SeqCst [fence-pair]: the heavy half of the pair.
    fence(Ordering::SeqCst);
}

pub(super) fn is_asymmetric() -> bool {
    false
}

pub(super) fn is_known_asymmetric() -> bool {
    true
}
