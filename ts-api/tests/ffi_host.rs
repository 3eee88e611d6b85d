//! Plugins in C as the program loads them: named in several ways, entered in order, and refused with what is wrong.
#![cfg(feature = "host")]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;

use rustix::process::Signal;

mod support {
    pub mod c;
    pub mod host;
}

use support::c::Plugin;
use support::host::{Host, LIMIT, get, read_lines, refused, run};

fn said(plugin: &str, host: &Host) -> Vec<String> {
    let is_said =
        |line: &&String| line.starts_with('[') || line.starts_with("  -") || line.starts_with("  rest");
    let lines: Vec<_> = host.greeting.iter().filter(is_said).cloned().collect();
    assert!(lines[0].starts_with(&format!("[{plugin}]")), "{lines:?}");
    lines
}

#[test]
fn a_plugin_is_entered_with_what_it_is_told_and_named_in_the_greeting() {
    let plugin = Plugin::compile("host_hello.c");
    let file = plugin.library();
    let host = Host::start(&["--plugin", &format!("{file} -a 1 \"two words\" -b")]);
    let said = said(file, &host);
    assert_eq!(said[1..], ["  -a 1", "  -b ", "  rest [two words]"]);
    assert!(said[0].ends_with("] 5"), "{said:?}");
    let line = format!("  plugin {file}: hello of the tests");
    assert!(host.greeting.contains(&line), "{:?}", host.greeting);
    assert!(!host.greeting.iter().any(|line| line.contains("deny_list")), "no example is wanted");
    host.signal(Signal::TERM);
    let (_, status) = host.end();
    assert!(status.success());
}

#[test]
fn what_the_documents_show_works_at_each_request() {
    for source in ["headers/documents.c", "headers/documents.cc"] {
        let host = Host::start(&["--plugin", Plugin::compile(source).library()]);
        for _ in 0..3 {
            assert_eq!(get(host.address(), "test.example").0, 200, "{source}");
        }
        host.signal(Signal::TERM);
        let log: Vec<_> = host.log.iter().collect();
        assert!(!log.iter().any(|line| line.contains("failed")), "{source}: {log:?}");
        let (_, status) = host.end();
        assert!(status.success(), "{source}: {log:?}");
    }
}

#[test]
fn a_plugin_that_is_named_twice_is_set_up_twice_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = Plugin::compile("host_hello.c");
    fs::copy(plugin.library(), folder.path().join("hello.so")).unwrap();
    let lines = "# what is loaded\n\nhello.so -a first # the rest is not for it\n  hello.so \"-a #2\" last\n";
    let config = folder.path().join("plugin.config");
    fs::write(&config, lines).unwrap();
    let host = Host::start(&["--plugin-config", config.to_str().unwrap()]);
    // It reads its options anew each time.
    let said = said("hello.so", &host);
    assert_eq!(said, ["[hello.so] 3", "  -a first", "[hello.so] 3", "  -a  #2", "  rest [last]"]);
    host.logged("plugin hello.so is named twice");
    host.signal(Signal::TERM);
    let (_, status) = host.end();
    assert!(status.success());
}

#[test]
fn the_configuration_names_plugins_in_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = Plugin::compile("host_hello.c");
    let file = plugin.library();
    let config = folder.path().join("host.toml");
    let plugins = format!(
        "[[plugin]]\nfile = {file:?}\narguments = [\"x y\"]\n[[plugin]]\nname = \"deny_list\"\n[[listen]]\naddress = \"127.0.0.1:0\"\n"
    );
    fs::write(&config, plugins).unwrap();
    let host = Host::start(&["--config", config.to_str().unwrap()]);
    assert_eq!(said(file, &host)[1..], ["  rest [x y]"]);
    host.signal(Signal::HUP);
    host.logged("the configuration was read again");
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("x y", "z")).unwrap();
    host.signal(Signal::HUP);
    host.logged("its arguments are given to it once");
    host.signal(Signal::TERM);
    let (_, status) = host.end();
    assert!(status.success());
}

#[test]
fn a_plugin_that_cannot_be_taken_is_named_with_what_is_wrong_and_what_to_do() {
    for (source, wrong, mend) in [
        ("host_undefined.c", "needs `TSNoSuchFunction`", "its headers declare those that it has"),
        ("host_no_entry.c", "has no function `TSPluginInit`", "has to define it"),
        ("host_mangled.cc", "has no function `TSPluginInit`", "extern \"C\""),
        ("host_variable.c", "has no function `TSPluginInit`", "what has that name there is a variable"),
    ] {
        let plugin = Plugin::compile(source);
        let file = plugin.library();
        for flags in [["--plugin", file], ["--verify-plugin", file]] {
            let line = refused(&flags);
            for part in [file, wrong, mend] {
                assert!(line.contains(part), "{line}");
            }
            assert_eq!(run(&flags).status.code(), Some(1));
        }
    }
}

#[test]
fn a_file_that_is_no_library_is_named_with_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let library = fs::read(Plugin::compile("host_hello.c").library()).unwrap();
    let with = |at: usize, byte: u8| {
        let mut library = library.clone();
        library[at] = byte;
        library
    };
    // Where an ELF file says how long its words are, what kind of file it is, and for which machine.
    let (class, kind, machine) = (4, 16, 18);
    for (name, bytes, what) in [
        ("text", b"TSPluginInit".to_vec(), "is no shared library: build the plugin with `cc -shared -fPIC`"),
        ("empty", vec![], "is no shared library"),
        ("head", library[..20].to_vec(), "is cut off: of its 64 bytes there are 20; build or copy it again"),
        ("half", library[..library.len() / 4].to_vec(), "is cut off: of its "),
        ("object", with(kind, 1), "is an object file, and no shared library"),
        ("program", with(kind, 2), "is a program, and no shared library"),
        ("old", with(class, 1), "is a file for another machine"),
        ("other", with(machine, 8), "is a file for another machine"),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let file = file.to_str().unwrap();
        for flag in ["--plugin", "--verify-plugin"] {
            let line = refused(&[flag, file]);
            assert!(line.starts_with(&format!("ts-host: plugin {file} {what}")), "{line}");
        }
    }
    assert!(refused(&["--plugin", "nowhere/hello.so"]).contains("nowhere/hello.so cannot be opened"));
    let folder = folder.path().to_str().unwrap();
    assert!(refused(&["--plugin", folder]).contains("Is a directory"));
    assert!(refused(&["--plugin", "/dev/null"]).contains("/dev/null is no file with bytes of its own"));
    assert!(
        refused(&["--plugin", env!("CARGO_BIN_EXE_ts-host")]).contains("is a program, and no shared library")
    );
}

#[test]
fn what_a_plugin_does_as_it_is_loaded_or_entered_is_told_with_its_name() {
    let died = |plugin: &Plugin, how: &str, flags: &[&str]| {
        let mut command = Command::new("sh");
        // What it leaves behind is of no use to anybody here.
        command.args(["-c", "ulimit -c 0; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ts-host")]).args(flags);
        let output = command.env("TS_API_LOADING", how).stdin(Stdio::null()).output().unwrap();
        assert!(output.stdout.is_empty(), "nothing was started");
        let text = String::from_utf8(output.stderr).unwrap().replace(plugin.library(), "PLUGIN");
        let lines: Vec<_> = text.lines().map(without_numbers).collect();
        (lines, output.status.code().ok_or(output.status.signal()))
    };
    let (plugin, throwing) = (Plugin::compile("host_loading.c"), Plugin::compile("host_throwing.cc"));
    let file = plugin.library();
    let was_running = "ts:   was running PLUGIN: its initialisation";
    let left_by_exception = "ts: a function of PLUGIN: an exception left it, or pthread_exit was called";
    for flags in [["--plugin", file], ["--verify-plugin", file]] {
        let (lines, status) = died(&plugin, "crash", &flags);
        assert!(lines[0].starts_with("ts: SIGSEGV at address 0x.., "), "{lines:?}");
        assert_eq!((&lines[1..], status), (&[was_running.to_owned()][..], Err(Some(11))));
        let (lines, status) = died(&plugin, "exit", &flags);
        assert_eq!(lines, ["ts: exit was called, on the thread ts-host", was_running]);
        assert_eq!(status, Ok(0), "as the plugin wanted it");
        let (lines, status) = died(&plugin, "schedule", &flags);
        let fault = "ts: TSContSchedule, called by PLUGIN: this thread is neither an event thread";
        assert!(lines[0].starts_with(fault), "{lines:?}");
        assert_eq!(status, Err(Some(6)));
        let (lines, status) = died(&throwing, "", &[flags[0], throwing.library()]);
        assert_eq!(lines[0], left_by_exception);
        assert_eq!(status, Err(Some(6)));
    }
    let (lines, status) = died(&throwing, "TSPluginInit", &["--port", "0", "--plugin", throwing.library()]);
    assert_eq!((&*lines[0], status), (left_by_exception, Err(Some(6))));
    let (lines, status) = died(&plugin, "", &["--port", "0", "--plugin", &format!("{file} out")]);
    assert_eq!(lines[0], "ts: exit was called, on the thread ts-host");
    assert!(lines[1].starts_with("ts:   was running PLUGIN: TSPluginInit ("), "{lines:?}");
    assert_eq!((lines.len(), status), (2, Ok(0)));
}

#[test]
fn a_plugin_that_does_not_register_keeps_the_host_from_starting() {
    let plugin = Plugin::compile("host_unregistered.c");
    let output = run(&["--port", "0", "--plugin", plugin.library()]);
    assert_eq!(output.status.code(), Some(1));
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(out, format!("entered with 1: {}\n", plugin.library()), "nothing was started");
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error.lines().count(), 1);
    assert!(error.contains(plugin.library()) && error.contains("TSPluginRegister"), "{error}");
}

#[test]
fn a_plugin_can_be_looked_at_without_being_entered() {
    let plugin = Plugin::compile("host_hello.c");
    let output = run(&["--verify-plugin", plugin.library()]);
    assert!(output.status.success());
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(out, format!("{}: OK: it can be loaded, and has TSPluginInit\n", plugin.library()));
    let flags = ["--verify-plugin", plugin.library(), "another.so"];
    assert!(refused(&flags).contains("nothing may follow it"));
    assert_eq!(run(&flags).status.code(), Some(2));
}

#[test]
fn what_is_refused_to_a_plugin_is_in_the_log_with_its_name() {
    let plugin = Plugin::compile("host_refused.c");
    let host = Host::start(&["--plugin", plugin.library()]);
    assert_eq!(get(host.address(), "test.example").0, 200, "the second answer counts for nothing");
    host.signal(Signal::TERM);
    let log: Vec<_> = host.log.iter().collect();
    let name = Path::new(plugin.library()).file_name().unwrap().to_str().unwrap();
    for parts in [
        ["TSHttpHookAdd", "TS_HTTP_RESPONSE_TRANSFORM_HOOK"],
        ["TSLifecycleHookAdd", "CACHE_READY"],
        ["TSHttpTxnReenable", "re-enabled"],
    ] {
        let tells = |line: &&String| line.contains(name) && parts.iter().all(|part| line.contains(part));
        assert_eq!(log.iter().filter(tells).count(), 1, "{parts:?}: {log:?}");
    }
    let (_, status) = host.end();
    assert!(status.success(), "{log:?}");
}

#[test]
fn all_that_is_wrong_with_plugin_config_is_told_with_its_places() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("plugin.config");
    fs::write(&config, "a.so \"b\n\nc.so d \"e\n").unwrap();
    let output = run(&["--plugin-config", config.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    let path = config.display();
    let expected = [(1, 6), (3, 8)]
        .map(|(line, column)| format!("ts-host: {path}:{line}:{column}: the quotation mark is not closed\n"));
    assert_eq!(error, expected.concat());
}

#[test]
fn a_plugin_of_the_configuration_has_a_name_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("host.toml");
    for (plugin, wrong) in [
        ("arguments = []", "plugin[0]: give `name`"),
        (
            "name = \"deny_list\"\nfile = \"a.so\"",
            "plugin[0].file: a plugin that the host brings along has none",
        ),
    ] {
        fs::write(&config, format!("[[plugin]]\n{plugin}\n")).unwrap();
        let flags = ["--config", config.to_str().unwrap()];
        assert!(refused(&flags).contains(wrong), "{}", refused(&flags));
        assert_eq!(run(&flags).status.code(), Some(2));
    }
}

/// What the host says when a plugin kills it so, and of which signal it dies.
fn dies(how: &str) -> (Vec<String>, Option<i32>) {
    let plugin = Plugin::compile("host_crash.c");
    let mut command = Command::new("sh");
    // What it leaves behind is of no use to anybody here.
    command.args(["-c", "ulimit -c 0; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ts-host")]);
    command.args(["--port", "0", "--threads", "1", "--plugin", &format!("{} {how}", plugin.library())]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = read_lines(child.stderr.take().unwrap());
    let mut lines = Vec::new();
    loop {
        match log.recv_timeout(LIMIT) {
            Ok(line) => lines.push(line.replace(plugin.library(), "PLUGIN")),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                panic!("it lives on after {lines:?}");
            }
        }
    }
    (lines, child.wait().unwrap().signal())
}

/// A line with other digits for those of addresses.
fn without_numbers(line: &str) -> String {
    let mut parts = line.split("0x");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole.push_str("0x..");
        whole.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()));
    }
    whole
}

#[test]
fn a_host_that_dies_says_whose_handler_it_was_in_and_then_dies_as_it_would_have() {
    let handler = "ts:   was running PLUGIN: dies (host_crash.so+0x..), event 4711, continuation 0x..";
    let caller = "ts:   called by PLUGIN: dies (host_crash.so+0x..), event 1, continuation 0x..";
    let fault = "ts: TSContDestroy, called by PLUGIN: contp is null where a continuation is needed";
    let on = "on the thread [ET_NET 0]";
    let init = "ts:   was running PLUGIN: TSPluginInit (host_crash.so+0x..)";
    for (how, first, frames, signal) in [
        (
            "null",
            vec![format!("ts: SIGSEGV at address 0x.., in follow_null (host_crash.so+0x..), {on}")],
            true,
            11,
        ),
        ("abort", vec![format!("ts: SIGABRT, {on}")], true, 6),
        ("sent", vec![format!("ts: SIGFPE, {on}")], true, 8),
        ("fault", vec![fault.to_owned(), format!("ts: SIGABRT, {on}")], true, 6),
        (
            "overflow",
            vec![format!("ts: SIGSEGV at address 0x.., in overflow (host_crash.so+0x..), {on}")],
            true,
            11,
        ),
        (
            "init",
            vec![
                "ts: SIGSEGV at address 0x.., in follow_null (host_crash.so+0x..), on the thread ts-host"
                    .to_owned(),
            ],
            false,
            11,
        ),
    ] {
        let (lines, died_of) = dies(how);
        // The compiler names the library after this test.
        let lines: Vec<_> = lines
            .iter()
            .map(|line| without_numbers(line).replace(&name_of_library(), "host_crash.so"))
            .collect();
        let rest: &[&str] = if frames { &[handler, caller] } else { &[init] };
        let expected: Vec<_> = first.into_iter().chain(rest.iter().map(|line| (*line).to_owned())).collect();
        assert_eq!((lines, died_of), (expected, Some(signal)), "{how}");
    }
}

fn name_of_library() -> String {
    let plugin = Plugin::compile("host_crash.c");
    Path::new(plugin.library()).file_name().unwrap().to_str().unwrap().to_owned()
}
