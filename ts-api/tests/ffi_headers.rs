//! The headers: compilers of C and C++ take them, alone and together, and what plugins are written like.
#![cfg(feature = "ffi")]

#[path = "support/compilers.rs"]
mod compilers;

use std::fs;
use std::path::{Path, PathBuf};

use compilers::{Language, check, check_text, include};
use ts_api::http::HookId;
use ts_api::lifecycle::LifecycleHook;
use ts_api::{EventCode, Pool};

/// The headers, as they are included.
fn headers() -> Vec<String> {
    let (root, mut found, mut folders) = (include(), vec![], vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).expect("the folder is there") {
            let entry = entry.expect("it can be read");
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else {
                found.push(path.to_str().expect("a plain name").to_owned());
            }
        }
    }
    found.sort();
    found
}

fn including<'a>(headers: impl IntoIterator<Item = &'a String>) -> String {
    let lines: String = headers.into_iter().map(|header| format!("#include <{header}>\n")).collect();
    lines + "int not_empty;\n"
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/headers").join(name)
}

#[track_caller]
fn taken(result: Result<(), String>) {
    if let Err(words) = result {
        panic!("{words}");
    }
}

#[test]
fn the_headers_that_plugins_include_are_there() {
    let headers = headers();
    for header in [
        "ts/apidefs.h",
        "ts/experimental.h",
        "ts/ink_defs.h",
        "ts/remap.h",
        "ts/ts.h",
        "tscore/ink_assert.h",
        "tscore/ink_config.h",
        "tscore/ink_defs.h",
        "tscpp/api/Cleanup.h",
        "tsutil/DbgCtl.h",
        "tsutil/PostScript.h",
    ] {
        assert!(headers.iter().any(|found| found == header), "{header} in {headers:?}");
    }
}

#[test]
fn each_header_compiles_alone() {
    for header in &headers() {
        for language in [Language::C11, Language::Cxx17] {
            taken(check_text(language, &[], &including([header])));
        }
    }
}

#[test]
fn all_headers_compile_together_in_either_order() {
    let headers = headers();
    for language in Language::ALL {
        taken(check_text(language, &[], &including(&headers)));
        taken(check_text(language, &[], &including(headers.iter().rev())));
    }
}

#[test]
fn plugins_that_are_compiled_with_more_warnings_hear_of_their_own_code_alone() {
    let options = ["-Wshadow", "-Wconversion", "-Wsign-conversion", "-Wundef", "-Wcast-qual"];
    for language in Language::ALL {
        taken(check_text(language, &options, &including(&headers())));
    }
}

#[test]
fn cxx_needs_neither_exceptions_nor_run_time_types() {
    for language in [Language::Cxx17, Language::Cxx20] {
        let options = ["-fno-exceptions", "-fno-rtti", "-Wold-style-cast"];
        taken(check_text(language, &options, &including(&headers())));
        taken(check(language, &options[..2], &source("today.cc")));
    }
}

#[test]
fn plugins_that_look_at_every_result_compile() {
    taken(check(Language::C11, &[], &source("documents.c")));
    taken(check(Language::Cxx17, &[], &source("documents.cc")));
    taken(check(Language::Cxx20, &[], &source("documents.cc")));
}

#[test]
fn plugins_of_today_compile() {
    taken(check(Language::C11, &[], &source("today.c")));
    taken(check(Language::Cxx17, &[], &source("today.cc")));
    taken(check(Language::Cxx20, &[], &source("today.cc")));
    taken(check(Language::C11, &["-DNDEBUG"], &source("today.c")));
    taken(check(Language::Cxx17, &["-DNDEBUG"], &source("today.cc")));
}

#[test]
fn forms_that_are_run_as_cxx17_compile_as_cxx20() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c");
    let options = [&*format!("-I{}", sources.display()), "-D_GNU_SOURCE"];
    for name in ["forms.cc", "vectors.cc"] {
        taken(check(Language::Cxx20, &options, &sources.join(name)));
    }
}

#[test]
fn a_format_that_does_not_fit_its_arguments_does_not_compile() {
    let calls = [
        r#"TSStatus("%d", "text")"#,
        r#"TSNote("%s", 1)"#,
        r#"TSWarning("%s")"#,
        r#"TSError("%d", "text")"#,
        r#"TSFatal("%d", "text")"#,
        r#"TSAlert("%d", "text")"#,
        r#"TSEmergency("%d", "text")"#,
        r#"(void)TSTextLogObjectWrite(0, "%d", "text")"#,
        r#"Dbg(control, "%d", "text")"#,
        r#"TSDebug("tag", "%d", "text")"#,
    ];
    for call in calls {
        for (language, control) in [(Language::C11, "DBG_CTL(\"tag\")"), (Language::Cxx17, "{\"tag\"}")] {
            let text = |call: &str| {
                format!(
                    "#include <ts/ts.h>\nDbgCtl control = {control};\nvoid f(void);\nvoid f(void) {{ {call}; }}\n"
                )
            };
            let words = check_text(language, &[], &text(call)).expect_err(call);
            assert!(words.contains("-Werror=format"), "{call}: {words}");
            // It is the format alone.
            taken(check_text(
                language,
                &[],
                &text(
                    &call
                        .replace("%s", "%%")
                        .replace("%d", "%%")
                        .replace(", 1)", ")")
                        .replace(", \"text\")", ")"),
                ),
            ));
        }
    }
}

#[test]
fn numbers_are_those_of_the_facade() {
    let name = |shown: String| shown.split(' ').next().unwrap_or_default().to_owned();
    let events = (0..=70_000).map(EventCode::new).filter(|code| code.to_string().contains(' '));
    let events = events.map(|code| (format!("TS_EVENT_{}", name(code.to_string())), code.number()));
    let hooks = HookId::ALL.into_iter().flat_map(|hook| {
        let events = (hook.to_string(), hook.event().number());
        [(format!("TS_HTTP_{hook}_HOOK"), hook as i32), (format!("TS_EVENT_HTTP_{}", events.0), events.1)]
    });
    let moments = [
        ("PORTS_INITIALIZED", LifecycleHook::PortsInitialized),
        ("PORTS_READY", LifecycleHook::PortsReady),
        ("TASK_THREADS_READY", LifecycleHook::TaskThreadsReady),
        ("SHUTDOWN", LifecycleHook::Shutdown),
    ];
    let moments = moments.map(|(name, hook)| (format!("TS_LIFECYCLE_{name}_HOOK"), hook as i32));
    let pools = ["NET", "TASK", "DNS", "UDP"].into_iter().zip(Pool::ALL);
    let pools = pools.map(|(name, pool)| (format!("TS_THREAD_POOL_{name}"), pool as i32));
    let pairs: Vec<_> = events.chain(hooks).chain(moments).chain(pools).collect();
    assert!(pairs.len() > 40, "{pairs:?}");
    let lines: String = pairs
        .iter()
        .map(|(name, number)| format!("static_assert({name} == {number}, \"{name}\");\n"))
        .collect();
    for language in [Language::C11, Language::Cxx17] {
        let text = format!("#include <assert.h>\n#include <ts/ts.h>\n{lines}int not_empty;\n");
        taken(check_text(language, &[], &text));
    }
}

#[test]
fn settings_have_the_numbers_that_they_have_in_the_original() {
    let numbers =
        [("NO_ACTIVITY_TIMEOUT_IN", 40), ("NO_ACTIVITY_TIMEOUT_OUT", 41), ("ACTIVE_TIMEOUT_IN", 88)];
    let numbers = numbers.map(|(name, number)| (format!("TRANSACTION_{name}"), number));
    let others = [("CONNECT_ATTEMPTS_TIMEOUT", 46), ("REQUEST_BUFFER_ENABLED", 105)];
    let others = others.map(|(name, number)| (name.to_owned(), number));
    let all = numbers.into_iter().chain(others);
    let lines: String = all
        .map(|(name, number)| format!("_Static_assert(TS_CONFIG_HTTP_{name} == {number}, \"{name}\");\n"))
        .collect();
    taken(check_text(Language::C11, &[], &format!("#include <ts/ts.h>\n{lines}")));
}
