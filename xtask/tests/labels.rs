//! An ordering label without a partner is found.

mod support;

use support::{Outcome, Project};

fn labels(source: &str) -> Outcome {
    Project::new(&[("ts-event/src/inbox.rs", source)]).xtask(&["check", "labels"])
}

const PAIR: &str = "
// Release [inbox-publish]: the fields written above are visible to `drain`.
head.store(node, Release);
let chain = head.swap(null, Acquire); // Acquire [inbox-publish]: the other end.
";

#[test]
fn a_label_at_both_ends_is_fine() {
    labels(PAIR).finds_nothing();
}

#[test]
fn a_misspelt_partner_leaves_both_ends_alone() {
    let outcome = labels(&PAIR.replace("Acquire [inbox-publish]", "Acquire [inbox-publsh]"));
    outcome
        .finds("ts-event/src/inbox.rs:2: the ordering label [inbox-publish] stands nowhere else in ts-event");
    outcome.finds("ts-event/src/inbox.rs:4: the ordering label [inbox-publsh]");
}

#[test]
fn a_label_repeated_in_one_comment_is_still_one_place() {
    labels("// Release [wake-flag]: see below.\n// The partner of [wake-flag] went away.\n")
        .finds(":1: the ordering");
}

#[test]
fn two_labels_side_by_side_are_both_seen() {
    labels("// SeqCst [first-half] [other-half]: both.\nx();\n// Acquire [first-half]\n")
        .finds("[other-half]");
}

#[test]
fn a_single_word_behind_an_ordering_is_a_label() {
    labels("// Release [refs]: for the last one.\nx();\n// Acquire [refs]: the other end.\n").finds_nothing();
    labels("// Release [refs]: for the last one.\nx();\n// Acquire [rfes]: the other end.\n").finds("[rfes]");
}

#[test]
fn docs_are_no_end_of_a_pair() {
    labels("//! One pair, `[inbox-publish]`.\n\n// Release [inbox-publish]: towards nobody.\n")
        .finds(":3: the ordering");
}

#[test]
fn a_partner_in_another_crate_does_not_count() {
    let half = "// Release [inbox-publish]: half a pair.\n";
    let project = Project::new(&[("ts-event/src/inbox.rs", half), ("ts-mutex/src/raw.rs", half)]);
    project.xtask(&["check", "labels"]).finds("ts-mutex/src/raw.rs:1");
}

#[test]
fn brackets_that_are_no_labels_are_left_alone() {
    labels(
        "// See [the-page](https://example.org) on Release stores.\n\
         x();\n\
         // Acquire: reads slots[head-tail] and [a-z], never [plain].\n\
         x();\n\
         // The [left-hand] side is drawn first.\n",
    )
    .finds_nothing();
}
