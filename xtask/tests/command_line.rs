//! What is typed is understood or refused, and what failed can be repeated.

mod support;

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
