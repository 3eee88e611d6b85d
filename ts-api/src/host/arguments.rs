//! What may be typed.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;
use tracing_subscriber::filter::Targets;

use super::config::{Config, Destination, MOST_THREADS, Plugin, keys::nearest};
use super::words;

const HELP: &str = "\
ts-host: an HTTP proxy on event threads, with plugins at its hooks

usage: ts-host [FLAGS]        in the workspace: cargo host [FLAGS]

  --config FILE        what to serve, in TOML; read again after a SIGHUP; the flags below win over it
  --check              only look whether the configuration is good
  --print-config       print the configuration as a file with a comment on each key, and end

  --port PORT          where to listen (default 8080; 0 lets the system choose)
  --address IP         the address to listen at (default 127.0.0.1)
  --origin HOST:PORT   where to forward requests to (default: an embedded origin)
  --threads N          network threads (default: one for each CPU)
  --task-threads N     background threads (default 1)
  --deny-list FILE     hosts to refuse, one a line, # begins a comment; read again after a SIGHUP
                       (default: an example list; with --config: what the file says)
  --plugin \"FILE ARGUMENTS\"
                       a plugin in C or C++ to load, with what it is told; may be given several times
  --plugin-config FILE a file with such a line for each plugin; \"quotes\" hold words together, # begins a comment
  --remap-config FILE  rules, one a line: map FROM TO @plugin=FILE @pparam=ARGUMENT, redirect FROM TO, ..;
                       read again after a SIGHUP
  --verify-plugin FILE only look whether a plugin can be loaded
  --records FILE       records.yaml: settings under the original's names; read again after a SIGHUP; they win over
                       --config
  --admin IP:PORT      where to answer /metrics, /healthz, /plugin/TAG (default: nowhere)
  --deadline SECONDS   how long a shutdown may take (default 10)
  --log FILTER         what to log, such as info or warn,ts_api=debug (default warn)
  --help, --version

SIGINT and SIGTERM shut down in stages and print a report; a second one ends the process at once.
It returns 0 if all went well, 1 if it could not start, load a plugin or end in time, 2 for flags or a configuration that
are not good; --check returns 0 or 2, --verify-plugin 0 or 1.";

const FLAGS: [&str; 19] = [
    "--config",
    "--check",
    "--print-config",
    "--port",
    "--address",
    "--origin",
    "--threads",
    "--task-threads",
    "--deny-list",
    "--plugin",
    "--plugin-config",
    "--remap-config",
    "--verify-plugin",
    "--records",
    "--admin",
    "--deadline",
    "--log",
    "--help",
    "--version",
];

/// What was typed.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) config: Option<PathBuf>,
    address: Option<IpAddr>,
    port: Option<u16>,
    origin: Option<Destination>,
    threads: Option<usize>,
    task_threads: Option<usize>,
    deny_list: Option<String>,
    plugins: Vec<Plugin>,
    plugin_config: Option<PathBuf>,
    records: Option<PathBuf>,
    remap_config: Option<PathBuf>,
    admin: Option<SocketAddr>,
    deadline: Option<Duration>,
    log: Option<Targets>,
}

/// What was asked for.
#[derive(Debug)]
pub(super) enum Request {
    /// To run.
    Run(Arguments),
    /// To look whether the configuration is good.
    Check(Arguments),
    /// To print the configuration.
    PrintConfig(Arguments),
    /// To look whether a plugin can be loaded.
    Verify(PathBuf),
    /// To print something and end.
    Print(String),
}

impl Arguments {
    /// The records that a flag names, in place of those that the file does.
    pub(super) fn name_records(&self, config: &mut Config) {
        if self.records.is_some() {
            config.files.records.clone_from(&self.records);
        }
    }

    /// What the flags say, in place of what the file does.
    pub(super) fn apply(&self, config: &mut Config) {
        fn set<T: Clone>(flag: &Option<T>, value: &mut T) {
            if let Some(flag) = flag {
                value.clone_from(flag);
            }
        }
        if self.address.is_some() || self.port.is_some() {
            // It listens at one place then, with whatever else the file says of its first.
            let mut listen = config.listen.first().cloned().unwrap_or_default();
            let address = self.address.unwrap_or(listen.address.ip());
            listen.address = SocketAddr::new(address, self.port.unwrap_or(listen.address.port()));
            config.listen = vec![listen];
        }
        set(&self.origin.clone().map(Some), &mut config.origin.address);
        set(&self.threads.map(Some), &mut config.threads.net);
        set(&self.task_threads, &mut config.threads.task);
        set(&self.admin.map(Some), &mut config.admin.address);
        set(&self.deadline, &mut config.shutdown.deadline);
        set(&self.log, &mut config.log.filter);
        set(&self.plugin_config.clone().map(Some), &mut config.files.plugin_config);
        set(&self.remap_config.clone().map(Some), &mut config.files.remap_config);
        config.plugins.extend(self.plugins.iter().cloned());
        // Somebody who has no file yet sees a plugin at work.
        let nothing_said = self.config.is_none()
            && self.plugins.is_empty()
            && self.plugin_config.is_none()
            && self.remap_config.is_none();
        if self.deny_list.is_some() || nothing_said {
            let arguments = Vec::from_iter(self.deny_list.clone());
            match config.plugins.iter_mut().find(|plugin| plugin.name == DENY_LIST) {
                Some(plugin) => plugin.arguments = arguments,
                None => config.plugins.push(Plugin { name: DENY_LIST.to_owned(), arguments, file: None }),
            }
        }
    }
}

const DENY_LIST: &str = "deny_list";

/// Reads the arguments. An error is one line: what is wrong, and what to do.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut arguments = Arguments::default();
    let mut request: fn(Arguments) -> Request = Request::Run;
    while let Some(argument) = parser.next().map_err(|error| format!("{error}; try --help"))? {
        match argument {
            Long("config") => arguments.config = Some(file(&mut parser, "--config")?.into()),
            Long("check") => request = Request::Check,
            Long("print-config") => request = Request::PrintConfig,
            Long("port") => arguments.port = Some(value(&mut parser, "--port", "a number from 0 to 65535")?),
            Long("address") => {
                arguments.address = Some(value(&mut parser, "--address", "an IP address such as 127.0.0.1")?);
            }
            Long("origin") => {
                arguments.origin =
                    Some(parsed(&mut parser, "--origin", "a host and a port such as 127.0.0.1:9000")?);
            }
            Long("threads") => arguments.threads = Some(count(&mut parser, "--threads")?),
            Long("task-threads") => arguments.task_threads = Some(count(&mut parser, "--task-threads")?),
            Long("deny-list") => {
                // The plugin takes its arguments as text.
                let name = file(&mut parser, "--deny-list")?.into_string();
                arguments.deny_list = Some(name.map_err(|name| {
                    format!("--deny-list: the name `{}` is not text", name.to_string_lossy())
                })?);
            }
            Long("plugin") => arguments.plugins.push(plugin(&mut parser)?),
            Long("plugin-config") => {
                arguments.plugin_config = Some(file(&mut parser, "--plugin-config")?.into());
            }
            Long("records") => arguments.records = Some(file(&mut parser, "--records")?.into()),
            Long("remap-config") => {
                arguments.remap_config = Some(file(&mut parser, "--remap-config")?.into());
            }
            Long("verify-plugin") => {
                let looked_at = file(&mut parser, "--verify-plugin")?.into();
                if !matches!(parser.next(), Ok(None)) {
                    return Err("--verify-plugin looks at one file: nothing may follow it".to_owned());
                }
                return Ok(Request::Verify(looked_at));
            }
            Long("admin") => {
                let wanted = "an address and a port such as 127.0.0.1:9090";
                arguments.admin = Some(value(&mut parser, "--admin", wanted)?);
            }
            Long("deadline") => {
                let seconds: u32 = value(&mut parser, "--deadline", "a whole number of seconds")?;
                arguments.deadline = Some(Duration::from_secs(seconds.into()));
            }
            Long("log") => {
                arguments.log =
                    Some(value(&mut parser, "--log", "a filter such as info or warn,ts_api=debug")?);
            }
            Short('h') | Long("help") => return Ok(Request::Print(HELP.to_owned())),
            Short('V') | Long("version") => {
                return Ok(Request::Print(concat!("ts-host ", env!("CARGO_PKG_VERSION")).to_owned()));
            }
            Long(flag) => return Err(unknown(&format!("--{flag}"))),
            Short(flag) => return Err(unknown(&format!("-{flag}"))),
            Value(word) => return Err(format!("`{}` is not a flag; try --help", word.to_string_lossy())),
        }
    }
    Ok(request(arguments))
}

fn file(parser: &mut lexopt::Parser, flag: &str) -> Result<OsString, String> {
    parser.value().map_err(|_| format!("{flag}: the name of a file is missing"))
}

fn text(parser: &mut lexopt::Parser, flag: &str) -> Result<String, String> {
    let value = parser.value().map_err(|_| format!("{flag}: its value is missing; try --help"))?;
    value.into_string().map_err(|value| format!("{flag}: `{}` is not text", value.to_string_lossy()))
}

fn value<T: std::str::FromStr>(parser: &mut lexopt::Parser, flag: &str, wanted: &str) -> Result<T, String> {
    let text = text(parser, flag)?;
    text.parse().map_err(|_| format!("{flag}: `{text}` will not do: give {wanted}"))
}

/// As `value`, for what says why it will not do.
fn parsed<T>(parser: &mut lexopt::Parser, flag: &str, wanted: &str) -> Result<T, String>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let text = text(parser, flag)?;
    text.parse().map_err(|error: T::Err| format!("{flag}: `{text}` will not do ({error}): give {wanted}"))
}

/// The file and the arguments, in one word of the command line.
fn plugin(parser: &mut lexopt::Parser) -> Result<Plugin, String> {
    let line = text(parser, "--plugin")?;
    let words = words::split(&line).map_err(|wrong| format!("--plugin: `{line}`: {}", wrong.text))?;
    Plugin::of_words(words).ok_or_else(|| {
        format!(
            "--plugin: `{line}` names no file: give a file and its arguments, such as \"hello.so --loud\""
        )
    })
}

fn count(parser: &mut lexopt::Parser, flag: &str) -> Result<usize, String> {
    let wanted = format!("a number from 1 to {MOST_THREADS}");
    let count = value(parser, flag, &wanted)?;
    if (1..=MOST_THREADS).contains(&count) {
        Ok(count)
    } else {
        Err(format!("{flag}: `{count}` will not do: give {wanted}"))
    }
}

fn unknown(flag: &str) -> String {
    match nearest(flag, FLAGS) {
        Some(known) => format!("there is no flag {flag}; did you mean {known}? --help lists them"),
        None => format!("there is no flag {flag}; --help lists them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &[&str]) -> Result<Request, String> {
        parse(words.iter().map(OsString::from))
    }

    /// What a host with these flags does, without a file.
    fn config(words: &[&str]) -> Config {
        let Ok(Request::Run(arguments)) = parse_words(words) else { panic!("it runs") };
        let mut config = Config::default();
        arguments.apply(&mut config);
        config
    }

    fn refused(words: &[&str]) -> String {
        match parse_words(words) {
            Err(line) => line,
            Ok(request) => panic!("{words:?} was taken as {request:?}"),
        }
    }

    #[test]
    fn without_arguments_the_defaults_are_those_of_the_help() {
        let config = config(&[]);
        assert_eq!(config.listen[0].address, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(
            (config.listen.len(), config.fallback(), config.admin.address),
            (1, Some(Destination::Embedded), None)
        );
        assert_eq!((config.threads.task, config.shutdown.deadline), (1, Duration::from_secs(10)));
        assert_eq!(config.plugins, [Plugin { name: "deny_list".into(), ..Plugin::default() }]);
        assert!(config.threads.net_count() >= 1);
    }

    #[test]
    fn every_flag_is_understood_in_both_spellings() {
        let words =
            ["--port=0", "--address", "::1", "--origin", "127.0.0.1:9", "--threads=3", "--task-threads"];
        let more = [
            "2",
            "--deny-list",
            "list.txt",
            "--deadline",
            "7",
            "--log",
            "info,ts_api=debug",
            "--admin=[::1]:7",
        ];
        let all: Vec<_> = words.into_iter().chain(more).collect();
        let config = config(&all);
        assert_eq!(config.listen[0].address, "[::1]:0".parse().unwrap());
        assert_eq!(config.origin.address, Some(Destination::At("127.0.0.1:9".into())));
        assert_eq!((config.threads.net, config.threads.task), (Some(3), 2));
        assert_eq!(config.plugins[0].arguments, ["list.txt"]);
        assert_eq!(config.shutdown.deadline, Duration::from_secs(7));
        assert_eq!(config.log.filter, "info,ts_api=debug".parse().unwrap());
        assert_eq!(config.admin.address, Some("[::1]:7".parse().unwrap()));
    }

    #[test]
    fn what_no_flag_says_is_as_in_the_file() {
        let Ok(Request::Check(arguments)) = parse_words(&["--config", "a.toml", "--check", "--port", "1"])
        else {
            panic!("it checks")
        };
        assert_eq!(arguments.config, Some(PathBuf::from("a.toml")));
        let mut config = Config::default();
        config.listen[0].address = "192.0.2.1:80".parse().unwrap();
        config.threads.task = 7;
        arguments.apply(&mut config);
        assert_eq!(config.listen[0].address, "192.0.2.1:1".parse().unwrap());
        assert_eq!(config.threads.task, 7);
        assert!(config.plugins.is_empty(), "who has a file has no examples");
    }

    #[test]
    fn a_bad_value_is_answered_with_what_is_wanted() {
        for (words, wanted) in [
            (&["--port", "70000"][..], "0 to 65535"),
            (&["--port"], "missing"),
            (&["--threads", "0"], "1 to 1024"),
            (&["--threads", "many"], "1 to 1024"),
            (&["--address", "here"], "IP address"),
            (&["--origin", "nowhere"], "host and a port"),
            (&["--admin", "9090"], "address and a port"),
            (&["--deadline", "-1"], "seconds"),
            (&["--log", "ts_api=loud"], "filter"),
            (&["--deny-list"], "file"),
            (&["--config"], "file"),
        ] {
            let line = refused(words);
            assert!(line.contains(wanted), "{words:?}: {line}");
            assert!(line.contains(words[0]), "{line} does not name its flag");
            assert!(!line.contains('\n'), "{line:?} is more than a line");
        }
    }

    #[test]
    fn an_unknown_flag_is_answered_with_the_nearest() {
        assert!(refused(&["--prot", "1"]).contains("--port"));
        assert!(refused(&["--deny_list", "x"]).contains("--deny-list"));
        assert!(!refused(&["--colour"]).contains("did you mean"));
        assert!(refused(&["-x"]).contains("-x"));
        assert!(refused(&["list.txt"]).contains("list.txt"));
    }

    #[test]
    fn the_help_names_every_flag() {
        let Ok(Request::Print(help)) = parse_words(&["--help"]) else { panic!("it prints") };
        assert!(FLAGS.iter().all(|flag| help.contains(flag)));
    }
}
