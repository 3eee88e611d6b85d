//! The configuration file of the program `ts-host`: what is good, what is not, and what a reload takes up.

#![cfg(feature = "host")]

#[path = "support/host.rs"]
mod support;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use support::{Host, get, run};

/// A file in a folder that goes away with it.
struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.toml");
        fs::write(&path, text).unwrap();
        Self { _folder: folder, path }
    }

    fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

/// What `--check` says of a file, line by line, without the file's name, and what it returns.
fn check(text: &str) -> (Vec<String>, i32) {
    let file = File::new(text);
    let output = run(&["--config", file.name(), "--check"]);
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    let place = format!("ts-host: {}:", file.name());
    let lines = said.lines().map(|line| line.strip_prefix(&place).unwrap_or(line).to_owned()).collect();
    (lines, output.status.code().unwrap())
}

/// The only problem of a file.
fn problem(text: &str) -> String {
    let (mut lines, code) = check(text);
    assert_eq!((lines.len(), code), (1, 2), "{lines:?}");
    lines.remove(0)
}

/// The example of the README.
fn example() -> String {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```toml\n").expect("an example");
    rest.split_once("```").expect("its end").0.to_owned()
}

/// The keys that a file has, values or not, with their tables.
fn keys(text: &str) -> Vec<String> {
    let mut table = String::new();
    let mut keys = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            let end = line.find(']').expect("a bracket that closes");
            table = line[..end].trim_start_matches('[').to_owned();
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" =")
            && !key.contains(' ')
        {
            keys.push(format!("{table}.{key}"));
        }
    }
    keys
}

#[test]
fn the_example_of_the_readme_is_good_and_has_every_key() {
    let (lines, code) = check(&example());
    assert_eq!((lines, code), (vec!["the configuration is good".to_owned()], 0));
    let file = File::new(&example());
    let printed = String::from_utf8(run(&["--config", file.name(), "--print-config"]).stdout).unwrap();
    let (mut all, mut shown) = (keys(&printed), keys(&example()));
    all.sort();
    all.dedup();
    shown.sort();
    shown.dedup();
    assert_eq!(shown, all);
}

#[test]
fn a_configuration_that_is_printed_is_the_same_when_it_is_read() {
    for text in ["", &example()] {
        let file = File::new(text);
        let first = run(&["--config", file.name(), "--print-config"]);
        assert!(first.status.success());
        let again = File::new(&String::from_utf8(first.stdout.clone()).unwrap());
        let second = run(&["--config", again.name(), "--print-config"]);
        assert_eq!(String::from_utf8(second.stderr).unwrap(), "");
        assert_eq!(String::from_utf8(second.stdout).unwrap(), String::from_utf8(first.stdout).unwrap());
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once_with_line_column_and_key() {
    let text = "\
[threads]
nett = 2
task = 0
stack-size = \"1 MB\"
affinity = \"cores\"

[[listen]]
adress = \"127.0.0.1:80\"

[log]
filter = 3

[colour]
";
    let (lines, code) = check(text);
    assert_eq!(code, 2);
    let starts = [
        "2:1: threads.nett: there is no such key in threads; did you mean `net`? (allowed: net, scale, task,",
        "3:8: threads.task: 0 will not do: give a number from 1 to 1024",
        "4:14: threads.stack-size: \"1 MB\" will not do: give a size from \"128 KiB\" to \"100 MiB\", in B, KiB,",
        "5:12: threads.affinity: \"cores\" will not do; did you mean \"core\"?: give \"machine\", \"numa\", \"socket\", \
         \"core\" or \"pu\", or their numbers",
        "7:1: listen[0].address: the key is missing",
        "8:1: listen[0].adress: there is no such key in listen[0]; did you mean `address`?",
        "11:10: log.filter: 3 will not do: give a filter such as",
        "13:2: colour: there is no such key at the top (allowed: threads, listen,",
    ];
    assert_eq!(lines.len(), starts.len(), "{lines:#?}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}\nis not\n{start}");
    }
}

#[test]
fn what_is_no_toml_is_a_problem_with_its_place() {
    assert!(problem("[threads]\nnet = 2\nnet = 3\n").starts_with("3:1: "));
    assert!(problem("[threads\n").starts_with("1:"));
    let (lines, code) = check("threads = 3 3\n[log]\nfilter = \n[listen\n");
    assert!(code == 2 && lines.len() >= 3, "{lines:?}");
}

#[test]
fn a_table_in_place_of_a_list_and_the_other_way_round_is_told() {
    assert!(problem("[listen]\naddress = \"127.0.0.1:1\"\n").contains("write [[listen]]"));
    assert!(problem("threads = 2\n").starts_with("1:11: threads is a table: write [threads]"));
    assert!(problem("listen = []\n").contains("listen"));
}

#[test]
fn a_file_that_is_not_there_or_is_no_text_is_told() {
    let output = run(&["--config", "no/such/file.toml", "--check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no/such/file.toml: cannot be read"));
    let file = File::new("");
    fs::write(&file.path, b"[log]\n# \xff\n").unwrap();
    let output = run(&["--config", file.name(), "--check"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("host.toml:2:3: "));
}

#[test]
fn numbers_and_words_stand_for_what_a_thread_is_bound_to() {
    let printed = |value: &str| {
        let file = File::new(&format!("[threads]\naffinity = {value}\n"));
        let output = run(&["--config", file.name(), "--print-config"]);
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().find(|line| line.starts_with("affinity")).map(str::to_owned).expect("it is printed")
    };
    for (number, word) in ["machine", "numa", "socket", "core", "pu"].into_iter().enumerate() {
        assert_eq!(printed(&number.to_string()), format!("affinity = \"{word}\""));
        assert_eq!(printed(&format!("\"{word}\"")), format!("affinity = \"{word}\""));
    }
    assert!(problem("[threads]\naffinity = 5\n").contains("numbers from 0 to 4"));
}

#[test]
fn a_plugin_that_there_is_none_of_and_one_with_bad_arguments_are_told() {
    assert!(problem("[[plugin]]\nname = \"deny-list\"\n").contains("did you mean \"deny_list\"?"));
    let (lines, code) = check("[[plugin]]\nname = \"deny_list\"\narguments = [\"no/such/file\"]\n");
    assert!(code == 2 && lines[0].contains("no/such/file"), "{lines:?}");
    let (lines, code) = check("[[plugin]]\nname = \"deny_list\"\narguments = [\"--every\", \"soon\"]\n");
    assert!(code == 2 && lines[0].contains("--every"), "{lines:?}");
    let text = problem("[[plugin]]\nname = \"deny_list\"\narguments = [1, \"a\"]\n");
    assert!(text.starts_with("3:14: plugin[0].arguments: 1 will not do"), "{text}");
}

#[test]
fn threads_are_bound_to_the_cpus_that_the_configuration_says() {
    let file = File::new("[threads]\nnet = 3\naffinity = \"pu\"\n");
    let host = Host::start(&["--config", file.name()]);
    let allowed = cpus(Path::new("/proc/self/status"));
    let mut bound = Vec::new();
    for task in fs::read_dir(format!("/proc/{}/task", host.child.id())).unwrap() {
        let folder = task.unwrap().path();
        let name = fs::read_to_string(folder.join("comm")).unwrap();
        if name.starts_with("[ET_NET") {
            bound.push((name.trim().to_owned(), cpus(&folder.join("status"))));
        } else {
            assert_eq!(cpus(&folder.join("status")), allowed, "only network threads are bound");
        }
    }
    bound.sort();
    assert_eq!(bound.len(), 3);
    for (index, (name, cpus)) in bound.iter().enumerate() {
        // One CPU is all there is: then there is nothing to choose.
        assert_eq!(*cpus, [allowed[index % allowed.len()]], "{name}");
    }
}

/// The CPUs that a status file lists.
fn cpus(status: &Path) -> Vec<usize> {
    let status = fs::read_to_string(status).unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("a list");
    list.trim()
        .split(',')
        .flat_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            first.parse::<usize>().unwrap()..=last.parse::<usize>().unwrap()
        })
        .collect()
}

#[test]
fn there_is_a_network_thread_for_each_cpu_that_the_process_may_use() {
    let taskset = |cpus: &str| {
        let mut command = std::process::Command::new("taskset");
        command.args(["--cpu-list", cpus, env!("CARGO_BIN_EXE_ts-host"), "--port", "0"]);
        let host = Host::command(&mut command);
        host.threads().iter().filter(|(name, _)| name.starts_with("[ET_NET")).count()
    };
    let allowed = cpus(Path::new("/proc/self/status"));
    assert_eq!(taskset(&allowed[0].to_string()), 1);
    let all: Vec<_> = allowed.iter().map(usize::to_string).collect();
    assert!((1..=allowed.len()).contains(&taskset(&all.join(","))), "a quota may make it fewer");
}

#[test]
fn a_reload_takes_up_what_it_can_and_says_what_it_cannot() {
    let origins = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let gone = origins.map(|origin| origin.local_addr().unwrap());
    let file = File::new("[origin]\naddress = \"embedded\"\n[[plugin]]\nname = \"deny_list\"\n");
    let host = Host::command(std::process::Command::new(env!("CARGO_BIN_EXE_ts-host")).args([
        "--config",
        file.name(),
        "--port",
        "0",
    ]));
    assert_eq!(get(host.address(), "www.example").0, 200);
    assert_eq!(get(host.address(), "denied.example").0, 403);

    let list = file.path.with_file_name("list.txt");
    fs::write(&list, "other.example\n").unwrap();
    let text = format!(
        "[threads]\ntask = 7\n[origin]\naddress = \"{}\"\n[[plugin]]\nname = \"deny_list\"\narguments = [{:?}]\n",
        gone[0],
        list.to_str().unwrap()
    );
    fs::write(&file.path, text).unwrap();
    host.signal(Signal::HUP);
    host.logged(&format!("taken up: origin.address: \"embedded\" -> \"{}\"", gone[0]));
    host.logged("taken up: plugin[0].arguments: []");
    host.logged("not taken up before the host starts anew: threads.task: 1 -> 7");
    host.logged("was read again");
    assert_eq!(get(host.address(), "www.example").0, 502);
    assert_eq!(get(host.address(), "denied.example").0, 502);
    assert_eq!(get(host.address(), "other.example").0, 403);

    fs::write(&file.path, "[orgin]\n[threads]\nnet = -1\n").unwrap();
    host.signal(Signal::HUP);
    host.logged("host.toml:1:2: orgin: there is no such key at the top; did you mean `origin`?");
    host.logged("host.toml:3:7: threads.net: -1 will not do");
    host.logged("the configuration stays as it was");
    assert_eq!(get(host.address(), "other.example").0, 403);

    fs::write(&file.path, "[[plugin]]\nname = \"deny_list\"\narguments = [\"no/such/file\"]\n").unwrap();
    host.signal(Signal::HUP);
    host.logged("the plugin stays as it was: the deny list no/such/file cannot be read");
    host.logged("not taken up: plugin[0].arguments: ");
    host.logged("was read again");
    assert_eq!(get(host.address(), "www.example").0, 200, "the embedded origin is the default");
    assert_eq!(get(host.address(), "other.example").0, 403);
    host.signal(Signal::TERM);
    assert!(host.end().1.success());
}

#[test]
fn flags_win_over_the_file_also_after_a_reload() {
    let file = File::new("[origin]\naddress = \"127.0.0.1:1\"\n[threads]\nnet = 3\n");
    let origin = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string();
    let host = Host::start(&["--config", file.name(), "--threads", "2", "--origin", &origin]);
    assert!(host.greeting[0].ends_with(&origin), "{:?}", host.greeting);
    assert_eq!(host.threads().iter().filter(|(name, _)| name.starts_with("[ET_NET")).count(), 2);
    fs::write(
        &file.path,
        "[origin]\naddress = \"127.0.0.1:2\"\n[threads]\nnet = 4\n[shutdown]\ndeadline = \"9 s\"\n",
    )
    .unwrap();
    host.signal(Signal::HUP);
    host.logged("taken up: shutdown.deadline: \"10 s\" -> \"9 s\"");
    host.logged("taken_up=1 left=0");
}

#[test]
fn requests_go_where_the_rules_say_and_elsewhere_after_a_reload() {
    let file = File::new(
        "[[remap]]\nfrom = \"http://a.example/\"\nto = \"http://127.0.0.1:1/\"\n\
         [[plugin]]\nname = \"deny_list\"\n",
    );
    let host = Host::start(&["--config", file.name()]);
    assert_eq!(get(host.address(), "a.example").0, 502, "nobody is there");
    assert_eq!(get(host.address(), "b.example").0, 421, "no rule is for it");
    fs::write(
        &file.path,
        "[[remap]]\nfrom = \"http://b.example/\"\nto = \"http://127.0.0.1:1/\"\n[origin]\naddress = \"embedded\"\n\
         [limits]\nmethods = [\"HEAD\"]\n[[plugin]]\nname = \"deny_list\"\n",
    )
    .unwrap();
    host.signal(Signal::HUP);
    host.logged("taken up: remap[0].from: \"http://a.example/\" -> \"http://b.example/\"");
    host.logged("taken up: limits.methods: \"any\" -> [\"HEAD\"]");
    host.logged("was read again");
    assert_eq!(get(host.address(), "a.example").0, 501, "only HEAD is let pass");
}

#[test]
fn a_rule_that_is_none_and_two_that_are_one_are_told() {
    let (lines, code) = check("[[remap]]\nfrom = \"a\"\nto = \"ftp://b/\"\n");
    assert!(code == 2 && lines.len() == 2, "{lines:?}");
    assert!(lines[0].starts_with("2:8: remap[0].from: `a` is neither a path"), "{lines:?}");
    assert!(lines[1].starts_with("3:6: remap[0].to: "), "{lines:?}");
    let rule = "[[remap]]\nfrom = \"/a\"\nto = \"http://b/\"\n";
    assert!(problem(&rule.repeat(2)).contains("two rules are for the same requests"));
    assert!(problem("[[remap]]\nfrom = \"/a\"\n").contains("remap[0].to: the key is missing"));
}

#[test]
fn it_listens_wherever_the_file_says_whoever_accepts() {
    for by in ["\"one\"", "\"each\"", "2"] {
        let file = File::new(&format!(
            "[accept]\nby = {by}\n[[listen]]\naddress = \"127.0.0.1:0\"\n[[listen]]\naddress = \"127.0.0.1:0\"\n"
        ));
        let host = Host::command(
            std::process::Command::new(env!("CARGO_BIN_EXE_ts-host")).args(["--config", file.name()]),
        );
        let more = host.greeting.iter().find_map(|line| line.split_once("also at http://")).expect("another");
        assert_eq!(get(host.address(), "www.example").0, 200, "{by}");
        assert_eq!(get(more.1.parse().unwrap(), "www.example").0, 200, "{by}");
        host.signal(Signal::TERM);
        assert!(host.end().1.success(), "{by}");
    }
    assert!(
        problem("[accept]\nby = \"all\"\n").contains("give \"one\" or \"each\", or a number from 1 to 1024")
    );
}
