//! Records as the program reads them, and what plugins are told of them.
#![cfg(feature = "host")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use rustix::process::Signal;

mod support {
    pub mod c;
    pub mod host;
}

use support::c::Plugin;
use support::host::{Host, get, run};

/// Lines of the log up to one with `last` in it.
fn said(host: &Host, last: &str) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.contains(last)) {
        let line = host.log.recv_timeout(support::host::LIMIT);
        lines.push(line.unwrap_or_else(|error| panic!("{error}; it said {lines:#?}")));
    }
    lines
}

#[track_caller]
fn has(lines: &[String], text: &str) {
    assert!(lines.iter().any(|line| line.contains(text)), "no {text:?} in {lines:#?}");
}

#[test]
fn plugins_are_told_what_is_in_force_and_again_when_it_has_been_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (records, own) = (at("records.yaml"), at("own.yaml"));
    let first = "records:\n  exec_thread: {autoconfig: {enabled: 0}, limit: 1}\n  task_threads: 3\n  diags: {debug: {enabled: 0, tags: own}}\n  log: {logfile_dir: LOGS}\n  plugin: {plugin_dir: some/plugins}\n  cache: {ram: 1}\n";
    fs::write(&records, first.replace("LOGS", &at("logs"))).unwrap();
    fs::write(&own, "1").unwrap();
    let plugin = Plugin::compile("host_settings.c");
    let line = format!("{} {own}", plugin.library());
    let mut command = Command::new(env!("CARGO_BIN_EXE_ts-host"));
    command.args(["--port", "0", "--task-threads", "2", "--admin", "127.0.0.1:0"]);
    command
        .args(["--records", &records, "--plugin", &line])
        .env("PROXY_CONFIG_HTTP_CONNECT_ATTEMPTS_TIMEOUT", "7");
    let host = Host::command(&mut command);
    let lines = said(&host, "start: that was all");
    has(&lines, "records.yaml:7:11: proxy.config.cache.ram: this host has no such record");
    has(&lines, "ports 127.0.0.1:0, plugins at ");
    has(&lines, "/some/plugins");
    // A flag wins over the file, the environment too.
    has(&lines, "start: task_threads is 2 of source 3");
    has(&lines, "start: exec_thread.limit is 1 of source 3");
    has(&lines, "start: exec_thread.autoconfig.enabled is 0 of source 3");
    has(&lines, "start: http.connect_attempts_timeout is 7 of source 4");
    assert!(!lines.iter().any(|line| line.contains("debug output")), "{lines:#?}");

    // Debug output is on from now on; threads are what they were.
    let second = first.replace("enabled: 0, tags", "enabled: 1, tags").replace("limit: 1", "limit: 2");
    fs::write(&records, second.replace("LOGS", &at("logs"))).unwrap();
    host.signal(Signal::HUP);
    let lines = said(&host, "update: that was all");
    has(&lines, "not taken up before the host starts anew");
    has(&lines, "update: exec_thread.limit is 1 of source 3");
    has(&lines, "(tell_all) debug output, update");
    assert!(!lines.iter().any(|line| line.contains("the file has changed")), "{lines:#?}");

    // Its own file, and one that is wrong.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    fs::File::options().append(true).open(&own).unwrap().set_modified(later).unwrap();
    host.signal(Signal::HUP);
    has(&said(&host, "the file has changed"), "update: that was all");
    fs::write(&records, "records:\n  task_threads: many\n").unwrap();
    host.signal(Signal::HUP);
    let lines = said(&host, "stays as it was");
    has(
        &lines,
        "records.yaml:2:17: proxy.config.task_threads: `many` will not do: give a whole number from 1 to 1024",
    );
    let admin =
        host.greeting.iter().find_map(|line| line.trim().strip_prefix("http://")?.split_once("/metrics"));
    let (admin, _) = admin.unwrap_or_else(|| panic!("{:?}", host.greeting));
    let admin: SocketAddr = admin.parse().unwrap();
    let page = metrics(admin);
    assert!(page.contains("\nts_plugin_stat{name=\"settings.told\"} 102\n"), "{page}");

    host.signal(Signal::TERM);
    // It has left its continuations, which the report names.
    let (report, _) = host.end();
    assert!(report.iter().any(|line| line.contains("2 x a continuation of ")), "{report:?}");
    assert_eq!(fs::read_to_string(at("logs/settings.log")).unwrap(), "started\n");
}

#[test]
fn debug_output_may_be_written_for_chosen_transactions_or_clients_alone() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records.yaml");
    let plugin = Plugin::compile("chosen.c");
    for (client, wanted) in [
        ("", vec!["after, chosen", "scheduled for a transaction"]),
        (
            "127.0.0.1",
            vec![
                "before, plain",
                "after, plain",
                "scheduled for a transaction",
                "before, chosen",
                "after, chosen",
                "scheduled for a transaction",
            ],
        ),
    ] {
        let text =
            format!("records:\n  diags: {{debug: {{enabled: 2, tags: own, client_ip: '{client}'}}}}\n");
        fs::write(&records, text).unwrap();
        let records = records.to_str().unwrap();
        let host = Host::start(&["--records", records, "--plugin", plugin.library()]);
        get(host.address(), "plain");
        get(host.address(), "chosen");
        host.signal(Signal::TERM);
        let log: Vec<_> = host.log.iter().collect();
        let lines = log.iter().filter_map(|line| line.split_once("handler) ")).map(|(_, text)| text);
        assert_eq!(lines.collect::<Vec<_>>(), wanted, "{log:#?}");
        host.end();
    }
}

fn metrics(admin: SocketAddr) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn records_configure_the_program_and_what_is_wrong_with_them_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records.yaml");
    let check = |text: &str| {
        fs::write(&records, text).unwrap();
        let output = run(&["--records", records.to_str().unwrap(), "--print-config"]);
        let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), texts)
    };
    let good = "records:\n  http:\n    server_ports: 8081 8082:ipv6\n    connect_attempts_timeout: 3\n  exec_thread:\n    listen: 1\n";
    let (code, [out, err]) = check(good);
    assert_eq!((code, &*err), (Some(0), ""));
    for line in
        ["address = \"0.0.0.0:8081\"", "address = \"[::]:8082\"", "connect = \"3 s\"", "by = \"each\""]
    {
        assert!(out.contains(line), "no {line}: {out}");
    }
    let (code, [_, err]) = check("records:\n  http:\n    server_ports: 8081:ssl\n");
    assert_eq!(code, Some(2));
    let expected =
        "proxy.config.http.server_ports: `8081:ssl`: there is no option `ssl` here: give a port such as 8080";
    assert!(
        err.starts_with("ts-host: ") && err.contains("records.yaml: ") && err.contains(expected),
        "{err}"
    );
    let (code, [_, err]) = check("records:\n  task_threads: 0\n  udp: {threads: x}\n");
    assert_eq!((code, err.lines().count()), (Some(2), 2), "{err}");
    assert!(err.contains("records.yaml:2:17: ") && err.contains("records.yaml:3:18: "), "{err}");
    let missing = run(&["--records", "no/such.yaml", "--check"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8(missing.stderr).unwrap().contains("no/such.yaml: cannot be read"));
}

#[test]
fn a_plugin_ends_the_program_with_a_line_and_a_code_from_where_it_likes() {
    let plugin = Plugin::compile("host_fatal.c");
    let file = plugin.library();
    let output = run(&["--port", "0", "--plugin", &format!("{file} list")]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), err.lines().count()), (Some(70), 1), "{err}");
    assert!(err.contains("ERROR plugin: FATAL: there is no list"), "{err}");

    // On an event thread, the one that writes the access log; what has been served is there.
    let folder = tempfile::tempdir().unwrap();
    let [config, access] = ["host.toml", "access.log"].map(|name| folder.path().join(name));
    let text = format!(
        "[access-log]\nfile = {access:?}\n[threads]\nnet = 1\ntask = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\n"
    );
    fs::write(&config, text).unwrap();
    let host = Host::start(&["--config", config.to_str().unwrap(), "--plugin", file]);
    // The one thread has written the first one's line by the time it serves the second.
    assert_eq!([(); 2].map(|()| get(host.address(), "a.example").0), [200; 2]);
    host.signal(Signal::HUP);
    let lines = said(&host, "EMERGENCY");
    has(&lines, "EMERGENCY: this will not do:\\nnever again");
    assert_eq!(host.end().1.code(), Some(33));
    assert!((1..=2).contains(&fs::read_to_string(access).unwrap().lines().count()));
}
