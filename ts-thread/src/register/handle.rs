//! The number that names a value, and why one names nothing.
//!
//! # Rules
//! * A handle is the place's number in the low [`PLACE_BITS`] bits and the generation above it, which fills [`Handle::BITS`].
//! * Generation 0 and the lowest places' numbers are never given out, so no handle is zero.

use std::fmt;
use std::num::NonZeroU64;

/// How much of a handle says where.
pub(super) const PLACE_BITS: u32 = 26;

/// How much of a handle says the how-manieth at that place.
pub(super) const GENERATION_BITS: u32 = 26;

/// What names a value in a [`Register`](super::Register): never zero, and no other value ever has the same.
///
/// It is a number of [`BITS`](Self::BITS) bits, so that twelve of a word of 64 are left to whoever hands it out, for instance to
/// say in which register to look.
///
/// # Examples
///
/// ```
/// use ts_thread::register::Handle;
///
/// let handle = Handle::from_bits(7 << 26 | 100).unwrap();
/// assert_eq!((handle.place(), handle.generation()), (100, 7));
/// assert_eq!(Handle::from_bits(handle.get().get()), Some(handle));
/// assert_eq!(Handle::from_bits(0), None);
/// assert_eq!(Handle::from_bits(u64::MAX), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Handle(NonZeroU64);

impl Handle {
    /// How many bits a handle needs: those above are zero.
    pub const BITS: u32 = PLACE_BITS + GENERATION_BITS;

    /// The handle with this number, or `None` for a number that no handle has: 0, or 2⁵² and above.
    ///
    /// Whether it names anything, or ever did, is not looked at: any number may be tried.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match NonZeroU64::new(bits) {
            Some(number) if bits >> Self::BITS == 0 => Some(Self(number)),
            _ => None,
        }
    }

    /// The handle as a number, below 2⁵².
    #[inline]
    #[must_use]
    pub const fn get(self) -> NonZeroU64 {
        self.0
    }

    /// The number of the place that the value is in; later values may come into the same.
    #[inline]
    #[must_use]
    pub const fn place(self) -> u32 {
        (self.0.get() & ((1 << PLACE_BITS) - 1)) as u32
    }

    /// How many values have been in that place so far, with this one.
    #[inline]
    #[must_use]
    pub const fn generation(self) -> u32 {
        (self.0.get() >> PLACE_BITS) as u32
    }

    /// Neither number has more bits than are meant for it.
    #[inline]
    pub(super) fn new(place: u32, generation: u32) -> Option<Self> {
        Self::from_bits(u64::from(generation) << PLACE_BITS | u64::from(place))
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("place", &self.place())
            .field("generation", &self.generation())
            .finish()
    }
}

/// Why a handle names no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Stale {
    /// Its value was removed.
    #[error("what the handle named has been removed")]
    Removed,
    /// The register has given no such handle out, as far as the thread that asks can know.
    #[error("no such handle was ever given out")]
    NeverWas,
}

/// A register has no place left; here is the value back.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the register has no place left")]
pub struct Full<T>(
    /// What was to be registered.
    pub T,
);

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Full").finish_non_exhaustive()
    }
}
