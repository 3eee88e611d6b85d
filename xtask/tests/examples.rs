//! An example of the top-level README that is compiled nowhere is found.

mod support;

use support::{Outcome, Project};

const QUOTED: &str = "```rust\nlet a = 1;\nlet b = a;\n```\n";

fn examples(readme: &str, page: (&str, &str)) -> Outcome {
    Project::new(&[("README.md", readme), page]).xtask(&["check", "examples"])
}

#[test]
fn an_example_of_a_crates_readme_may_be_quoted_in_part() {
    let page = "```rust\nuse x::y;\n\nlet a = 1;\n\nlet b = a;\nassert_eq!(a, b);\n```\n";
    examples(QUOTED, ("ts-event/README.md", page)).finds_nothing();
}

#[test]
fn an_example_of_the_docs_may_be_quoted() {
    let docs = "//! ```\n//! let a = 1;\n//! let b = a;\n//! ```\n";
    examples(QUOTED, ("ts-event/src/lib.rs", docs)).finds_nothing();
}

#[test]
fn an_example_that_was_changed_in_one_place_is_found_with_its_line() {
    let page = "```rust\nlet a = 2;\nlet b = a;\n```\n";
    examples(&format!("# Title\n\n{QUOTED}"), ("ts-event/README.md", page))
        .finds("README.md:3: this example");
}

#[test]
fn lines_that_do_not_follow_each_other_are_no_quotation() {
    let page = "```rust\nlet a = 1;\nlet c = 0;\nlet b = a;\n```\n";
    examples(QUOTED, ("ts-event/README.md", page)).finds("README.md:1: this example");
}

#[test]
fn what_is_not_rust_is_not_looked_for() {
    examples("```console\n$ cargo host\n```\n```text\na\n```\n", ("ts-event/README.md", "")).finds_nothing();
}
