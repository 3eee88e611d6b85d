//! The README's table of traps names tests that exist.

#![cfg(not(loom))]

use std::path::Path;

/// The words in backticks of a line.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn every_trap_is_shown_by_tests_that_exist() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Where the crate is built alone its neighbours are not there to be looked at.
    let workspace = here.parent().filter(|parent| parent.join("ts-thread/tests").is_dir());
    let table = include_str!("../README.md").lines().filter(|line| line.starts_with("| T-"));
    let mut traps = 0;
    for line in table {
        traps += 1;
        assert!(line.starts_with(&format!("| T-{traps} |")), "trap {traps} is missing before: {line}");
        let shown_by = line.rsplit('|').nth(1).expect("a row has columns");
        let names: Vec<_> = quoted(shown_by).collect();
        // What no test can show is said to be so, in words.
        let by_construction = shown_by.trim_start().starts_with("by construction: ");
        assert!(by_construction || !names.is_empty(), "nothing shows T-{traps}");
        assert!(names.len() % 2 == 0, "T-{traps} is shown by {names:?}");
        let Some(workspace) = workspace else { continue };
        for pair in names.chunks(2) {
            let [file, test] = pair else { unreachable!("chunks of two") };
            let source = std::fs::read_to_string(workspace.join(file))
                .unwrap_or_else(|error| panic!("T-{traps} is shown by {file}: {error}"));
            let is_there = source.contains(&format!("fn {test}("));
            assert!(is_there, "T-{traps} is shown by `{test}`, which is not in {file}");
        }
    }
    assert_eq!(traps, 26);
}
