//! Words that do not belong into the project are found. The samples are put together here, so that the check of this
//! very project does not find them.

mod support;

use support::{Outcome, Project};

fn words(file: &str, parts: &[&str]) -> Outcome {
    Project::new(&[(file, &parts.concat())]).xtask(&["check", "words"])
}

#[test]
fn a_path_of_somebodys_machine_is_found() {
    words("README.md", &["Fine.\n", "Look in /", "home/me/notes.\n"])
        .finds("README.md:2: a path of somebody's machine");
    words("ts-api/src/host.rs", &["let path = \"/", "tmp\";\n"]).finds("ts-api/src/host.rs:1: a path");
}

#[test]
fn paths_of_every_machine_and_of_the_project_are_fine() {
    words("README.md", &["/proc/self/maps, src/home/page.rs, https://example.org/home/x, /homestead/x"])
        .finds_nothing();
}

#[test]
fn work_left_undone_is_found() {
    words("a.md", &["TO", "DO: tell more"]).finds("a.md:1: work left undone");
    words("a.rs", &["fn a() { to", "do!() }"]).finds("a.rs:1: work left undone");
}

#[test]
fn a_test_that_does_not_run_is_found() {
    words("a.rs", &["#[test]\n#[", "ignore = \"slow\"]\nfn a() {}\n"])
        .finds("a.rs:2: a test that does not run");
    words("a.rs", &["/// ```", "ignore\n/// a();\n/// ```\n"]).finds("a.rs:1: an example that does not run");
}

#[test]
fn a_lint_set_aside_needs_a_reason() {
    words("a.rs", &["\n#[allow", "(\n    dead_code,\n)]\nfn a() {}\n"])
        .finds("a.rs:2: a lint is set aside without");
    words("a.rs", &["#![expect", "(unused)]\n"]).finds("a.rs:1: a lint");
    words("a.rs", &["#[allow", "(dead_code, reason = \"called from C (and only there)\")]\n"])
        .finds_nothing();
}
