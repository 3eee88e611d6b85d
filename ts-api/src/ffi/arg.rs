//! Arguments: pointers that plugins keep with a transaction, with a session, or with the process.
//!
//! Those of transactions and sessions are the facade's [`Arg`](crate::http::Arg), so plugins of both languages share the names.
//!
//! # Rules
//! * Names are reserved and looked up in one step, and never given up. A name that did not fit has no index.
//! * An index says what kind it is of: from 1000 on transactions, from 2000 sessions, 3000 connections, 4000 the process.
//! * This host hands no connections to plugins, so there is nothing to keep an argument of the third kind with.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use parking_lot::Mutex;

use super::call::{self, Call};
use super::handle::{self, Bad, Raw};
use super::types::{TS_ERROR, TS_SUCCESS, TSHttpSsn, TSHttpTxn, TSReturnCode, TSUserArgType};
use crate::http::door::{Kind, RawArg};
use crate::http::server::args::{Args, Names};
use crate::http::server::subjects::{SessionSubject, TransactionSubject};
use crate::table::Code;

/// Pointers of the process; as many as the original has.
const GLOBAL: usize = 128;
static GLOBALS: [AtomicPtr<c_void>; GLOBAL] = [const { AtomicPtr::new(ptr::null_mut()) }; GLOBAL];

static OF_CONNECTIONS: Names = Names::new(3000, 4);
static OF_THE_PROCESS: Names = Names::new(4000, GLOBAL);

/// What an argument is kept with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Transaction,
    Session,
    Connection,
    Process,
}

impl Owner {
    const ALL: [Self; 4] = [Self::Transaction, Self::Session, Self::Connection, Self::Process];

    fn from_number(call: Call, number: TSUserArgType) -> Self {
        let owner = usize::try_from(number).ok().and_then(|number| Self::ALL.get(number));
        *owner.unwrap_or_else(|| call.fault(format_args!("type is {number}, which is none that there is")))
    }

    fn names(self) -> &'static Names {
        let kind = match self {
            Self::Transaction => Kind::TRANSACTION,
            Self::Session => Kind::SESSION,
            Self::Connection => return &OF_CONNECTIONS,
            Self::Process => return &OF_THE_PROCESS,
        };
        Names::of(kind).expect("both have names")
    }

    /// Whose index it is; one that nobody reserved is a fault.
    fn of_index(call: Call, arg_idx: c_int) -> (Self, u32) {
        let index = u32::try_from(arg_idx).ok();
        let owner = index.and_then(|index| {
            let owner = Self::ALL.into_iter().find(|owner| owner.names().get(index).is_some());
            owner.map(|owner| (owner, index))
        });
        owner.unwrap_or_else(|| call.fault(format_args!("arg_idx is {arg_idx}, which nobody has reserved")))
    }
}

/// A name and its description as C reads them, for good.
fn texts(index: u32, names: &Names) -> Option<(&'static CStr, &'static CStr)> {
    type Texts = Option<HashMap<u32, (&'static CStr, &'static CStr)>>;
    static TEXTS: Mutex<Texts> = Mutex::new(None);
    let name = names.get(index)?;
    let mut texts = TEXTS.lock();
    let leak = |text: String| -> &'static CStr {
        // A Rust plugin may have put a NUL in it; C reads up to there.
        let bytes = text.into_bytes().into_iter().take_while(|byte| *byte != 0).collect::<Vec<_>>();
        Box::leak(CString::new(bytes).unwrap_or_default().into_boxed_c_str())
    };
    let texts = texts.get_or_insert_default();
    Some(*texts.entry(index).or_insert_with(|| (leak(name.name), leak(name.description))))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUserArgIndexReserve(
    r#type: TSUserArgType,
    name: *const c_char,
    description: *const c_char,
    arg_idx: *mut c_int,
) -> TSReturnCode {
    call::enter("TSUserArgIndexReserve", |call| {
        let place = call.place("arg_idx", arg_idx);
        let names = Owner::from_number(call, r#type).names();
        // SAFETY: the plugin says that it is a text.
        let name = unsafe { call.text("name", name) }.to_string_lossy();
        let described = !description.is_null();
        // SAFETY: as above.
        let description =
            described.then(|| unsafe { call.text("description", description) }.to_string_lossy());
        if name.is_empty() {
            return TS_ERROR;
        }
        let index = names.reserve(&name, &description.unwrap_or_default());
        let Some(index) = index.and_then(|index| c_int::try_from(index).ok()) else { return TS_ERROR };
        // SAFETY: the plugin says that it is a place; it is not null, and aligned.
        unsafe { place.write(index) };
        TS_SUCCESS
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUserArgIndexNameLookup(
    r#type: TSUserArgType,
    name: *const c_char,
    arg_idx: *mut c_int,
    description: *mut *const c_char,
) -> TSReturnCode {
    call::enter("TSUserArgIndexNameLookup", |call| {
        let place = call.place("arg_idx", arg_idx);
        let names = Owner::from_number(call, r#type).names();
        // SAFETY: the plugin says that it is a text.
        let name = unsafe { call.text("name", name) }.to_string_lossy();
        let Some((index, _)) = names.find(&name) else { return TS_ERROR };
        let (Ok(number), Some((_, about))) = (c_int::try_from(index), texts(index, names)) else {
            return TS_ERROR;
        };
        // SAFETY: the plugin says that they are places, the second perhaps null.
        unsafe {
            place.write(number);
            if !description.is_null() {
                call.place("description", description).write(about.as_ptr());
            }
        }
        TS_SUCCESS
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSUserArgIndexLookup(
    r#type: TSUserArgType,
    arg_idx: c_int,
    name: *mut *const c_char,
    description: *mut *const c_char,
) -> TSReturnCode {
    call::enter("TSUserArgIndexLookup", |call| {
        let place = call.place("name", name);
        let names = Owner::from_number(call, r#type).names();
        let found = u32::try_from(arg_idx).ok().and_then(|index| texts(index, names));
        let Some((name, about)) = found else { return TS_ERROR };
        // SAFETY: the plugin says that they are places, the second perhaps null.
        unsafe {
            place.write(name.as_ptr());
            if !description.is_null() {
                call.place("description", description).write(about.as_ptr());
            }
        }
        TS_SUCCESS
    })
}

/// Calls `f` with the arguments of what a handle stands for.
fn of<H: Raw, R>(call: Call, data: *mut c_void, f: impl FnOnce(u64) -> Option<Result<R, Code>>) -> R {
    let handle = H::from_bits(data.addr() as u64);
    let number =
        handle::number(handle).unwrap_or_else(|bad| call.bad_handle("data", handle.bits(), H::KIND, bad));
    match f(number) {
        Some(Ok(value)) => value,
        None | Some(Err(Code::GONE)) => call.bad_handle("data", handle.bits(), H::KIND, Bad::Stale(H::KIND)),
        Some(Err(_)) => call.fault("arg_idx is a Rust plugin's, and what is there is no pointer"),
    }
}

/// Calls `f` with the arguments that `data` has for this index; none if it is the process's.
fn with<R>(
    call: Call,
    owner: Owner,
    data: *mut c_void,
    f: impl FnOnce(&Args) -> Result<R, Code>,
) -> Option<R> {
    match owner {
        Owner::Process => None,
        Owner::Transaction => Some(of::<TSHttpTxn, R>(call, data, |number| {
            TransactionSubject::find(number).map(|transaction| f(&transaction.args))
        })),
        Owner::Session => Some(of::<TSHttpSsn, R>(call, data, |number| {
            SessionSubject::find(number).map(|session| f(&session.args))
        })),
        Owner::Connection => {
            call.fault("arg_idx is for connections, and data is none: this host hands none out")
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUserArgSet(data: *mut c_void, arg_idx: c_int, arg: *mut c_void) {
    call::enter("TSUserArgSet", |call| {
        let (owner, index) = Owner::of_index(call, arg_idx);
        let value = RawArg { owner: 0, value: arg.cast(), drop: None };
        let set = with(call, owner, data, |args| {
            // SAFETY: a plain pointer, which is neither followed nor dropped.
            unsafe { args.set(index, value) }
        });
        match set {
            None => {
                // Release [global-arg]: what the plugin wrote before it set the pointer is there for whoever gets it.
                GLOBALS[index as usize - 4000].store(arg, Ordering::Release);
            }
            // What a Rust plugin kept under this name goes by its own function.
            Some(RawArg { value, drop: Some(drop), .. }) => {
                // SAFETY: it is its own function, and it was taken out of its place just now.
                unsafe { drop(value) };
            }
            Some(_) => {}
        }
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSUserArgGet(data: *mut c_void, arg_idx: c_int) -> *mut c_void {
    call::enter("TSUserArgGet", |call| {
        let (owner, index) = Owner::of_index(call, arg_idx);
        match with(call, owner, data, |args| args.plain(index)) {
            // Acquire [global-arg]: the other end, in `TSUserArgSet`.
            None => GLOBALS[index as usize - 4000].load(Ordering::Acquire),
            Some(value) => value.value.cast(),
        }
    })
}
