//! The HTTP part of the one door: a table of functions, and the facade's calls through it.
//!
//! # Rules
//! * The rules of [`crate::table`] hold. Sessions and transactions cross as numbers that are looked up, so any number is
//!   sound, and none is counted.
//! * An event at a hook carries its subject as data on loan whose owner is one of two small numbers. No copy of the facade
//!   has them, since theirs are addresses.

use std::net::SocketAddr;
use std::ptr::NonNull;
use std::{ptr, slice};

use super::message::MessageError;
use super::{Added, Gone, HookError, HookId, Reenable, ReenableError};
use crate::table::handle::MutexHandle;
use crate::table::{Code, RawCont, RawData, RawMutex, host};
use crate::{Cont, Event, Mutex};

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

/// Takes bytes, once or several times, during a call.
#[repr(C)]
pub struct BytesSink {
    /// Takes some.
    pub take: unsafe extern "C" fn(to: *mut (), bytes: RawBytes),
    /// The first argument.
    pub to: *mut (),
}

macro_rules! numbers {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub u32);

        impl $name {
            $($(#[$item_doc])* pub const $item: Self = Self($number);)*
        }
    };
}

numbers! {
    /// What a number is the number of.
    Kind {
        /// A session.
        SESSION = 1,
        /// A transaction.
        TRANSACTION = 2,
    }
}

numbers! {
    /// Whose hook a continuation is added to.
    Scope {
        /// Everybody's.
        GLOBAL = 0,
        /// A session's.
        SESSION = 1,
        /// A transaction's.
        TRANSACTION = 2,
    }
}

numbers! {
    /// One of a transaction's four messages.
    Which {
        /// From the client.
        CLIENT_REQUEST = 0,
        /// To the origin.
        ORIGIN_REQUEST = 1,
        /// From the origin.
        ORIGIN_RESPONSE = 2,
        /// To the client.
        CLIENT_RESPONSE = 3,
    }
}

numbers! {
    /// What is read of a message.
    Part {
        /// The method, as one item.
        METHOD = 0,
        /// The target, as one item.
        TARGET = 1,
        /// The status, as a number.
        STATUS = 2,
        /// The values of the named field, an item each.
        VALUES = 3,
        /// All fields, each as two items.
        FIELDS = 4,
        /// The host that the request is for, as one item if there is one.
        HOST = 5,
    }
}

numbers! {
    /// What is changed of a message.
    Change {
        /// The method, to the name.
        METHOD = 0,
        /// The target, to the name.
        TARGET = 1,
        /// The status, to the number.
        STATUS = 2,
        /// The named field, to the value.
        SET = 3,
        /// One more named field.
        APPEND = 4,
        /// No more named field; the number becomes how many there were.
        REMOVE = 5,
    }
}

#[rustfmt::skip]
impl Code {
    /// The session or transaction is over.
    pub const GONE: Self = Self(100);
    /// The call-out has been answered.
    pub const ALREADY_REENABLED: Self = Self(101);
    /// Nobody is called out.
    pub const NOT_CALLED_OUT: Self = Self(102);
    /// There is no such message.
    pub const ABSENT: Self = Self(103);
    /// The message is not to be changed now.
    pub const READ_ONLY: Self = Self(104);
    /// The message has no such part.
    pub const WRONG_KIND: Self = Self(105);
    /// Not a valid part.
    pub const INVALID: Self = Self(106);
    /// The field frames the body.
    pub const FRAMING: Self = Self(107);
    /// A hook that transactions do not reach.
    pub const NOT_OF_TRANSACTIONS: Self = Self(108);
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

pub(crate) fn client_addr(kind: Kind, subject: u64) -> Result<SocketAddr, Gone> {
    let table = http().ok_or(Gone)?;
    let mut address = Vec::new();
    // SAFETY: any number will do, and the sink's target outlives the call.
    unsafe { (table.client_addr)(kind, subject, gather(&mut address)) };
    let address = address.first().and_then(|address| str::from_utf8(address).ok());
    address.and_then(|address| address.parse().ok()).ok_or(Gone)
}

pub(crate) fn session_of(transaction: u64) -> Result<u64, Gone> {
    let mut session = 0;
    let table = http().ok_or(Gone)?;
    // SAFETY: any number will do, and the place is lent for the call.
    let code = unsafe { (table.session_of)(transaction, &raw mut session) };
    if code == Code::OK { Ok(session) } else { Err(Gone) }
}

pub(crate) fn message_read(
    transaction: u64,
    which: Which,
    part: Part,
    name: &[u8],
) -> Result<(Vec<Vec<u8>>, u32), MessageError> {
    let table = http().ok_or(MessageError::Gone)?;
    let mut items = Vec::new();
    let mut number = 0;
    let name = RawBytes::new(name);
    // SAFETY: any numbers will do; name, sink and place are lent for the call.
    let code =
        unsafe { (table.message_read)(transaction, which, part, name, gather(&mut items), &raw mut number) };
    message_error(code).map(|()| (items, number))
}

pub(crate) fn message_change(
    transaction: u64,
    which: Which,
    change: Change,
    name: &[u8],
    value: &[u8],
    mut number: u32,
) -> Result<usize, MessageError> {
    let table = http().ok_or(MessageError::Gone)?;
    let (name, value) = (RawBytes::new(name), RawBytes::new(value));
    // SAFETY: any numbers will do; name, value and place are lent for the call.
    let code = unsafe { (table.message_change)(transaction, which, change, name, value, &raw mut number) };
    message_error(code).map(|()| number as usize)
}

pub(crate) fn set_error(
    transaction: u64,
    status: u16,
    body: &[u8],
    content_type: &str,
) -> Result<(), MessageError> {
    let table = http().ok_or(MessageError::Gone)?;
    let (body, content_type) = (RawBytes::new(body), RawBytes::new(content_type.as_bytes()));
    // SAFETY: any number will do; the bytes are lent for the call.
    message_error(unsafe { (table.error_set)(transaction, status.into(), body, content_type) })
}

fn message_error(code: Code) -> Result<(), MessageError> {
    Err(match code {
        Code::OK => return Ok(()),
        Code::GONE => MessageError::Gone,
        Code::NOT_CALLED_OUT => MessageError::NotCalledOut,
        Code::ABSENT => MessageError::Absent,
        Code::READ_ONLY => MessageError::ReadOnly,
        Code::WRONG_KIND => MessageError::WrongKind,
        Code::INVALID => MessageError::Invalid,
        Code::FRAMING => MessageError::Framing,
        Code(number) => MessageError::Unknown(number),
    })
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
