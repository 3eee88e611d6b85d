//! Programs in C that run the event system themselves: a runtime, plugins, servers, the end of all.
//!
//! # Rules
//! * There is one runtime at a time. The thread that prepares it is its guest until it is shut down, and makes all calls that
//!   are about it: on another one they are faults.
//! * What a correct program has to expect is `TS_ERROR`, with a text for the thread that asked.
//! * No lock is held while a plugin is entered, or something is waited for.

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int};
use std::fmt::Display;
use std::net::ToSocketAddrs as _;
use std::path::Path;
use std::time::Duration;

use parking_lot::Mutex;

use super::call::{self, Call};
use super::crash;
use super::load::Library;
use super::types::{TS_ERROR, TS_SUCCESS, TSReturnCode};
use crate::Runtime;
use crate::http::{Remap, Rule, Server, Settings};
use crate::runtime::{DEFAULT_TASK_THREADS, Guest, ShutdownOptions};

/// What a program asks for, as the header has it.
#[repr(C)]
pub struct TSRuntimeConfig {
    net_threads: i32,
    task_threads: i32,
    dns_threads: i32,
    udp_threads: i32,
    stack_size: usize,
    crash_report: i32,
}

/// The runtime of this process.
struct Embedded {
    runtime: Runtime,
    started: bool,
    servers: Vec<Server>,
}

static EMBEDDED: Mutex<Option<Embedded>> = Mutex::new(None);

thread_local! {
    static ERROR: RefCell<CString> = RefCell::default();
    static GUEST: RefCell<Option<Guest>> = const { RefCell::new(None) };
}

/// Why a call is refused.
struct Refused(String);

impl<E: Display> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn answer(done: Result<(), Refused>) -> TSReturnCode {
    let Err(Refused(text)) = done else { return TS_SUCCESS };
    // A NUL can only come from what the program itself has named.
    ERROR.set(CString::new(text.replace('\0', "?")).unwrap_or_default());
    TS_ERROR
}

/// Ends the process if there is a runtime, and another thread has prepared it.
fn on_its_thread(call: Call) {
    let is_its = GUEST.with_borrow(Option::is_some);
    if !is_its && EMBEDDED.lock().is_some() {
        call.fault("this is not the thread that called TSRuntimePrepare");
    }
}

/// What the runtime is; refused if there is none.
fn with<R>(f: impl FnOnce(&mut Embedded) -> R) -> Result<R, Refused> {
    EMBEDDED.lock().as_mut().map(f).ok_or_else(|| "there is no runtime: call TSRuntimePrepare first".into())
}

fn prepare(config: Option<&TSRuntimeConfig>) -> Result<(), Refused> {
    let mut builder = Runtime::builder();
    let count = |name: &str, number: i32| {
        usize::try_from(number).map_err(|_| Refused(format!("{name} is {number}, which is below zero")))
    };
    if let Some(config) = config {
        let net = count("net_threads", config.net_threads)?;
        if net != 0 {
            builder = builder.net_threads(net);
        }
        let task = count("task_threads", config.task_threads)?;
        builder = builder
            .task_threads(if task == 0 { DEFAULT_TASK_THREADS } else { task })
            .dns_threads(count("dns_threads", config.dns_threads)?)
            .udp_threads(count("udp_threads", config.udp_threads)?);
        if config.stack_size != 0 {
            builder = builder.stack_size(config.stack_size);
        }
    }
    let mut embedded = EMBEDDED.lock();
    if embedded.is_some() {
        return Err("there is a runtime already: call TSRuntimeShutdown before there is another".into());
    }
    let runtime = builder.prepare();
    if config.is_some_and(|config| config.crash_report != 0) {
        crash::install()?;
        crash::guard(&runtime);
    }
    GUEST.set(Some(runtime.guest()));
    *embedded = Some(Embedded { runtime, started: false, servers: Vec::new() });
    Ok(())
}

fn load(file: &str, arguments: &[String]) -> Result<(), Refused> {
    if with(|embedded| embedded.started)? {
        return Err("plugins are loaded before TSRuntimeStart".into());
    }
    let plugin = Library::open(Path::new(file))?.global()?;
    plugin.initialise(file, arguments).map_err(|error| Refused(format!("{file}: {error}")))?;
    Ok(())
}

fn start() -> Result<(), Refused> {
    let runtime = with(|embedded| (!embedded.started).then(|| embedded.runtime.clone()))?;
    let runtime = runtime.ok_or("the threads run already")?;
    runtime.log_initialized();
    if let Err(error) = runtime.start() {
        GUEST.take();
        *EMBEDDED.lock() = None;
        return Err(error.into());
    }
    with(|embedded| embedded.started = true)?;
    runtime.ports_initialized();
    Ok(())
}

fn serve(address: &str, rules: &[(String, String)]) -> Result<c_int, Refused> {
    let runtime = with(|embedded| embedded.started.then(|| embedded.runtime.clone()))?;
    let runtime = runtime.ok_or("the threads do not run: call TSRuntimeStart first")?;
    if rules.is_empty() {
        let text = "there are no rules: give at least one pair of texts, such as \"/\" and \"http://127.0.0.1:8080/\"";
        return Err(text.into());
    }
    let rules = rules.iter().map(|(from, to)| Rule::new(from, to));
    let remap = Remap::new(rules.collect::<Result<Vec<_>, _>>()?)?;
    let settings = Settings { remap, ..Settings::default() };
    let addresses: Vec<_> = address
        .to_socket_addrs()
        .map_err(|error| Refused(format!("{address} is no address to listen at: {error}")))?
        .collect();
    let server = Server::builder().settings(settings).listen(&*addresses).start(&runtime)?;
    let port = server.local_addr().port();
    let first = with(|embedded| {
        embedded.servers.push(server);
        embedded.servers.len() == 1
    })?;
    if first {
        runtime.ports_ready();
    }
    Ok(port.into())
}

/// Ends all of it within a time; the report, and whether nothing was left.
fn shut_down(limit: Duration) -> Result<(String, bool), Refused> {
    let embedded = EMBEDDED.lock().take();
    let Embedded { runtime, servers, .. } =
        embedded.ok_or("there is no runtime: call TSRuntimePrepare first")?;
    // Its part of the whole, so that threads which do not stop are found in time.
    let share = limit / 2 / u32::try_from(servers.len().max(1)).unwrap_or(u32::MAX);
    let drained: Vec<_> = servers.iter().map(|server| server.drain_within(share, share / 4)).collect();
    drop(servers);
    GUEST.take();
    let stopped = runtime.shutdown(ShutdownOptions::default().deadline(limit / 2));
    let clean = drained.iter().all(|report| report.is_clean()) && stopped.is_clean();
    let lines = drained.iter().map(ToString::to_string).chain([stopped.to_string()]);
    Ok((lines.collect::<Vec<_>>().join("\n"), clean))
}

/// # Safety
///
/// So many texts can be read there.
unsafe fn texts(call: Call, argument: &'static str, from: *const *const c_char, count: usize) -> Vec<String> {
    let from = (count > 0).then(|| call.place(argument, from.cast_mut()));
    let read = |index| {
        // SAFETY: the caller says so.
        let text =
            unsafe { call.text(argument, from.map_or(std::ptr::null(), |from| from.add(index).read())) };
        text.to_string_lossy().into_owned()
    };
    (0..count).map(read).collect()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSRuntimePrepare(config: *const TSRuntimeConfig) -> TSReturnCode {
    // SAFETY: whoever calls says that it is null, or such a structure.
    call::enter("TSRuntimePrepare", |_| answer(prepare(unsafe { config.as_ref() })))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSRuntimePluginLoad(
    file: *const c_char,
    argc: c_int,
    argv: *const *const c_char,
) -> TSReturnCode {
    call::enter("TSRuntimePluginLoad", |call| {
        on_its_thread(call);
        // SAFETY: whoever calls says that it is a text, and that there are so many more.
        let (file, arguments) = unsafe {
            let count = usize::try_from(argc).unwrap_or_else(|_| call.fault("argc is below zero"));
            (call.text("file", file).to_string_lossy(), texts(call, "argv", argv, count))
        };
        answer(load(&file, &arguments))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSRuntimeStart() -> TSReturnCode {
    call::enter("TSRuntimeStart", |call| {
        on_its_thread(call);
        answer(start())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSRuntimeServe(
    address: *const c_char,
    rules: *const *const c_char,
    count: c_int,
    port: *mut c_int,
) -> TSReturnCode {
    call::enter("TSRuntimeServe", |call| {
        on_its_thread(call);
        // SAFETY: whoever calls says that it is a text, and that there are so many pairs of them.
        let (address, rules) = unsafe {
            let count = usize::try_from(count).unwrap_or_else(|_| call.fault("count is below zero"));
            (call.text("address", address).to_string_lossy(), texts(call, "rules", rules, 2 * count))
        };
        let pairs: Vec<_> = rules.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        answer(serve(&address, &pairs).map(|number| {
            if !port.is_null() {
                // SAFETY: whoever calls says that it is a place for a number.
                unsafe { call.place("port", port).write(number) };
            }
        }))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSRuntimeShutdown(timeout: c_int, report: *mut c_char, size: usize) -> TSReturnCode {
    call::enter("TSRuntimeShutdown", |call| {
        on_its_thread(call);
        let limit = Duration::from_millis(u64::try_from(timeout).unwrap_or(0));
        let (text, clean) = match shut_down(limit) {
            Ok(report) => report,
            Err(refused) => return answer(Err(refused)),
        };
        if let (false, Some(room)) = (report.is_null(), size.checked_sub(1)) {
            let length = text.floor_char_boundary(room);
            // SAFETY: whoever calls says that there is room for so many bytes.
            unsafe {
                report.copy_from_nonoverlapping(text.as_ptr().cast(), length);
                report.add(length).write(0);
            }
        }
        answer(if clean { Ok(()) } else { Err(Refused(text)) })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSRuntimeErrorGet() -> *const c_char {
    call::enter("TSRuntimeErrorGet", |_| ERROR.with_borrow(|error| error.as_ptr()))
}
