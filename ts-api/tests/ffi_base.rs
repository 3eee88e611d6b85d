//! The ground that plugins in C stand on: memory, texts, UUIDs, files, arguments, statistics, records, logs, diagnostics.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use std::fs;

use c::{Plugin, Ran};
use tempfile::TempDir;

fn run(entry: &str, arguments: &[&str]) -> Ran {
    Plugin::compile("base.c").run(entry, arguments)
}

/// In a folder of its own.
fn run_in(folder: &TempDir, entry: &str, arguments: &[&str]) -> Ran {
    let folder = [folder.path().to_str().expect("a name in UTF-8")];
    run(entry, &[&folder, arguments].concat())
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("there is room for a folder")
}

#[test]
fn memory_is_that_of_malloc_and_texts_are_copied_whole() {
    run("memory", &[]).printed();
}

#[test]
fn a_plugin_learns_where_things_are_and_which_version_this_is() {
    let printed = run_in(&folder(), "place", &[]).printed();
    let expected = ["installed here", "/etc/trafficserver", "/libexec/trafficserver", "/var/trafficserver"];
    assert_eq!(printed, expected);
}

#[test]
fn hooks_events_and_states_have_names() {
    let expected = [
        "TS_HTTP_READ_REQUEST_HDR_HOOK TS_HTTP_TUNNEL_START_HOOK",
        "TS_VCONN_OUTBOUND_CLOSE_HOOK",
        "unknown hook",
        "TS_EVENT_NONE TS_EVENT_MGMT_UPDATE",
        "TS_EVENT_HTTP_TXN_CLOSE unknown event",
        "OUTBOUND_CONGESTION",
    ];
    assert_eq!(run("names", &[]).printed(), expected);
}

#[test]
fn a_uuid_is_drawn_copied_parsed_and_printed() {
    run("uuids", &[]).printed();
}

#[test]
fn a_file_is_written_and_read_through_a_buffer() {
    run_in(&folder(), "files", &[]).printed();
}

#[test]
fn an_argument_has_an_index_of_its_type_however_many_are_asked_for() {
    assert_eq!(run("arguments", &[]).printed(), ["128"]);
}

#[test]
fn a_statistic_that_persists_goes_on_where_the_last_process_ended() {
    let folder = folder();
    for [before, after] in [["0", "3"], ["3", "6"]] {
        let ran = run_in(&folder, "statistics", &[]);
        assert_eq!(
            (ran.status.code(), &*ran.err),
            (Some(70), &["ts: FATAL base: enough of 3".to_owned()][..])
        );
        assert_eq!(ran.out, [before, after]);
    }
    let kept = fs::read_to_string(folder.path().join("var/trafficserver/plugin-stats")).unwrap();
    assert_eq!(kept, "6 4 a.sum\n");
}

#[test]
fn a_record_tells_its_value_type_and_source_and_others_tell_nothing() {
    run("records", &[]).printed();
}

#[test]
fn what_a_plugin_says_is_a_line_with_its_name() {
    let ran = run("lines", &[]);
    assert!(ran.status.success(), "{ran:?}");
    let (last, first) = ran.err.split_last().unwrap();
    let expected = [
        "ts: STATUS base: status 1".to_owned(),
        "ts: NOTE base: note".to_owned(),
        "ts: WARNING base: two\\nlines".to_owned(),
        format!("ts: ERROR base: {:0600}", 1),
    ];
    assert_eq!(first, expected);
    assert!(last.starts_with("ts: DEBUG base: (base) ") && last.ends_with("(lines) 1"), "{last}");
}

#[test]
fn a_plugin_ends_the_process_with_a_line_and_a_code_and_its_logs_are_written() {
    for (how, code, line) in [
        ("fatal", 70, "ts: FATAL base: a fault of nobody"),
        ("alert", 70, "ts: ALERT base: look\\nhere"),
        ("emergency", 33, "ts: EMERGENCY base: never again"),
    ] {
        let folder = folder();
        let ran = run_in(&folder, "ends", &[how]);
        assert_eq!((ran.status.code(), &*ran.err), (Some(code), &[line.to_owned()][..]), "{how}");
        let log = fs::read_to_string(folder.path().join("var/log/trafficserver/last.log")).unwrap();
        assert_eq!(log, "last words\n");
    }
    let folder = folder();
    let line = run_in(&folder, "ends", &["assert"]).fault();
    assert!(
        line.starts_with("ts: TSAssertFailed, called by base: ") && line.ends_with(": not so: argc == 17"),
        "{line}"
    );
    let log = fs::read_to_string(folder.path().join("var/log/trafficserver/last.log")).unwrap();
    assert_eq!(log, "last words\n");
}

#[test]
fn a_text_log_has_a_name_of_its_own_a_header_and_an_end() {
    let expected = [
        "var/log/trafficserver/own.log: # header",
        "var/log/trafficserver/own.log: line 1",
        "var/log/trafficserver/own.log: line 2",
        "var/log/trafficserver/own_1.log: line 3",
        "1 old, then # header",
    ];
    assert_eq!(run_in(&folder(), "logs", &[]).printed(), expected);
}

#[test]
fn threads_reserve_count_and_log_together_and_nothing_is_lost_or_torn() {
    assert_eq!(run_in(&folder(), "together", &[]).printed(), ["12000 lines"]);
}

#[test]
fn what_will_not_do_ends_the_process_with_a_line_that_names_it() {
    let gone = "that is gone: it was destroyed, or has come to its end";
    let cases = [
        ("strlcpy", "TSstrlcpy", "dst is null"),
        ("strlcat", "TSstrlcat", "str is null"),
        ("uuid-null", "TSUuidInitialize", "uuid is null where a UUID is needed"),
        ("uuid-kind", "TSUuidStringGet", "uuid is a mutex, where a UUID is needed"),
        ("uuid-text", "TSUuidStringParse", "uuid_str is null"),
        ("uuid-process", "TSUuidDestroy", "uuid is the UUID of the process, which stays"),
        ("uuid-process-set", "TSUuidInitialize", "uuid is the UUID of the process, which stays as it is"),
        ("uuid-txn", "TSClientRequestUuidGet", "txnp is a UUID, where a transaction is needed"),
        ("uuid-stale", "TSUuidVersionGet", &format!("uuid is a UUID {gone}")),
        ("open-null", "TSfopen", "filename is null"),
        ("close-null", "TSfclose", "filep is null where a file is needed"),
        ("close-twice", "TSfclose", &format!("filep is a file {gone}")),
        ("read-null", "TSfread", "buf is null"),
        ("read-below-zero", "TSfread", "length is 18446744073709551615, more than there can be"),
        ("write-below-zero", "TSfwrite", "length is 18446744073709551615, more than there can be"),
        ("read-kind", "TSfread", "filep is a UUID, where a file is needed"),
        ("gets-null", "TSfgets", "buf is null"),
        ("arg-type", "TSUserArgIndexReserve", "type is 4, which is none that there is"),
        ("arg-type-below", "TSUserArgIndexLookup", "type is -1, which is none that there is"),
        ("arg-name", "TSUserArgIndexReserve", "name is null"),
        ("arg-place", "TSUserArgIndexReserve", "arg_idx is null"),
        ("arg-nobody", "TSUserArgSet", "arg_idx is 4000, which nobody has reserved"),
        ("arg-range", "TSUserArgGet", "arg_idx is -1, which nobody has reserved"),
        ("arg-null", "TSUserArgSet", "data is null where a transaction is needed"),
        ("arg-kind", "TSUserArgGet", "data is a UUID, where a transaction is needed"),
        (
            "arg-connection",
            "TSUserArgGet",
            "arg_idx is for connections, and data is none: this host hands none out",
        ),
        ("stat-name", "TSStatCreate", "the_name is null"),
        ("stat-sync", "TSStatCreate", "sync is 4, which is no way to publish a statistic"),
        ("stat-persist", "TSStatCreate", "persist is 0: it is TS_STAT_PERSISTENT or not"),
        ("stat-none", "TSStatIntIncrement", "the_stat is 0, which is no statistic's index"),
        ("stat-below", "TSStatIntGet", "the_stat is -1, which is no statistic's index"),
        ("stat-find", "TSStatFindName", "name is null"),
        ("mgmt-name", "TSMgmtIntGet", "var_name is null"),
        ("mgmt-place", "TSMgmtStringGet", "result is null"),
        ("mgmt-cont", "TSMgmtUpdateRegister", "contp is null where a continuation is needed"),
        ("mgmt-file", "TSMgmtConfigFileAdd", "fileName is null"),
        ("diags-level", "TSDiagsWrite", "level is none that there is"),
        ("diags-text", "TSDiagsWrite", "text is null"),
        ("debug-tag", "TSDbgTagGet", "tag is null"),
        ("log-place", "TSTextLogObjectCreate", "new_log_obj is null"),
        ("log-name", "TSTextLogObjectCreate", "filename is null"),
        ("log-null", "TSTextLogObjectWriteText", "the_object is null where a text log is needed"),
        ("log-kind", "TSTextLogObjectFlush", "the_object is a file, where a text log is needed"),
        ("log-text", "TSTextLogObjectWriteText", "text is null"),
        ("log-stale", "TSTextLogObjectWriteText", &format!("the_object is a text log {gone}")),
    ];
    let folder = folder();
    for (what, call, fault) in cases {
        let line = run_in(&folder, "fault", &[what]).fault();
        // A handle's number follows.
        let expected = format!("ts: {call}, called by base: {fault}");
        assert!(line == expected || line.starts_with(&format!("{expected} (0x")), "{what}: {line}");
    }
}
