//! Releases of a small workspace, of the same shape as this one, to a registry on loopback.

#[path = "support/registry.rs"]
#[expect(dead_code, reason = "a toy needs nobody else's packages")]
mod registry;
#[path = "support/repository.rs"]
mod repository;

use std::fs::{self, Permissions};
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt as _;

use repository::Repository;

/// Three crates, one above the other.
struct Toy(Repository);

impl Deref for Toy {
    type Target = Repository;

    fn deref(&self) -> &Repository {
        &self.0
    }
}

const BOTTOM: &str = "//! The bottom.\n\n/// One.\npub fn one() -> u32 {\n    1\n}\n\n\
                      /// For neighbours.\n#[doc(hidden)]\npub mod inner {\n    pub fn shared() -> u32 {\n        1\n    }\n\n    \
                      pub fn private_affair() -> u32 {\n        1\n    }\n}\n";
const MIDDLE: &str = "//! The middle.\n\n/// Two.\npub fn two() -> u32 {\n    toy_bottom::one() + toy_bottom::inner::shared()\n}\n\n\
                      /// How.\npub enum How {\n    /// So.\n    So,\n}\n";
const TOP: &str =
    "//! The top.\n\n/// Three.\npub fn three() -> u32 {\n    toy_middle::two() + toy_bottom::one()\n}\n";

impl Toy {
    fn new() -> Toy {
        let toy = Toy(Repository::new());
        toy.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"toy-bottom\", \"toy-middle\", \"toy-top\", \"xtask\"]\n",
        );
        toy.write(".gitignore", "/target\n");
        toy.member("toy-bottom", BOTTOM, &[]);
        toy.member("toy-middle", MIDDLE, &["toy-bottom"]);
        toy.member("toy-top", TOP, &["toy-bottom", "toy-middle"]);
        toy.write(
            "xtask/Cargo.toml",
            "[package]\nname = \"xtask\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n",
        );
        toy.write("xtask/src/main.rs", "fn main() {}\n");
        toy.cargo(&["generate-lockfile"], &toy.root());
        toy.begin();
        toy
    }

    /// A workspace whose three crates are out at 0.1.0.
    fn released() -> Toy {
        let toy = Toy::new();
        toy.release(&["--execute"])
            .passes("published at test: toy-bottom 0.1.0, toy-middle 0.1.0 and toy-top 0.1.0");
        toy
    }

    fn member(&self, name: &str, source: &str, needs: &[&str]) {
        let needs: String = needs
            .iter()
            .map(|need| format!("{need} = {{ path = \"../{need}\", version = \"0.1.0\" }}\n"))
            .collect();
        let manifest = format!(
            "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\nlicense = \"MIT\"\n\
             description = \"A part of a toy.\"\n\n[dependencies]\n{needs}"
        );
        self.write(&format!("{name}/Cargo.toml"), &manifest);
        self.write(&format!("{name}/src/lib.rs"), source);
        self.write(
            &format!("{name}/CHANGELOG.md"),
            "# Changelog\n\n## [0.1.0] - Unreleased\n\n### Added\n\n- Everything.\n",
        );
    }

    /// Installs a script in place of `cargo semver-checks`.
    fn semver_checks(&self, script: &str) {
        let tool = "target/tools/cargo-semver-checks-0.51.0/bin/cargo-semver-checks";
        self.write(tool, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.root().join(tool), Permissions::from_mode(0o755))
            .expect("make it a program");
    }

    /// Replaces a part of a file, and tells of it in the changelog of its crate.
    fn change(&self, name: &str, old: &str, new: &str) {
        self.edit(&format!("{name}/src/lib.rs"), old, new);
        self.edit(
            &format!("{name}/CHANGELOG.md"),
            "# Changelog\n",
            "# Changelog\n\n## [Unreleased]\n\n- Another way.\n",
        );
        self.commit("Go another way");
    }
}

#[test]
fn without_being_told_to_nothing_is_done() {
    let toy = Toy::new();
    let before = toy.git(&["rev-parse", "HEAD"]);
    toy.release(&[])
        .passes("nothing was done")
        .passes("note: no `repository` is named by toy-bottom, toy-middle, toy-top")
        .passes("git tag toy-bottom-v0.1.0")
        .passes("commit in a worktree");
    assert_eq!(toy.registry.uploads(), [""; 0]);
    assert_eq!(toy.git(&["rev-parse", "HEAD"]), before);
    assert_eq!(toy.git(&["tag"]), "");
    assert_eq!(toy.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_first_release_comes_out_bottom_first_and_works_for_others() {
    let toy = Toy::released();
    assert_eq!(toy.registry.uploads(), ["toy-bottom 0.1.0", "toy-middle 0.1.0", "toy-top 0.1.0"]);
    assert_eq!(toy.git(&["tag"]), "toy-bottom-v0.1.0\ntoy-middle-v0.1.0\ntoy-top-v0.1.0");
    let subject = toy.git(&["log", "-1", "--format=%s"]);
    assert_eq!(subject, "Release toy-bottom 0.1.0, toy-middle 0.1.0 and toy-top 0.1.0");
    assert!(!toy.text("toy-top/CHANGELOG.md").contains("Unreleased"));
    assert_eq!(toy.git(&["status", "--porcelain"]), "");
    assert_eq!(toy.git(&["worktree", "list"]).lines().count(), 1, "the worktree is gone");
    toy.release(&["--execute"]).passes("nothing to release");

    let main = "fn main() {\n    println!(\"{}\", toy_top::three());\n}\n";
    assert_eq!(toy.consumer("consumer", "toy-top = \"0.1\"", main), "3\n");
}

#[test]
fn one_crate_is_released_alone_and_asks_for_what_is_out() {
    let toy = Toy::released();
    toy.change("toy-bottom", "    1\n}\n\n/// For", "    3 - 2\n}\n\n/// For");
    toy.release(&["toy-bottom", "--level", "patch", "--execute"])
        .passes("published at test: toy-bottom 0.1.1");
    toy.change("toy-middle", "::one() +", "::one() + 0 +");
    toy.release(&["toy-middle", "--level", "least", "--execute"]).passes("requires toy-bottom 0.1.1");
    assert_eq!(toy.registry.uploads()[3..], ["toy-bottom 0.1.1", "toy-middle 0.1.1"]);
    assert!(toy.text("toy-middle/Cargo.toml").contains("path = \"../toy-bottom\", version = \"0.1.1\""));
    assert!(toy.text("toy-top/Cargo.toml").contains("path = \"../toy-bottom\", version = \"0.1.0\""));
    toy.release(&[]).passes("nothing to release");
}

#[test]
fn an_interrupted_release_goes_on_where_it_stopped() {
    let toy = Toy::new();
    toy.registry.refuse("toy-middle");
    toy.release(&["--execute"]).fails("the upload was not finished");
    assert_eq!(toy.registry.uploads(), ["toy-bottom 0.1.0"]);
    let commit = toy.git(&["rev-parse", "HEAD"]);

    toy.registry.accept_all();
    let outcome = toy.release(&["--execute"]).passes("published at test: toy-middle 0.1.0 and toy-top 0.1.0");
    assert!(!outcome.text.contains("tagged"), "{}", outcome.text);
    assert_eq!(toy.registry.uploads(), ["toy-bottom 0.1.0", "toy-middle 0.1.0", "toy-top 0.1.0"]);
    assert_eq!(toy.git(&["rev-parse", "HEAD"]), commit, "there was nothing left to commit");
}

#[test]
fn a_release_that_was_left_behind_is_finished_from_its_tag() {
    let toy = Toy::new();
    toy.registry.refuse("toy-middle");
    toy.release(&["--execute"]).fails("the upload was not finished");
    toy.registry.accept_all();
    toy.change("toy-top", "/// Three.", "/// Three, no more.");
    toy.release(&["--execute"]).fails("git switch --detach toy-middle-v0.1.0");
    toy.git(&["switch", "--quiet", "--detach", "toy-middle-v0.1.0"]);
    toy.release(&["--execute"]).passes("published at test: toy-middle 0.1.0 and toy-top 0.1.0");
}

#[test]
fn a_forgotten_bump_is_refused_with_the_level_that_fits() {
    let toy = Toy::released();
    toy.change("toy-bottom", "/// One.", "/// One, as ever.");
    toy.release(&["--execute"]).fails("toy-bottom: it changed since 0.1.0").fails("--level patch");
    assert_eq!(toy.registry.uploads().len(), 3);
}

#[test]
fn a_breaking_change_is_refused_as_a_patch() {
    let toy = Toy::released();
    toy.change("toy-top", "pub fn three()", "pub fn drei()");
    let words = ["toy-top", "--execute", "--level"];
    toy.release(&[words[0], words[1], words[2], "patch"])
        .fails("0.1.1 is not enough after 0.1.0: at least a minor version")
        .fails("- pub fn toy_top::three() -> u32");
    toy.release(&[words[0], words[1], words[2], "least"]).passes("published at test: toy-top 0.2.0");
}

#[test]
fn a_variant_that_breaks_a_match_counts_as_breaking() {
    let toy = Toy::released();
    toy.change("toy-middle", "    So,\n", "    So,\n    /// Not so.\n    NotSo,\n");
    toy.release(&["toy-middle", "--level", "patch"]).fails("? pub toy_middle::How::NotSo");
}

#[test]
fn what_sees_more_than_lists_is_asked_where_it_can_be_had() {
    let toy = Toy::released();
    toy.change("toy-middle", "    So,\n", "    So,\n    /// Not so.\n    NotSo,\n");
    let patch = ["toy-middle", "--level", "patch"];
    toy.release(&patch)
        .fails("cargo semver-checks could not be installed")
        .fails("? pub toy_middle::How::NotSo");
    // It says that nothing breaks, and what breaks, with the exit codes of the real one.
    toy.semver_checks("exit 0");
    toy.release(&patch).passes("toy-middle 0.1.0 -> 0.1.1 (additions)");
    toy.semver_checks("echo '--- failure enum_variant_added ---'; exit 100");
    toy.release(&patch).fails("- --- failure enum_variant_added ---");
    toy.semver_checks("echo 'no such folder' >&2; exit 1");
    toy.release(&patch).fails("could not look").fails("no such folder");
}

#[test]
fn what_the_public_registry_would_refuse_is_refused_before_anything_is_done() {
    let toy = Toy::new();
    toy.edit("toy-bottom/Cargo.toml", "description = \"A part of a toy.\"\n", "");
    toy.edit("toy-middle/Cargo.toml", "license = \"MIT\"", "rust-version = \"1.999\"");
    let words = "keywords = [\"a\", \"b\", \"c\", \"d\", \"e\", \"with a space\"]\nlicense";
    toy.edit("toy-top/Cargo.toml", "license", words);
    toy.commit("Leave things out");
    toy.release(&["--execute"])
        .fails("toy-bottom: its manifest has no `description`")
        .fails("toy-middle needs Rust 1.999.0, and here is rustc ")
        .fails("toy-middle: its manifest names no `license`")
        .fails("toy-top: it has 6 keywords")
        .fails("toy-top: `with a space` is no keyword");
    assert_eq!(toy.registry.uploads(), [""; 0]);
    assert_eq!(toy.git(&["tag"]), "");
}

#[test]
fn a_hidden_item_counts_where_a_crate_of_ours_uses_it() {
    let toy = Toy::released();
    toy.change("toy-bottom", "private_affair", "nobody_asks");
    toy.release(&["toy-bottom", "--level", "patch"])
        .passes("toy-bottom 0.1.0 -> 0.1.1 (the interface is the same)");
    toy.edit("toy-bottom/src/lib.rs", "shared()", "common()");
    toy.edit("toy-middle/src/lib.rs", "shared()", "common()");
    toy.commit("Rename what is shared");
    toy.release(&["toy-bottom", "--level", "patch"])
        .fails("pub fn toy_bottom::inner::shared() -> u32 (hidden, but used by a crate of ours)");
}

#[test]
fn what_needs_an_unpublished_neighbour_is_not_released_without_it() {
    let toy = Toy::released();
    toy.edit("toy-bottom/src/lib.rs", "/// For", "/// Ten.\npub fn ten() -> u32 {\n    10\n}\n\n/// For");
    toy.change("toy-middle", "toy_bottom::one()", "toy_bottom::ten()");
    // The tree builds; against what is published it does not.
    toy.release(&["toy-middle", "--level", "patch", "--execute"]).fails("nothing was changed").fails("ten");
    assert_eq!(toy.git(&["tag"]).lines().count(), 3);
    assert_eq!(toy.git(&["log", "-1", "--format=%s"]), "Go another way");
    toy.edit("toy-bottom/CHANGELOG.md", "# Changelog\n", "# Changelog\n\n## [Unreleased]\n\n- `ten`.\n");
    toy.commit("Tell of ten");
    toy.release(&["toy-bottom", "toy-middle", "--level", "patch", "--execute"])
        .passes("published at test: toy-bottom 0.1.1 and toy-middle 0.1.1");
}

#[test]
fn a_crate_that_breaks_takes_those_above_along() {
    let toy = Toy::released();
    toy.change("toy-middle", "    So,\n", "    Otherwise,\n");
    toy.release(&["toy-middle", "--level", "minor"]).fails(
        "toy-top: it does not go with toy-middle 0.2.0, and would not build beside it: release it too",
    );
    toy.release(&["toy-middle", "toy-top", "--level", "minor", "--execute"])
        .passes("published at test: toy-middle 0.2.0 and toy-top 0.2.0");
    assert!(toy.text("toy-top/CHANGELOG.md").contains("- Requires `toy-middle` 0.2.0.\n"));
}

#[test]
fn a_change_without_a_word_in_the_changelog_is_refused() {
    let toy = Toy::released();
    toy.edit("toy-top/src/lib.rs", "/// Three.", "/// Three, no more.");
    toy.commit("Count");
    toy.release(&["--level", "patch"]).fails("toy-top: its changelog does not tell what is new");
}

#[test]
fn a_tree_that_is_in_no_commit_or_on_another_branch_is_refused() {
    let toy = Toy::new();
    toy.git(&["switch", "--quiet", "--create", "side"]);
    toy.edit("toy-top/src/lib.rs", "/// Three.", "/// Three, no more.");
    toy.release(&["--execute"])
        .fails("the tree has changes that are in no commit")
        .fails("toy-top/src/lib.rs")
        .fails("releases are made on `main`, not on `side`");
    assert_eq!(toy.registry.uploads(), [""; 0]);
}

#[test]
fn a_registry_that_cannot_be_asked_stops_the_release() {
    let toy = Toy::new();
    toy.registry.go_down();
    toy.release(&["--execute"]).fails("the registry cannot be asked").fails("503");
    assert_eq!(toy.git(&["tag"]), "");
}

#[test]
fn a_tag_of_another_commit_is_left_alone() {
    let toy = Toy::new();
    toy.git(&["tag", "toy-top-v0.1.0"]);
    toy.change("toy-top", "/// Three.", "/// Three, no more.");
    toy.release(&["--execute"]).fails("the tag toy-top-v0.1.0 names another commit");
    assert_eq!(toy.registry.uploads(), [""; 0]);
}
