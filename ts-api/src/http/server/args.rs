//! Arguments that plugins keep with a session or transaction: reserved names, and the values of one subject.
//!
//! # Rules
//! * A name is reserved once; who reserves it again gets the same number. The test and the reservation are one step.
//! * Values are dropped with no lock held: a plugin's code may run.
//! * A value that is lent is out of its place; its place is kept for it, and nobody else gets at it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;

use crate::http::door::{Kind, RawArg};
use crate::table::Code;

/// How many names there may be of a kind. It bounds what a plugin can do that reserves one for each request by mistake;
/// a subject has room only for what is set.
const NAMES: usize = 256;

static OF_TRANSACTIONS: Names = Names::new(1000, NAMES);
static OF_SESSIONS: Names = Names::new(2000, NAMES);

/// The reserved names of one kind.
pub(crate) struct Names {
    /// The first number; the blocks are the original's.
    first: u32,
    /// How many there may be.
    most: usize,
    entries: Mutex<Vec<Name>>,
}

/// A reserved name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) description: String,
}

impl Names {
    /// No names yet.
    pub(crate) const fn new(first: u32, most: usize) -> Self {
        Self { first, most, entries: Mutex::new(Vec::new()) }
    }

    pub(crate) fn of(kind: Kind) -> Option<&'static Self> {
        match kind {
            Kind::TRANSACTION => Some(&OF_TRANSACTIONS),
            Kind::SESSION => Some(&OF_SESSIONS),
            _ => None,
        }
    }

    /// The number of a name, which from now on has one; none if there are too many.
    pub(crate) fn reserve(&self, name: &str, description: &str) -> Option<u32> {
        let mut entries = self.entries();
        let place = match entries.iter().position(|entry| entry.name == name) {
            Some(place) => place,
            None if entries.len() == self.most => return None,
            None => {
                entries.push(Name { name: name.into(), description: description.into() });
                entries.len() - 1
            }
        };
        Some(self.first + place as u32)
    }

    /// A name's number, and what it is for.
    pub(crate) fn find(&self, name: &str) -> Option<(u32, Name)> {
        let entries = self.entries();
        let place = entries.iter().position(|entry| entry.name == name)?;
        Some((self.first + place as u32, entries[place].clone()))
    }

    /// The name with a number.
    pub(crate) fn get(&self, index: u32) -> Option<Name> {
        self.entries().get(index.checked_sub(self.first)? as usize).cloned()
    }

    fn has(&self, index: u32) -> bool {
        index.checked_sub(self.first).is_some_and(|place| (place as usize) < self.entries().len())
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Name>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The values of one subject.
pub(crate) struct Args {
    names: &'static Names,
    /// None when the subject is over.
    values: Mutex<Option<Values>>,
}

/// By their numbers; few are set.
type Values = SmallVec<[(u32, Place); 2]>;

enum Place {
    Here(Value),
    Lent,
}

/// A value that is dropped with its place.
struct Value(RawArg);

// SAFETY: whoever sets a value promises that it may be used and dropped on any thread.
unsafe impl Send for Value {}

impl Drop for Value {
    fn drop(&mut self) {
        if let Some(drop) = self.0.drop {
            // SAFETY: it is the value's own function, and this its only owner's end.
            unsafe { drop(self.0.value) };
        }
    }
}

impl Value {
    /// The value, and with it the duty to drop it.
    fn give(self) -> RawArg {
        std::mem::ManuallyDrop::new(self).0
    }
}

impl Args {
    pub(crate) fn of_transaction() -> Self {
        Self { names: &OF_TRANSACTIONS, values: Mutex::new(Some(SmallVec::new())) }
    }

    pub(crate) fn of_session() -> Self {
        Self { names: &OF_SESSIONS, values: Mutex::new(Some(SmallVec::new())) }
    }

    /// Sets a value, or takes it away; what was there. Refused, the new one stays the caller's.
    ///
    /// # Safety
    ///
    /// The value may be used, and dropped once by its own function, on any thread.
    pub(crate) unsafe fn set(&self, index: u32, value: RawArg) -> Result<RawArg, Code> {
        if !self.names.has(index) {
            return Err(Code::ABSENT);
        }
        self.within(|values| {
            let new = (!value.is_nothing()).then_some(Place::Here(Value(value)));
            let place = values.iter().position(|(at, _)| *at == index);
            let old = match (place, new) {
                (Some(place), new) => {
                    if let Place::Lent = values[place].1 {
                        // The refused one is the caller's again.
                        std::mem::forget(new);
                        return Err(Code::BUSY);
                    }
                    match new {
                        Some(new) => std::mem::replace(&mut values[place].1, new),
                        None => values.swap_remove(place).1,
                    }
                }
                (None, Some(new)) => {
                    values.push((index, new));
                    return Ok(RawArg::NOTHING);
                }
                (None, None) => return Ok(RawArg::NOTHING),
            };
            Ok(match old {
                Place::Here(value) => value.give(),
                Place::Lent => RawArg::NOTHING,
            })
        })
    }

    /// Takes a value out of its place until it is returned.
    pub(crate) fn lend(&self, index: u32) -> Result<RawArg, Code> {
        self.within(|values| {
            let place = values.iter_mut().find(|(at, _)| *at == index).ok_or(Code::ABSENT)?;
            match std::mem::replace(&mut place.1, Place::Lent) {
                Place::Here(value) => Ok(value.give()),
                Place::Lent => Err(Code::BUSY),
            }
        })
    }

    /// Puts a value back that was lent. Refused, it stays the caller's.
    ///
    /// # Safety
    ///
    /// As for `set`.
    pub(crate) unsafe fn put_back(&self, index: u32, value: RawArg) -> Result<(), Code> {
        self.within(|values| {
            let place = values.iter_mut().find(|(at, place)| *at == index && matches!(place, Place::Lent));
            place.ok_or(Code::ABSENT)?.1 = Place::Here(Value(value));
            Ok(())
        })
    }

    /// A value that is a plain number, or a pointer that nobody drops.
    pub(crate) fn plain(&self, index: u32) -> Result<RawArg, Code> {
        self.within(|values| match values.iter().find(|(at, _)| *at == index) {
            Some((_, Place::Here(Value(value)))) if value.owner == 0 && value.drop.is_none() => Ok(*value),
            Some((_, Place::Here(_))) => Err(Code::WRONG_KIND),
            Some((_, Place::Lent)) => Err(Code::BUSY),
            None => Ok(RawArg::NOTHING),
        })
    }

    /// The subject is over: values are dropped, also those that are lent, by whoever has them.
    pub(crate) fn end(&self) {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(values);
    }

    fn within<R>(&self, f: impl FnOnce(&mut Values) -> Result<R, Code>) -> Result<R, Code> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        f(values.as_mut().ok_or(Code::GONE)?)
    }
}
