//! Plugins in C and C++ as tests run them: compiled, loaded by a process of their own, called, listened to.
//!
//! ```text
//! let plugin = Plugin::compile("conts.c");              // tests/c/conts.c; .cc is C++
//! let ran = plugin.run("two_handlers", &["7"]);         // void two_handlers(int argc, const char *argv[])
//! assert_eq!(ran.printed(), ["one", "two"]);            // ended well: the lines of its standard output
//! assert_eq!(plugin.run("bad", &[]).fault(), "ts: TSContDestroy, called by conts: contp is null ..");
//! assert_eq!(Source("conts.c").printed("one"), ["1"]);  // without arguments, and nothing is left behind
//! ```
//!
//! # Rules
//! * The process has a runtime with two network and two task threads, and calls the entry as the initialisation of a plugin
//!   that is called like the source, on a thread that is a guest. `argv[0]` is that name. Then it shuts down. What is to have
//!   happened by then the entry waits for: `tests/c/bench.h` has what it takes, and [`LIMIT`] bounds it.
//! * If there is a function `entry_after` it is called after the shutdown.
//! * A fault ends that process and not the test.
//! * Each source is compiled once in a test binary, with all warnings as errors.
//!
//! The process is this test binary, asked for the one test below.
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate of its own and uses a part of it")]

use std::collections::HashMap;
use std::ffi::{CString, OsStr, c_char, c_int};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use std::{env, fs, io, iter, process, thread};

use libloading::{Library, Symbol};
use rustix::process::{Resource, Rlimit, setrlimit};
use ts_api::Runtime;
use ts_api::runtime::{Queued, ShutdownOptions};

/// Longer than anything here takes; a process that is not over by then is ended.
pub const LIMIT: Duration = Duration::from_secs(60);

const LIBRARY: &str = "TS_API_BENCH_LIBRARY";
const ENTRY: &str = "TS_API_BENCH_ENTRY";
const ARGUMENTS: &str = "TS_API_BENCH_ARGUMENTS";
/// Between arguments.
const SEPARATOR: &str = "\u{1f}";
/// Before what the plugin prints, and behind it.
pub const BEGIN: &str = "\n-- the plugin begins --\n";
pub const END: &str = "-- the plugin ended, and left continuations: ";

/// A source that is compiled.
pub struct Plugin {
    name: String,
    library: PathBuf,
}

/// What became of a call.
#[derive(Debug)]
pub struct Ran {
    /// Lines of the plugin's standard output.
    pub out: Vec<String>,
    /// Lines of the process's standard error stream.
    pub err: Vec<String>,
    pub status: ExitStatus,
    /// How many continuations were alive after the shutdown; none if it never came to that.
    pub left: Option<usize>,
}

impl Plugin {
    /// A source in `tests/c`.
    pub fn compile(source: &str) -> Self {
        static COMPILED: LazyLock<Mutex<HashMap<String, PathBuf>>> = LazyLock::new(Mutex::default);
        // A source that does not compile fails every test that wants it, each with the compiler's words.
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        let library = compiled.entry(source.to_owned()).or_insert_with(|| compile(source)).clone();
        let name = Path::new(source).file_stem().and_then(OsStr::to_str).expect("a file's name");
        Self { name: name.to_owned(), library }
    }

    /// The shared library.
    pub fn library(&self) -> &str {
        self.library.to_str().expect("we named it")
    }

    /// Calls `entry` in a process of its own.
    pub fn run(&self, entry: &str, arguments: &[&str]) -> Ran {
        let test = format!("{}::a_plugin_that_was_asked_for_runs", module());
        self.run_by(&test, entry, arguments)
    }

    /// Calls `entry` in a process of its own, by a test that finds it with [`asked`] and says [`BEGIN`] and [`END`].
    pub fn run_by(&self, test: &str, entry: &str, arguments: &[&str]) -> Ran {
        let output = self.command(test, entry, arguments).output().expect("this program starts");
        let [out, err] =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        let (_, out) = out.split_once(BEGIN).unwrap_or_else(|| panic!("it did not begin: {out}{err}"));
        let (out, left) = match out.split_once(END) {
            Some((out, left)) => (out, left.split_whitespace().next().and_then(|left| left.parse().ok())),
            None => (out, None),
        };
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        Ran { out: lines(out), err: lines(&err), status: output.status, left }
    }
}

impl Plugin {
    /// A process that runs one test of this program, which finds what to call with [`asked`].
    pub fn command(&self, test: &str, entry: &str, arguments: &[&str]) -> Command {
        let arguments: Vec<_> = iter::once(&*self.name).chain(arguments.iter().copied()).collect();
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args([test, "--exact", "--nocapture"]);
        command.env(LIBRARY, &self.library).env(ENTRY, entry).env(ARGUMENTS, arguments.join(SEPARATOR));
        command
    }
}

/// A source in `tests/c`, for tests whose entries want no arguments.
pub struct Source(pub &'static str);

impl Source {
    pub fn plugin(&self) -> Plugin {
        Plugin::compile(self.0)
    }

    pub fn run(&self, entry: &str) -> Ran {
        self.plugin().run(entry, &[])
    }

    /// What an entry prints that ends well and leaves nothing behind.
    #[track_caller]
    pub fn printed(&self, entry: &str) -> Vec<String> {
        let ran = self.run(entry);
        assert_eq!(ran.left, Some(0), "{ran:#?}");
        ran.printed()
    }

    /// Runs an entry that ends its process in `function`, for a reason with `fault` in it.
    #[track_caller]
    pub fn faults(&self, entry: &str, function: &str, fault: &str) {
        let plugin = self.plugin();
        let line = plugin.run(entry, &[]).fault();
        let begin = format!("ts: {function}, called by {}: ", plugin.name);
        assert!(line.starts_with(&begin) && line.contains(fault), "{entry}: {line}");
    }
}

/// What this process is to call.
pub struct Asked {
    pub name: String,
    library: Library,
    entry: String,
    arguments: String,
}

/// What this process is to call, if it was started by [`Plugin::command`]. It ends after [`LIMIT`].
pub fn asked() -> Option<Asked> {
    let library = env::var_os(LIBRARY)?;
    let entry = env::var(ENTRY).expect("it goes with the library");
    let arguments = env::var(ARGUMENTS).expect("they go with the library");
    // A fault's traces are of no use to anybody here.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    thread::spawn(|| {
        thread::sleep(LIMIT);
        eprintln!("the plugin did not come to its end");
        process::abort()
    });
    // SAFETY: it is one of our sources, and does nothing when it is loaded or unloaded.
    let library = unsafe { Library::new(library) }.unwrap_or_else(|error| panic!("{error}"));
    let name = arguments.split(SEPARATOR).next().unwrap_or_default().to_owned();
    Some(Asked { name, library, entry, arguments })
}

impl Asked {
    /// Calls the entry.
    pub fn call(&self) {
        call(&self.library, &self.entry, &self.arguments);
    }

    /// The plugin's handlers may still be called, so it stays.
    pub fn keep(self) {
        std::mem::forget(self.library);
    }
}

impl Ran {
    /// What it printed; it must have ended well.
    #[track_caller]
    pub fn printed(self) -> Vec<String> {
        assert!(self.status.success(), "{self:#?}");
        self.out
    }

    /// The one line that the process was ended with.
    #[track_caller]
    pub fn fault(mut self) -> String {
        assert_eq!(self.status.signal(), Some(6), "a fault aborts: {self:#?}");
        assert_eq!(self.err.len(), 1, "a fault has one line: {self:#?}");
        self.err.remove(0)
    }
}

/// The module of this file in the test binary, without the crate's name.
fn module() -> &'static str {
    module_path!().split_once("::").expect("it is a module").1
}

fn compile(source: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let binary = env::current_exe().expect("this program");
    let binary = binary.file_name().and_then(OsStr::to_str).expect("a file's name").to_owned();
    let library =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{binary}-{}.so", source.replace('/', "-")));
    // Moved to its place when it is whole: the same binary may run twice at a time.
    let unfinished = library.with_extension(process::id().to_string());
    let (compiler, language) = if source.ends_with(".c") { ("gcc", "c11") } else { ("g++", "c++17") };
    let output = Command::new(compiler)
        .arg(format!("-std={language}"))
        .args(["-shared", "-fPIC", "-O1", "-pthread", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"])
        .args(["include", "tests/c"].map(|folder| format!("-I{}", package.join(folder).display())))
        // What a test has made itself.
        .arg(concat!("-I", env!("CARGO_TARGET_TMPDIR")))
        .arg(package.join("tests/c").join(source))
        .arg("-o")
        .arg(&unfinished)
        .output()
        .expect("the compiler starts");
    assert!(output.status.success(), "{source}:\n{}", String::from_utf8_lossy(&output.stderr));
    fs::rename(&unfinished, &library).expect("the compiler made it");
    library
}

/// The other side: does nothing unless [`Plugin::run`] asks for it.
#[test]
fn a_plugin_that_was_asked_for_runs() {
    let Some(asked) = asked() else { return };
    let runtime = Runtime::builder().net_threads(2).task_threads(2).start().expect("the threads start");
    say(BEGIN);
    let (name, library, arguments) = (&*asked.name, &asked.library, &*asked.arguments);
    runtime.as_plugin(name, || asked.call());
    let report = runtime.shutdown(ShutdownOptions::default().queued(Queued::Cancel).deadline(LIMIT));
    let after = format!("{}_after", asked.entry);
    // SAFETY: only looked for.
    if unsafe { library.get::<unsafe extern "C" fn()>(&*after) }.is_ok() {
        runtime.as_plugin(name, || call(library, &after, arguments));
    }
    let left: usize = report.system.continuations.iter().map(|(_, count)| count).sum();
    say(&format!("{END}{left}\n"));
    asked.keep();
    process::exit(if report.system.unfinished.is_empty() { 0 } else { 3 })
}

fn call(library: &Library, entry: &str, arguments: &str) {
    type Entry = unsafe extern "C-unwind" fn(c_int, *const *const c_char);
    let texts: Vec<_> =
        arguments.split(SEPARATOR).map(|text| CString::new(text).expect("a C text")).collect();
    let argv: Vec<_> = texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect();
    let argc = c_int::try_from(texts.len()).expect("a few");
    // SAFETY: all entries of our sources have this type, and the arguments outlive the call.
    unsafe {
        let entry: Symbol<'_, Entry> = library.get(entry).unwrap_or_else(|error| panic!("{error}"));
        entry(argc, argv.as_ptr());
    }
}

/// Written at once, between what C writes.
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).expect("somebody listens");
}
