//! A relative link that leads nowhere is found.

mod support;

use support::{Outcome, Project};

/// Looks at this README, to which a page of a crate links back.
fn links(readme: &str) -> Outcome {
    let page = "Back to [the map](../README.md#the-map).";
    Project::new(&[("README.md", readme), ("ts-event/README.md", page)]).xtask(&["check", "links"])
}

#[test]
fn links_to_files_folders_and_headings_are_fine() {
    links(
        "# The map\n## `wait`, or: why?\n\
         [a](ts-event/README.md) [b](ts-event) [c](ts-event/) [d](#the-map) [e](#wait-or-why) [f](https://example.org/x)\n\
         [g](mailto:somebody@example.org) [h]\n\n[h]: ./ts-event/README.md\n",
    )
    .finds_nothing();
}

#[test]
fn a_link_to_a_missing_file_is_found_with_its_line() {
    links("# The map\n\nRead [this](ts-event/GONE.md).\n")
        .finds("README.md:3: `ts-event/GONE.md` leads to no file");
}

#[test]
fn a_link_by_reference_is_followed_too() {
    links("# The map\n[this]\n\n[this]: gone.md\n").finds("`gone.md` leads to no file");
}

#[test]
fn a_link_to_a_heading_that_is_gone_is_found() {
    links("# Another name\n").finds("ts-event/README.md:1: `../README.md#the-map` leads to no heading");
}

#[test]
fn a_link_out_of_the_project_is_found() {
    links("# The map\n[up](../neighbour/README.md)\n").finds("leads out of the project");
}

#[test]
fn what_stands_in_code_is_no_link() {
    links("# The map\n`[a](gone.md)`\n```text\n[b](gone.md)\n```\n").finds_nothing();
}

#[test]
fn a_page_of_the_docs_may_link_to_items() {
    let page = "[a](Inbox) [b](crate::inbox::Inbox) [c](gone.rs)";
    let outcome = Project::new(&[("ts-event/src/wake.md", page)]).xtask(&["check", "links"]);
    outcome.finds("`gone.rs` leads to no file");
    assert!(!outcome.text.contains("Inbox"), "{}", outcome.text);
}
