//! The guide for plugin authors is true: somebody who does what it says, in an empty folder, sees what it shows.
//!
//! Here the crates are taken from the tree; `cargo xtask check publish` follows it word for word, from a registry.

#[path = "support/guide.rs"]
mod guide;

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

#[test]
fn the_guide_leads_from_an_empty_folder_to_a_plugin_that_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root of the workspace");
    let page = fs::read_to_string(root.join("ts-api/README.md")).expect("read the page");
    let folder = TempDir::new().expect("an empty folder");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guide");
    guide::follow(&page, guide::CHAPTER, folder.path(), &|typed| {
        // The packages of others are those that are here already.
        let typed = match typed.split_once(" ts-api") {
            Some((add, more)) => {
                fs::copy(root.join("Cargo.lock"), folder.path().join("visits/Cargo.lock"))
                    .expect("copy the file");
                format!("{add} --path '{}'{more}", root.join("ts-api").display())
            }
            None => typed.to_owned(),
        };
        let mut command = Command::new("sh");
        command.arg("-c").arg(typed).env("CARGO_TARGET_DIR", &target).env("CARGO_NET_OFFLINE", "true");
        command
    });
}
