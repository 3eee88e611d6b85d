//! A file or a function that a page names, and that is there no more, is found.

mod support;

use support::{Outcome, Project};

const SOURCE: &str =
    "//! The queue.\n\npub struct Queue;\n\nimpl Queue {\n    /// Next.\n    pub fn next() {}\n}\n";

/// Looks at this README of a crate with one source file.
fn names(page: &str) -> Outcome {
    let project = Project::new(&[("ts-event/README.md", page), ("ts-event/src/queue.rs", SOURCE)]);
    project.xtask(&["check", "names"])
}

#[test]
fn what_is_there_may_be_named_from_the_root_or_from_the_crate() {
    names(
        "`src/queue.rs` `Queue::next`, `ts-event/src/queue.rs` `next`, `Queue`\n[`Queue`](src/queue.rs), [`queue`](src/queue.rs) and [here](src/queue.rs)\n\
         `tests/*.rs` `nothing` and `src/`\n",
    )
    .finds_nothing();
}

#[test]
fn a_file_that_is_gone_is_found_with_its_line() {
    names("# Title\n\nSee `src/ready.rs`.\n").finds("ts-event/README.md:3: `src/ready.rs` is no file");
}

#[test]
fn a_function_that_is_gone_is_found_behind_its_file() {
    names("`src/queue.rs` `Queue::visit`").finds("`Queue::visit` is not defined in ts-event/src/queue.rs");
    names("| `src/queue.rs` `next`, `visit` |").finds("`visit` is not defined");
    names("`src/queue.rs` `Row::next`").finds("`Row::next` is not defined");
}

#[test]
fn a_function_that_is_gone_is_found_in_a_link() {
    names("[`visit`](src/queue.rs)").finds("`visit` is not defined in ts-event/src/queue.rs");
}

#[test]
fn a_name_that_belongs_to_no_file_is_not_looked_for() {
    names("`src/queue.rs` is a room; `visit` is a verb.\n\n```text\nsrc/ready.rs\n```\n").finds_nothing();
}

#[test]
fn a_table_of_what_tests_show_names_them() {
    let table = |cell: &str| {
        let source = "fn plain() {}\n\n#[test]\nfn shows() {}\n\n#[test]\n// Once.\n#[should_panic]\nfn shows_too() {}\n";
        let page =
            format!("| trap | shown by |\n|---|---|\n| `any` | `src/queue.rs` `shows` |\n| two | {cell} |\n");
        Project::new(&[("ts-event/README.md", page.as_str()), ("ts-event/src/queue.rs", source)])
            .xtask(&["check", "names"])
    };
    table("`src/queue.rs` `shows`, `shows_too`, `src/queue.rs` `shows`").finds_nothing();
    table("`src/queue.rs` `shown`").finds("ts-event/README.md:4: `shown` is not defined");
    table("`src/queue.rs` `plain`").finds("ts-event/README.md:4: `plain` is no test in src/queue.rs");
    table("`src/queue.rs` `shows`, `src/queue.rs`").finds("no test of `src/queue.rs` is named");
    table("`shows`").finds("`shows` stands behind no file");
    table("by construction: there is one").finds_nothing();
    table("a look").finds("a row that no test shows");
}

#[test]
fn a_changelog_tells_of_its_time() {
    Project::new(&[("ts-event/CHANGELOG.md", "`src/ready.rs` is gone")])
        .xtask(&["check", "names"])
        .finds_nothing();
}
