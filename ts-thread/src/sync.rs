//! The one switch between the standard library and loom.
//!
//! Everything in the ts crates that takes part in a lock-free protocol takes its atomics, its cells and its threads
//! from here. A normal build gets the standard library's, a build with `--cfg loom` gets loom's, which run a model
//! through every interleaving. Shared plain memory has to live in [`UnsafeCell`]: loom does not see plain fields.
//!
//! # Rules
//! * One face: whatever is named here exists in both builds, so no other file needs to ask which build it is in.
//! * loom's types cannot be made in a constant. [`const_fn!`](const_fn) makes a function `const` in the normal build only, and
//!   [`array!`](array) fills an array in either.
//! * What only numbers things (ids, slot indices) may use the standard library's atomics in both builds: such a
//!   number carries no data, and it has to live in a `static`.
//!
//! This module is hidden from the documentation: it exists for the ts crates, and it follows loom's versions.

#[cfg(not(loom))]
#[path = "sync/real.rs"]
mod face;

#[cfg(loom)]
#[path = "sync/model.rs"]
mod face;

pub use face::{Arc, Condvar, Mutex, MutexGuard, UnsafeCell, atomic, hint, thread};

pub use crate::__ts_thread_array as array;
pub use crate::__ts_thread_const_fn as const_fn;
pub use crate::__ts_thread_local as thread_local;

#[doc(hidden)]
#[cfg(loom)]
pub use loom as __loom;

/// Declares a function that is `const` in the normal build and a plain one under loom.
#[doc(hidden)]
#[macro_export]
#[cfg(not(loom))]
macro_rules! __ts_thread_const_fn {
    ($(#[$attr:meta])* $vis:vis const $($rest:tt)*) => { $(#[$attr])* $vis const $($rest)* };
}

/// Declares a function that is `const` in the normal build and a plain one under loom.
#[doc(hidden)]
#[macro_export]
#[cfg(loom)]
macro_rules! __ts_thread_const_fn {
    ($(#[$attr:meta])* $vis:vis const $($rest:tt)*) => { $(#[$attr])* $vis $($rest)* };
}

/// An array of so many values of one expression, each evaluated for itself: by the compiler in the normal build.
#[doc(hidden)]
#[macro_export]
#[cfg(not(loom))]
macro_rules! __ts_thread_array {
    ($value:expr; $length:expr) => {
        [const { $value }; $length]
    };
}

/// An array of so many values of one expression, each evaluated for itself: by the compiler in the normal build.
#[doc(hidden)]
#[macro_export]
#[cfg(loom)]
macro_rules! __ts_thread_array {
    ($value:expr; $length:expr) => {
        ::std::array::from_fn::<_, { $length }, _>(|_| $value)
    };
}

/// Declares thread-locals: the standard library's in the normal build, loom's in a model.
///
/// Write the initial value as `const { .. }` and end each with a semicolon; both builds accept that.
#[doc(hidden)]
#[macro_export]
#[cfg(not(loom))]
macro_rules! __ts_thread_local {
    ($($tokens:tt)*) => { ::std::thread_local! { $($tokens)* } };
}

/// Declares thread-locals: the standard library's in the normal build, loom's in a model.
#[doc(hidden)]
#[macro_export]
#[cfg(loom)]
macro_rules! __ts_thread_local {
    ($($(#[$attr:meta])* $vis:vis static $name:ident: $type:ty = const $init:block;)*) => {
        $crate::sync::__loom::thread_local! { $($(#[$attr])* $vis static $name: $type = $init;)* }
    };
}
