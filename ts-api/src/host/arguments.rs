//! What may be typed.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;
use tracing_subscriber::filter::{LevelFilter, Targets};

const PORT: u16 = 8080;
const DEADLINE: Duration = Duration::from_secs(10);
/// More event threads than this cannot be meant.
const MOST_THREADS: usize = 1024;

const HELP: &str = "\
ts-host: an HTTP proxy on event threads, with plugins at its hooks

usage: ts-host [FLAGS]        in the workspace: cargo host [FLAGS]

  --port PORT          where to listen (default 8080; 0 lets the system choose)
  --address IP         the address to listen at (default 127.0.0.1)
  --origin HOST:PORT   where to forward requests to (default: an embedded origin)
  --threads N          network threads (default: one for each CPU)
  --task-threads N     background threads (default 1)
  --deny-list FILE     hosts to refuse, one a line, # begins a comment; read again after a SIGHUP
                       (default: an example list)
  --deadline SECONDS   how long a shutdown may take (default 10)
  --log FILTER         what to log, such as info or warn,ts_api=debug (default warn)
  --help, --version

SIGINT and SIGTERM shut down in stages and print a report; a second one ends the process at once.";

/// How the host is to run.
#[derive(Debug)]
pub(super) struct Arguments {
    pub(super) listen: SocketAddr,
    pub(super) origin: Option<SocketAddr>,
    pub(super) threads: usize,
    pub(super) task_threads: usize,
    pub(super) deny_list: Option<PathBuf>,
    pub(super) deadline: Duration,
    pub(super) log: Targets,
}

/// What was asked for.
#[derive(Debug)]
pub(super) enum Request {
    /// To run.
    Run(Arguments),
    /// To print something and end.
    Print(String),
}

const FLAGS: [&str; 10] = [
    "--port",
    "--address",
    "--origin",
    "--threads",
    "--task-threads",
    "--deny-list",
    "--deadline",
    "--log",
    "--help",
    "--version",
];

/// Reads the arguments. An error is one line: what is wrong, and what to do.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut port = PORT;
    let mut arguments = Arguments {
        listen: SocketAddr::new(address, port),
        origin: None,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        task_threads: 1,
        deny_list: None,
        deadline: DEADLINE,
        log: Targets::new().with_default(LevelFilter::WARN),
    };
    while let Some(argument) = parser.next().map_err(|error| format!("{error}; try --help"))? {
        match argument {
            Long("port") => port = value(&mut parser, "--port", "a number from 0 to 65535")?,
            Long("address") => address = value(&mut parser, "--address", "an IP address such as 127.0.0.1")?,
            Long("origin") => arguments.origin = Some(origin(&text(&mut parser, "--origin")?)?),
            Long("threads") => arguments.threads = count(&mut parser, "--threads")?,
            Long("task-threads") => arguments.task_threads = count(&mut parser, "--task-threads")?,
            Long("deny-list") => {
                let file =
                    parser.value().map_err(|_| "--deny-list: the name of a file is missing".to_owned())?;
                arguments.deny_list = Some(file.into());
            }
            Long("deadline") => {
                let seconds: u32 = value(&mut parser, "--deadline", "a whole number of seconds")?;
                arguments.deadline = Duration::from_secs(seconds.into());
            }
            Long("log") => {
                arguments.log = value(&mut parser, "--log", "a filter such as info or warn,ts_api=debug")?;
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
    arguments.listen = SocketAddr::new(address, port);
    Ok(Request::Run(arguments))
}

fn text(parser: &mut lexopt::Parser, flag: &str) -> Result<String, String> {
    let value = parser.value().map_err(|_| format!("{flag}: its value is missing; try --help"))?;
    value.into_string().map_err(|value| format!("{flag}: `{}` is not text", value.to_string_lossy()))
}

fn value<T: std::str::FromStr>(parser: &mut lexopt::Parser, flag: &str, wanted: &str) -> Result<T, String> {
    let text = text(parser, flag)?;
    text.parse().map_err(|_| format!("{flag}: `{text}` will not do: give {wanted}"))
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

fn origin(text: &str) -> Result<SocketAddr, String> {
    let found = text.to_socket_addrs().map_err(|error| {
        format!("--origin: `{text}` will not do ({error}): give a host and a port such as 127.0.0.1:9000")
    })?;
    let mut found: Vec<_> = found.collect();
    // Names such as localhost stand for both; most origins listen at the older one.
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| format!("--origin: `{text}` has no address"))
}

fn unknown(flag: &str) -> String {
    let nearest = FLAGS
        .iter()
        .map(|known| (strsim::damerau_levenshtein(known, flag), known))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match nearest {
        Some((_, known)) => format!("there is no flag {flag}; did you mean {known}? --help lists them"),
        None => format!("there is no flag {flag}; --help lists them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &[&str]) -> Result<Request, String> {
        parse(words.iter().map(OsString::from))
    }

    fn refused(words: &[&str]) -> String {
        match parse_words(words) {
            Err(line) => line,
            Ok(request) => panic!("{words:?} was taken as {request:?}"),
        }
    }

    #[test]
    fn without_arguments_the_defaults_are_those_of_the_help() {
        let Ok(Request::Run(arguments)) = parse_words(&[]) else { panic!("it runs") };
        assert_eq!(arguments.listen, "127.0.0.1:8080".parse().unwrap());
        assert_eq!((arguments.origin, arguments.deny_list), (None, None));
        assert_eq!((arguments.task_threads, arguments.deadline), (1, Duration::from_secs(10)));
        assert!(arguments.threads >= 1);
    }

    #[test]
    fn every_flag_is_understood_in_both_spellings() {
        let words =
            ["--port=0", "--address", "::1", "--origin", "127.0.0.1:9", "--threads=3", "--task-threads"];
        let more = ["2", "--deny-list", "list.txt", "--deadline", "7", "--log", "info,ts_api=debug"];
        let all: Vec<_> = words.into_iter().chain(more).collect();
        let Ok(Request::Run(arguments)) = parse_words(&all) else { panic!("it runs") };
        assert_eq!(arguments.listen, "[::1]:0".parse().unwrap());
        assert_eq!(arguments.origin, Some("127.0.0.1:9".parse().unwrap()));
        assert_eq!((arguments.threads, arguments.task_threads), (3, 2));
        assert_eq!(arguments.deny_list, Some(PathBuf::from("list.txt")));
        assert_eq!(arguments.deadline, Duration::from_secs(7));
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
            (&["--deadline", "-1"], "seconds"),
            (&["--log", "ts_api=loud"], "filter"),
            (&["--deny-list"], "file"),
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
