//! What may be typed after `cargo xtask`.
//!
//! A name that does not exist is refused with the nearest one that does, before anything runs: a check that was
//! misspelt must not look like a check that passed.

use std::ffi::OsString;

use anyhow::{Result, bail};
use figures::{Order, arguments, nearest};
use lexopt::prelude::{Long, Short, Value, ValueExt};

use crate::check::{self, Group, Selection};
use crate::dist;
use crate::release::{Level, Options};

pub(crate) const HELP: &str = "\
The workspace's own commands.

Usage: cargo xtask check [NAME...] [--online | --deep] [--skip NAME]... [--fail-fast]
       cargo xtask check --list
       cargo xtask bench --help
       cargo xtask dist [--debug] [--to FOLDER]
       cargo xtask release [CRATE...] [--level LEVEL] [--execute] [--registry NAME] [--branch NAME]
       cargo xtask release --compare [CRATE...] [--registry NAME]

`bench` measures. `check`:
Without a name every check runs, cheap ones first. Each prints its commands, so that one can be repeated alone.

  --online      instead of the usual checks those that need a network, or tools that ask one
  --deep        instead of the usual checks those that take long, or need another compiler
  --skip NAME   leave this check out (may be given several times)
  --fail-fast   stop at the first check that fails; otherwise all run and the summary names those that failed
  --list        print the names of the checks and what each promises

`dist`:
Makes target/dist with what one needs without cargo: the host, the library for programs in C, headers, and what pkg-config says.

  --debug       quick to build, and slow to run
  --to FOLDER   there instead; the folder is not there yet, or empty

`release`:
Without --execute the plan is shown and nothing is done. Without a name all crates that changed are meant.

  --level LEVEL    patch, minor, major, or least: the nearest version that fits what changed. Only for crates whose version is out
  --execute        commit, tag and publish; what is there already is not done again, so an interrupted release goes on
  --compare        only tell how the crates stand to what is published; fails when a version is too near to the one
                   before, or an interface shows items of packages that are not made here
  --registry NAME  the registry that cargo knows by this name instead of the public one
  --branch NAME    releases are made here (default: main)

  --help           print this text
";

const COMMANDS: &[&str] = &["bench", "check", "dist", "release"];

/// What the caller wants, with every name in it known to exist.
pub(crate) enum Wish {
    Help,
    ListChecks,
    Check(Selection),
    BenchHelp,
    ListWorkloads,
    Bench(Order),
    Dist(dist::Options),
    Release(Options),
}

/// Reads the command line, program name first.
pub(crate) fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Wish> {
    let mut parser = lexopt::Parser::from_iter(line);
    match parser.next()? {
        None => bail!("no command given\n\n{HELP}"),
        Some(Long("help") | Short('h')) => Ok(Wish::Help),
        Some(Value(command)) if command == "help" => Ok(Wish::Help),
        Some(Value(command)) if command == "check" => parse_check(parser),
        Some(Value(command)) if command == "bench" => Ok(match arguments::parse(parser)? {
            figures::Wish::Help => Wish::BenchHelp,
            figures::Wish::List => Wish::ListWorkloads,
            figures::Wish::Measure(order) => Wish::Bench(order),
        }),
        Some(Value(command)) if command == "dist" => parse_dist(parser),
        Some(Value(command)) if command == "release" => parse_release(parser),
        Some(Value(command)) => bail!("{}", unknown("command", &command.to_string_lossy(), COMMANDS)),
        Some(other) => Err(other.unexpected().into()),
    }
}

fn parse_check(mut parser: lexopt::Parser) -> Result<Wish> {
    let mut selection = Selection::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Wish::Help),
            Long("list") => return Ok(Wish::ListChecks),
            Long("online") => selection.group = Group::Online,
            Long("deep") => selection.group = Group::Deep,
            Long("fail-fast") => selection.fail_fast = true,
            Long("skip") => selection.skip.push(check_name(&parser.value()?.string()?)?),
            Value(name) => selection.only.push(check_name(&name.string()?)?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Wish::Check(selection))
}

fn parse_dist(mut parser: lexopt::Parser) -> Result<Wish> {
    let mut options = dist::Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Wish::Help),
            Long("debug") => options.debug = true,
            Long("to") => options.to = Some(parser.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Wish::Dist(options))
}

fn parse_release(mut parser: lexopt::Parser) -> Result<Wish> {
    let mut options = Options {
        crates: vec![],
        level: None,
        execute: false,
        compare: false,
        registry: None,
        branch: "main".to_owned(),
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Wish::Help),
            Long("level") => {
                let typed = parser.value()?.string()?;
                let known = Level::ALL.iter().find(|(name, _)| *name == typed);
                let names: Vec<_> = Level::ALL.iter().map(|(name, _)| *name).collect();
                let Some((_, level)) = known else { bail!("{}", unknown("level", &typed, &names)) };
                options.level = Some(*level);
            }
            Long("compare") => options.compare = true,
            Long("execute") => options.execute = true,
            Long("registry") => options.registry = Some(parser.value()?.string()?),
            Long("branch") => options.branch = parser.value()?.string()?,
            Value(name) => options.crates.push(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Wish::Release(options))
}

fn check_name(typed: &str) -> Result<&'static str> {
    let names: Vec<_> = check::names().collect();
    match names.iter().find(|name| **name == typed) {
        Some(name) => Ok(name),
        None => bail!("{}; see `cargo xtask check --list`", unknown("check", typed, &names)),
    }
}

fn unknown(kind: &str, typed: &str, known: &[&str]) -> String {
    match nearest(typed, known) {
        Some(nearest) => format!("there is no {kind} `{typed}`; the nearest is `{nearest}`"),
        None => format!("there is no {kind} `{typed}`"),
    }
}
