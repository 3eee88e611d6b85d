//! Plugins in C that map URLs, named by rules: each has an instance, maps before the rule does, and is told when it is over.
#![cfg(feature = "host")]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

mod support {
    pub mod c;
    pub mod host;
    pub mod http;
}

use support::c::Plugin;
use support::host::{Host, LIMIT, refused};
use support::http::{Client, Origin, wait_until};

/// Rules with the plugin, and what it writes down.
struct Setting {
    folder: TempDir,
    plugin: Plugin,
}

impl Setting {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), plugin: Plugin::compile("host_mapper.c") }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("remap.config")
    }

    /// Writes rules in which `PLUGIN(what)` stands for the plugin that does so.
    fn rules(&self, rules: &str) {
        let notes = self.folder.path().join("notes");
        let plugin = format!("@plugin={} @pparam=", self.plugin.library());
        let rules = rules.replace("PLUGIN(", &plugin).replace(')', &format!(" @pparam={}", notes.display()));
        fs::write(self.config(), rules).unwrap();
    }

    fn host(&self) -> Host {
        Host::start(&["--threads", "1", "--remap-config", self.config().to_str().unwrap()])
    }

    fn notes(&self) -> Vec<String> {
        let notes = fs::read_to_string(self.folder.path().join("notes")).unwrap_or_default();
        notes.lines().map(str::to_owned).collect()
    }
}

/// The target and the host that an origin was asked for last.
fn last(origin: &Origin) -> (String, String) {
    let requests = origin.requests();
    let last = requests.last().expect("it was asked");
    (last.target().to_owned(), last.field("host").unwrap_or_default().to_owned())
}

fn ask(host: &Host, target: &str) -> support::http::Wire {
    Client::connect(host.address()).get(target)
}

fn end(host: Host) {
    host.signal(Signal::TERM);
    assert!(host.end().1.success());
}

#[test]
fn a_plugin_maps_what_its_rule_is_for_and_sees_both_urls_of_the_rule() {
    let (setting, origin) = (Setting::new(), Origin::echo());
    let to = origin.address;
    setting.rules(&format!("map /a/ http://{to}/rule/ PLUGIN(path)\nmap / http://{to}/plain/\n"));
    let host = setting.host();
    assert_eq!(ask(&host, "/a/b?c=d").status(), 200);
    assert_eq!(last(&origin), ("/mapped/path?c=d".into(), to.to_string()));
    assert_eq!(ask(&host, "/other").status(), 200);
    assert_eq!(last(&origin), ("/plain/other".into(), to.to_string()));
    let notes = setting.notes();
    assert_eq!(notes[0], format!("new path /a/ http://{to}/rule/, entered 1"));
    assert_eq!(notes[2], format!("to http://{to}/rule/"));
    assert!(notes[3].starts_with("request http://") && notes[3].ends_with("/a/b?c=d"), "{notes:?}");
    assert_eq!(notes.len(), 4, "the other rule has no plugin");
    end(host);
    assert_eq!(setting.notes().last().unwrap(), "delete path");
}

#[test]
fn a_rule_names_a_plugin_that_is_in_the_directory_of_plugins() {
    let (setting, origin) = (Setting::new(), Origin::echo());
    let (library, to) = (Path::new(setting.plugin.library()), origin.address);
    let name = library.file_name().unwrap().to_str().unwrap();
    let records = setting.folder.path().join("records.yaml");
    let folder = library.parent().unwrap().display();
    fs::write(&records, format!("records: {{plugin: {{plugin_dir: \"{folder}\"}}}}\n")).unwrap();
    let rule = format!("map / http://{to}/rule/ PLUGIN(path)\n");
    setting.rules(&rule);
    let whole = fs::read_to_string(setting.config()).unwrap();
    fs::write(setting.config(), whole.replace(setting.plugin.library(), name)).unwrap();
    let config = setting.config();
    let files = ["--remap-config", config.to_str().unwrap(), "--records", records.to_str().unwrap()];
    let host = Host::start(&["--threads", "1", files[0], files[1], files[2], files[3]]);
    assert_eq!(ask(&host, "/a/b").status(), 200);
    assert_eq!(last(&origin), ("/mapped/path".into(), to.to_string()));
    end(host);
}

#[test]
fn a_plugin_hears_of_each_reload_before_it_and_what_came_of_it() {
    let (setting, origin) = (Setting::new(), Origin::echo());
    let to = origin.address;
    setting.rules(&format!("map / http://{to}/ PLUGIN(none)\n"));
    let host = setting.host();
    for (rules, says) in [
        (format!("map / http://{to}/a/ PLUGIN(none)\n"), "the configuration was read again"),
        ("map\n".to_owned(), "the configuration stays as it was"),
        (format!("map / http://{to}/b/\n"), "the configuration was read again"),
    ] {
        setting.rules(&rules);
        host.signal(Signal::HUP);
        host.logged(says);
    }
    end(host);
    // What no rule names any more hears of it all the same.
    let reloads = fs::read_to_string(setting.folder.path().join("notes.reloads")).unwrap();
    let lines: Vec<_> = reloads.lines().collect();
    assert_eq!(lines, ["before 1", "after 1", "before 1", "after 0", "before 1", "after 2"]);
}

#[test]
fn several_plugins_of_a_rule_map_one_after_the_other_until_one_is_the_last() {
    let (setting, origin) = (Setting::new(), Origin::echo());
    let other = Origin::echo();
    let to = origin.address;
    let port = other.address.port();
    setting.rules(&format!(
        "map /a/\\\nhttp://{to}/rule/ PLUGIN(none) \\\n  PLUGIN(port={port}) PLUGIN(refuse)\n\
         map /stop/ http://{to}/stopped/ PLUGIN(stop) PLUGIN(refuse)\n"
    ));
    let host = setting.host();
    // The second sees what the rule has made of it, since the first left it to the rule.
    assert_eq!(ask(&host, "/a/b").status(), 200);
    assert_eq!(last(&other), ("/rule/b".into(), other.address.to_string()));
    assert_eq!(ask(&host, "/stop/c").status(), 200);
    assert_eq!(last(&origin), ("/stopped/c".into(), to.to_string()));
    end(host);
}

#[test]
fn a_plugin_refuses_or_sends_elsewhere_and_one_that_fails_leaves_it_to_the_rule() {
    let (setting, origin) = (Setting::new(), Origin::echo());
    let to = origin.address;
    setting.rules(&format!(
        "map /refuse/ http://{to}/ PLUGIN(refuse)\nmap /redirect/ http://{to}/ PLUGIN(redirect)\nmap /fail/ http://{to}/ PLUGIN(fail)\n"
    ));
    let host = setting.host();
    assert_eq!(ask(&host, "/refuse/a").status(), 403);
    let sent = ask(&host, "/redirect/a?b");
    assert_eq!((sent.status(), sent.field("location")), (302, Some("http://new.example/redirect/a?b")));
    assert_eq!(origin.requests().len(), 0);
    assert_eq!(ask(&host, "/fail/a").status(), 200);
    assert_eq!(last(&origin), ("/a".into(), to.to_string()));
    end(host);
}

#[test]
fn an_exception_may_not_leave_a_plugin_that_maps() {
    let folder = tempfile::tempdir().unwrap();
    let (config, plugin) = (folder.path().join("remap.config"), Plugin::compile("host_throwing.cc"));
    fs::write(&config, format!("map / http://127.0.0.1:1/ @plugin={}\n", plugin.library())).unwrap();
    for (function, shown) in [
        ("TSRemapInit", false),
        ("TSRemapNewInstance", false),
        ("TSRemapDoRemap", true),
        ("TSRemapPreConfigReload", true),
        ("TSRemapPostConfigReload", true),
        ("TSRemapDeleteInstance", true),
    ] {
        let mut command = Command::new("sh");
        // What it leaves behind is of no use to anybody here.
        command.args(["-c", "ulimit -c 0; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ts-host")]);
        command.args(["--port", "0", "--threads", "1", "--remap-config"]).arg(&config);
        command.env("TS_API_LOADING", function);
        let (said, status) = if shown {
            let host = Host::command(&mut command);
            let mut client = Client::connect(host.address());
            match function {
                // Nobody answers.
                "TSRemapDoRemap" => client.ask("/"),
                "TSRemapDeleteInstance" => host.signal(Signal::TERM),
                _ => host.signal(Signal::HUP),
            }
            let said = loop {
                let line = host.log.recv_timeout(LIMIT).expect("one more line in the log");
                if line.starts_with("ts: ") {
                    break line;
                }
            };
            (said, host.end().1)
        } else {
            let output = command.stdin(Stdio::null()).output().unwrap();
            let text = String::from_utf8(output.stderr).unwrap();
            (text.lines().next().unwrap_or_default().to_owned(), output.status)
        };
        let file = Path::new(plugin.library()).file_name().unwrap().to_str().unwrap();
        let fault = format!("ts: a function of {file}: an exception left it, or pthread_exit was called");
        assert_eq!((said, status.signal()), (fault, Some(6)), "{function}");
    }
}

#[test]
fn a_request_is_answered_with_any_status_that_a_plugin_sets() {
    let (setting, origin) = (Setting::new(), Origin::echo());
    let to = origin.address;
    let rule = |what: &str| format!("map /{what} http://{to}/ PLUGIN({what})\n");
    setting.rules(
        &["status=202", "status=204", "status=302", "status=599", "status=0", "status=100", "moved=308"]
            .map(rule)
            .concat(),
    );
    let host = setting.host();
    let answer = ask(&host, "/status=202");
    assert_eq!((answer.status(), &*answer.text()), (202, "later"));
    let answer = ask(&host, "/status=204");
    assert_eq!((answer.status(), &*answer.text(), answer.field("content-type")), (204, "", None));
    assert_eq!(ask(&host, "/status=302").status(), 302);
    assert_eq!(ask(&host, "/status=599").status(), 599);
    let moved = ask(&host, "/moved=308");
    assert_eq!((moved.status(), moved.field("location").is_some()), (308, true));
    assert_eq!(origin.requests().len(), 0);
    for none in ["/status=0", "/status=100"] {
        assert_eq!(ask(&host, none).status(), 200);
    }
    end(host);
}

#[test]
fn instances_of_rules_that_are_replaced_are_deleted_when_their_last_transaction_is_over() {
    let setting = Setting::new();
    let (asked, arrived) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let origin = Origin::new(move |request, stream| {
        asked.send(request.target().to_owned()).unwrap();
        released.lock().unwrap().recv().unwrap();
        support::http::respond(stream, "200 OK", "late")
    });
    let to = origin.address;
    setting.rules(&format!("map / http://{to}/ PLUGIN(none)\n"));
    let host = setting.host();
    let mut client = Client::connect(host.address());
    client.ask("/slow");
    assert_eq!(arrived.recv_timeout(support::host::LIMIT).unwrap(), "/slow");
    setting.rules(&format!("map / http://{to}/new/ PLUGIN(stop)\n"));
    host.signal(Signal::HUP);
    host.logged("the configuration was read again");
    let made = setting.notes();
    assert_eq!(made.last().unwrap(), &format!("new stop / http://{to}/new/, entered 1"));
    assert!(!made.contains(&"delete none".to_owned()), "a transaction still has it");
    release.send(()).unwrap();
    assert_eq!(client.answer().status(), 200);
    // The client's connection stays open; it is the transaction that counts.
    wait_until("the old instance is deleted", || setting.notes().contains(&"delete none".to_owned()));
    release.send(()).unwrap();
    assert_eq!(client.get("/again").status(), 200);
    assert_eq!(last(&origin).0, "/new/again");
    drop(client);
    end(host);
}

#[test]
fn a_library_stays_when_no_rule_names_it_any_more_and_is_not_entered_again() {
    let (setting, origin) = (Setting::new(), Origin::echo());
    let to = origin.address;
    let with_plugin = format!("map / http://{to}/ PLUGIN(none)\n");
    setting.rules(&with_plugin);
    let host = setting.host();
    for rules in [format!("map / http://{to}/\n"), with_plugin] {
        setting.rules(&rules);
        host.signal(Signal::HUP);
        host.logged("the configuration was read again");
        wait_until("the old instance is deleted", || setting.notes().contains(&"delete none".to_owned()));
        let maps = fs::read_to_string(format!("/proc/{}/maps", host.child.id())).unwrap();
        assert!(maps.contains(setting.plugin.library()), "{maps}");
    }
    let made = format!("new none / http://{to}/, entered 1");
    assert_eq!(setting.notes(), [&*made, "delete none", &*made]);
    end(host);
}

#[test]
fn the_greeting_names_the_plugins_of_rules_and_what_it_says_of_requests_is_true() {
    let (setting, origin) = (Setting::new(), Origin::echo());
    let to = origin.address;
    setting.rules(&format!(
        "map //*.a.example/ http://{to}/a/ PLUGIN(none) PLUGIN(refuse)\nmap https://b.example/ http://{to}/ PLUGIN(none)\n\
         reverse_map http://in.example/ http://out.example/\nredirect //c.example:81/old/ http://d.example/\nmap / http://{to}/e/\n"
    ));
    let host = setting.host();
    let file = Path::new(setting.plugin.library()).file_name().unwrap().to_str().unwrap();
    let at = host.address();
    let (_, rest) = host.greeting.split_first().unwrap();
    assert!(host.greeting[0].ends_with("forwards to where 5 rules say"), "{:?}", host.greeting[0]);
    assert!(rest.contains(&format!("  plugin {file}: maps requests of 2 rules")), "{rest:#?}");
    let curls: Vec<_> = rest.iter().filter(|line| line.starts_with("  curl")).collect();
    let expected = [
        format!("  curl -i -H 'Host: www.a.example' http://{at}/   (mapped by {file}, {file})"),
        format!("  curl -i -H 'Host: c.example:81' http://{at}/old/   (answered 301)"),
        format!("  curl -i http://{at}/   (answered by http://{to}/e/)"),
    ];
    assert_eq!(curls, expected.iter().collect::<Vec<_>>());
    let asked = |name: &str, path: &str| {
        let mut client = Client::connect(at);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {name}\r\n\r\n"));
        client.answer().status()
    };
    assert_eq!(asked("www.a.example", "/"), 403, "the second plugin refuses it");
    assert_eq!(asked("c.example:81", "/old/"), 301);
    assert_eq!(asked(&at.to_string(), "/"), 200);
    assert_eq!(last(&origin).0, "/e/");
    end(host);

    // Rules that no request in clear is for.
    setting.rules(&format!("map https://b.example/ http://{to}/\n"));
    let host = setting.host();
    assert!(host.greeting[0].ends_with("forwards to where 1 rule says"), "{:?}", host.greeting[0]);
    let at = host.address();
    assert!(
        host.greeting.contains(&format!("  curl -i http://{at}/   (answered 421)")),
        "{:?}",
        host.greeting
    );
    assert_eq!(ask(&host, "/").status(), 421);
    end(host);
}

#[test]
fn lines_of_other_kinds_send_clients_elsewhere_and_have_locations_name_us() {
    let setting = Setting::new();
    let origin = Origin::new(|request, stream| {
        let location = request.target();
        let text = format!(
            "HTTP/1.1 201 Created\r\nLocation: http://in.example{location}\r\nContent-Length: 0\r\n\r\n"
        );
        std::io::Write::write_all(stream.get_mut(), text.as_bytes()).is_ok()
    });
    setting.rules(&format!(
        "map / http://{}/\nREVERSE_MAP http://in.example/a/ https://us.example/\n\
         redirect /old/ https://new.example/ # for good\nredirect_temporary /now/ http://{}/\n",
        origin.address, origin.address
    ));
    let host = setting.host();
    let asked = |target: &str| {
        let answer = ask(&host, target);
        (answer.status(), answer.field("location").unwrap_or_default().to_owned())
    };
    assert_eq!(asked("/old/x?y"), (301, "https://new.example/x?y".into()));
    assert_eq!(asked("/now/x"), (307, format!("http://{}/x", origin.address)));
    assert_eq!(asked("/a/b"), (201, "https://us.example/b".into()));
    assert_eq!(asked("/b"), (201, "http://in.example/b".into()));
    setting.rules(&format!("redirect_temporary /old/ http://{}/\n", origin.address));
    host.signal(Signal::HUP);
    host.logged("the configuration was read again");
    assert_eq!(ask(&host, "/old/x").status(), 307);
    assert_eq!(ask(&host, "/b").status(), 404);
    end(host);
}

#[test]
fn a_rule_that_cannot_be_taken_is_told_with_its_line_and_nothing_starts() {
    let setting = Setting::new();
    let path = setting.config();
    let flags = ["--port", "0", "--remap-config", path.to_str().unwrap()];
    let plugin = setting.plugin.library();
    let global = Plugin::compile("host_hello.c");
    for (rules, wrong) in [
        (
            "# one\nregex_map http://(.*)/ http://a/\n",
            "remap.config:2: there are no lines `regex_map` here: a host is a name, `*` or `*.name` here",
        ),
        ("map_with_referer / http://a/ http://b/ .*\n", "with a plugin that looks at the referer"),
        ("map_with_recv_port / http://a/\n", "the port that the client names"),
        (
            ".definefilter f @action=deny\n",
            "remap.config:1: there are no lines `.definefilter` here: write `map`",
        ),
        (".include more.config\n", "write its lines here"),
        ("redirect_temporarily / http://a/\n", "`redirect_temporary` is near it"),
        ("map http://a.example/\n", "remap.config:1: a line `map` is `map FROM TO`"),
        ("redirect\n", "remap.config:1: a line `redirect` is `redirect FROM TO`"),
        ("redirect / http://a/ @plugin=a.so\n", "a line `redirect` has no plugins, only `map` has"),
        ("reverse_map / ftp://a/\n", "remap.config:1: `ftp://` cannot be"),
        ("map / https://a/\n", "remap.config:1: `https://` cannot be an origin"),
        ("map / http://a/ tag\n", "`tag` is one word too many"),
        ("map / http://a/ @volume=1\n", "there is no cache"),
        ("map / http://a/ @plugins=a.so\n", "`@plugin=` is near it"),
        ("map / ftp://a/\n", "remap.config:1: `ftp://` cannot be an origin"),
        ("map / http://a/ @pparam=x\n", "`@pparam=x` has no @plugin before it"),
        (
            "map / http://a/ @action=deny\n",
            "there is no `@action=deny` here, only @plugin=FILE and @pparam=ARGUMENT: a plugin",
        ),
        ("map / http://a/ \"@plugin=a.so\n", "remap.config:1:17: the quotation mark is not closed"),
        (
            "\nmap / \\\nhttp://a/ \\\n  \"@plugin=a.so\n",
            "remap.config:4:3: the quotation mark is not closed",
        ),
        ("map / http://a/\nmap / http://b/\n", "two rules are for the same requests"),
        ("map / http://a/ @plugin=nowhere.so\n", "nowhere.so cannot be opened"),
        (
            &format!("map / http://a/ @plugin={}\n", global.library()),
            "it is a global plugin, so name it in plugin.config",
        ),
        (
            &format!("map / http://a/ @plugin={plugin}\n"),
            "TSRemapNewInstance failed: give what to do and where to write, not 0 words",
        ),
    ] {
        fs::write(&path, rules).unwrap();
        let line = refused(&flags);
        assert!(line.contains(wrong), "{rules}: {line}");
    }
    let line = refused(&["--plugin", plugin]);
    assert!(line.contains("it is a remap plugin, so name it in a rule"), "{line}");
}

#[test]
fn a_rule_of_the_configuration_names_plugins_too_and_a_reload_with_a_bad_one_changes_nothing() {
    let (setting, origin) = (Setting::new(), Origin::echo());
    let notes = setting.folder.path().join("notes");
    let config = setting.folder.path().join("host.toml");
    let write = |what: &str| {
        let text = format!(
            "[[listen]]\naddress = \"127.0.0.1:0\"\n[[remap]]\nfrom = \"/\"\nto = \"http://{}/rule/\"\nplugins = [[{:?}, {what:?}, {notes:?}]]\n",
            origin.address,
            Path::new(setting.plugin.library()),
        );
        fs::write(&config, text).unwrap();
    };
    write("path");
    let host = Host::start(&["--config", config.to_str().unwrap()]);
    assert_eq!(ask(&host, "/a").status(), 200);
    assert_eq!(last(&origin).0, "/mapped/path");
    let good = fs::read_to_string(&config).unwrap();
    fs::write(&config, good.replace(&format!(", {notes:?}"), "")).unwrap();
    host.signal(Signal::HUP);
    host.logged("the configuration stays as it was");
    assert_eq!(ask(&host, "/a").status(), 200);
    assert_eq!(last(&origin).0, "/mapped/path");
    write("stop");
    host.signal(Signal::HUP);
    host.logged("the configuration was read again");
    assert_eq!(ask(&host, "/a").status(), 200);
    assert_eq!(last(&origin).0, "/rule/a");
    end(host);
}
