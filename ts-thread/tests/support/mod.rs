//! What several test files need: running one test again in a process of its own.

use std::process::{Command, ExitStatus, Output};

const CHILD: &str = "TS_THREAD_TEST_CHILD";

/// Whether this process was started by [`run_as_child`].
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs the test called `name` of this very file in a process of its own, with `variables` in its environment.
pub(crate) fn run_as_child(name: &str, variables: &[(&str, &str)]) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// Runs the test called `name` as [`run_as_child`] and expects it to pass.
#[allow(dead_code, reason = "not every file that shares this module expects its children to pass")]
pub(crate) fn passes_as_child(name: &str, variables: &[(&str, &str)]) {
    let output = run_as_child(name, variables);
    assert!(output.status.success(), "{}", describe(&output));
    // A misspelt name would run nothing, which is a success too.
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{}", describe(&output));
}

/// Everything a child has said.
pub(crate) fn describe(output: &Output) -> String {
    let status: ExitStatus = output.status;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{status}\n{}\n{}", text(&output.stdout), text(&output.stderr))
}
