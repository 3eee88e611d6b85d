//! The workspace's own commands, run as `cargo xtask COMMAND`.
//!
//! One line per command here, one file per command beside this one. Nothing in this crate is published, and none of
//! the published crates knows it.

mod args;
mod bench;
mod check;
mod dist;
mod release;
mod step;
mod tools;
mod workspace;

use std::process::ExitCode;

use args::Wish;

fn main() -> ExitCode {
    let wish = match args::parse(std::env::args_os()) {
        Ok(wish) => wish,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(2);
        }
    };
    let done = match wish {
        Wish::Help => {
            print!("{}", args::HELP);
            Ok(true)
        }
        Wish::ListChecks => {
            check::list();
            Ok(true)
        }
        Wish::Check(selection) => check::run(&selection),
        Wish::BenchHelp => {
            print!("{}", figures::arguments::HELP);
            Ok(true)
        }
        Wish::ListWorkloads => {
            print!("{}", figures::arguments::list());
            Ok(true)
        }
        Wish::Bench(order) => bench::run(order),
        Wish::Dist(options) => dist::run(&options),
        Wish::Release(options) => release::run(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
