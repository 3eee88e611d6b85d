//! What is typed is understood or refused, and what failed can be repeated.

mod support;

use std::env;
use std::fs;
use std::os::unix::fs::symlink;

use support::Project;

#[test]
fn a_misspelt_check_is_refused_with_the_nearest_name_before_anything_runs() {
    let outcome = Project::new(&[]).xtask(&["check", "layers", "labesl"]);
    outcome.finds("there is no check `labesl`; the nearest is `labels`");
    assert!(!outcome.text.contains("=="), "{}", outcome.text);
    Project::new(&[]).xtask(&["check", "--skip", "tset"]).finds("the nearest is `test`");
    Project::new(&[]).xtask(&["chekc"]).finds("there is no command `chekc`; the nearest is `check`");
}

#[test]
fn a_misspelt_workload_is_refused_before_anything_is_built() {
    let outcome = Project::new(&[]).xtask(&["bench", "imm_reschedul_"]);
    outcome.finds("there is no workload `imm_reschedul_`; the nearest is `imm_reschedule`");
    let list = Project::new(&[]).xtask(&["bench", "--list"]);
    list.finds_nothing();
    assert!(list.text.lines().any(|line| line.starts_with("limit_cas_store ")), "{}", list.text);
}

#[test]
fn help_and_the_list_are_given_without_running_anything() {
    let help = Project::new(&[]).xtask(&["--help"]);
    assert!(help.passed && help.text.contains("--fail-fast"), "{}", help.text);
    let list = Project::new(&[]).xtask(&["check", "--list"]);
    list.finds_nothing();
    for name in
        ["format", "lint", "test", "test-default", "alone", "docs", "loom", "layers", "labels", "links"]
    {
        assert!(
            list.text.lines().any(|line| line.split(' ').next() == Some(name)),
            "{name} in {}",
            list.text
        );
    }
}

#[test]
fn what_cannot_run_here_is_told_and_fails_only_by_name() {
    let manifest = "[package]\nname = \"ts-event\"\nedition = \"2024\"\n";
    let project = Project::new(&[("Cargo.toml", manifest), ("src/lib.rs", "")]);
    // A path with nothing but cargo itself, which knows no other toolchain by itself.
    let programs = project.root().join("programs");
    fs::create_dir(&programs).expect("make the folder");
    symlink(env::var_os("CARGO").expect("cargo runs the tests"), programs.join("cargo")).expect("link cargo");
    let bare = [("PATH", programs.as_path()), ("CARGO_HOME", programs.as_path())];
    let skipped = ["--skip", "published", "--skip", "oldest", "--skip", "minimal"];
    let outcome = project.xtask_with(&[&["check", "--online"][..], &skipped].concat(), &bare);
    outcome.finds_nothing();
    assert!(outcome.text.contains("not run advisories"), "{}", outcome.text);
    assert!(outcome.text.contains("checks that could not run here: 1"), "{}", outcome.text);
    let named = project.xtask_with(&["check", "advisories"], &bare);
    named.finds("the list of advisories cannot be reached");
    named.finds("checks that could not run here: 1");
}

#[test]
fn the_other_lists_run_only_when_asked_for() {
    let list = Project::new(&[]).xtask(&["check", "--list"]).text;
    for line in ["published", "oldest", "minimal", "advisories"] {
        assert!(list.lines().any(|told| told.starts_with(line) && told.ends_with("(--online)")), "{list}");
    }
    for line in
        ["loom-long", "fuzz", "simulation", "publish", "address", "leak", "valgrind", "thread", "miri", "arm"]
    {
        let told = |told: &str| told.split(' ').next() == Some(line) && told.ends_with("(--deep)");
        assert!(list.lines().any(told), "{line} in {list}");
    }
}

#[test]
fn each_set_of_features_that_means_something_else_is_tried_once() {
    let manifest = "[package]\nname = \"ts-api\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[features]\ndefault = [\"a\"]\na = []\nb = []\n\
                    c = [\"a\", \"b\"]\nd = []\n";
    let project = Project::new(&[
        ("Cargo.toml", manifest),
        ("src/lib.rs", "#[cfg(all(feature = \"b\", feature = \"d\"))]\nfn unused() {}\n"),
    ]);
    let outcome = project.xtask(&["check", "features"]);
    outcome.finds("cargo clippy -p ts-api --all-targets --no-default-features --features b,d -- -D warnings");
    // `c` turns on `a` and `b`, so `a,c` is `c`, and `c,d` is all of them.
    let steps = outcome.text.lines().filter(|line| line.starts_with("$ ")).count();
    assert_eq!(steps, 4, "{}", outcome.text);
}

#[test]
fn a_failure_does_not_hide_the_next_one_unless_asked_to() {
    let project =
        Project::new(&[("README.md", "[a](gone.md)"), ("ts-event/src/lib.rs", "// Release [lonely-end]\n")]);
    let outcome = project.xtask(&["check", "links", "labels"]);
    outcome.finds("gone.md");
    outcome.finds("lonely-end");
    outcome.finds("cargo xtask check labels");
    outcome.finds("checks run: 2, failed: 2");
    project.xtask(&["check", "links", "labels", "--fail-fast"]).finds("checks run: 1, failed: 1");
    project.xtask(&["check", "links", "labels", "--skip", "links"]).finds("checks run: 1, failed: 1");
}

#[test]
fn the_command_of_a_failed_step_is_printed_to_be_repeated() {
    let outcome = Project::new(&[("Cargo.toml", "not a manifest")]).xtask(&["check", "docs"]);
    outcome.finds("$ RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps\n");
    outcome.finds("checks run: 1, failed: 1");
}

#[test]
fn each_crate_with_loom_models_is_run_under_loom() {
    let project = Project::new(&[
        ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"ts-event\", \"ts-mutex\"]\n"),
        (
            "ts-event/Cargo.toml",
            "[package]\nname = \"ts-event\"\nedition = \"2024\"\n\
             [lints.rust]\nunexpected_cfgs = { level = \"warn\", check-cfg = [\"cfg(loom)\"] }\n",
        ),
        ("ts-event/src/lib.rs", ""),
        ("ts-event/tests/loom_inbox.rs", "#![cfg(loom)]\n#[test]\nfn fails() { panic!(\"as planted\") }\n"),
        ("ts-mutex/Cargo.toml", "[package]\nname = \"ts-mutex\"\nedition = \"2024\"\n"),
        ("ts-mutex/src/lib.rs", ""),
        ("ts-mutex/tests/reentrancy.rs", ""),
    ]);
    let outcome = project.xtask(&["check", "loom"]);
    outcome.finds("CARGO_TARGET_DIR=target/loom cargo test -p ts-event --release --test 'loom_*'");
    outcome.finds("as planted");
    assert!(!outcome.text.contains("-p ts-mutex"), "{}", outcome.text);
}

#[test]
fn a_check_that_has_nothing_to_run_does_not_pass() {
    let manifest = "[package]\nname = \"ts-event\"\nedition = \"2024\"\n";
    let project = Project::new(&[("Cargo.toml", manifest), ("src/lib.rs", "")]);
    project.xtask(&["check", "loom"]).finds("there is nothing to run");
}
