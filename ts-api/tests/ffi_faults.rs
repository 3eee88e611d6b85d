//! Every call of these families with every handle, number and thread that will not do: the process ends with one line that
//! names the call, the plugin and the fault.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Plugin;

/// Functions with a continuation as an argument.
const CONTS: [&str; 16] = [
    "TSContDestroy",
    "TSContDataSet",
    "TSContDataGet",
    "TSContCall",
    "TSContMutexGet",
    "TSContSchedule",
    "TSContScheduleEvery",
    "TSContScheduleOnPool",
    "TSContScheduleEveryOnPool",
    "TSContScheduleOnThread",
    "TSContScheduleEveryOnThread",
    "TSContScheduleOnEntirePool",
    "TSContScheduleEveryOnEntirePool",
    "TSContThreadAffinitySet",
    "TSContThreadAffinityGet",
    "TSContThreadAffinityClear",
];
/// Those of them that schedule or bind, of which two are for entire pools.
const FAMILY: &[&str] = CONTS.split_at(5).1;
const MUTEXES: [&str; 4] = ["TSMutexDestroy", "TSMutexLock", "TSMutexLockTry", "TSMutexUnlock"];
const THREADS: [&str; 2] = ["TSThreadWait", "TSThreadDestroy"];
const EVENT_THREADS: [&str; 3] =
    ["TSContScheduleOnThread on", "TSContScheduleEveryOnThread on", "TSContThreadAffinitySet to"];

#[track_caller]
fn faults(entry: &str, arguments: &[&str], begin: &str, end: &str) {
    let line = Plugin::compile("faults.c").run(entry, arguments).fault();
    assert!(
        line.starts_with(begin) && line.ends_with(end),
        "{entry} {arguments:?}:\n{line}\n{begin} .. {end}"
    );
}

/// Calls each function with a null, stale, made-up handle, and with one of another kind.
fn bad_handles(functions: &[&str], argument: &str, kind: &str, article: &str) {
    let other = if kind == "mutex" { "continuation" } else { "mutex" };
    for function in functions {
        let name = function.split(' ').next().unwrap_or_default();
        let begin = format!("ts: {name}, called by faults: {argument} ");
        let needed = format!(", where {article} {kind} is needed (0x");
        let cases = [
            ("null", format!("is null where {article} {kind} is needed")),
            (
                "stale",
                format!("is {article} {kind} that is gone: it was destroyed, or has come to its end (0x"),
            ),
            ("made up", format!("is no handle, or was overwritten{needed}")),
            ("of another kind", format!("is a {other}{needed}")),
        ];
        for (how, fault) in cases {
            // Any mutex will do for a continuation, also none.
            if (*function, how) == ("TSContCreate", "null") {
                continue;
            }
            faults("with_a_bad_handle", &[function, kind, how], &format!("{begin}{fault}"), "");
        }
    }
}

#[test]
fn continuations() {
    bad_handles(&CONTS, "contp", "continuation", "a");
}

#[test]
fn mutexes() {
    bad_handles(&MUTEXES, "mutexp", "mutex", "a");
    bad_handles(&["TSContCreate"], "mutexp", "mutex", "a");
}

#[test]
fn threads() {
    bad_handles(&THREADS, "thread", "thread", "a");
    bad_handles(&EVENT_THREADS, "ethread", "event thread", "an");
}

#[test]
fn actions() {
    for function in ["TSActionCancel", "TSActionDone"] {
        let begin = format!("ts: {function}, called by faults: actionp ");
        for (how, fault) in
            [("made up", "is no handle, or was overwritten"), ("of another kind", "is a mutex")]
        {
            let fault = format!("{begin}{fault}, where an action is needed");
            faults("with_a_bad_handle", &[function, "continuation", how], &fault, ")");
        }
    }
}

#[test]
fn foreign_threads_whatever_the_arguments() {
    for function in FAMILY {
        for cont in ["mutex", "none", "null"] {
            let whose = if cont == "null" { "" } else { ", called with a continuation of faults" };
            let begin = format!("ts: {function}{whose}: this thread is neither an event thread nor one of");
            faults("on_a_foreign_thread", &[function, cont], &begin, "make it known with TSThreadInit");
        }
    }
}

#[test]
fn continuations_without_a_mutex_or_with_one_where_it_is_the_other_way_round() {
    for function in FAMILY {
        let (cont, fault) = match function.ends_with("EntirePool") {
            true => ("mutex", "contp was made with a mutex, and several threads would run it at once"),
            false => ("none", "contp was made without a mutex, and needs one here"),
        };
        let begin = format!("ts: {function}, called by faults: ");
        faults("with_or_without_a_mutex", &[function, cont], &begin, fault);
    }
}

#[test]
fn numbers() {
    let numbers = |argument: &str, numbers: &[(&str, &str)], functions: &[&str]| {
        for function in functions {
            for (number, fault) in numbers {
                let begin = format!("ts: {function}, called by faults: {fault}");
                faults("with_a_number", &[&format!("{function} {argument}"), number], &begin, "");
            }
        }
    };
    let pools = [
        ("-1", "tp is -1, and there is no such pool"),
        ("4", "tp is 4, and there is no such pool"),
        ("2", "the host has no threads for the DNS pool: use TS_THREAD_POOL_NET or TS_THREAD_POOL_TASK"),
        ("3", "the host has no threads for the UDP pool: use TS_THREAD_POOL_NET or TS_THREAD_POOL_TASK"),
    ];
    let on_pools: Vec<_> = FAMILY.iter().copied().filter(|function| function.ends_with("Pool")).collect();
    numbers("pool", &pools, &on_pools);
    let every: Vec<_> = FAMILY.iter().copied().filter(|function| function.contains("Every")).collect();
    numbers("every", &[("0", "every is 0, and would never let go")], &every);
    numbers("capacity", &[("-1", "capacity is -1")], &["TSContScheduleOnEntirePool"]);
    numbers("actions", &[("8", "actions is null")], &["TSContScheduleOnEntirePool"]);
}

#[test]
fn functions() {
    for (function, argument) in [("TSContCreate", "funcp"), ("TSThreadCreate", "func")] {
        let line = format!("ts: {function}, called by faults: {argument} is null");
        faults("without_a_function", &[function], &line, "is null");
    }
}
