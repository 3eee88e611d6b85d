//! The types of the headers, as they cross: handles that are told apart by the compiler, and numbers.

use std::ffi::{c_int, c_void};

use super::handle::{Kind, Raw};

macro_rules! handles {
    ($($name:ident is $kind:ident,)*) => {$(
        #[doc = concat!("`", stringify!($name), "` of the headers.")]
        #[repr(transparent)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(*mut c_void);

        // SAFETY: it is a number, which is never followed.
        unsafe impl Send for $name {}
        // SAFETY: as above.
        unsafe impl Sync for $name {}

        impl $name {
            /// No handle.
            #[allow(dead_code, reason = "not every kind is ever told that there is none")]
            pub const NULL: Self = Self(std::ptr::null_mut());
        }

        impl Raw for $name {
            const KIND: Kind = Kind::$kind;

            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                Self(std::ptr::without_provenance_mut(bits as usize))
            }

            #[inline(always)]
            fn bits(self) -> u64 {
                self.0.addr() as u64
            }
        }
    )*};
}

handles! {
    TSCont is Cont,
    TSMutex is Mutex,
    TSAction is Action,
    TSThread is Thread,
    TSEventThread is EventThread,
    TSHttpTxn is Transaction,
    TSHttpSsn is Session,
    TSMBuffer is Buffer,
    TSMLoc is Loc,
    TSIOBuffer is IoBuffer,
    TSIOBufferReader is IoReader,
    TSIOBufferBlock is IoBlock,
    TSTextLogObject is TextLog,
    TSFile is File,
    TSUuid is Uuid,
}

/// No handle.
pub(crate) fn null<H: Raw>() -> H {
    H::from_bits(0)
}

/// An event code; plugins have numbers of their own, so it is no enumeration here.
pub type TSEvent = c_int;
/// [`TS_SUCCESS`] or [`TS_ERROR`].
pub type TSReturnCode = c_int;
/// A pool by its number, see [`crate::Pool`].
pub type TSThreadPool = c_int;
/// What an argument is kept with, by its number.
pub type TSUserArgType = c_int;
/// A switch of a transaction by its number.
pub type TSHttpCntlType = c_int;
/// What carries a transaction, by its number.
pub type TSTxnType = c_int;
/// What there is to know of a session as a number, by its number.
pub type TSHttpSsnInfoKey = c_int;
/// How the connection to an origin fares, by its number.
pub type TSServerState = c_int;
/// A hook by its number.
pub type TSHttpHookID = c_int;
/// How large an IO buffer's blocks are: 128 bytes times two to the power of it.
pub type TSIOBufferSizeIndex = c_int;
/// A status of HTTP.
pub type TSHttpStatus = c_int;
/// What a head is: unknown, a request's, a response's.
pub type TSHttpType = c_int;
/// What a parser answers.
pub type TSParseResult = c_int;
/// A version of UUIDs.
pub type TSUuidVersion = c_int;
/// The type of a record, or of a statistic.
pub type TSRecordDataType = c_int;
/// Where a record's value comes from.
pub type TSMgmtSource = c_int;
/// Whether a statistic outlives the process.
pub type TSStatPersistence = c_int;
/// What becomes of a statistic's samples.
pub type TSStatSync = c_int;
/// A setting of a transaction by its number.
pub type TSOverridableConfigKey = c_int;
/// A moment of a transaction by its number.
pub type TSMilestonesType = c_int;
/// A life-cycle hook by its number.
pub type TSLifecycleHookID = c_int;
/// Milliseconds where something is scheduled, nanoseconds where a time is told.
pub type TSHRTime = i64;

/// Done.
pub(crate) const TS_SUCCESS: TSReturnCode = 0;
/// Refused.
pub(crate) const TS_ERROR: TSReturnCode = -1;

/// A plugin's handler. An exception may leave it: see [`super::plugin`].
pub type TSEventFunc = Option<unsafe extern "C-unwind" fn(TSCont, TSEvent, *mut c_void) -> c_int>;
/// The function of a plugin's thread, likewise.
pub type TSThreadFunc = Option<ThreadFunc>;
/// One that is there.
pub type ThreadFunc = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;

impl TSHttpTxn {
    /// The handle of the transaction with this number.
    pub(crate) fn of(number: u64) -> Self {
        super::handle::compose(number)
    }
}

impl TSHttpSsn {
    /// The handle of the session with this number.
    pub(crate) fn of(number: u64) -> Self {
        super::handle::compose(number)
    }
}
