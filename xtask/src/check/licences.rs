//! What a program links with one of our crates may be used under licences that ask no more than ours do.
//!
//! Asked of `cargo tree`, with all features, and of what is linked only: what builds or tests us binds nobody else.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use super::Finding;
use crate::step::Step;
use crate::workspace::{Workspace, is_published};

/// By their names in SPDX expressions.
const FINE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

pub(super) fn look(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut linked = BTreeSet::new();
    for package in workspace.metadata()?.packages.iter().filter(|package| is_published(package)) {
        let step = Step::cargo("tree --all-features --edges normal --prefix none --format {p}|{l} -p")
            .arg(&**package.name);
        let tree = step.output(&workspace.root)?;
        ensure!(tree.status.success(), "{step} failed: {}", String::from_utf8_lossy(&tree.stderr).trim());
        linked.extend(String::from_utf8_lossy(&tree.stdout).lines().map(str::to_owned));
    }
    let objection = |line: &String| {
        let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
        let name = package.split(" (").next()?;
        match licence {
            "" => Some(Finding::new(name, "its manifest names no licence")),
            licence if is_fine(licence) => None,
            licence => Some(Finding::new(name, format!("`{licence}` asks for more than our licences do"))),
        }
    };
    Ok(linked.iter().filter_map(objection).collect())
}

/// Whether one may choose only from [`FINE`]. Brackets are taken apart from the inside.
fn is_fine(expression: &str) -> bool {
    // The old way to write a choice.
    let mut expression = expression.replace('/', " OR ");
    while let Some(close) = expression.find(')') {
        let Some(open) = expression[..close].rfind('(') else { return false };
        let word = if is_fine(&expression[open + 1..close]) { FINE[0] } else { "neither" };
        expression.replace_range(open..=close, word);
    }
    expression.split(" OR ").any(|choice| choice.split(" AND ").all(|one| FINE.contains(&one.trim())))
}

#[cfg(test)]
mod tests {
    use super::is_fine;

    #[test]
    fn a_choice_needs_one_fine_licence_and_a_sum_needs_all() {
        for fine in [
            "MIT",
            "MIT OR GPL-3.0",
            "MIT/Apache-2.0",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "GPL-2.0 OR (MIT AND (ISC OR GPL-2.0))",
        ] {
            assert!(is_fine(fine), "{fine}");
        }
        for binding in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT AND GPL-3.0) OR LGPL-2.1", "MIT)", ""] {
            assert!(!is_fine(binding), "{binding}");
        }
    }
}
