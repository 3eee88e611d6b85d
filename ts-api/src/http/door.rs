//! The HTTP part of the one door: a table of functions, and the facade's calls through it.
//!
//! # Rules
//! * The rules of [`crate::table`] hold. Sessions and transactions cross as numbers that are looked up, so any number is
//!   sound, and none is counted.
//! * An event at a hook carries its subject as data on loan whose owner is one of two small numbers. No copy of the facade
//!   has them, since theirs are addresses.

pub(crate) mod args;
mod facts;
mod messages;
mod numbers;

use std::ptr::NonNull;
use std::{ptr, slice};

use super::{Added, Gone, HookError, HookId, Reenable, ReenableError};
use crate::table::handle::MutexHandle;
use crate::table::{Code, RawCont, RawData, RawMutex, host};
use crate::{Cont, Event, Mutex};

pub use self::args::RawArg;
pub(crate) use self::facts::{
    aborted, address, answer, buffer_body, count, error_change, error_read, fact, limit, milestone,
    origin_name, origin_url, pristine_url, read_body, redirect, set_address, set_error, set_fact, set_limit,
    set_origin_address, set_origin_url, set_redirect, set_response_body, socket,
};
pub(crate) use self::messages::{message_change, message_read};
pub use self::numbers::{Address, Change, ErrorPart, Fact, Kind, Limit, Part, Scope, TAKE_BACK, Which};

/// The owner of a loan that is a session's number.
#[cfg(feature = "runtime")]
pub(crate) const OWNER_SESSION: usize = Kind::SESSION.0 as usize;
/// The owner of a loan that is a transaction's number.
#[cfg(feature = "runtime")]
pub(crate) const OWNER_TRANSACTION: usize = Kind::TRANSACTION.0 as usize;

/// Bytes on loan.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RawBytes {
    /// Where they are.
    pub start: *const u8,
    /// How many.
    pub length: usize,
}

impl RawBytes {
    /// Lends bytes.
    #[must_use]
    pub const fn new(bytes: &[u8]) -> Self {
        Self { start: bytes.as_ptr(), length: bytes.len() }
    }

    /// The bytes.
    ///
    /// # Safety
    ///
    /// They are alive and do not change for as long as they are used.
    #[must_use]
    pub unsafe fn as_slice<'a>(self) -> &'a [u8] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: the caller vouches for it, and it came from `new`, or from the like of it elsewhere.
        unsafe { slice::from_raw_parts(self.start, self.length) }
    }
}

/// Fields on loan: names and values in turn.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RawFields {
    /// Where they are.
    pub start: *const RawBytes,
    /// How many names and values.
    pub length: usize,
}

impl RawFields {
    /// Lends fields.
    #[must_use]
    pub const fn new(fields: &[RawBytes]) -> Self {
        Self { start: fields.as_ptr(), length: fields.len() }
    }

    /// The names and values.
    ///
    /// # Safety
    ///
    /// They are alive and do not change for as long as they are used.
    #[must_use]
    pub unsafe fn as_slice<'a>(self) -> &'a [RawBytes] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: the caller vouches for it, and it came from `new`, or from the like of it elsewhere.
        unsafe { slice::from_raw_parts(self.start, self.length) }
    }
}

/// Takes bytes, once or several times, during a call.
#[repr(C)]
pub struct BytesSink {
    /// Takes some.
    pub take: unsafe extern "C" fn(to: *mut (), bytes: RawBytes),
    /// The first argument.
    pub to: *mut (),
}

#[cfg(feature = "runtime")]
pub(crate) use super::server::table::TABLE;

/// The functions of a host that serves HTTP. Its rules are those of [`crate::table`].
#[repr(C)]
#[allow(
    missing_docs,
    reason = "the facade's pages tell what each function does; the rules are in the module's"
)]
pub struct HttpTable {
    /// Bytes of this table.
    pub size: usize,

    /// `added` becomes: 0 yes, 1 not in this pass, 2 too late, 3 already.
    pub hook_add: unsafe extern "C" fn(Scope, subject: u64, hook: u32, RawCont, added: *mut u32) -> Code,
    /// The serial number of the call-out under way.
    pub serial: unsafe extern "C" fn(Kind, subject: u64, serial: *mut u32) -> Code,
    /// `serial` zero is whatever call-out is under way. `event` is 60000 or 60001.
    pub reenable: unsafe extern "C" fn(Kind, subject: u64, serial: u32, event: i32) -> Code,
    /// The mutex comes with a count.
    pub mutex: unsafe extern "C" fn(Kind, subject: u64, mutex: *mut Option<RawMutex>) -> Code,
    /// The address and port, as text.
    pub client_addr: unsafe extern "C" fn(Kind, subject: u64, BytesSink) -> Code,
    pub session_of: unsafe extern "C" fn(transaction: u64, session: *mut u64) -> Code,
    pub message_read: unsafe extern "C" fn(
        transaction: u64,
        Which,
        Part,
        name: RawBytes,
        BytesSink,
        number: *mut u32,
    ) -> Code,
    pub message_change: unsafe extern "C" fn(
        transaction: u64,
        Which,
        Change,
        name: RawBytes,
        value: RawBytes,
        number: *mut u32,
    ) -> Code,
    pub error_set:
        unsafe extern "C" fn(transaction: u64, status: u32, body: RawBytes, content_type: RawBytes) -> Code,

    /// The address and port, as text; none if it is not known.
    pub address: unsafe extern "C" fn(Kind, subject: u64, Address, BytesSink) -> Code,
    /// Where a transaction's request goes, as address and port; nothing takes that back.
    pub origin_address_set: unsafe extern "C" fn(transaction: u64, address: RawBytes) -> Code,
    /// Of a session: how many transactions it has had; of a transaction: the how-manieth it is.
    pub count: unsafe extern "C" fn(Kind, subject: u64, count: *mut u64) -> Code,
    /// Nanoseconds; all ones are without end.
    pub limit: unsafe extern "C" fn(transaction: u64, Limit, nanoseconds: *mut u64) -> Code,
    pub limit_set: unsafe extern "C" fn(transaction: u64, Limit, nanoseconds: u64) -> Code,
    pub error_read: unsafe extern "C" fn(transaction: u64, ErrorPart, BytesSink, number: *mut u32) -> Code,
    pub error_change: unsafe extern "C" fn(transaction: u64, ErrorPart, value: RawBytes, number: u32) -> Code,
    pub answer: unsafe extern "C" fn(transaction: u64, status: u32, RawFields, body: RawBytes) -> Code,
    /// Asks for the request's body as a whole, if it is not longer than that many bytes.
    pub body_buffer: unsafe extern "C" fn(transaction: u64, limit: u64) -> Code,
    /// The request's body, in any number of items.
    pub body_read: unsafe extern "C" fn(transaction: u64, BytesSink) -> Code,

    /// Nanoseconds of the monotonic clock; zero if the moment has not come.
    pub milestone: unsafe extern "C" fn(transaction: u64, milestone: u32, at: *mut u64) -> Code,
    pub arg_reserve:
        unsafe extern "C" fn(Kind, name: RawBytes, description: RawBytes, index: *mut u32) -> Code,
    /// The description goes to the sink.
    pub arg_find: unsafe extern "C" fn(Kind, name: RawBytes, BytesSink, index: *mut u32) -> Code,
    /// Name and description go to the sink.
    pub arg_describe: unsafe extern "C" fn(Kind, index: u32, BytesSink) -> Code,
    /// The new value goes over, and the old one comes, only if the answer is [`Code::OK`].
    pub arg_set: unsafe extern "C" fn(Kind, subject: u64, index: u32, RawArg, old: *mut RawArg) -> Code,
    /// The value comes, and its place is kept until it is put back.
    pub arg_lend: unsafe extern "C" fn(Kind, subject: u64, index: u32, value: *mut RawArg) -> Code,
    /// The value goes over only if the answer is [`Code::OK`].
    pub arg_put_back: unsafe extern "C" fn(Kind, subject: u64, index: u32, RawArg) -> Code,
    /// A plain value, which stays in its place.
    pub arg_plain: unsafe extern "C" fn(Kind, subject: u64, index: u32, value: *mut RawArg) -> Code,

    /// The URL at the origin; none if that is not decided yet.
    pub origin_url: unsafe extern "C" fn(transaction: u64, BytesSink) -> Code,
    pub origin_url_set: unsafe extern "C" fn(transaction: u64, url: RawBytes) -> Code,
    /// The URL that the client asked for.
    pub pristine_url: unsafe extern "C" fn(transaction: u64, BytesSink) -> Code,

    /// No type leaves the one that the response has.
    pub response_body_set:
        unsafe extern "C" fn(transaction: u64, body: RawBytes, content_type: RawBytes) -> Code,
    /// `by` becomes: 0 nobody, 1 the client, 2 the origin.
    pub aborted: unsafe extern "C" fn(transaction: u64, by: *mut u32) -> Code,

    pub fact: unsafe extern "C" fn(Kind, subject: u64, Fact, value: *mut u64) -> Code,
    pub fact_set: unsafe extern "C" fn(Kind, subject: u64, Fact, value: u64) -> Code,
    /// Host and port; none if it is not decided yet.
    pub origin_name: unsafe extern "C" fn(transaction: u64, BytesSink) -> Code,
    /// The URL that is asked instead; none if nobody has said so.
    pub redirect: unsafe extern "C" fn(transaction: u64, BytesSink) -> Code,
    /// Nothing takes it back.
    pub redirect_set: unsafe extern "C" fn(transaction: u64, url: RawBytes) -> Code,
    /// Ours to go from, or the client's verified one; nothing takes it back.
    pub address_set: unsafe extern "C" fn(transaction: u64, Address, address: RawBytes) -> Code,
}

/// The table in use, if its host serves HTTP.
fn http() -> Option<&'static HttpTable> {
    let table = NonNull::new(host().http.cast_mut())?.cast::<HttpTable>();
    // SAFETY: a host's table of our version has such a table, or null. It begins with its size, and one that is shorter has
    // less behind it, so no reference is made before that is known.
    unsafe {
        let size = (&raw const (*table.as_ptr()).size).read();
        if size < size_of::<HttpTable>() { None } else { Some(table.as_ref()) }
    }
}

/// The number and the call-out of an event's subject.
pub(crate) fn subject(event: &Event<'_>, kind: Kind) -> Option<(u64, u32)> {
    let mut data = RawData { owner: 0, value: ptr::null_mut() };
    // SAFETY: the event is alive, and the place is lent for the call.
    if !unsafe { (host().event_data)(event.raw(), &raw mut data) } || data.owner != kind.0 as usize {
        return None;
    }
    let number = data.value.addr() as u64;
    let mut serial = 0;
    // SAFETY: any number will do, and the place is lent for the call.
    let code = unsafe { (http()?.serial)(kind, number, &raw mut serial) };
    (code == Code::OK).then_some((number, serial))
}

pub(crate) fn hook_add(scope: Scope, subject: u64, hook: HookId, cont: &Cont) -> Result<Added, HookError> {
    let mut added = 0;
    let table = http().ok_or(HookError::NoHttp)?;
    // SAFETY: the continuation is lent for the call, and so is the place; any numbers will do.
    let code =
        unsafe { (table.hook_add)(scope, subject, hook.number(), cont.handle().raw(), &raw mut added) };
    Err(match (code, added) {
        (Code::OK, 0) => return Ok(Added::Yes),
        (Code::OK, 1) => return Ok(Added::NotInThisPass),
        (Code::OK, 2) => return Ok(Added::TooLate),
        (Code::OK, _) => return Ok(Added::Already),
        (Code::DESTROYED, _) => HookError::Destroyed,
        (Code::GONE, _) => HookError::Gone,
        (Code::NOT_OF_TRANSACTIONS, _) => HookError::NotOfTransactions(hook),
        (Code::NO_RUNTIME, _) => HookError::NoRuntime,
        (Code(number), _) => HookError::Unknown(number),
    })
}

pub(crate) fn reenable(kind: Kind, subject: u64, serial: u32, answer: Reenable) -> Result<(), ReenableError> {
    let event = match answer {
        Reenable::Continue => crate::EventCode::HTTP_CONTINUE,
        Reenable::Error => crate::EventCode::HTTP_ERROR,
    };
    let table = http().ok_or(ReenableError::Gone)?;
    // SAFETY: any numbers will do.
    match unsafe { (table.reenable)(kind, subject, serial, event.number()) } {
        Code::OK => Ok(()),
        Code::ALREADY_REENABLED => Err(ReenableError::AlreadyReenabled),
        Code::GONE => Err(ReenableError::Gone),
        Code::ENDED => Err(ReenableError::Ended),
        Code(number) => Err(ReenableError::Unknown(number)),
    }
}

pub(crate) fn mutex(kind: Kind, subject: u64) -> Result<Mutex, Gone> {
    let mut mutex = None;
    let table = http().ok_or(Gone)?;
    // SAFETY: any number will do, and the place is lent for the call.
    let code = unsafe { (table.mutex)(kind, subject, &raw mut mutex) };
    // SAFETY: what was put there is alive and comes with a count.
    let mutex = mutex.map(|raw| Mutex::from_handle(unsafe { MutexHandle::own(raw) }));
    mutex.filter(|_| code == Code::OK).ok_or(Gone)
}

pub(crate) fn session_of(transaction: u64) -> Result<u64, Gone> {
    let mut session = 0;
    let table = http().ok_or(Gone)?;
    // SAFETY: any number will do, and the place is lent for the call.
    let code = unsafe { (table.session_of)(transaction, &raw mut session) };
    if code == Code::OK { Ok(session) } else { Err(Gone) }
}

/// A sink that copies each item.
fn gather(items: &mut Vec<Vec<u8>>) -> BytesSink {
    BytesSink { take: take_bytes, to: ptr::from_mut(items).cast() }
}

unsafe extern "C" fn take_bytes(to: *mut (), item: RawBytes) {
    // SAFETY: `gather` gave the address of a vector that its caller lends for the call, and the item is lent for this one.
    let (items, item) = unsafe { (&mut *to.cast::<Vec<Vec<u8>>>(), item.as_slice()) };
    items.push(item.to_vec());
}
