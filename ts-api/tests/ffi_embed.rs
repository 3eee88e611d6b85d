//! Programs in C that run the event system themselves: in which order they call, and on which thread.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Ran;

const EMBED: c::Source = c::Source("embed.c");

/// Calls an entry in a process that has no runtime but the entry's own.
fn run(entry: &str, arguments: &[&str]) -> Ran {
    EMBED.plugin().run_by("a_program_that_was_asked_for_runs", entry, arguments)
}

/// The other side: does nothing unless [`run`] asks for it.
#[test]
fn a_program_that_was_asked_for_runs() {
    let Some(asked) = c::asked() else { return };
    c::say(c::BEGIN);
    asked.call();
    c::say(c::END);
    std::process::exit(0)
}

#[test]
fn a_runtime_is_started_and_ended_and_then_there_may_be_another() {
    assert_eq!(run("one_after_the_other", &[]).printed(), ["ended", "ended"]);
}

#[test]
fn a_call_that_comes_too_early_or_too_late_is_refused_with_its_reason() {
    let none = "there is no runtime: call TSRuntimePrepare first";
    let expected = [
        none,
        none,
        none,
        none,
        "dns_threads is -1, which is below zero",
        "there is a runtime already: call TSRuntimeShutdown before there is another",
        "the threads do not run: call TSRuntimeStart first",
        "the threads run already",
        "plugins are loaded before TSRuntimeStart",
        "there are no rules: give at least one pair of texts, such as \"/\" and \"http://127.0.0.1:8080/\"",
        "`ftp://` cannot be an origin: only `http://` can (clients may also be sent to `https://`)",
        "nowhere is no address to listen at: invalid socket address",
        none,
    ];
    assert_eq!(run("out_of_order", &[]).printed(), expected);
}

#[test]
fn another_thread_than_the_one_that_prepared_it_is_a_fault() {
    let fault = "this is not the thread that called TSRuntimePrepare";
    for (what, function) in [
        ("load", "TSRuntimePluginLoad"),
        ("start", "TSRuntimeStart"),
        ("serve", "TSRuntimeServe"),
        ("end", "TSRuntimeShutdown"),
    ] {
        assert_eq!(run("elsewhere", &[what]).fault(), format!("ts: {function}: {fault}"));
    }
    assert_eq!(run("in_a_handler", &[]).fault(), format!("ts: TSRuntimeShutdown: {fault}"));
}

#[test]
fn where_there_is_no_runtime_no_thread_is_the_wrong_one() {
    assert_eq!(run("with_none", &[]).printed(), ["there is no runtime: call TSRuntimePrepare first"; 2]);
}
