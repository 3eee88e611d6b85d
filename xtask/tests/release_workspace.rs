//! This very workspace is published to a registry on loopback, with the manifests as they are, and others use it from there.
//!
//! It builds everything several times, so `cargo test` leaves it out; `cargo xtask check publish` runs it. Packages of
//! others come from what cargo has fetched.

#[path = "support/guide.rs"]
mod guide;
#[path = "support/registry.rs"]
#[expect(dead_code, reason = "here nothing fails")]
mod registry;
#[path = "support/repository.rs"]
mod repository;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use repository::Repository;

/// Copies a folder, without what git and cargo keep beside the files.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("read the folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            if entry.file_name() != ".git" && entry.file_name() != "target" {
                fs::create_dir_all(&target).expect("make the folder");
                copy(&entry.path(), &target);
            }
        } else if entry.file_name() != ".git" {
            fs::copy(entry.path(), target).expect("copy the file");
        }
    }
}

#[test]
fn the_workspace_is_published_and_used_by_others() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root of the workspace");
    let repository = Repository::new();
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo"))).expect("a cargo home");
    repository.registry.offer_fetched(&home);
    copy(here, &repository.root());
    repository.begin();

    let outcome = repository.release(&["--execute"]).passes("published at test");
    println!("{}", outcome.text);
    let uploads = repository.registry.uploads();
    let place = |name: &str| {
        let place = uploads.iter().position(|upload| upload.starts_with(&format!("{name} ")));
        place.unwrap_or_else(|| panic!("{name} is not in {uploads:?}"))
    };
    assert_eq!(uploads.len(), 5);
    assert!(place("ts-thread") < place("ts-mutex") && place("ts-thread") < place("ts-event"));
    assert!(place("ts-mutex") < place("ts-cont") && place("ts-event") < place("ts-cont"));
    assert!(place("ts-cont") < place("ts-api"));
    repository.release(&["--execute"]).passes("nothing to release");

    // One of the lower crates alone.
    let source = repository.text("ts-mutex/src/lib.rs");
    repository.write("ts-mutex/src/lib.rs", &format!("{source}\n// One more line.\n"));
    repository.edit("ts-mutex/CHANGELOG.md", "\n## ", "\n## [Unreleased]\n\n### Changed\n\n- A line.\n\n## ");
    repository.commit("Say more");
    repository.release(&["ts-mutex", "--execute"]).fails("--level patch");
    let outcome = repository.release(&["ts-mutex", "--level", "least", "--execute"]);
    println!("{}", outcome.passes("published at test: ts-mutex").text);
    assert_eq!(repository.registry.uploads().len(), 6);

    let periodic = repository.text("ts-api/examples/periodic.rs");
    let said = repository.consumer("plugin", "ts-api = \"*\"", &periodic);
    assert!(said.contains("it came 5 times"), "{said}");
    let main = "use ts_mutex::{Guarded, ProxyMutex};\n\nfn main() {\n    let mutex = ProxyMutex::named(\"session\");\n    \
                let bytes = Guarded::new(&mutex, 40_u64);\n    let guard = mutex.lock();\n    \
                let again = mutex.try_lock().expect(\"whoever holds it may take it again\");\n    \
                *bytes.borrow_mut(&guard).expect(\"its own mutex\") += 2;\n    \
                println!(\"{}\", *bytes.borrow(&again).expect(\"its own mutex\"));\n}\n";
    assert_eq!(repository.consumer("server", "ts-mutex = \"*\"", main), "42\n");

    // The guide for plugin authors, word for word.
    let reader = repository.folder("reader");
    guide::follow(&repository.text("ts-api/README.md"), guide::CHAPTER, &reader, &|typed| {
        if typed.starts_with("cargo add ") {
            // As for `consumer`.
            fs::copy(here.join("Cargo.lock"), reader.join("visits/Cargo.lock")).expect("copy the file");
        }
        let mut command = Command::new("sh");
        command.arg("-c").arg(typed);
        repository.prepared(&mut command, &reader);
        command
    });
}
