//! The top level holds the crates and little else; each crate has what its readers look for first.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Finding;
use super::layers::MAY_USE;
use crate::workspace::Workspace;

const TOP_FILES: &[&str] = &["Cargo.toml", "Cargo.lock", "README.md", "LICENSE-MIT", "LICENSE-APACHE"];
/// The licences stand in each crate too, as links: their texts have to come along with every copy, and a package is one.
const CRATE_FILES: &[&str] =
    &["Cargo.toml", "README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", "src/lib.rs"];
const XTASK_FILES: &[&str] = &["Cargo.toml", "src/main.rs"];

pub(super) fn look(workspace: &Workspace) -> Result<Vec<Finding>> {
    let files = workspace.files()?;
    let mut found = Vec::new();

    let top: BTreeSet<(&str, bool)> = files.iter().map(|file| top_of(file)).collect();
    for (name, is_folder) in top {
        let known = match is_folder {
            true => MAY_USE.iter().any(|(member, _)| *member == name),
            false => TOP_FILES.contains(&name),
        };
        if !known && !name.starts_with('.') {
            found.push(Finding::new(name, "does not belong at the top level"));
        }
    }

    let in_members = MAY_USE.iter().flat_map(|(member, _)| {
        let inside = if *member == "xtask" { XTASK_FILES } else { CRATE_FILES };
        inside.iter().map(move |file| format!("{member}/{file}"))
    });
    let wanted = TOP_FILES.iter().map(|file| (*file).to_owned()).chain(in_members);
    found.extend(wanted.filter(|file| !files.contains(file)).map(|file| Finding::new(file, "is missing")));

    // `foo.rs` stands beside `foo/`. Only what several test files share has no file name of its own to take.
    let nameless = |file: &&String| file.ends_with("/mod.rs") && !file.ends_with("/tests/support/mod.rs");
    found.extend(
        files.iter().filter(nameless).map(|file| Finding::new(file, "name the file for its subject")),
    );
    Ok(found)
}

/// The first part of a path, and whether it is a folder.
fn top_of(file: &str) -> (&str, bool) {
    match file.split_once('/') {
        Some((folder, _)) => (folder, true),
        None => (file, false),
    }
}
