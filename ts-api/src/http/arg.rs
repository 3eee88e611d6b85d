//! What a plugin keeps with a transaction or session: a value under a reserved name.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;

use thiserror::Error;

use super::door::{self, Kind};
use super::{Session, Transaction};

/// A reserved name under which a transaction or session has room for a value.
///
/// The name is reserved once for the whole process; whoever reserves it again means the same room. So plugins may leave
/// something for each other, if they are built together: a value that another loaded plugin has set is not looked into, since
/// its type cannot be compared. Reserve at the start, and keep the `Arg`, which may be copied.
///
/// A value is dropped when it is replaced or taken, or with its transaction, after TXN_CLOSE, or its session, after SSN_CLOSE.
/// It needs no lock of its own: one at a time has it, and all methods may be called from any thread.
///
/// # Examples
///
/// ```
/// use ts_api::Cont;
/// use ts_api::http::{Arg, HookId, Reenable, Session, Transaction};
///
/// struct Asked(Vec<String>);
///
/// let asked = Arg::<Session, Asked>::reserve("asked", "the targets that a client has asked for")?;
/// let note = Cont::shared(move |event| {
///     let Some(txn) = event.transaction() else { return };
///     let (session, target) = (txn.session().unwrap(), txn.request().target().unwrap());
///     if asked.with(session, |asked| asked.0.push(target.clone())).unwrap().is_none() {
///         asked.set(session, Asked(vec![target])).unwrap();
///     }
///     txn.reenable(Reenable::Continue).unwrap();
/// });
/// # note.destroy();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Arg<O, T> {
    index: u32,
    of: PhantomData<fn(O) -> T>,
}

/// What a value is kept with: a [`Transaction`] or a [`Session`].
pub trait ArgOwner: sealed::Owner {}

impl ArgOwner for Transaction {}
impl ArgOwner for Session {}

mod sealed {
    use super::{Kind, Session, Transaction};

    pub trait Owner: Copy {
        const KIND: Kind;
        fn subject(self) -> u64;
    }

    impl Owner for Transaction {
        const KIND: Kind = Kind::TRANSACTION;
        fn subject(self) -> u64 {
            self.number()
        }
    }

    impl Owner for Session {
        const KIND: Kind = Kind::SESSION;
        fn subject(self) -> u64 {
            self.number()
        }
    }
}

/// What is known of a reserved name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArgInfo {
    /// Its number: from 1000 on for transactions, from 2000 on for sessions.
    pub index: u32,
    /// The name.
    pub name: String,
    /// What it is for, in the words of whoever was the first to reserve it.
    pub description: String,
}

/// Why a name was not reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// So many names are reserved that there is no room for another one.
    #[error("there is no room for another name")]
    Full,
    /// The name is empty.
    #[error("the name is empty")]
    NoName,
    /// The host serves no HTTP.
    #[error("the host serves no HTTP")]
    NoHttp,
    /// The host answered with a number that this version does not know.
    #[error("the host refused for a reason that this version does not know ({0})")]
    Unknown(i32),
}

/// Why a value was neither set nor shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum ArgError {
    /// The session or transaction is over.
    #[error("the session or transaction is over")]
    Gone,
    /// Somebody is at the value just now, perhaps the caller itself.
    #[error("somebody is at the value just now")]
    InUse,
    /// What is there is of another type, or was set by another plugin that was loaded.
    #[error("the value is of another type, or another loaded plugin's")]
    OtherType,
    /// There is no value.
    #[error("there is no value")]
    NoValue,
    /// The host answered with a number that this version does not know.
    #[error("the host refused for a reason that this version does not know ({0})")]
    Unknown(i32),
}

impl<O: ArgOwner, T: Any + Send> Arg<O, T> {
    /// Reserves a name, or finds it reserved. Any thread may call it.
    ///
    /// # Errors
    ///
    /// [`ReserveError`].
    pub fn reserve(name: &str, description: &str) -> Result<Self, ReserveError> {
        door::args::reserve(O::KIND, name, description).map(|index| Self { index, of: PhantomData })
    }

    /// Its number: from 1000 on for transactions, from 2000 on for sessions.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// Sets the value of a transaction or session; the one that was there, if it was a `T`. Another one is dropped.
    ///
    /// # Errors
    ///
    /// [`ArgError::Gone`], [`ArgError::InUse`]; then `value` has been dropped.
    pub fn set(self, of: O, value: T) -> Result<Option<T>, ArgError> {
        door::args::set(O::KIND, of.subject(), self.index, Some(value))
    }

    /// Takes the value away; none if there was none, or one that is no `T`, which is dropped.
    ///
    /// # Errors
    ///
    /// [`ArgError::Gone`], [`ArgError::InUse`].
    pub fn take(self, of: O) -> Result<Option<T>, ArgError> {
        door::args::set(O::KIND, of.subject(), self.index, None)
    }

    /// Calls `f` with the value; none if there is none.
    ///
    /// The value is out of its place until `f` returns: whoever asks for it meanwhile gets [`ArgError::InUse`], and if its
    /// owner comes to its end, the value is dropped right after `f`.
    ///
    /// # Errors
    ///
    /// [`ArgError::Gone`], [`ArgError::InUse`], [`ArgError::OtherType`].
    pub fn with<R>(self, of: O, f: impl FnOnce(&mut T) -> R) -> Result<Option<R>, ArgError> {
        door::args::with(O::KIND, of.subject(), self.index, f)
    }
}

/// What is known of a name of transactions, or of sessions, if it is reserved.
#[must_use]
pub fn arg_named<O: ArgOwner>(name: &str) -> Option<ArgInfo> {
    let (index, description) = door::args::find(O::KIND, name)?;
    Some(ArgInfo { index, name: name.to_owned(), description })
}

/// What is known of a number of transactions, or of sessions, if it has a name.
#[must_use]
pub fn arg_numbered<O: ArgOwner>(index: u32) -> Option<ArgInfo> {
    let (name, description) = door::args::describe(O::KIND, index)?;
    Some(ArgInfo { index, name, description })
}

impl<O, T> Clone for Arg<O, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O, T> Copy for Arg<O, T> {}

impl<O, T> fmt::Debug for Arg<O, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Arg").field(&self.index).finish()
    }
}
