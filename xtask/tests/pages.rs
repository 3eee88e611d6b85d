//! A page that lacks what its readers look for is found.

mod support;

use support::{Outcome, Project};

const PAGE: &str = "# ts-event\n\nWhat waits.\n\n```rust\nlet a = 1;\n```\n\n## For whom\n\n## What it is not\n\n\
                    ## How it works\n\n```text\na -> b\n```\n\n## Features and versions\n\n`net` adds I/O. Rust 1.95.\n\n\
                    What changed stands in the [changelog](CHANGELOG.md).\n";

fn pages(page: &str) -> Outcome {
    let manifest = "[package]\nname = \"ts-event\"\nversion = \"0.1.0\"\nedition = \"2024\"\nrust-version = \"1.95\"\n\n\
                    [features]\ndefault = [\"net\"]\nnet = []\n";
    Project::new(&[
        ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"ts-event\"]\n"),
        ("ts-event/Cargo.toml", manifest),
        ("ts-event/src/lib.rs", ""),
        ("ts-event/README.md", page),
    ])
    .xtask(&["check", "pages"])
}

#[test]
fn a_page_with_all_its_parts_is_fine() {
    pages(PAGE).finds_nothing();
}

#[test]
fn each_part_is_missed() {
    for (part, finding) in [
        ("# ts-event\n", "does not begin with `# ts-event`"),
        ("```rust\nlet a = 1;\n```\n", "has no example before its first part"),
        ("## For whom\n", "has no part `## For whom`"),
        ("## What it is not\n", "has no part `## What it is not`"),
        ("```text\na -> b\n```\n", "draws nothing in `## How it works`"),
        ("`net` adds I/O. ", "does not tell of the feature `net`"),
        ("Rust 1.95.", "does not say that the oldest Rust is 1.95"),
        ("(CHANGELOG.md)", "does not link to its changelog"),
    ] {
        assert!(PAGE.contains(part));
        pages(&PAGE.replacen(part, "", 1)).finds(finding);
    }
    pages(&PAGE.replacen("let a = 1;\n", &"let a = 1;\n".repeat(60), 1)).finds("takes more than 50 lines");
}
