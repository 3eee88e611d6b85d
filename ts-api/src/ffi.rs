//! The C interface: the functions that plugins written in C and C++ call, under the names of `include/ts/ts.h`.
//!
//! What each function does, and who may call it, stands in the headers, where those look who call it. Here is how it is done:
//! with the facade's own types, behind handles.
//!
//! # Rules
//! * Every exported function is one call of [`call::enter`], which ends the process with one line if something in it panics:
//!   nothing unwinds into C.
//! * A handle is a number that looks like a pointer and cannot be followed ([`handle`]). Null, stale, of another kind, twice
//!   destroyed: the process ends with one line that names call, plugin and fault, in release builds too.
//! * `TS_ERROR` is for refusals on a live handle: something that a correct plugin has to expect.
//! * No lock of ours is held while a plugin runs, but that of its own file while it is entered for the first time ([`once`]).
//! * The handler of a plugin is called through [`dispatch`] alone, which says whose it is for as long as it runs.
//!
//! The functions are exported by their names from whatever program links this crate and says so to its linker; nobody calls
//! them by path.
#![cfg_attr(
    not(feature = "host"),
    allow(
        dead_code,
        unused_imports,
        reason = "the host program sets up what plugins ask for, such as records"
    )
)]
#![allow(
    non_snake_case,
    unreachable_pub,
    reason = "the names are C's, and the linker finds them, whatever module they are in"
)]

mod action;
mod arg;
pub(crate) mod call;
mod clock;
mod cont;
pub(crate) mod crash;
pub(crate) mod debug;
pub(crate) mod diags;
mod dispatch;
mod embed;
mod encode;
mod file;
pub(crate) mod handle;
pub(crate) mod http;
mod image;
pub(crate) mod io;
mod labels;
mod lifecycle;
pub(crate) mod load;
mod memory;
pub(crate) mod mgmt;
mod mime;
mod mutex;
pub(crate) mod names;
mod once;
pub(crate) mod place;
pub(crate) mod plugin;
pub(crate) mod records;
mod register;
pub(crate) mod remap;
mod schedule;
pub(crate) mod stat;
pub(crate) mod text_log;
mod thread;
pub(crate) mod types;
mod uuid;

pub(crate) use self::mime::Buffers;
