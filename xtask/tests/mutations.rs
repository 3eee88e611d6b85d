//! A loom test that was never seen to fail is found, and so is one that does not notice what it should.

mod support;

use support::Project;

const MANIFEST: &str = "[package]\nname = \"ts-event\"\nedition = \"2024\"\n\
     [lints.rust]\nunexpected_cfgs = { level = \"warn\", check-cfg = [\"cfg(loom)\"] }\n";

const SOURCE: &str = "\
pub fn publish() -> u32 {
    if true {
        return 2;
    }
    0
}

pub fn learn() -> u32 {
    2
}
";

const MODELS: &str = "\
#![cfg(loom)]

#[test]
fn what_is_published_is_seen() {
    assert_eq!(ts_event::publish(), 2);
}

#[test]
#[should_panic = \"planted\"]
fn what_is_learnt_is_right() {
    assert_eq!(ts_event::learn(), 3, \"planted\");
}

fn no_test() {}
";

const LIST: &str = r#"
[[mutation]]
file = "ts-event/src/lib.rs"
inside = "fn publish"
line = "return 2;"
weakened = "return 1;"
models = "ts-event/tests/loom_inbox.rs"
tests = ["what_is_published_is_seen"]

[[mutation]]
file = "ts-event/src/lib.rs"
line = "2"
weakened = "3"
models = "ts-event/tests/loom_inbox.rs"
tests = ["what_is_learnt_is_right"]
"#;

fn project(source: &str, models: &str, list: &str) -> Project {
    Project::new(&[
        ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"ts-event\"]\n"),
        ("ts-event/Cargo.toml", MANIFEST),
        ("ts-event/src/lib.rs", source),
        ("ts-event/tests/loom_inbox.rs", models),
        ("ts-event/tests/inbox.rs", "#[test]\nfn no_model() {}\n"),
        ("xtask/loom-mutations.toml", list),
    ])
}

#[test]
fn a_list_that_fits_the_code_is_fine() {
    project(SOURCE, MODELS, LIST).xtask(&["check", "loom-list"]).finds_nothing();
}

#[test]
fn a_loom_test_that_no_entry_names_is_found() {
    let list = LIST.replace("[\"what_is_learnt_is_right\"]", "[\"what_is_published_is_seen\"]");
    project(SOURCE, MODELS, &list)
        .xtask(&["check", "loom-list"])
        .finds("ts-event/tests/loom_inbox.rs:10: no entry of xtask/loom-mutations.toml makes `what_is_learnt_is_right`");
    let unlisted = Project::new(&[("ts-event/tests/loom_inbox.rs", MODELS)]);
    unlisted.xtask(&["check", "loom-list"]).finds("loom_inbox.rs:4: no entry");
}

#[test]
fn a_line_that_is_gone_or_stands_twice_is_found() {
    let look = |source: &str, list: &str| project(source, MODELS, list).xtask(&["check", "loom-list"]);
    look(&SOURCE.replace("return 2;", "return 1 + 1;"), LIST).finds(
        "xtask/loom-mutations.toml:2: the line `return 2;` is not in `fn publish` of `ts-event/src/lib.rs`",
    );
    // Elsewhere in the file it is another line.
    look(&SOURCE.replace("    2\n", "    return 2;\n"), LIST)
        .finds("xtask/loom-mutations.toml:10: the line `2` is not in");
    look(&SOURCE.replace("    0\n", "    2\n"), LIST).finds("toml:10: the line `2` is in");
    look(&SOURCE.replace("fn publish", "fn shout"), LIST)
        .finds("`fn publish` is not in `ts-event/src/lib.rs`");
    look(&SOURCE.replace("fn learn", "fn publish_learnt"), LIST).finds("`fn publish` is in");
    look(SOURCE, &LIST.replace("src/lib.rs", "src/gone.rs")).finds("there is no file `ts-event/src/gone.rs`");
    look(SOURCE, &LIST.replace("return 1;", "return 2;")).finds("toml:2: the weakened line is the same");
}

#[test]
fn an_entry_that_makes_no_sense_is_found() {
    let look = |list: &str| project(SOURCE, MODELS, list).xtask(&["check", "loom-list"]);
    look(&LIST.replace("is_learnt", "was_learnt"))
        .finds("toml:10: there is no test `what_was_learnt_is_right`");
    look(&LIST.replace("inside", "insdie")).finds("toml:2: `insdie` means nothing here");
    look(&LIST.replace("[\"what_is_learnt_is_right\"]", "[]")).finds("toml:10: `tests` names no tests");
}

#[test]
fn each_line_is_weakened_in_turn_and_the_project_is_left_alone() {
    let project = project(SOURCE, MODELS, LIST);
    let outcome = project.xtask(&["check", "loom-mutations"]);
    outcome.finds_nothing();
    assert_eq!(outcome.text.matches("  noticed in ").count(), 2, "{}", outcome.text);
    assert_eq!(std::fs::read_to_string(project.root().join("ts-event/src/lib.rs")).unwrap(), SOURCE);
    // Once more, with what the first time left behind.
    project.xtask(&["check", "loom-mutations"]).finds_nothing();
}

#[test]
fn a_test_that_does_not_notice_is_found() {
    let outcome = project(SOURCE, &MODELS.replace("publish(), 2", "publish(), ts_event::publish()"), LIST)
        .xtask(&["check", "loom-mutations"]);
    outcome.finds("xtask/loom-mutations.toml:2: `what_is_published_is_seen` passes all the same");
    outcome.finds("1 found");
}

#[test]
fn a_weakening_that_does_not_compile_proves_nothing() {
    project(SOURCE, MODELS, &LIST.replace("return 1;", "return one;"))
        .xtask(&["check", "loom-mutations"])
        .finds("xtask/loom-mutations.toml:2: it does not compile: RUSTFLAGS='--cfg loom'");
}

#[test]
fn a_test_that_always_fails_proves_nothing() {
    project(SOURCE, &MODELS.replace("publish(), 2", "publish(), 4"), LIST)
        .xtask(&["check", "loom-mutations"])
        .finds("ts-event/tests/loom_inbox.rs:4: `what_is_published_is_seen` does not pass as it is");
}
