//! What plugins say to whoever runs the host, and how they end it.
//!
//! # Rules
//! * One call is one line, with the plugin's name; what would break the line is written as an escape.
//! * A line goes where the program's diagnostics go: to whoever listens through `tracing`, for the target `plugin`, or
//!   `plugin::debug`. If nobody listens at all it goes to the standard error stream.
//! * A line that ends the process goes to the standard error stream if the filter holds it back. Before the end, what has been
//!   written to text logs reaches its files, statistics are kept, and whoever asked is called. Nothing else is torn down.

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int};
use std::fmt::Display;
use std::io::{self, Write as _};

use parking_lot::Mutex;

use super::call::{self, Call};
use super::{plugin, stat, text_log};

/// Another start may help.
const RESTART: c_int = 70;
/// Another start does not help.
const NO_RESTART: c_int = 33;

/// Levels, by their numbers from 2 on.
const LEVELS: [&str; 7] = ["STATUS", "NOTE", "WARNING", "ERROR", "FATAL", "ALERT", "EMERGENCY"];

type AtExit = Box<dyn Fn() + Send>;

static AT_EXIT: Mutex<Vec<AtExit>> = Mutex::new(Vec::new());

/// Has `f` called before a plugin ends the process, on whatever thread that is. It is to take a second at most.
pub(crate) fn at_exit(f: impl Fn() + Send + 'static) {
    AT_EXIT.lock().push(Box::new(f));
}

/// A plugin's text, as a line's part.
fn line(text: &CStr) -> String {
    let text = text.to_string_lossy();
    let text: Cow<'_, str> = text.strip_suffix('\n').map_or_else(|| text.clone(), Into::into);
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\t' => line.push(letter),
            letter if letter.is_control() => line.extend(letter.escape_default()),
            letter => line.push(letter),
        }
    }
    line
}

fn name() -> &'static str {
    plugin::running().map_or("no plugin", plugin::Plugin::name)
}

/// With nobody to read it there is nothing else to do.
fn to_stderr(line: impl Display) {
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

fn is_heard() -> bool {
    tracing::dispatcher::has_been_set()
}

/// Writes a line of debug output.
pub(crate) fn debug(tag: &str, file: &str, function: &str, at: c_int, text: &CStr) {
    let text = line(text);
    if is_heard() {
        tracing::debug!(target: "plugin::debug", "({tag}) {file}:{at} ({function}) {text}");
    } else {
        to_stderr(format_args!("ts: DEBUG {}: ({tag}) {file}:{at} ({function}) {text}", name()));
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSDiagsWrite(level: c_int, text: *const c_char) {
    call::enter("TSDiagsWrite", |call| {
        let level = usize::try_from(level).ok().and_then(|level| level.checked_sub(2));
        let Some(word) = level.and_then(|level| LEVELS.get(level)) else {
            call.fault("level is none that there is")
        };
        // SAFETY: the plugin says that it is a text.
        let text = line(unsafe { call.text("text", text) });
        let plugin = name();
        match *word {
            "FATAL" | "ALERT" => end(RESTART, word, &text),
            "EMERGENCY" => end(NO_RESTART, word, &text),
            _ if !is_heard() => to_stderr(format_args!("ts: {word} {plugin}: {text}")),
            "WARNING" => tracing::warn!(target: "plugin", plugin, "{text}"),
            "ERROR" => tracing::error!(target: "plugin", plugin, "{text}"),
            _ => tracing::info!(target: "plugin", plugin, "{text}"),
        }
    });
}

/// Ends the process.
fn end(code: c_int, word: &str, text: &str) -> ! {
    let plugin = name();
    last_words();
    if tracing::enabled!(target: "plugin", tracing::Level::ERROR) {
        tracing::error!(target: "plugin", plugin, "{word}: {text}");
    } else {
        to_stderr(format_args!("ts: {word} {plugin}: {text}"));
    }
    // SAFETY: nothing is run, and nothing is needed, after it.
    unsafe { libc::_exit(code) }
}

/// What plugins have written and counted reaches the disk.
pub(crate) fn settle() {
    text_log::flush_all();
    if let Err(error) = stat::keep() {
        to_stderr(format_args!("ts: the statistics of plugins are not kept: {error}"));
    }
}

/// What must not be lost is not.
fn last_words() {
    settle();
    // Somebody else may be ending the process as well; then it has been seen to.
    if let Some(hooks) = AT_EXIT.try_lock() {
        hooks.iter().for_each(|hook| hook());
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSAssertFailed(text: *const c_char, file: *const c_char, line: c_int) {
    call::enter("TSAssertFailed", |call: Call| {
        // SAFETY: the plugin says that they are texts.
        let [text, file] =
            unsafe { [call.text("text", text), call.text("file", file)] }.map(CStr::to_string_lossy);
        text_log::flush_all();
        call.fault(format_args!("{file}:{line}: not so: {text}"))
    })
}
