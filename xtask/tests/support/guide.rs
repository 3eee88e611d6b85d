//! Follows a chapter of a page as a reader would: makes the files it shows, types its commands, compares what it says they print.
//!
//! # What the page has to look like
//! * A block of code whose first line is a comment with a path (`// src/main.rs`, `/* visits.c */`, `# Cargo.toml`) is that
//!   file, from now on.
//! * In a block marked `console` a line that begins with `$ ` is typed. What follows it, up to the next, is all that is then
//!   printed; `...` in it stands for anything, within a line or for whole lines. A command without such lines may print what
//!   it likes. What goes to the error stream is not compared.
//! * A program that says `press Enter`, or `Ctrl-C`, goes on in the background as soon as it has printed the last line that
//!   is shown. A `console` block that begins without a command shows what it prints when that has been pressed, up to its
//!   end.
//! * The port 8080 stands for one that is free.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};
use regex::Regex;

/// The chapter of `ts-api`'s page that is followed, by those who write in Rust.
pub(crate) const CHAPTER: &str = "From an empty folder to a plugin of yours";

/// And by those who write in C or C++.
#[allow(dead_code, reason = "what is published at tests is not followed in C")]
pub(crate) const CHAPTER_IN_C: &str = "From an empty folder to a plugin in C or C++";

/// How long one command may take, which may have to build everything.
const PATIENCE: Duration = Duration::from_secs(1800);

/// What a program says that waits for one of these.
const ENTER: &str = "press Enter";
const CTRL_C: &str = "Ctrl-C";

/// A block of code of the page.
struct Block {
    is_console: bool,
    text: String,
}

/// Follows the chapter with this heading, from an empty `folder`. `typed` may change a command, and gives it its environment.
pub(crate) fn follow(page: &str, heading: &str, folder: &Path, typed: &dyn Fn(&str) -> Command) {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let mut reader = Reader { folder: folder.to_owned(), typed, background: None };
    let blocks = blocks(page, heading);
    assert!(blocks.iter().any(|block| block.is_console), "there is nothing to follow under `{heading}`");
    for block in blocks {
        let text = block.text.replace("8080", &port.port().to_string());
        match file_of(&text) {
            _ if block.is_console => reader.console(&text),
            Some(file) => {
                let path = reader.folder.join(file);
                fs::create_dir_all(path.parent().expect("a file has a folder")).expect("make the folder");
                fs::write(path, text).expect("write the file");
            }
            None => {}
        }
    }
    assert!(reader.background.is_none(), "the chapter leaves a program running");
}

/// The blocks of code between this heading and the next of its level.
fn blocks(page: &str, heading: &str) -> Vec<Block> {
    let (mut found, mut inside, mut title, mut open) = (vec![], false, None, None);
    for event in Parser::new(page) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H1 | HeadingLevel::H2, .. }) => {
                title = Some(String::new());
            }
            Event::End(TagEnd::Heading(_)) => inside = title.take().map_or(inside, |title| title == heading),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) if inside => {
                open = Some(Block { is_console: &*kind == "console", text: String::new() });
            }
            Event::End(TagEnd::CodeBlock) => found.extend(open.take()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(title) = &mut title {
                    title.push_str(&text);
                }
                if let Some(block) = &mut open {
                    block.text.push_str(&text);
                }
            }
            _ => {}
        }
    }
    found
}

/// The path in the comment on the first line.
fn file_of(text: &str) -> Option<&str> {
    let first = text.lines().next()?;
    let path = first.strip_prefix("// ").or_else(|| first.strip_prefix("# "));
    let path = path.or_else(|| first.strip_prefix("/* ")?.strip_suffix(" */"))?;
    [".rs", ".toml", ".c", ".cc"].iter().any(|ending| path.ends_with(ending)).then_some(path)
}

struct Reader<'a> {
    folder: PathBuf,
    typed: &'a dyn Fn(&str) -> Command,
    background: Option<Running>,
}

impl Reader<'_> {
    fn console(&mut self, text: &str) {
        let mut lines = text.lines().peekable();
        loop {
            let command = match lines.peek() {
                None => return,
                Some(line) => line.strip_prefix("$ ").map(str::to_owned),
            };
            if command.is_some() {
                lines.next();
            }
            let mut printed = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                printed.push(line);
            }
            match command {
                Some(command) => self.type_in(&command, &printed),
                None => {
                    let mut running = self.background.take().expect("a program that waits for a key");
                    running.press();
                    running.end(&printed);
                }
            }
        }
    }

    fn type_in(&mut self, command: &str, printed: &[&str]) {
        println!("$ {command}");
        if let Some(folder) = command.strip_prefix("cd ") {
            self.folder.push(folder);
            return;
        }
        let says = |key: &str| printed.iter().any(|line| line.contains(key));
        // The program itself is to be interrupted, and not a shell.
        let typed = if says(CTRL_C) { format!("exec {command}") } else { command.to_owned() };
        let mut running = Running::start((self.typed)(&typed).current_dir(&self.folder), command);
        running.is_interrupted = says(CTRL_C);
        if says(ENTER) || says(CTRL_C) {
            running.go_on(printed);
            self.background = Some(running);
        } else {
            running.end(printed);
        }
    }
}

/// A command that was typed, and what it prints.
struct Running {
    command: String,
    child: Child,
    is_interrupted: bool,
    lines: Receiver<String>,
    seen: Vec<String>,
    deadline: Instant,
}

impl Running {
    fn start(typed: &mut Command, command: &str) -> Running {
        let typed = typed.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = typed.spawn().unwrap_or_else(|error| panic!("`{command}`: {error}"));
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                println!("{line}");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Running {
            command: command.to_owned(),
            child,
            is_interrupted: false,
            lines,
            seen: vec![],
            deadline: Instant::now() + PATIENCE,
        }
    }

    /// Waits until it has printed the last of these lines, which it goes on after.
    fn go_on(&mut self, printed: &[&str]) {
        while self.seen.last().map(|line| line.trim_end()) != printed.last().copied() {
            let line = self.lines.recv_timeout(self.deadline.saturating_duration_since(Instant::now()));
            self.seen.push(line.unwrap_or_else(|error| panic!("`{}` says no more: {error}", self.command)));
        }
        self.compare(printed);
        self.seen.clear();
    }

    fn press(&mut self) {
        if self.is_interrupted {
            let id = self.child.id().to_string();
            let kill = Command::new("kill").args(["-s", "INT", &id]).status().expect("kill starts");
            assert!(kill.success(), "`{}` is not there any more", self.command);
        } else {
            let mut input = self.child.stdin.take().expect("nobody pressed Enter before");
            input.write_all(b"\n").expect("it listens");
        }
        self.deadline = Instant::now() + PATIENCE;
    }

    /// Waits for its end, and compares all that it has printed.
    fn end(mut self, printed: &[&str]) {
        drop(self.child.stdin.take());
        loop {
            match self.lines.recv_timeout(self.deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("`{}` does not end", self.command),
            }
        }
        let status = self.child.wait().expect("its end");
        assert!(status.success(), "`{}` ended with {status}", self.command);
        if !printed.is_empty() {
            self.compare(printed);
        }
    }

    fn compare(&self, printed: &[&str]) {
        let seen: Vec<&str> = self.seen.iter().map(|line| line.trim_end()).collect();
        let (seen, wanted) = (seen.join("\n"), printed.join("\n"));
        let pattern: Vec<_> = wanted.split("...").map(regex::escape).collect();
        let pattern = Regex::new(&format!("(?s)^{}$", pattern.join(".*"))).expect("a pattern");
        assert!(pattern.is_match(&seen), "`{}` prints:\n{seen}\nand the page says:\n{wanted}", self.command);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that is left behind by a failure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
