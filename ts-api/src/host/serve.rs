//! The host's life: all that is needed is taken, started, reloaded when asked for, and ended.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Refused;
use super::access::{Access, Flush};
use super::admin::AdminPort;
use super::arguments::Arguments;
use super::config::{Config, Destination};
use super::diagnostics::Diagnostics;
use super::greeting::Greeting;
use super::mapping::Mapped;
use super::origin::Embedded;
use super::plugins;
use super::records;
use super::reload::Reload;
use super::stages::{self, Shares};
use crate::Runtime;
use crate::ffi::records::Records;
use crate::ffi::{crash, diags};
use crate::http::{Server, Settings};

/// What a process returns that was ended by a signal while it was shutting down.
const KILLED: i32 = 130;

/// Serves until a signal ends it.
pub(super) fn serve(
    arguments: &Arguments,
    (config, records): (Config, Records),
    diagnostics: &Diagnostics,
    out: &mut dyn Write,
) -> Result<ExitCode, Refused> {
    records.warnings().for_each(|line| tracing::warn!("{line}"));
    records::publish(&records, &config, true);
    // What can be wrong is looked at first: nothing has been started when one of these fails.
    let prepared = plugins::prepare(&config).map_err(Refused)?;
    for listen in &config.listen {
        // Taken for good below, when the plugins are there; whether they can be is seen before anything starts.
        drop(bind(listen.address, "--port")?);
    }
    let admin = config
        .admin
        .address
        .map(|address| AdminPort::bind(address).map_err(|error| cannot_listen(address, &error, "--admin")));
    let admin = admin.transpose()?;
    let admin_address = admin.as_ref().map(AdminPort::address);
    let embedded = (config.fallback() == Some(Destination::Embedded)).then(|| {
        Embedded::bind().map_err(|error| {
            Refused(format!("cannot listen for the embedded origin: {error}; name an origin with --origin"))
        })
    });
    let embedded = embedded.transpose()?;
    let embedded_address = embedded.as_ref().map(Embedded::address);
    let cpus = config.threads.cpu_sets();
    let cpus = cpus.map_err(|error| Refused(format!("which CPUs there are cannot be found out: {error}")))?;
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM]);
    let mut signals = signals.map_err(|error| Refused(format!("cannot wait for signals: {error}")))?;
    let impatient = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, KILLED, Arc::clone(&impatient))
            .map_err(|error| Refused(format!("cannot handle signals: {error}")))?;
    }

    let net_threads = config.threads.net_count();
    let runtime = Runtime::builder()
        .net_threads(net_threads)
        .task_threads(config.threads.task)
        .dns_threads(config.threads.dns)
        .udp_threads(config.threads.udp)
        .stack_size(config.threads.stack_size)
        .guard_pages(config.threads.guard_pages)
        .net_cpus(cpus)
        .prepare();
    let guest = runtime.guest();
    crash::guard(&runtime);
    let mut plugins: Vec<plugins::Running> = Vec::new();
    for (name, prepared) in prepared {
        let plugin = prepared.start().map_err(|error| Refused(format!("plugin {name}: {error}")))?;
        plugins.push((name, plugin));
    }
    let mapped = Mapped::make(&config).map_err(Refused)?;
    runtime.log_initialized();
    runtime.start().map_err(|error| Refused(format!("{error}; ask for fewer with --threads")))?;
    runtime.ports_initialized();
    if let Some(embedded) = embedded {
        embedded.start(&runtime).map_err(|error| Refused(format!("the embedded origin: {error}")))?;
    }
    let mut settings = Settings::default();
    config.apply(&mut settings, embedded_address, &mapped);
    let mut access = Access::default();
    access.take_up(&runtime, &config.access_log).map_err(Refused)?;
    access.logs().flush_at_exit();
    settings.log = access.policy();
    let builder = Server::builder().settings(settings).accept(config.accept.by);
    let builder = builder.socket_options(config.accept.sockets);
    let server = config
        .listen
        .iter()
        .fold(builder, |builder, listen| builder.listen(listen.address))
        .start(&runtime)
        .map_err(|error| Refused(error.to_string()))?;
    let server = Arc::new(server);
    if let Some(admin) = admin {
        // Nobody else reads it.
        runtime.processor().measure_loops(true);
        server.measure(true);
        admin
            .start(&runtime, &server, access.logs())
            .map_err(|error| Refused(format!("the admin port: {error}")))?;
    }
    runtime.ports_ready();

    let remap = server.settings().remap;
    let greeting = Greeting {
        config: &config,
        addresses: server.local_addrs(),
        admin: admin_address,
        embedded: embedded_address,
        net_threads,
        plugins: &plugins,
        remap: &remap,
    };
    // A host whose output nobody reads goes on serving.
    let _ = write!(out, "{greeting}").and_then(|()| out.flush());

    let mut reload = Reload {
        arguments,
        config,
        diagnostics,
        plugins,
        runtime: &runtime,
        server: &server,
        embedded: embedded_address,
        mapped,
        access,
    };
    for signal in signals.forever() {
        if signal != SIGHUP {
            tracing::info!(signal, "shutting down");
            break;
        }
        reload.run();
    }
    // Relaxed: a second signal that comes a moment early or late is only patient or not.
    impatient.store(true, Ordering::Relaxed);
    drop(guest);
    let shares = Shares::of(reload.config.shutdown.deadline);
    let flush = Flush { logs: reload.access.logs(), limit: shares.closing_hooks };
    let clean = stages::end(&runtime, &server, (flush, reload.plugins), shares, out);
    diags::settle();
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener, Refused> {
    TcpListener::bind(address).map_err(|error| cannot_listen(address, &error, flag))
}

fn cannot_listen(address: SocketAddr, error: &io::Error, flag: &str) -> Refused {
    let mend = match error.kind() {
        io::ErrorKind::AddrInUse => "another program has it: choose another port with ",
        io::ErrorKind::PermissionDenied => "ports below 1024 are for the administrator: choose another with ",
        _ => "choose another with ",
    };
    Refused(format!("cannot listen at {address}: {error}; {mend}{flag} (0 lets the system choose)"))
}
