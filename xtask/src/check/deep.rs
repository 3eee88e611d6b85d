//! The checks that take long, or need another compiler.
//!
//! The sanitizers and valgrind run the tests that are theirs to judge: not those that compare a compiler's words, which
//! another compiler chooses otherwise, not loom's, which run no threads of their own, not those that take away memory,
//! of which these tools need more than there is, and not those that overflow a stack, which is told otherwise then.

use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::Package;

use super::Lacking;
use super::commands::{self, own_target};
use super::online::has;
use crate::step::Step;
use crate::workspace::{Workspace, is_published};

/// How many times a thread may be interrupted in one order. The models name smaller bounds of their own, which
/// loom's variable overrides; each model ends after the seconds here, with what it has tried by then.
pub(super) fn loom(workspace: &Workspace) -> Result<Vec<Step>> {
    let longer = |step: Step| step.with("LOOM_MAX_PREEMPTIONS", "5").with("LOOM_MAX_DURATION", "120");
    Ok(commands::loom(workspace)?.into_iter().map(longer).collect())
}

pub(super) fn simulation(_: &Workspace) -> Result<Vec<Step>> {
    let models = "test -p ts-thread -p ts-mutex -p ts-event -p ts-cont --release --tests model";
    Ok(vec![
        Step::cargo("test -p ts-cont --release --test simulation").with("TS_SIM_SEEDS", "20000"),
        Step::cargo(models).with("PROPTEST_CASES", "20000"),
    ])
}

pub(super) fn publish(_: &Workspace) -> Result<Vec<Step>> {
    Ok(vec![Step::cargo("test -p xtask --features release --test release_workspace")])
}

/// Leaks are looked for by the next one. Variables stay on their stacks, since some tests ask where these are.
pub(super) fn address(workspace: &Workspace) -> Result<Vec<Step>> {
    let options = "detect_leaks=0:detect_stack_use_after_return=0";
    let steps = sanitizer(workspace, "address", "")?;
    Ok(steps.into_iter().map(|step| step.with("ASAN_OPTIONS", options)).collect())
}

/// What is never given back on purpose stands in `leaks.txt`, with the reason. Tests run in the folder of their crate.
pub(super) fn leak(workspace: &Workspace) -> Result<Vec<Step>> {
    // The quick way to walk a stack ends at the standard library, which keeps no frame pointers.
    let options = "suppressions=../xtask/src/check/leaks.txt:print_suppressions=0:fast_unwind_on_malloc=0";
    let steps = sanitizer(workspace, "leak", "")?;
    Ok(steps.into_iter().map(|step| step.with("LSAN_OPTIONS", options)).collect())
}

/// The standard library has to be built along: without that, what it synchronises is not seen, and reported.
pub(super) fn thread(workspace: &Workspace) -> Result<Vec<Step>> {
    let sysroot = Step::of("rustc", "+nightly --print sysroot").output(&workspace.root)?;
    let sysroot = String::from_utf8_lossy(&sysroot.stdout).trim().to_owned();
    if !Path::new(&sysroot).join("lib/rustlib/src/rust/library").exists() {
        let how = "nightly has no sources: rustup component add rust-src --toolchain nightly";
        return Err(Lacking(how.into()).into());
    }
    sanitizer(workspace, "thread", " -Zbuild-std")
}

fn sanitizer(workspace: &Workspace, name: &str, more: &str) -> Result<Vec<Step>> {
    let host = host(workspace)?;
    let target = own_target(workspace, name)?;
    let step = |package: &Package| {
        Step::unstable(
            &workspace.root,
            &format!("test -p {} --all-features --no-fail-fast --target {host}{more}", package.name),
        )
        .words(&tests(package))
        .with("RUSTFLAGS", format!("-Zsanitizer={name}"))
        .with("CARGO_TARGET_DIR", target.as_str())
    };
    Ok(workspace.metadata()?.packages.iter().filter(|package| is_published(package)).map(step).collect())
}

/// Where waiting is concerned valgrind shows little: it runs one thread at a time. What it is for are reads of what was never
/// written, and of what is gone.
pub(super) fn valgrind(workspace: &Workspace) -> Result<Vec<Step>> {
    if !has(workspace, &Step::of("valgrind", "--version")) {
        return Err(Lacking("valgrind is not installed".into()).into());
    }
    let host = host(workspace)?;
    let runner =
        "[\"valgrind\", \"--quiet\", \"--error-exitcode=9\", \"--fair-sched=yes\", \"--leak-check=no\"]";
    let target = own_target(workspace, "valgrind")?;
    let step = |package: &Package| {
        Step::cargo("--config")
            .arg(format!("target.{host}.runner={runner}"))
            .words(&format!("test -p {} --all-features --no-fail-fast", package.name))
            .words(&tests(package))
            // It counts how often the kernel runs a thread, and valgrind has a rhythm of its own.
            .words("-- --skip an_idle_wait_is_never_woken")
            .with("PROPTEST_CASES", "8")
            .with("TS_SIM_SEEDS", "4")
            .with("CARGO_TARGET_DIR", target.as_str())
    };
    Ok(workspace.metadata()?.packages.iter().filter(|package| is_published(package)).map(step).collect())
}

pub(super) fn miri(workspace: &Workspace) -> Result<Vec<Step>> {
    if !has(workspace, &Step::cargo("+nightly miri --version")) {
        let how = "nightly has no Miri: rustup component add miri rust-src --toolchain nightly";
        return Err(Lacking(how.into()).into());
    }
    let tests = ["lists", "queue", "queue_model", "slots", "wheel", "wheel_model"];
    let tests: String = tests.iter().map(|test| format!(" --test {test}")).collect();
    Ok(vec![
        Step::cargo(&format!("+nightly miri test -p ts-event{tests}"))
            .with("CARGO_TARGET_DIR", own_target(workspace, "miri")?)
            // What is isolated does not see the variables below.
            .with(
                "MIRIFLAGS",
                "-Zmiri-strict-provenance -Zmiri-symbolic-alignment-check -Zmiri-disable-isolation",
            )
            // It does not know that system call.
            .with("TS_THREAD_NO_MEMBARRIER", "1")
            .with("PROPTEST_CASES", "1"),
    ])
}

/// The other processor that the project is for. It is compiled for, tests and all, and not run.
pub(super) fn arm(workspace: &Workspace) -> Result<Vec<Step>> {
    const TARGET: &str = "aarch64-unknown-linux-gnu";
    let installed = Step::of("rustc", &format!("--print target-libdir --target {TARGET}"));
    let libraries = installed.output(&workspace.root)?;
    if !Path::new(String::from_utf8_lossy(&libraries.stdout).trim()).exists() {
        return Err(Lacking(format!("no standard library for it: rustup target add {TARGET}")).into());
    }
    if !has(workspace, &Step::of("aarch64-linux-gnu-gcc", "--version")) {
        let how = "no C compiler for it: apt-get install gcc-aarch64-linux-gnu";
        return Err(Lacking(how.into()).into());
    }
    let step = |package: &Package| {
        Step::cargo(&format!(
            "clippy -p {} --target {TARGET} --all-targets --all-features -- -D warnings",
            package.name
        ))
    };
    Ok(workspace.metadata()?.packages.iter().filter(|package| is_published(package)).map(step).collect())
}

pub(super) fn host(workspace: &Workspace) -> Result<String> {
    let told = Step::of("rustc", "-vV").output(&workspace.root)?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not tell its host")?.to_owned())
}

fn tests(package: &Package) -> String {
    let tests = package.targets.iter().filter(|target| target.is_test());
    let tests = tests.filter(|target| {
        !["ui", "limits", "stack"].contains(&&*target.name) && !target.name.starts_with("loom_")
    });
    let tests: String = tests.map(|target| format!(" --test {}", target.name)).collect();
    format!("--lib{tests}")
}
