//! Debug output: which tags are wanted, and their lines.
//!
//! # Rules
//! * A tag's record is made once, and stays where it is until the process ends: plugins read its byte without asking.
//! * The byte says that the tag is wanted and debug output is on; so with none, a plugin pays for one load.
//! * What is wanted comes from the records `diags.debug.enabled` and `diags.debug.tags`, and may change at any time.
//! * In mode 2 they are written while a handler is called for a session or transaction that is chosen: by a plugin
//!   (`TSHttpTxnDebugSet`, `TSHttpSsnDebugSet`), or by the record `diags.debug.client_ip`, which names a client.

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};

use parking_lot::Mutex;
use regex::bytes::Regex;

use super::{call, diags, records};
use crate::http::server::subjects::{SessionSubject, TransactionSubject};

/// `TSDbgTag` of the headers.
#[repr(C)]
pub struct TSDbgTag {
    on: AtomicU8,
    tag: *const c_char,
}

// SAFETY: the text is a leaked one that nobody changes.
unsafe impl Send for TSDbgTag {}
// SAFETY: as above.
unsafe impl Sync for TSDbgTag {}

static MODE: AtomicI32 = AtomicI32::new(0);

/// The mode in which it counts for whom a handler is called.
const BY_CHOICE: i32 = 2;

/// Whom a handler is called for, by number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whom {
    Session(u64),
    Transaction(u64),
}

thread_local! {
    /// Whom this thread calls a handler for; only kept while the mode asks for it.
    static WHOM: Cell<Option<Whom>> = const { Cell::new(None) };
}

static TAGS: Mutex<Tags> = Mutex::new(Tags { client: None, wanted: None, known: None });

struct Tags {
    /// A client whose sessions are chosen.
    client: Option<IpAddr>,
    /// None if no tag is.
    wanted: Option<Regex>,
    known: Option<HashMap<&'static CStr, &'static TSDbgTag>>,
}

impl Tags {
    fn wants(&self, tag: &CStr) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted.is_match(tag.to_bytes()))
    }
}

/// Calls `f`, which calls a handler with `event`, for whom `whom` says.
#[inline]
pub(crate) fn with_whom<E: ?Sized, R>(
    event: &mut E,
    whom: impl FnOnce(&mut E) -> Option<Whom>,
    f: impl FnOnce(&mut E) -> R,
) -> R {
    // Relaxed: see `configure`.
    if MODE.load(Ordering::Relaxed) != BY_CHOICE {
        return f(event);
    }
    let before = WHOM.replace(whom(event));
    // Nothing unwinds out of a handler.
    let value = f(event);
    WHOM.set(before);
    value
}

/// Whether debug output is wanted for whom this thread calls a handler.
fn is_chosen() -> bool {
    let session = |session: &SessionSubject| Some(session.client.ip().to_canonical()) == TAGS.lock().client;
    match WHOM.get() {
        None => false,
        Some(Whom::Session(number)) => {
            SessionSubject::find(number).is_some_and(|found| found.wants_debug() || session(&found))
        }
        Some(Whom::Transaction(number)) => TransactionSubject::find(number)
            .is_some_and(|found| found.wants_debug() || session(&found.session)),
    }
}

/// Whether a text will do for the tags that are wanted: `http|my_plugin.*`, found anywhere in a tag.
pub(crate) fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

/// Takes up what the records say.
pub(crate) fn configure() {
    // The expression was looked at when the records were read.
    let (mode, wanted) = (records::int("diags.debug.enabled"), pattern(&records::text("diags.debug.tags")));
    let mut tags = TAGS.lock();
    tags.wanted = wanted.filter(|_| mode != 0);
    // What is no address was refused when the records were read; nothing is no client.
    tags.client =
        records::text("diags.debug.client_ip").parse().ok().map(|client: IpAddr| client.to_canonical());
    // Relaxed: it is looked at for itself; a line more or less is written meanwhile.
    MODE.store(mode as i32, Ordering::Relaxed);
    for (tag, record) in tags.known.iter().flatten() {
        // Relaxed: as above.
        record.on.store(tags.wants(tag).into(), Ordering::Relaxed);
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSDbgTagGet(tag: *const c_char) -> *const TSDbgTag {
    call::enter("TSDbgTagGet", |call| {
        // SAFETY: the plugin says that it is a text.
        let tag = unsafe { call.text("tag", tag) };
        let mut tags = TAGS.lock();
        if let Some(record) = tags.known.as_ref().and_then(|known| known.get(tag)) {
            return std::ptr::from_ref(*record);
        }
        let name: &'static CStr = Box::leak(tag.to_owned().into_boxed_c_str());
        let on = AtomicU8::new(tags.wants(name).into());
        let record: &'static TSDbgTag = Box::leak(Box::new(TSDbgTag { on, tag: name.as_ptr() }));
        tags.known.get_or_insert_default().insert(name, record);
        record
    })
}

/// The mode; odd while the wanted tags are written by this thread.
#[unsafe(no_mangle)]
pub extern "C" fn TSDbgGlobalOn() -> c_int {
    // Relaxed: see `configure`.
    call::enter("TSDbgGlobalOn", |_| match MODE.load(Ordering::Relaxed) {
        BY_CHOICE => BY_CHOICE | c_int::from(is_chosen()),
        mode => mode,
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSDbgWrite(
    tag: *const c_char,
    file: *const c_char,
    function: *const c_char,
    line: c_int,
    text: *const c_char,
) {
    call::enter("TSDbgWrite", |call| {
        // A control without a tag may be asked to write all the same.
        let tag = if tag.is_null() { c"".as_ptr() } else { tag };
        // SAFETY: the plugin says that they are texts.
        let [tag, file, function, text] = unsafe {
            [
                call.text("tag", tag),
                call.text("file", file),
                call.text("function", function),
                call.text("text", text),
            ]
        };
        let [tag, file, function] = [tag, file, function].map(CStr::to_string_lossy);
        diags::debug(&tag, &file, &function, line, text);
    });
}

#[cfg(test)]
mod tests {
    use super::super::records::{self, Records, Value};
    use super::*;

    /// The only test of this state in this process.
    #[test]
    fn a_tag_is_on_while_the_mode_is_and_the_expression_finds_itself_in_it() {
        let get = |tag: &CStr| {
            // SAFETY: a text; the record stays.
            unsafe { &*TSDbgTagGet(tag.as_ptr()) }
        };
        let on = |tag: &TSDbgTag| tag.on.load(Ordering::Relaxed) != 0;
        let (http, own) = (get(c"http_hdrs"), get(c"own"));
        assert!(std::ptr::eq(http, get(c"http_hdrs")) && !on(http) && !on(own));
        // SAFETY: the text is for good.
        assert_eq!(unsafe { CStr::from_ptr(http.tag) }, c"http_hdrs");
        let configure = |mode: i64, tags: &'static str| {
            let mode = ("diags.debug.enabled", Value::Int(mode));
            records::take_up(&Records::of([mode, ("diags.debug.tags", Value::Text(tags.into()))]), false);
        };
        configure(1, "^ht|^new");
        assert!(on(http) && !on(own) && on(get(c"new")) && TSDbgGlobalOn() == 1);
        configure(3, "own");
        assert!(!on(http) && on(own) && !on(get(c"new")) && TSDbgGlobalOn() == 3);
        configure(0, "own");
        assert!(!on(own) && !on(get(c"own too")) && TSDbgGlobalOn() == 0);
        records::take_up(&Records::default(), false);
    }
}
