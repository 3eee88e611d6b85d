//! Arguments that plugins keep with a session or transaction, through the door.
//!
//! A value crosses as a pointer with a mark and a function that drops it, as closures do. The mark is that of lent data: the
//! address of a static of which each copy of the facade has its own, so that no other copy takes the value for one of its.

use std::any::Any;
use std::ptr;

use super::{Code, HttpTable, Kind, RawBytes, gather, http};
use crate::http::{ArgError, ReserveError};
use crate::table::data::mark;
use crate::table::handler::drop_box;

/// A value that a plugin keeps with a session or transaction.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RawArg {
    /// Which copy of the facade can tell its type; zero for a plain number or pointer.
    pub owner: usize,
    /// What it is.
    pub value: *mut (),
    /// Drops it, once and on any thread; nothing if there is nothing to be dropped.
    pub drop: Option<unsafe extern "C" fn(value: *mut ()) -> Code>,
}

impl RawArg {
    /// No value.
    pub const NOTHING: Self = Self { owner: 0, value: ptr::null_mut(), drop: None };

    /// Whether it is no value.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.value.is_null() && self.drop.is_none()
    }
}

/// A value out of its place, owned.
struct Owned(RawArg);

type Boxed = Box<dyn Any + Send>;

impl Owned {
    fn new(value: Boxed) -> Self {
        let value = Box::into_raw(Box::new(value)).cast();
        Self(RawArg { owner: mark(), value, drop: Some(drop_box::<Boxed>) })
    }

    /// The value, if this copy of the facade has made it.
    fn boxed(&mut self) -> Option<&mut Boxed> {
        // SAFETY: the mark is ours, so `new` has made it; it is owned, and lent for as long as we are.
        (self.0.owner == mark()).then(|| unsafe { &mut *self.0.value.cast() })
    }

    /// The value, if it is one of these.
    fn into<T: Any>(mut self) -> Option<T> {
        if !self.boxed()?.is::<T>() {
            return None;
        }
        let raw = self.give();
        // SAFETY: the mark was ours, so `new` has made it; and nobody else owns it any more.
        let boxed = unsafe { Box::from_raw(raw.value.cast::<Boxed>()) };
        boxed.downcast().ok().map(|value| *value)
    }

    fn give(self) -> RawArg {
        std::mem::ManuallyDrop::new(self).0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(drop) = self.0.drop {
            // SAFETY: it is owned, and dropped once, by its own function.
            unsafe { drop(self.0.value) };
        }
    }
}

/// A value that goes back to its place.
struct Lent {
    kind: Kind,
    subject: u64,
    index: u32,
    value: Option<Owned>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let (Some(value), Some(table)) = (self.value.take(), http()) else { return };
        // SAFETY: any numbers will do; the value is owned, and goes over only if the answer says so.
        let code = unsafe { (table.arg_put_back)(self.kind, self.subject, self.index, value.0) };
        if code == Code::OK {
            value.give();
        }
    }
}

pub(crate) fn reserve(kind: Kind, name: &str, description: &str) -> Result<u32, ReserveError> {
    let table = http().ok_or(ReserveError::NoHttp)?;
    let (name, description) = (RawBytes::new(name.as_bytes()), RawBytes::new(description.as_bytes()));
    let mut index = 0;
    // SAFETY: texts and place are lent for the call.
    match unsafe { (table.arg_reserve)(kind, name, description, &raw mut index) } {
        Code::OK => Ok(index),
        Code::FULL => Err(ReserveError::Full),
        Code::INVALID => Err(ReserveError::NoName),
        Code(number) => Err(ReserveError::Unknown(number)),
    }
}

/// A name's number, and what it is for.
pub(crate) fn find(kind: Kind, name: &str) -> Option<(u32, String)> {
    let table = http()?;
    let mut index = 0;
    let mut description = Vec::new();
    let name = RawBytes::new(name.as_bytes());
    // SAFETY: name, sink and place are lent for the call.
    let code = unsafe { (table.arg_find)(kind, name, gather(&mut description), &raw mut index) };
    (code == Code::OK).then(|| (index, text(description.first())))
}

/// A number's name, and what it is for.
pub(crate) fn describe(kind: Kind, index: u32) -> Option<(String, String)> {
    let table = http()?;
    let mut texts = Vec::new();
    // SAFETY: any number will do, and the sink is lent for the call.
    let code = unsafe { (table.arg_describe)(kind, index, gather(&mut texts)) };
    (code == Code::OK).then(|| (text(texts.first()), text(texts.get(1))))
}

/// Sets a value, or takes it away; what was there, if it is one of these.
pub(crate) fn set<T: Any + Send>(
    kind: Kind,
    subject: u64,
    index: u32,
    value: Option<T>,
) -> Result<Option<T>, ArgError> {
    let new = value.map(|value| Owned::new(Box::new(value)));
    let raw = new.as_ref().map_or(RawArg::NOTHING, |new| new.0);
    let mut old = RawArg::NOTHING;
    // SAFETY: any numbers will do; the value is `Send`, goes over only if the answer says so, and the place is lent.
    ask(|table| unsafe { (table.arg_set)(kind, subject, index, raw, &raw mut old) })?;
    if let Some(new) = new {
        new.give();
    }
    Ok(Owned(old).into())
}

/// Has a look at a value, which is out of its place for so long; none if there is none.
pub(crate) fn with<T: Any + Send, R>(
    kind: Kind,
    subject: u64,
    index: u32,
    f: impl FnOnce(&mut T) -> R,
) -> Result<Option<R>, ArgError> {
    let mut value = RawArg::NOTHING;
    // SAFETY: any numbers will do, and the place is lent for the call.
    match ask(|table| unsafe { (table.arg_lend)(kind, subject, index, &raw mut value) }) {
        Err(ArgError::NoValue) => return Ok(None),
        answer => answer?,
    }
    // It goes back also if the function panics.
    let mut lent = Lent { kind, subject, index, value: Some(Owned(value)) };
    let value = lent.value.as_mut().and_then(Owned::boxed).and_then(|value| value.downcast_mut());
    value.map(|value| Some(f(value))).ok_or(ArgError::OtherType)
}

fn ask(f: impl FnOnce(&HttpTable) -> Code) -> Result<(), ArgError> {
    Err(match f(http().ok_or(ArgError::Gone)?) {
        Code::OK => return Ok(()),
        Code::GONE => ArgError::Gone,
        Code::BUSY => ArgError::InUse,
        Code::ABSENT => ArgError::NoValue,
        Code(number) => ArgError::Unknown(number),
    })
}

fn text(bytes: Option<&Vec<u8>>) -> String {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}
