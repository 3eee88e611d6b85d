//! The one door between plugins and the event system: a table of functions.
//!
//! The facade's types are handles; every one of their calls goes through a [`HostTable`]. In a program that links the event
//! system (feature `runtime`) that is a static. A plugin that is loaded from a file is built without that feature and is
//! given its host's table at entry, which it hands to [`install_raw`]. So a loaded plugin has no event system and no thread
//! identities of its own, and a host of another version is recognised before anything is called.
//!
//! Plugin authors need nothing of this module but that one call.
//!
//! # Rules
//! * The table's layout is C's. Within a version it grows at its end only; `size` tells how much of it there is.
//! * Closures cross as a function, a data pointer, and a function that drops the data. Text crosses as pointer and length.
//! * Errors cross as a [`Code`]. Panics do not cross: each side catches its own, and says so by [`Code::PANICKED`].
//! * A handle is counted: what a function returns belongs to the caller, what it is given is lent for the call.
//!
//! A trait object would be the usual door within one program, but its layout is not promised across two compilers.

pub(crate) mod data;
pub(crate) mod handle;
pub(crate) mod handler;

use crate::error::TableError;
use std::marker::PhantomData;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::OnceLock;

/// The version of the table's layout and meaning. A plugin runs only on a host with the same.
pub const TABLE_VERSION: u32 = 1;

static TABLE: OnceLock<&'static HostTable> = OnceLock::new();

/// A counted reference to a continuation.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawCont(pub NonNull<()>);

/// A counted reference to a mutex.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawMutex(pub NonNull<()>);

/// A counted reference to an event thread.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawThread(pub NonNull<()>);

/// A counted reference to a plugin's thread.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawPluginThread(pub NonNull<()>);

/// The event under a handler; lent for the call.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawEvent(pub NonNull<()>);

/// A scheduled call: a slot, which is never null, and a generation.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawAction {
    /// Where it is.
    pub slot: NonNull<()>,
    /// Which of those that were there.
    pub generation: u64,
}

/// UTF-8 text.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text<'a> {
    start: *const u8,
    length: usize,
    of: PhantomData<&'a str>,
}

impl<'a> Text<'a> {
    /// The text in the form that crosses.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { start: text.as_ptr(), length: text.len(), of: PhantomData }
    }

    /// The text.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        // SAFETY: only `new` fills the private fields, from a `str` that lives for `'a`; UTF-8 stays UTF-8 on the way.
        unsafe { std::str::from_utf8_unchecked(slice::from_raw_parts(self.start, self.length)) }
    }
}

/// A place in a plugin's source.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Place {
    /// The file.
    pub file: Text<'static>,
    /// The line, from one.
    pub line: u32,
    /// The column, from one.
    pub column: u32,
}

impl From<&'static Location<'static>> for Place {
    fn from(place: &'static Location<'static>) -> Self {
        Self { file: Text::new(place.file()), line: place.line(), column: place.column() }
    }
}

/// How a call ended: zero, or why it did nothing.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub i32);

#[rustfmt::skip]
impl Code {
    /// Done.
    pub const OK: Self = Self(0);
    /// The caller is neither an event thread nor a guest.
    pub const FOREIGN_THREAD: Self = Self(1);
    /// The continuation has no mutex.
    pub const NEEDS_MUTEX: Self = Self(2);
    /// The continuation has a mutex.
    pub const NEEDS_NO_MUTEX: Self = Self(3);
    /// The continuation is destroyed.
    pub const DESTROYED: Self = Self(4);
    /// The system is shutting down.
    pub const SHUTTING_DOWN: Self = Self(5);
    /// The host has no such pool.
    pub const NO_SUCH_POOL: Self = Self(6);
    /// The pool has no threads yet.
    pub const NOT_READY: Self = Self(7);
    /// The thread has no event loop.
    pub const NO_LOOP: Self = Self(8);
    /// A period of zero.
    pub const ZERO_PERIOD: Self = Self(9);
    /// The mutex is held elsewhere.
    pub const BUSY: Self = Self(10);
    /// The handler is on the stack and was not made to be entered twice.
    pub const REENTRANT: Self = Self(11);
    /// Code of the other side panicked; the panic ended there.
    pub const PANICKED: Self = Self(12);
    /// No event system runs.
    pub const NO_RUNTIME: Self = Self(13);
    /// The operating system gave no thread.
    pub const NO_THREAD: Self = Self(14);
    /// A thread would wait for itself.
    pub const ITSELF: Self = Self(15);
    /// A number that the host does not know.
    pub const UNKNOWN: Self = Self(16);
    /// An event thread would wait.
    pub const EVENT_THREAD: Self = Self(17);
}

/// How a continuation's handler may be called.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContKind(pub u32);

impl ContKind {
    /// Under its mutex, not while it runs.
    pub const EXCLUSIVE: Self = Self(0);
    /// Under its mutex, also while it runs.
    pub const REENTRANT: Self = Self(1);
    /// Without a mutex, by several threads at once.
    pub const SHARED: Self = Self(2);
}

/// A continuation's handler.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Handler {
    /// Calls it; the number it returns goes to the last argument. [`Code::OK`] or [`Code::PANICKED`].
    pub call: unsafe extern "C" fn(data: *mut (), event: *const EventHead, number: *mut i32) -> Code,
    /// The first argument of both functions.
    pub data: *mut (),
    /// Drops it; called once, on any thread.
    pub drop: unsafe extern "C" fn(data: *mut ()) -> Code,
}

/// A function that runs at most once.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Task {
    /// Runs and drops it.
    pub run: unsafe extern "C" fn(data: *mut ()) -> Code,
    /// The argument of both functions.
    pub data: *mut (),
    /// Drops it without having run it.
    pub drop: unsafe extern "C" fn(data: *mut ()) -> Code,
}

/// What a handler is told at once; for more it asks with `event`.
#[repr(C)]
pub struct EventHead {
    /// The event code.
    pub code: i32,
    /// Whose handler it is; lent.
    pub cont: RawCont,
    /// The event.
    pub event: RawEvent,
}

/// Data that is lent with a direct call.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RawData {
    /// Which copy of the facade lent it: no other can tell its type.
    pub owner: usize,
    /// What it is, to that copy.
    pub value: *mut (),
}

/// When a scheduled call is to run.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Nanoseconds from now; of a period its length.
    pub nanoseconds: u64,
    /// Whether it repeats.
    pub periodic: bool,
}

/// Where a scheduled call is to run.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// On this thread, if there is one here.
    pub thread: Option<RawThread>,
    /// Otherwise on this pool, unless it is [`NO_POOL`].
    pub pool: i32,
}

/// No pool: where the affinity is, or on the calling thread.
pub const NO_POOL: i32 = -1;

/// Which thread would get an event, and why.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RawChoice {
    /// The thread; none if it would be the next in turn.
    pub thread: Option<RawThread>,
    /// The pool it belongs to, or [`NO_POOL`] for a group that is no pool.
    pub pool: i32,
    /// Whether the thread would become the affinity.
    pub becomes_affinity: bool,
    /// A [`crate::Reason`].
    pub reason: i32,
}

/// Takes text, once or several times, during a call.
#[repr(C)]
pub struct TextSink {
    /// Takes one.
    pub take: unsafe extern "C" fn(to: *mut (), text: Text<'_>),
    /// The first argument.
    pub to: *mut (),
}

/// Takes actions, any number of them, during a call.
#[repr(C)]
pub struct ActionSink {
    /// Takes one.
    pub take: unsafe extern "C" fn(to: *mut (), action: RawAction),
    /// The first argument.
    pub to: *mut (),
}

/// The functions of a host. See the [module page](self).
///
/// All functions may be called from any thread, unless the facade's page for them says otherwise, and only with handles
/// that a function of this table returned.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(
    missing_docs,
    reason = "the facade's pages tell what each function does; the rules are in the module's"
)]
pub struct HostTable {
    /// Bytes of this table.
    pub size: usize,
    /// [`TABLE_VERSION`] of the host.
    pub version: u32,
    /// Which event system it is: the same address for all tables of one, another for every other.
    pub identity: *const (),

    pub mutex_create: unsafe extern "C" fn(name: Text<'static>) -> RawMutex,
    pub mutex_clone: unsafe extern "C" fn(RawMutex) -> RawMutex,
    pub mutex_drop: unsafe extern "C" fn(RawMutex),
    /// One more level, blocking.
    pub mutex_lock: unsafe extern "C" fn(RawMutex, Place) -> Code,
    /// One more level if that needs no waiting.
    pub mutex_try_lock: unsafe extern "C" fn(RawMutex, Place) -> bool,
    /// Ends a level that one of the two above began. No place means the end of a scope.
    pub mutex_unlock: unsafe extern "C" fn(RawMutex, Option<&Place>) -> Code,
    pub mutex_is_held: unsafe extern "C" fn(RawMutex) -> bool,

    /// The mutex is none for, and only for, [`ContKind::SHARED`].
    pub cont_create:
        unsafe extern "C" fn(ContKind, Option<RawMutex>, name: Text<'static>, Place, Handler) -> RawCont,
    pub cont_clone: unsafe extern "C" fn(RawCont) -> RawCont,
    pub cont_drop: unsafe extern "C" fn(RawCont),
    pub cont_call: unsafe extern "C" fn(RawCont, code: i32, Option<&RawData>, number: *mut i32) -> Code,
    /// A [`crate::Destroyed`].
    pub cont_destroy: unsafe extern "C" fn(RawCont) -> i32,
    pub cont_is_destroyed: unsafe extern "C" fn(RawCont) -> bool,
    pub cont_mutex: unsafe extern "C" fn(RawCont) -> Option<RawMutex>,
    pub cont_name: unsafe extern "C" fn(RawCont, TextSink),

    pub event_data: unsafe extern "C" fn(RawEvent, data: *mut RawData) -> bool,
    pub event_action: unsafe extern "C" fn(RawEvent, action: *mut RawAction) -> bool,
    /// The text of the panic that the caller is about to report with [`Code::PANICKED`].
    pub panicked: unsafe extern "C" fn(Text<'_>),

    pub schedule: unsafe extern "C" fn(RawCont, Timing, Target, action: *mut RawAction) -> Code,
    pub schedule_entire: unsafe extern "C" fn(RawCont, Timing, pool: i32, ActionSink) -> Code,
    pub explain: unsafe extern "C" fn(RawCont, pool: i32, choice: *mut RawChoice) -> Code,
    pub affinity_set: unsafe extern "C" fn(RawCont, RawThread) -> Code,
    pub affinity: unsafe extern "C" fn(RawCont, thread: *mut Option<RawThread>) -> Code,
    pub affinity_clear: unsafe extern "C" fn(RawCont) -> Code,

    /// A [`crate::Cancel`].
    pub action_cancel: unsafe extern "C" fn(RawAction) -> i32,
    pub action_is_done: unsafe extern "C" fn(RawAction) -> bool,
    pub action_is_pending: unsafe extern "C" fn(RawAction) -> bool,

    pub thread_current: unsafe extern "C" fn() -> Option<RawThread>,
    pub thread_clone: unsafe extern "C" fn(RawThread) -> RawThread,
    pub thread_drop: unsafe extern "C" fn(RawThread),
    pub thread_name: unsafe extern "C" fn(RawThread, TextSink),
    pub thread_pool: unsafe extern "C" fn(RawThread) -> i32,
    pub thread_is_current: unsafe extern "C" fn(RawThread) -> bool,

    /// Takes the task over, whatever it returns.
    pub plugin_thread_spawn:
        unsafe extern "C" fn(name: Text<'_>, Task, thread: *mut Option<RawPluginThread>) -> Code,
    pub plugin_thread_current: unsafe extern "C" fn() -> Option<RawPluginThread>,
    pub plugin_thread_wait: unsafe extern "C" fn(RawPluginThread) -> Code,
    pub plugin_thread_is_over: unsafe extern "C" fn(RawPluginThread) -> bool,
    pub plugin_thread_name: unsafe extern "C" fn(RawPluginThread, TextSink),
    pub plugin_thread_clone: unsafe extern "C" fn(RawPluginThread) -> RawPluginThread,
    pub plugin_thread_drop: unsafe extern "C" fn(RawPluginThread),

    /// A [`crate::lifecycle::LifecycleHook`] by its number.
    pub lifecycle_add: unsafe extern "C" fn(hook: i32, RawCont) -> Code,

    /// The functions for HTTP; null for a host without it.
    pub http: *const (),
}

// SAFETY: a table is constant, and its pointers are to functions and to other constant tables.
unsafe impl Send for HostTable {}
// SAFETY: as above.
unsafe impl Sync for HostTable {}

/// Makes the facade call `table` from now on. In a program that links the event system there is no need to.
///
/// It comes before anything else of the facade is used. Installing the same table again does nothing.
///
/// # Errors
///
/// [`TableError`]: the table is of another version or too short, or another table is in use.
pub fn install(table: &'static HostTable) -> Result<(), TableError> {
    if table.version != TABLE_VERSION {
        return Err(TableError::Version { host: table.version, plugin: TABLE_VERSION });
    }
    if table.size < size_of::<HostTable>() {
        return Err(TableError::TooShort { host: table.size, plugin: size_of::<HostTable>() });
    }
    #[cfg(feature = "runtime")]
    if table.identity != linked().identity {
        return Err(TableError::TwoRuntimes);
    }
    if ptr::eq(*TABLE.get_or_init(|| table), table) { Ok(()) } else { Err(TableError::AnotherInUse) }
}

/// As [`install`], with what a plugin's entry function is given.
///
/// # Errors
///
/// As for [`install`]; [`TableError::Null`].
///
/// # Safety
///
/// `table` is null or points to a host's table, of whatever version, which stays as it is until the process ends.
pub unsafe fn install_raw(table: *const HostTable) -> Result<(), TableError> {
    if table.is_null() {
        return Err(TableError::Null);
    }
    // SAFETY: every version of a table begins with these two; a shorter one may have nothing behind them, so no reference
    // is made yet.
    let (size, version) =
        unsafe { ((&raw const (*table).size).read(), (&raw const (*table).version).read()) };
    if version != TABLE_VERSION {
        return Err(TableError::Version { host: version, plugin: TABLE_VERSION });
    }
    if size < size_of::<HostTable>() {
        return Err(TableError::TooShort { host: size, plugin: size_of::<HostTable>() });
    }
    // SAFETY: it is ours in version and size, and the caller vouches for the rest.
    install(unsafe { &*table })
}

/// The table of the linked event system, which a host gives to the plugins it loads.
#[cfg(feature = "runtime")]
#[must_use]
pub fn linked() -> &'static HostTable {
    &crate::runtime::door::TABLE
}

/// The table in use.
#[cfg(feature = "runtime")]
#[inline]
pub(crate) fn host() -> &'static HostTable {
    TABLE.get_or_init(linked)
}

/// The table in use.
///
/// # Panics
///
/// Without one.
#[cfg(not(feature = "runtime"))]
#[inline]
pub(crate) fn host() -> &'static HostTable {
    TABLE.get().expect("a plugin calls ts_api::table::install_raw with its host's table before anything else")
}
