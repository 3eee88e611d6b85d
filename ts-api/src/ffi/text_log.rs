//! Text logs: files of plugins' own, in the host's log directory.
//!
//! # How they are written
//!
//! A line goes into its log's buffer, which a thread of its own for all of them writes to the file: whoever writes a line never
//! waits for the disk. What waits is bounded ([`MOST_WAITING`]); beyond that lines are refused, and the diagnostics say so once.
//!
//! # Rules
//! * Lines of one log keep the order in which they were taken. Flushing has all that were taken before in the file.
//! * A name belongs to one log at a time.
//! * A file is begun anew by time, by size, by either or both; the old one keeps its name with this machine's, and with the
//!   times of its beginning and end behind it. An empty one is left as it is.

mod local;
mod rolling;
mod writer;

use std::ffi::{CStr, c_char, c_int};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::call::{self, Call};
use super::handle::Table;
use super::types::{TS_ERROR, TS_SUCCESS, TSReturnCode, TSTextLogObject};
use super::{place, records};

use self::rolling::{Rolling, When};
use self::writer::Log;

pub(crate) use self::writer::flush_all;
#[cfg(feature = "host")]
pub(crate) use self::writer::reopen;

/// Bytes of one log that wait to be written at most.
const MOST_WAITING: usize = 4 << 20;

/// Each line begins with the time.
const ADD_TIMESTAMP: c_int = 1;
/// If the name is taken there is no log, rather than one of another name.
const DO_NOT_RENAME: c_int = 2;
/// No flag is this or more.
const INVALID: c_int = 4;

/// How many names are tried.
const MOST_NAMES: u32 = 100;

static LOGS: Table<TSTextLogObject, Arc<Log>> = Table::new();

fn get(call: Call, the_object: TSTextLogObject) -> Arc<Log> {
    LOGS.with(call, "the_object", the_object, |log| Arc::clone(log))
}

/// The name of a file below the log directory; none if it leads elsewhere.
fn file_name(name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    let last = path.file_name().filter(|_| inside && !name.ends_with('/'))?;
    let has_extension = last.to_str()?.contains('.');
    Some(if has_extension { path.to_owned() } else { path.with_extension("log") })
}

/// The name with a number, for one that is taken.
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let (stem, extension) = (path.file_stem().unwrap_or_default(), path.extension().unwrap_or_default());
    path.with_file_name(format!("{}_{number}.{}", stem.to_string_lossy(), extension.to_string_lossy()))
}

/// What the records say of when to begin a new file.
fn configured() -> Rolling {
    let number = |name: &str| u64::try_from(records::int(name)).unwrap_or(0);
    Rolling {
        when: When::from_number(records::int("log.rolling_enabled")).unwrap_or(When::Never),
        interval: number("log.rolling_interval_sec"),
        offset: number("log.rolling_offset_hr"),
        size: number("log.rolling_size_mb") << 20,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSTextLogObjectCreate(
    filename: *const c_char,
    mode: c_int,
    new_log_obj: *mut TSTextLogObject,
) -> TSReturnCode {
    call::enter("TSTextLogObjectCreate", |call| {
        let place = call.place("new_log_obj", new_log_obj);
        // SAFETY: the plugin says that it is a text.
        let name = unsafe { call.text("filename", filename) };
        let created = name.to_str().ok().and_then(file_name).and_then(|name| create(&name, mode));
        let handle = created.map_or_else(super::types::null, |log| LOGS.insert(log));
        // SAFETY: the plugin says that it is a place; it is not null, and aligned.
        unsafe { place.write(handle) };
        if handle == super::types::null() { TS_ERROR } else { TS_SUCCESS }
    })
}

fn create(name: &Path, mode: c_int) -> Option<Arc<Log>> {
    if !(0..INVALID).contains(&mode) {
        return None;
    }
    let names = if mode & DO_NOT_RENAME == 0 { MOST_NAMES } else { 1 };
    let log = (0..names).find_map(|number| {
        let path = place::log_dir().join(numbered(name, number));
        Log::open(&path, mode & ADD_TIMESTAMP != 0, configured()).transpose()
    });
    match log? {
        Ok(log) => Some(log),
        Err(error) => {
            tracing::error!(name = %name.display(), %error, "a plugin's text log cannot be opened");
            None
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSTextLogObjectWriteText(
    the_object: TSTextLogObject,
    text: *const c_char,
) -> TSReturnCode {
    call::enter("TSTextLogObjectWriteText", |call| {
        let log = get(call, the_object);
        // SAFETY: the plugin says that it is a text.
        let text: &CStr = unsafe { call.text("text", text) };
        let text = text.to_bytes();
        // The line is ended here.
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        if log.take(text, SystemTime::now()) { TS_SUCCESS } else { TS_ERROR }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSTextLogObjectFlush(the_object: TSTextLogObject) {
    call::enter("TSTextLogObjectFlush", |call| get(call, the_object).write());
}

#[unsafe(no_mangle)]
pub extern "C" fn TSTextLogObjectDestroy(the_object: TSTextLogObject) -> TSReturnCode {
    call::enter("TSTextLogObjectDestroy", |call| {
        LOGS.remove(call, "the_object", the_object).close();
        TS_SUCCESS
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSTextLogObjectHeaderSet(the_object: TSTextLogObject, header: *const c_char) {
    call::enter("TSTextLogObjectHeaderSet", |call| {
        let log = get(call, the_object);
        let is_set = !header.is_null();
        // SAFETY: the plugin says that it is a text.
        let header = is_set.then(|| unsafe { call.text("header", header) }.to_bytes().to_owned());
        log.change(|output| output.header = header);
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSTextLogObjectRollingEnabledSet(
    the_object: TSTextLogObject,
    rolling_enabled: c_int,
) -> TSReturnCode {
    call::enter("TSTextLogObjectRollingEnabledSet", |call| {
        let log = get(call, the_object);
        let Some(when) = When::from_number(rolling_enabled.into()) else { return TS_ERROR };
        log.change(|output| output.rolling.when = when);
        TS_SUCCESS
    })
}

/// Changes a log by a number that has to be one of `good`; otherwise it stays as it is, and the diagnostics say so.
fn change(
    call: Call,
    the_object: TSTextLogObject,
    what: &str,
    number: c_int,
    good: impl FnOnce(u64) -> bool,
    change: impl FnOnce(&mut Rolling, u64),
) {
    let log = get(call, the_object);
    match u64::try_from(number).ok().filter(|number| good(*number)) {
        Some(number) => log.change(|output| change(&mut output.rolling, number)),
        None => {
            let path = log.path().display();
            tracing::warn!(%path, number, "{what} of a plugin's text log will not do; it stays as it was");
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn TSTextLogObjectRollingIntervalSecSet(
    the_object: TSTextLogObject,
    rolling_interval_sec: c_int,
) {
    call::enter("TSTextLogObjectRollingIntervalSecSet", |call| {
        change(
            call,
            the_object,
            "the interval",
            rolling_interval_sec,
            Rolling::is_interval,
            |rolling, number| {
                rolling.interval = number;
            },
        );
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSTextLogObjectRollingOffsetHrSet(the_object: TSTextLogObject, rolling_offset_hr: c_int) {
    call::enter("TSTextLogObjectRollingOffsetHrSet", |call| {
        change(
            call,
            the_object,
            "the hour",
            rolling_offset_hr,
            |hour| hour < 24,
            |rolling, number| {
                rolling.offset = number;
            },
        );
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn TSTextLogObjectRollingSizeMbSet(the_object: TSTextLogObject, rolling_size_mb: c_int) {
    call::enter("TSTextLogObjectRollingSizeMbSet", |call| {
        change(
            call,
            the_object,
            "the size",
            rolling_size_mb,
            |size| size > 0,
            |rolling, number| {
                rolling.size = number << 20;
            },
        );
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gets_an_extension_and_stays_in_its_directory() {
        let named = |name| file_name(name).map(|path| path.to_str().unwrap().to_owned());
        assert_eq!(named("squid").as_deref(), Some("squid.log"));
        assert_eq!(named("squid.txt").as_deref(), Some("squid.txt"));
        assert_eq!(named("own/squid").as_deref(), Some("own/squid.log"));
        for other in ["", "/etc/passwd", "../squid", "a/../../b", "own/", "."] {
            assert_eq!(named(other), None, "{other}");
        }
        assert_eq!(numbered(Path::new("own/squid.log"), 2), Path::new("own/squid_2.log"));
    }
}
