//! The program `ts-host`: an HTTP proxy on event threads, with plugins at its hooks.
//!
//! It looks at everything that can be wrong before it starts anything: arguments, the configuration, the plugins' files, the
//! ports. Then the plugins are set up on the main thread, which is a guest, the threads start, and the main thread sleeps
//! until a signal. SIGHUP has it read the configuration again. A first SIGINT or SIGTERM shuts down in stages: connections
//! are drained, life-cycle hooks told, loops stopped, threads joined, and the reports printed. A second one ends the process
//! at once.

mod access;
mod admin;
mod arguments;
mod config;
pub mod deny_list;
mod diagnostics;
mod exposition;
mod foreign;
mod greeting;
mod mapping;
mod origin;
mod plugin_config;
mod plugins;
mod records;
mod reload;
mod remap_config;
mod serve;
mod small;
mod stages;
mod verify;
mod words;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use arguments::{Arguments, Request};
use config::{Config, Plugin, Problems};
use diagnostics::Diagnostics;

use crate::ffi::place;
use crate::ffi::records::Records;

/// What the host returns for arguments, or a configuration, that are not good.
const NOT_UNDERSTOOD: u8 = 2;

/// Why the host did not start: a line for each thing that is wrong, which says what, and how to mend it.
#[derive(Debug)]
struct Refused(String);

/// Runs the host with these arguments until a signal ends it; prints what a user has to know to `out`, and what goes wrong to
/// the standard error stream.
///
/// The result is 0 after a clean shutdown, 1 if it could not start or something did not end in time, 2 for arguments or a
/// configuration that it does not understand.
pub fn run(arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write) -> ExitCode {
    let request = match arguments::parse(arguments) {
        Ok(request) => request,
        Err(line) => {
            eprintln!("ts-host: {line}");
            return ExitCode::from(NOT_UNDERSTOOD);
        }
    };
    let arguments = match &request {
        Request::Run(arguments) | Request::Check(arguments) | Request::PrintConfig(arguments) => arguments,
        Request::Verify(file) => return verify::verify(file, out),
        Request::Print(text) => return print(out, text),
    };
    let (config, records) = match configuration(arguments) {
        Ok(configuration) => configuration,
        Err(problems) => {
            problems.lines().for_each(|line| eprintln!("ts-host: {line}"));
            return ExitCode::from(NOT_UNDERSTOOD);
        }
    };
    match request {
        Request::PrintConfig(_) => print(out, config.print().trim_end()),
        Request::Check(_) => check(&config, &records, out),
        _ => {
            let diagnostics = Diagnostics::start(&config.log.filter);
            serve::serve(arguments, (config, records), &diagnostics, out).unwrap_or_else(|refused| {
                refused.0.lines().for_each(|line| eprintln!("ts-host: {line}"));
                ExitCode::FAILURE
            })
        }
    }
}

fn print(out: &mut dyn Write, text: &str) -> ExitCode {
    if writeln!(out, "{text}").is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What the file says, or the defaults if there is none, then records, and then the flags.
fn configuration(arguments: &Arguments) -> Result<(Config, Records), Problems> {
    let mut config = arguments.config.as_deref().map_or_else(|| Ok(Config::default()), Config::read)?;
    if let Some(index) = config.plugins.iter().position(Plugin::is_nothing) {
        // A name that there is none of has been complained of, and is no such plugin.
        let text = "give `name`, for a plugin that the host brings along, or `file`, for a shared library";
        return Err(Problems::of_flags(&format!("plugin[{index}]"), text));
    }
    arguments.name_records(&mut config);
    let records = records::read(&mut config)?;
    // Before a file is read that names plugins. Once: when it is read again, things stay where they are.
    place::set(records::places(&records));
    arguments.apply(&mut config);
    if let Some(path) = &config.files.remap_config {
        config.lines = remap_config::read(path)?;
    }
    // The file by itself is good; it may not go with a flag.
    config.rules_fit().map_err(|error| Problems::of_flags("--origin", &error))?;
    Ok((config, records))
}

/// Looks at what a file's text does not show: what its plugins are told.
fn check(config: &Config, records: &Records, out: &mut dyn Write) -> ExitCode {
    records.warnings().for_each(|line| eprintln!("ts-host: {line}"));
    match plugins::prepare(config) {
        Ok(_) => print(out, "the configuration is good"),
        Err(lines) => {
            lines.lines().for_each(|line| eprintln!("ts-host: {line}"));
            ExitCode::from(NOT_UNDERSTOOD)
        }
    }
}
