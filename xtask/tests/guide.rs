//! The guides for plugin authors are true: somebody who does what they say, in an empty folder, sees what they show.
//!
//! Here the crates are taken from the tree; `cargo xtask check publish` follows it word for word, from a registry.

#[path = "support/guide.rs"]
mod guide;

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::{env, fs, iter};

use tempfile::TempDir;

/// Held by whoever follows a chapter: a port that is free for one reader is not to be taken by the other.
static READER: Mutex<()> = Mutex::new(());

#[test]
fn the_guide_leads_from_an_empty_folder_to_a_plugin_that_runs() {
    let _alone = READER.lock().unwrap_or_else(PoisonError::into_inner);
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

#[test]
fn the_guide_leads_from_an_empty_folder_to_a_plugin_in_c_that_runs() {
    let _alone = READER.lock().unwrap_or_else(PoisonError::into_inner);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root of the workspace");
    let page = fs::read_to_string(root.join("ts-api/README.md")).expect("read the page");
    let folder = TempDir::new().expect("an empty folder");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("where everything is built");
    let path = env::var_os("PATH").unwrap_or_default();
    let path = iter::once(target.join("debug")).chain(env::split_paths(&path));
    let path = env::join_paths(path).expect("folders without a colon");
    guide::follow(&page, guide::CHAPTER_IN_C, folder.path(), &|typed| {
        let mut command = Command::new("sh");
        // The program as it is in the tree, rather than the one that was published last.
        if typed == "cargo install ts-api --features host" {
            let manifest = root.join("Cargo.toml");
            let build = "cargo build --package ts-api --all-features --bin ts-host --manifest-path";
            command.arg("-c").arg(format!("{build} '{}'", manifest.display()));
        } else {
            command.arg("-c").arg(typed);
        }
        command.env("CARGO_TARGET_DIR", target).env("CARGO_NET_OFFLINE", "true");
        command.env("TS_API", root.join("ts-api")).env("PATH", &path);
        command
    });
}
