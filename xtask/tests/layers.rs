//! A crate that looks up, and a second runtime, are found.

mod support;

use support::{Outcome, Project};

/// A workspace of these members, each with the tables that follow its package table.
fn workspace(root: &str, members: &[(&str, &str)]) -> Project {
    let names: Vec<_> = members.iter().map(|(name, _)| *name).collect();
    let head = format!("[workspace]\nresolver = \"3\"\nmembers = {names:?}\nexclude = [\"outside\"]\n{root}");
    let project = Project::new(&[
        ("Cargo.toml", &head),
        ("outside/mio/Cargo.toml", "[package]\nname = \"mio\"\nversion = \"1.0.0\"\nedition = \"2024\"\n"),
        ("outside/mio/src/lib.rs", ""),
        (
            "outside/tokio/Cargo.toml",
            "[package]\nname = \"tokio\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[features]\nrt = []\nsync = []\n",
        ),
        ("outside/tokio/src/lib.rs", ""),
    ]);
    for (name, tables) in members {
        let package =
            format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n{tables}");
        project.write(&format!("{name}/Cargo.toml"), &package);
        project.write(&format!("{name}/src/lib.rs"), "");
    }
    project
}

fn layers(members: &[(&str, &str)]) -> Outcome {
    workspace("", members).xtask(&["check", "layers"])
}

const UP: &str = "ts-mutex = { path = \"../ts-mutex\", version = \"0.1.0\" }\n";
const DOWN: &str = "[dependencies]\nts-thread = { path = \"../ts-thread\", version = \"0.1.0\" }\n";

#[test]
fn a_crate_may_know_what_is_below_it() {
    layers(&[("ts-thread", ""), ("ts-mutex", DOWN), ("ts-event", DOWN)]).finds_nothing();
}

#[test]
fn a_crate_may_not_know_what_is_above_or_beside_it() {
    let event = format!("{DOWN}{UP}");
    let outcome = layers(&[("ts-thread", ""), ("ts-mutex", DOWN), ("ts-event", &event)]);
    outcome.finds("ts-event/Cargo.toml: ts-event may not know ts-mutex (Normal dependency)");
}

#[test]
fn its_tests_may_not_either() {
    let thread = "[dev-dependencies]\nts-mutex = { path = \"../ts-mutex\" }\n";
    layers(&[("ts-thread", thread), ("ts-mutex", DOWN)])
        .finds("ts-thread may not know ts-mutex (Development");
}

#[test]
fn the_workspace_s_commands_measure_the_crates_but_are_not_built_of_them() {
    let measures = "[dev-dependencies]\nts-mutex = { path = \"../ts-mutex\" }\n";
    layers(&[("ts-thread", ""), ("ts-mutex", DOWN), ("xtask", measures)]).finds_nothing();
    layers(&[("ts-thread", ""), ("xtask", DOWN)]).finds("xtask may not know ts-thread (Normal dependency)");
}

#[test]
fn a_sixth_crate_is_in_no_layer() {
    layers(&[("ts-thread", ""), ("ts-more", DOWN)]).finds("ts-more/Cargo.toml: this crate is in no layer");
}

#[test]
fn an_internal_dependency_without_a_version_is_found() {
    let mutex = "[dependencies]\nts-thread = { path = \"../ts-thread\" }\n";
    layers(&[("ts-thread", ""), ("ts-mutex", mutex)]).finds("ts-thread needs both `path` and `version`");
}

#[test]
fn an_internal_dependency_in_the_shared_table_is_found() {
    let shared = "[workspace.dependencies]\nts-thread = { path = \"ts-thread\", version = \"0.1.0\" }\n";
    let mutex = "[dependencies]\nts-thread.workspace = true\n";
    let project = workspace(shared, &[("ts-thread", ""), ("ts-mutex", mutex)]);
    project.xtask(&["check", "layers"]).finds("Cargo.toml: ts-thread belongs in the manifests");
}

#[test]
fn a_second_reactor_is_found_behind_a_feature_too() {
    let thread = "[dependencies]\nmio = { path = \"../outside/mio\", version = \"1\", optional = true }\n";
    layers(&[("ts-thread", thread)]).finds("ts-thread/Cargo.toml: mio is a second reactor");
}

#[test]
fn the_poller_of_the_one_reactor_is_fine_and_nobody_else_may_use_it() {
    let event = "[dependencies]\nmio = { path = \"../outside/mio\", version = \"1\" }\n";
    let cont = "[dependencies]\nts-event = { path = \"../ts-event\", version = \"0.1.0\" }\n";
    layers(&[("ts-event", event), ("ts-cont", cont)]).finds_nothing();
    let both = format!("{cont}mio = {{ path = \"../outside/mio\", version = \"1\" }}\n");
    layers(&[("ts-event", event), ("ts-cont", &both)]).finds("ts-cont/Cargo.toml: mio is a second reactor");
}

#[test]
fn the_runtime_of_tokio_is_found_and_its_channels_are_fine() {
    let tokio = |feature| {
        format!(
            "[dependencies]\ntokio = {{ path = \"../outside/tokio\", version = \"1\", features = [{feature:?}] }}\n"
        )
    };
    layers(&[("ts-thread", &tokio("rt"))]).finds("tokio is linked with its runtime parts: rt");
    layers(&[("ts-thread", &tokio("sync"))]).finds_nothing();
}

#[test]
fn a_runtime_that_only_the_tests_use_is_fine() {
    let thread = "[dependencies]\ntokio = { path = \"../outside/tokio\", version = \"1\" }\n\
                  [dev-dependencies]\ntokio = { path = \"../outside/tokio\", features = [\"rt\"] }\n\
                  mio = { path = \"../outside/mio\" }\n";
    layers(&[("ts-thread", thread)]).finds_nothing();
}
