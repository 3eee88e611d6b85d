//! What lies against the layout is found.

mod support;

use std::process::Command;

use support::Project;

fn laid_out() -> Project {
    let project =
        Project::new(&[("xtask/Cargo.toml", ""), ("xtask/src/main.rs", ""), (".gitignore", "/target\n")]);
    for file in ["Cargo.toml", "Cargo.lock", "README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        project.write(file, "");
    }
    for name in ["ts-thread", "ts-mutex", "ts-event", "ts-cont", "ts-api"] {
        for file in ["Cargo.toml", "README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", "src/lib.rs"]
        {
            project.write(&format!("{name}/{file}"), "");
        }
    }
    project
}

#[test]
fn the_layout_of_the_readme_is_fine() {
    let project = laid_out();
    project.write("ts-cont/tests/support/mod.rs", "");
    project.write(".github/workflows/ci.yml", "");
    project.write("target/debug/left-over", "");
    project.xtask(&["check", "layout"]).finds_nothing();
}

#[test]
fn a_sixth_crate_or_a_stray_file_is_found() {
    let project = laid_out();
    project.write("ts-more/src/lib.rs", "");
    project.write("notes.txt", "");
    let outcome = project.xtask(&["check", "layout"]);
    outcome.finds("ts-more: does not belong at the top level");
    outcome.finds("notes.txt: does not belong at the top level");
}

#[test]
fn a_crate_without_its_changelog_is_found() {
    let project = laid_out();
    std::fs::remove_file(project.root().join("ts-mutex/CHANGELOG.md")).expect("remove");
    project.xtask(&["check", "layout"]).finds("ts-mutex/CHANGELOG.md: is missing");
}

#[test]
fn a_file_without_a_name_of_its_own_is_found() {
    let project = laid_out();
    project.write("ts-event/src/wheel/mod.rs", "");
    project.xtask(&["check", "layout"]).finds("ts-event/src/wheel/mod.rs: name the file for its subject");
}

#[test]
fn in_a_checkout_what_git_ignores_is_not_looked_at_and_a_new_file_is() {
    let project = laid_out();
    let made =
        Command::new("git").args(["init", "--quiet"]).current_dir(project.root()).status().expect("run git");
    assert!(made.success());
    project.write(".gitignore", "/target\n/ignored\n");
    project.write("ignored/file", "");
    project.xtask(&["check", "layout"]).finds_nothing();
    project.write("not-ignored/file", "");
    project.xtask(&["check", "layout"]).finds("not-ignored: does not belong at the top level");
}
