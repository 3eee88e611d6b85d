//! The program `ts-host`: an HTTP proxy on event threads, with plugins at its hooks.
//!
//! It looks at everything that can be wrong before it starts anything: arguments, the deny list, the port. Then the plugins
//! are set up on the main thread, which is a guest, the threads start, and the main thread sleeps until a signal ends it.
//! A first SIGINT or SIGTERM shuts down in stages: connections are drained, life-cycle hooks told, loops stopped, threads
//! joined, and the reports printed. A second one ends the process at once.

mod arguments;
pub mod deny_list;
mod origin;
mod stages;

use arguments::{Arguments, Request};
use deny_list::{DenyList, List};
use origin::Embedded;
use stages::Shares;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::Runtime;
use crate::http::Server;

/// What a process returns that was ended by a signal while it was shutting down.
const KILLED: i32 = 130;

/// Why the host did not start: one line that says what, and how to mend it.
#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs the host with these arguments until a signal ends it; prints what a user has to know to `out`, and what goes wrong to
/// the standard error stream.
///
/// The result is 0 after a clean shutdown, 1 if it could not start or something did not end in time, 2 for arguments that it
/// does not understand.
pub fn run(arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write) -> ExitCode {
    let arguments = match arguments::parse(arguments) {
        Ok(Request::Run(arguments)) => arguments,
        Ok(Request::Print(text)) => {
            return if writeln!(out, "{text}").is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Err(line) => {
            eprintln!("ts-host: {line}");
            return ExitCode::from(2);
        }
    };
    log(&arguments.log);
    match serve(&arguments, out) {
        Ok(code) => code,
        Err(refused) => {
            eprintln!("ts-host: {refused}");
            ExitCode::FAILURE
        }
    }
}

fn log(filter: &Targets) {
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    // Somebody who runs the host inside a program of theirs may have set up logging before.
    let _ = tracing_subscriber::registry().with(lines).with(filter.clone()).try_init();
}

fn serve(arguments: &Arguments, out: &mut dyn Write) -> Result<ExitCode, Refused> {
    // What can be wrong is looked at first: nothing has been started when one of these fails.
    let list = match &arguments.deny_list {
        None => List::example(),
        Some(file) => List::read(file).map_err(|error| {
            Refused(format!(
                "{error}; name a readable file with --deny-list, or leave it out for an example list"
            ))
        })?,
    };
    let hosts = list.hosts();
    let listener = listen(arguments.listen, "--port").map_err(Refused)?;
    let embedded = match arguments.origin {
        Some(_) => None,
        None => Some(Embedded::bind().map_err(|error| {
            Refused(format!("cannot listen for the embedded origin: {error}; name an origin with --origin"))
        })?),
    };
    let origin =
        arguments.origin.or_else(|| embedded.as_ref().map(Embedded::address)).expect("one of the two");
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM]);
    let mut signals = signals.map_err(|error| Refused(format!("cannot wait for signals: {error}")))?;
    let impatient = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, KILLED, Arc::clone(&impatient))
            .map_err(|error| Refused(format!("cannot handle signals: {error}")))?;
    }

    let runtime =
        Runtime::builder().net_threads(arguments.threads).task_threads(arguments.task_threads).prepare();
    let guest = runtime.guest();
    let plugin =
        DenyList::install(list, None).map_err(|error| Refused(format!("the deny-list plugin: {error}")))?;
    runtime.start().map_err(|error| Refused(format!("{error}; ask for fewer with --threads")))?;
    runtime.ports_initialized();
    if let Some(embedded) = embedded {
        embedded.start(&runtime).map_err(|error| Refused(format!("the embedded origin: {error}")))?;
    }
    let server = Server::builder()
        .listener(listener)
        .origin(origin)
        .start(&runtime)
        .map_err(|error| Refused(error.to_string()))?;
    runtime.ports_ready();

    let greeting = Greeting { arguments, address: server.local_addr(), origin, hosts: &hosts };
    // A host whose output nobody reads goes on serving.
    let _ = write!(out, "{greeting}").and_then(|()| out.flush());

    for signal in signals.forever() {
        if signal != SIGHUP {
            tracing::info!(signal, "shutting down");
            break;
        }
        if let Err(error) = plugin.reload() {
            tracing::error!(%error, "the deny list cannot be read again");
        }
    }
    // Relaxed: a second signal that comes a moment early or late is only patient or not.
    impatient.store(true, Ordering::Relaxed);
    drop(guest);
    let clean = stages::end(&runtime, &server, plugin, Shares::of(arguments.deadline), out);
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| {
        let mend = match error.kind() {
            io::ErrorKind::AddrInUse => "another program has it: choose another port with ",
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 are for the administrator: choose another with "
            }
            _ => "choose another with ",
        };
        format!("cannot listen at {address}: {error}; {mend}{flag} (0 lets the system choose)")
    })
}

/// What a user sees when the host is up.
struct Greeting<'a> {
    arguments: &'a Arguments,
    address: SocketAddr,
    origin: SocketAddr,
    hosts: &'a [String],
}

impl fmt::Display for Greeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arguments, address, origin, hosts } = self;
        let embedded = if arguments.origin.is_none() { " (embedded)" } else { "" };
        writeln!(f, "ts-host listens at http://{address} and forwards to {origin}{embedded}")?;
        writeln!(f, "  {:<13} accept, forward, call the hooks", names("ET_NET", arguments.threads))?;
        writeln!(
            f,
            "  {:<13} background work: read the deny list again after a SIGHUP",
            names("ET_TASK", arguments.task_threads)
        )?;
        write!(f, "  plugin deny_list: refuses {} hosts of ", hosts.len())?;
        match &arguments.deny_list {
            Some(file) => writeln!(f, "{}", file.display())?,
            None => writeln!(f, "an example list")?,
        }
        writeln!(f, "try")?;
        writeln!(f, "  curl -i http://{address}/   (answered 200)")?;
        if let Some(denied) = hosts.first() {
            writeln!(f, "  curl -i -H 'Host: {denied}' http://{address}/   (answered 403)")?;
        }
        writeln!(f, "stop with Ctrl-C")
    }
}

fn names(group: &str, count: usize) -> String {
    match count {
        1 => format!("[{group} 0]"),
        _ => format!("[{group} 0..{}]", count - 1),
    }
}
