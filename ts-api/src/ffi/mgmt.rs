//! What is set, and being told when that changes.
//!
//! # Rules
//! * A name is a record's, or a statistic's that a plugin has made. Of another name, or another type, nothing is told.
//! * Whoever asked to be told is told at a reload: all of them, or those whose file, or a file that was added to it, is another
//!   than before. They are called on a task thread that holds their mutex, one after another.
//! * A continuation that was destroyed is not told, and is forgotten.

use std::collections::BTreeMap;
use std::ffi::{OsStr, c_char, c_float, c_int};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::time::SystemTime;

use parking_lot::Mutex;
use ts_cont::{Continuation, EventCode};

use super::call::{self, Call};
use super::records::{self, Source, Value};
use super::types::{TS_ERROR, TS_SUCCESS, TSCont, TSMgmtSource, TSRecordDataType, TSReturnCode};
use super::{cont, memory, place};
use crate::Runtime;

/// The event of those that are told.
const MGMT_UPDATE: i32 = 60300;

/// What a name stands for, as the headers number it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
enum DataType {
    Int = 1,
    Float = 2,
    Text = 3,
    Counter = 4,
}

/// Looks a name up, and has `f` say what to write to the place for it.
///
/// # Safety
///
/// `name` is null or a text, and `to` null or a place.
unsafe fn get<T>(
    call: Call,
    name: *const c_char,
    argument: &'static str,
    to: *mut T,
    f: impl FnOnce(Value, Source) -> Option<T>,
) -> TSReturnCode {
    // SAFETY: the caller says so.
    let name = unsafe { call.text("var_name", name) };
    let to: NonNull<T> = call.place(argument, to);
    let found = name.to_str().ok().and_then(|name| records::in_force(name).or_else(|| statistic(name)));
    let Some(value) = found.and_then(|(value, source)| f(value, source)) else { return TS_ERROR };
    // SAFETY: the caller says that it is a place; it is not null, and aligned.
    unsafe { to.write(value) };
    TS_SUCCESS
}

fn statistic(name: &str) -> Option<(Value, Source)> {
    let sum = super::stat::sum_of(name)?;
    Some((Value::Int(sum), Source::Default))
}

fn int(value: Value, _: Source) -> Option<i64> {
    if let Value::Int(value) = value { Some(value) } else { None }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMgmtIntGet(var_name: *const c_char, result: *mut i64) -> TSReturnCode {
    // SAFETY: the plugin says what they are.
    call::enter("TSMgmtIntGet", |call| unsafe { get(call, var_name, "result", result, int) })
}

/// Records have no counters; statistics of plugins are the only ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMgmtCounterGet(var_name: *const c_char, result: *mut i64) -> TSReturnCode {
    call::enter("TSMgmtCounterGet", |call| {
        // SAFETY: the plugin says that it is a text.
        let name = unsafe { call.text("var_name", var_name) };
        let to = call.place("result", result);
        let Some(sum) = name.to_str().ok().and_then(super::stat::sum_of) else { return TS_ERROR };
        // SAFETY: the plugin says that it is a place; it is not null, and aligned.
        unsafe { to.write(sum) };
        TS_SUCCESS
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMgmtFloatGet(var_name: *const c_char, result: *mut c_float) -> TSReturnCode {
    let float = |value, _| if let Value::Float(value) = value { Some(value as c_float) } else { None };
    // SAFETY: the plugin says what they are.
    call::enter("TSMgmtFloatGet", |call| unsafe { get(call, var_name, "result", result, float) })
}

/// The text is a copy, which the plugin frees.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMgmtStringGet(var_name: *const c_char, result: *mut *mut c_char) -> TSReturnCode {
    call::enter("TSMgmtStringGet", |call| {
        let text = |value, _| match value {
            Value::Text(text) => Some(memory::copy_text(call, text.as_bytes())),
            _ => None,
        };
        // SAFETY: the plugin says what they are.
        unsafe { get(call, var_name, "result", result, text) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMgmtSourceGet(var_name: *const c_char, source: *mut TSMgmtSource) -> TSReturnCode {
    let number = |_, source| {
        Some(match source {
            Source::Default => 1,
            Source::Explicit => 3,
            Source::Environment => 4,
        })
    };
    // SAFETY: the plugin says what they are.
    call::enter("TSMgmtSourceGet", |call| unsafe { get(call, var_name, "source", source, number) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMgmtDataTypeGet(
    var_name: *const c_char,
    result: *mut TSRecordDataType,
) -> TSReturnCode {
    call::enter("TSMgmtDataTypeGet", |call| {
        // SAFETY: the plugin says that it is a text.
        let name = unsafe { call.text("var_name", var_name) };
        let counts = name.to_str().is_ok_and(|name| super::stat::sum_of(name).is_some());
        let data_type = |value, _| {
            Some(match value {
                _ if counts => DataType::Counter,
                Value::Int(_) => DataType::Int,
                Value::Float(_) => DataType::Float,
                Value::Text(_) => DataType::Text,
            } as c_int)
        };
        // SAFETY: the plugin says what they are.
        unsafe { get(call, var_name, "result", result, data_type) }
    })
}

/// Somebody who is to be told.
struct Listener {
    cont: TSCont,
    file: Option<PathBuf>,
    /// Of the file, and of those that were added to it, when it was looked at last.
    seen: Option<SystemTime>,
}

struct Listeners {
    all: Vec<Listener>,
    /// Files that belong to another one.
    added: BTreeMap<PathBuf, Vec<PathBuf>>,
}

static LISTENERS: Mutex<Listeners> = Mutex::new(Listeners { all: Vec::new(), added: BTreeMap::new() });

impl Listeners {
    /// When a file, or one that belongs to it, was changed last.
    fn changed(&self, file: &Path) -> Option<SystemTime> {
        let own = std::iter::once(file);
        let files = own.chain(self.added.get(file).into_iter().flatten().map(PathBuf::as_path));
        files.filter_map(|file| std::fs::metadata(file).ok()?.modified().ok()).max()
    }
}

/// A file as a plugin names it: below the directory of configuration files, unless it says where.
///
/// # Safety
///
/// `name` is null or a text.
unsafe fn file(call: Call, argument: &'static str, name: *const c_char) -> PathBuf {
    // SAFETY: the caller says so.
    let name = unsafe { call.text(argument, name) }.to_bytes();
    place::config_dir().join(OsStr::from_bytes(name))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMgmtUpdateRegister(
    contp: TSCont,
    plugin_name: *const c_char,
    plugin_file_name: *const c_char,
) {
    call::enter("TSMgmtUpdateRegister", |call| {
        cont::get(call, "contp", contp);
        // SAFETY: the plugin says that they are texts, or null.
        unsafe { call.text("plugin_name", plugin_name) };
        let named = !plugin_file_name.is_null();
        // SAFETY: as above.
        let file = named.then(|| unsafe { file(call, "plugin_file_name", plugin_file_name) });
        let mut listeners = LISTENERS.lock();
        let seen = file.as_deref().and_then(|file| listeners.changed(file));
        listeners.all.push(Listener { cont: contp, file, seen });
    });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMgmtConfigFileAdd(parent: *const c_char, fileName: *const c_char) -> TSReturnCode {
    call::enter("TSMgmtConfigFileAdd", |call| {
        // SAFETY: the plugin says that they are texts.
        let [parent, file] = unsafe { [file(call, "parent", parent), file(call, "fileName", fileName)] };
        let mut listeners = LISTENERS.lock();
        let added = listeners.added.entry(parent).or_default();
        if !added.contains(&file) {
            added.push(file);
        }
        TS_SUCCESS
    })
}

/// The configuration was read again: whoever asked for it is told, on the task threads of `runtime`.
pub(crate) fn reloaded(runtime: &Runtime) {
    let mut told = Vec::new();
    {
        let mut guard = LISTENERS.lock();
        let listeners = &mut *guard;
        let mut all = std::mem::take(&mut listeners.all);
        all.retain_mut(|listener| {
            let Some(cont) = cont::find(listener.cont) else { return false };
            if let Some(file) = &listener.file {
                let changed = listeners.changed(file);
                if changed == listener.seen {
                    return true;
                }
                listener.seen = changed;
            }
            told.push(cont);
            true
        });
        listeners.all = all;
    }
    if told.is_empty() {
        return;
    }
    let all = async move {
        for cont in told {
            tell(cont.into()).await;
        }
    };
    if runtime.processor().spawn(runtime.task(), all).is_err() {
        tracing::warn!("plugins are not told of the reload: the host is shutting down");
    }
}

async fn tell(cont: Continuation) {
    let code = EventCode::new(MGMT_UPDATE);
    let called = match cont.mutex().cloned() {
        Some(mutex) => mutex.run(|_held| cont.call(code)).await,
        None => cont.call(code),
    };
    match called {
        Ok(_) | Err(ts_cont::CallError::Destroyed) => {}
        Err(error) => tracing::error!(?cont, %error, "a plugin was not told of the reload"),
    }
}
