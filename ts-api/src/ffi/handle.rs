//! Handles: numbers in the shape of pointers, and the tables where they are looked up.
//!
//! | bits | are |
//! |---|---|
//! | 63 and 62 | `10` for an action, `00` for everything else |
//! | 61 to 56 | the kind, never zero; of an action they belong to its number |
//! | 55 to 4 | the number: a place in a table, and how often that place has been used |
//! | 3 to 0 | zero; bit 0 of an action is one |
//!
//! # Rules
//! * No processor follows such an address: whoever takes a handle for a pointer faults right there, and hits nobody's memory.
//! * A number never comes again. A place whose numbers are used up is given up.
//! * What a table holds is reached for a few instructions at a time; whoever wants more takes a count of it along.

use std::fmt;
use std::marker::PhantomData;

use ts_thread::register::{Handle, Register};

use super::call::Call;

const KIND_SHIFT: u32 = 56;
const NUMBER_SHIFT: u32 = 4;
/// Bits of a number.
const NUMBER_BITS: u32 = KIND_SHIFT - NUMBER_SHIFT;
const _: () = assert!(NUMBER_BITS == Handle::BITS);

/// What a handle stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    Cont = 1,
    Mutex,
    Thread,
    EventThread,
    Transaction,
    Session,
    Buffer,
    Loc,
    IoBuffer,
    IoReader,
    IoBlock,
    TextLog,
    File,
    Uuid,
    /// Not in the place of the others.
    Action = 0x80,
}

impl Kind {
    const ALL: [Self; 14] = [
        Self::Cont,
        Self::Mutex,
        Self::Thread,
        Self::EventThread,
        Self::Transaction,
        Self::Session,
        Self::Buffer,
        Self::Loc,
        Self::IoBuffer,
        Self::IoReader,
        Self::IoBlock,
        Self::TextLog,
        Self::File,
        Self::Uuid,
    ];

    /// The kind of a handle, if it is one at all.
    pub(crate) fn of(bits: u64) -> Option<Self> {
        match bits >> KIND_SHIFT {
            action if action >> 6 == 0b10 => (bits & 1 == 1).then_some(Self::Action),
            kind => Self::ALL.into_iter().find(|known| *known as u64 == kind).filter(|_| bits & 0xf == 0),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cont => "a continuation",
            Self::Mutex => "a mutex",
            Self::Thread => "a thread",
            Self::EventThread => "an event thread",
            Self::Transaction => "a transaction",
            Self::Session => "a session",
            Self::Buffer => "a marshal buffer",
            Self::Loc => "a place in a marshal buffer",
            Self::IoBuffer => "an IO buffer",
            Self::IoReader => "an IO buffer's reader",
            Self::IoBlock => "an IO buffer's block",
            Self::TextLog => "a text log",
            Self::File => "a file",
            Self::Uuid => "a UUID",
            Self::Action => "an action",
        })
    }
}

/// A handle's type.
pub(crate) trait Raw: Copy {
    const KIND: Kind;
    fn from_bits(bits: u64) -> Self;
    fn bits(self) -> u64;
}

/// What is wrong with a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    Null,
    Other(Kind),
    NoHandle,
    Stale(Kind),
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("is null"),
            Self::Other(kind) => write!(f, "is {kind}"),
            Self::NoHandle => f.write_str("is no handle, or was overwritten"),
            Self::Stale(kind) => {
                write!(f, "is {kind} that is gone: it was destroyed, or has come to its end")
            }
        }
    }
}

/// The handle of a number.
#[inline(always)]
pub(crate) fn compose<H: Raw>(number: u64) -> H {
    debug_assert!(number != 0 && number >> NUMBER_BITS == 0);
    H::from_bits((H::KIND as u64) << KIND_SHIFT | number << NUMBER_SHIFT)
}

/// What a table's register finds a handle's value by.
#[inline(always)]
fn find<H: Raw>(handle: H) -> Result<Handle, Bad> {
    number(handle).and_then(|number| Handle::from_bits(number).ok_or(Bad::NoHandle))
}

/// The number of a handle of this kind.
#[inline(always)]
pub(crate) fn number<H: Raw>(handle: H) -> Result<u64, Bad> {
    let bits = handle.bits();
    if bits >> KIND_SHIFT == H::KIND as u64 && bits & 0xf == 0 {
        return Ok(bits << (64 - KIND_SHIFT) >> (64 - NUMBER_BITS));
    }
    Err(what_is_wrong(bits))
}

#[cold]
fn what_is_wrong(bits: u64) -> Bad {
    match Kind::of(bits) {
        _ if bits == 0 => Bad::Null,
        Some(kind) => Bad::Other(kind),
        None => Bad::NoHandle,
    }
}

/// What the handles of one type stand for.
pub(crate) struct Table<H, T> {
    values: Register<Entry<T>>,
    of: PhantomData<fn(H)>,
}

struct Entry<T> {
    value: T,
    /// It is about to be taken out, and for everybody else it has been.
    ended: bool,
}

impl<H: Raw, T: Send> Table<H, T> {
    pub(crate) const fn new() -> Self {
        Self { values: Register::new(), of: PhantomData }
    }

    /// A handle for `value`.
    pub(crate) fn insert(&self, value: T) -> H {
        let Ok(handle) = self.values.insert(Entry { value, ended: false }) else {
            panic!("there are no more handles for {}: some sixty million are alive", H::KIND);
        };
        compose(handle.get().get())
    }

    /// Looks at, or changes, the value of a handle.
    ///
    /// `f` takes a few instructions, calls nobody, and drops nothing of a plugin's: others who want the same value spin.
    #[inline]
    pub(crate) fn try_with<R>(&self, handle: H, f: impl FnOnce(&mut T) -> R) -> Result<R, Bad> {
        let found = self.values.with(find(handle)?, |entry| (!entry.ended).then(|| f(&mut entry.value)));
        found.ok().flatten().ok_or(Bad::Stale(H::KIND))
    }

    /// As `try_with`; a bad handle ends the process.
    #[inline]
    pub(crate) fn with<R>(
        &self,
        call: Call,
        argument: &'static str,
        handle: H,
        f: impl FnOnce(&mut T) -> R,
    ) -> R {
        match self.try_with(handle, f) {
            Ok(value) => value,
            Err(bad) => call.bad_handle(argument, handle.bits(), H::KIND, bad),
        }
    }

    /// Takes the value out; the handle is stale from now on. Of several that try one succeeds.
    pub(crate) fn try_remove(&self, handle: H) -> Result<T, Bad> {
        self.try_remove_if(handle, |_| true)?.ok_or(Bad::Stale(H::KIND))
    }

    /// As `try_remove`, if `condition` holds; none if it does not.
    pub(crate) fn try_remove_if(
        &self,
        handle: H,
        condition: impl FnOnce(&T) -> bool,
    ) -> Result<Option<T>, Bad> {
        let number = find(handle)?;
        let ends = self.values.with(number, |entry| {
            (!entry.ended).then(|| {
                entry.ended = condition(&entry.value);
                entry.ended
            })
        });
        if !ends.ok().flatten().ok_or(Bad::Stale(H::KIND))? {
            return Ok(None);
        }
        // Whoever has set the mark is the only one to come here.
        self.values.remove(number).map(|entry| Some(entry.value)).map_err(|_| Bad::Stale(H::KIND))
    }

    /// As `try_remove`; a bad handle ends the process.
    pub(crate) fn remove(&self, call: Call, argument: &'static str, handle: H) -> T {
        match self.try_remove(handle) {
            Ok(value) => value,
            Err(bad) => call.bad_handle(argument, handle.bits(), H::KIND, bad),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::types::{TSCont, TSMutex};

    #[test]
    fn a_handle_says_what_is_wrong_with_it() {
        let table = Table::<TSMutex, u8>::new();
        let handle = table.insert(7);
        assert_eq!(table.try_with(handle, |value| *value), Ok(7));
        let other = TSMutex::from_bits(compose::<TSCont>(5).bits());
        let action = TSMutex::from_bits(0b10 << 62 | 1);
        for (bits, bad) in [
            (TSMutex::from_bits(0), Bad::Null),
            (other, Bad::Other(Kind::Cont)),
            (action, Bad::Other(Kind::Action)),
            (TSMutex::from_bits(0x7fff_dead_beef), Bad::NoHandle),
            (TSMutex::from_bits(handle.bits() | 1), Bad::NoHandle),
            (compose(1 << 40), Bad::Stale(Kind::Mutex)),
        ] {
            assert_eq!(table.try_with(bits, |value| *value), Err(bad), "{bits:?}");
        }
        assert_eq!(table.try_remove_if(handle, |value| *value != 7), Ok(None));
        assert_eq!(table.try_remove(handle), Ok(7));
        assert_eq!(table.try_remove(handle), Err(Bad::Stale(Kind::Mutex)));
    }

    #[test]
    fn no_processor_follows_a_handle() {
        for handle in [compose::<TSCont>(1), compose(u64::MAX >> 12)] {
            let top = handle.bits() >> 47;
            assert!(top != 0 && top != (1 << 17) - 1, "{handle:?}");
        }
    }
}
