//! A handler as it lies in its continuation: how it is called, dropped and found again without knowing its type.
//!
//! Most handlers are small and lie right behind the front of their continuation ([`crate::pool`]): to call one takes no step
//! through memory but to the continuation itself. A large one lies in a box.

use crate::event::Event;
use crate::pool::{self, Size};
use std::cell::UnsafeCell;
use std::ptr::NonNull;

/// What a continuation is called.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name {
    /// Nothing: its place is all there is.
    None,
    /// A name besides the place.
    OfPlace(&'static str),
    /// All that reports are to say.
    Whole(&'static str),
}

/// How a handler may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Under the mutex, and not while it runs.
    Exclusive,
    /// Under the mutex, also while it runs.
    Reentrant,
    /// Without a mutex, by several threads at once.
    Shared,
}

/// A handler. `call` takes `&self` for every kind; [`Exclusive`] is where that is made good.
pub(crate) trait Call: Send + 'static {
    /// How it may be called.
    const KIND: Kind;

    /// Calls the handler.
    ///
    /// # Safety
    ///
    /// It is called as its kind says.
    unsafe fn call(&self, event: &mut Event<'_>) -> i32;
}

/// A handler that must have itself alone.
pub(crate) struct Exclusive<F>(pub(crate) UnsafeCell<F>);

impl<F: FnMut(&mut Event<'_>) -> i32 + Send + 'static> Call for Exclusive<F> {
    const KIND: Kind = Kind::Exclusive;

    #[inline(always)]
    unsafe fn call(&self, event: &mut Event<'_>) -> i32 {
        // SAFETY: the caller says that this is the only call.
        unsafe { (*self.0.get())(event) }
    }
}

/// A handler that may be entered again.
pub(crate) struct Repeatable<F>(pub(crate) F);

impl<F: Fn(&mut Event<'_>) -> i32 + Send + 'static> Call for Repeatable<F> {
    const KIND: Kind = Kind::Reentrant;

    #[inline(always)]
    unsafe fn call(&self, event: &mut Event<'_>) -> i32 {
        (self.0)(event)
    }
}

/// A handler that several threads may enter.
pub(crate) struct Concurrent<F>(pub(crate) F);

impl<F: Fn(&mut Event<'_>) -> i32 + Send + Sync + 'static> Call for Concurrent<F> {
    const KIND: Kind = Kind::Shared;

    #[inline(always)]
    unsafe fn call(&self, event: &mut Event<'_>) -> i32 {
        (self.0)(event)
    }
}

/// A handler that lies elsewhere.
pub(crate) struct Boxed<H>(pub(crate) Box<H>);

impl<H: Call> Call for Boxed<H> {
    const KIND: Kind = H::KIND;

    unsafe fn call(&self, event: &mut Event<'_>) -> i32 {
        // SAFETY: as the caller says.
        unsafe { self.0.call(event) }
    }
}

/// What is known of the type of a handler.
pub(crate) struct Table {
    /// Calls the handler of the continuation there, as [`Call::call`].
    pub(crate) call: unsafe fn(NonNull<u8>, &mut Event<'_>) -> i32,
    /// Drops it, in place, and once; afterwards the table is `gone`.
    pub(crate) drop: unsafe fn(NonNull<u8>),
    /// The name, which stays when the handler is dropped.
    pub(crate) name: unsafe fn(NonNull<u8>) -> Name,
    /// The table when the handler has been dropped; none if it has been.
    pub(crate) gone: Option<&'static Table>,
    pub(crate) kind: Kind,
    pub(crate) size: Size,
}

/// What lies behind a continuation's front.
pub(crate) struct Body<N, H> {
    pub(crate) name: N,
    pub(crate) handler: H,
}

/// A name, or none and no place for one.
pub(crate) trait Label: Copy + 'static {
    fn name(self) -> Name;
}

impl Label for () {
    fn name(self) -> Name {
        Name::None
    }
}

impl Label for Name {
    fn name(self) -> Name {
        self
    }
}

impl<N: Label, H: Call> Body<N, H> {
    /// What it lies in.
    const SIZE: Size = match size_of::<Self>() {
        0 => Size::Tiny,
        bytes if bytes <= Size::Small.room() => Size::Small,
        bytes if bytes <= Size::Middle.room() => Size::Middle,
        _ => Size::Large,
    };

    /// Whether it can lie there; if not its handler has to be boxed.
    pub(crate) const FITS: bool =
        size_of::<Self>() <= Size::Large.room() && align_of::<Self>() <= pool::ALIGN;

    pub(crate) const TABLE: &'static Table = &Table {
        call: Self::call,
        drop: Self::drop,
        gone: Some(&Table {
            call: Self::call_none,
            drop: |_| {},
            name: Self::name,
            gone: None,
            kind: H::KIND,
            size: Self::SIZE,
        }),
        name: Self::name,
        kind: H::KIND,
        size: Self::SIZE,
    };

    /// # Safety
    ///
    /// There is a continuation with such a body at `at`, and its handler is called as its kind says.
    unsafe fn call(at: NonNull<u8>, event: &mut Event<'_>) -> i32 {
        // SAFETY: by contract.
        unsafe { at.byte_add(pool::HEAD).cast::<Self>().as_ref().handler.call(event) }
    }

    fn call_none(_at: NonNull<u8>, _event: &mut Event<'_>) -> i32 {
        unreachable!("a handler is dropped when nobody can call it any more")
    }

    /// # Safety
    ///
    /// There is a continuation with such a body at `at`; its handler is not being called, and is not used again.
    unsafe fn drop(at: NonNull<u8>) {
        // SAFETY: by contract.
        unsafe { (&raw mut (*at.byte_add(pool::HEAD).cast::<Self>().as_ptr()).handler).drop_in_place() };
    }

    /// # Safety
    ///
    /// There is a continuation with such a body at `at`.
    unsafe fn name(at: NonNull<u8>) -> Name {
        // SAFETY: by contract; the name never changes.
        unsafe { (&raw const (*at.byte_add(pool::HEAD).cast::<Self>().as_ptr()).name).read() }.name()
    }
}
