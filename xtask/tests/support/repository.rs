//! A repository with a cargo home of its own, whose registry is one on loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::registry::Registry;

pub(crate) struct Repository {
    pub(crate) registry: Registry,
    folder: TempDir,
}

pub(crate) struct Outcome {
    pub(crate) passed: bool,
    pub(crate) text: String,
}

impl Outcome {
    #[track_caller]
    pub(crate) fn passes(self, told: &str) -> Outcome {
        assert!(self.passed && self.text.contains(told), "expected success and `{told}` in:\n{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn fails(self, told: &str) -> Outcome {
        assert!(!self.passed && self.text.contains(told), "expected failure and `{told}` in:\n{}", self.text);
        self
    }
}

impl Repository {
    /// Without any file yet.
    pub(crate) fn new() -> Repository {
        let repository =
            Repository { registry: Registry::start(), folder: TempDir::new().expect("a folder") };
        fs::create_dir_all(repository.root()).expect("make the folder");
        fs::create_dir_all(repository.home()).expect("make the folder");
        fs::write(repository.home().join("config.toml"), repository.registry.configuration())
            .expect("write the file");
        repository
    }

    /// Puts the files under git, in a first commit.
    pub(crate) fn begin(&self) {
        self.git(&["init", "--quiet", "--initial-branch=main"]);
        self.git(&["config", "user.name", "Somebody"]);
        self.git(&["config", "user.email", "somebody@example.org"]);
        self.commit("Begin");
    }

    /// A new folder beside the repository.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder).expect("make the folder");
        folder
    }

    /// A project of somebody else, which is built and run. Returns what it printed.
    pub(crate) fn consumer(&self, name: &str, needs: &str, main: &str) -> String {
        let folder = self.folder(name);
        fs::create_dir_all(folder.join("src")).expect("make the folder");
        let manifest = format!("[package]\nname = {name:?}\nedition = \"2024\"\n\n[dependencies]\n{needs}\n");
        fs::write(folder.join("Cargo.toml"), manifest).expect("write the file");
        fs::write(folder.join("src/main.rs"), main).expect("write the file");
        // Of others' packages the registry has what our lock file names, and none that came later.
        fs::copy(self.root().join("Cargo.lock"), folder.join("Cargo.lock")).expect("copy the file");
        self.cargo(&["run", "--quiet"], &folder)
    }

    pub(crate) fn edit(&self, file: &str, old: &str, new: &str) {
        let text = self.text(file);
        assert!(text.contains(old), "`{old}` is not in {file}");
        self.write(file, &text.replacen(old, new, 1));
    }

    pub(crate) fn commit(&self, subject: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", subject]);
    }

    pub(crate) fn release(&self, words: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.arg("release").args(words).args(["--registry", "test"]);
        command.env("CARGO_MANIFEST_DIR", self.root().join("xtask"));
        let output = self.prepared(&mut command, &self.root()).output().expect("run xtask");
        let text = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
        Outcome { passed: output.status.success(), text }
    }

    pub(crate) fn cargo(&self, words: &[&str], folder: &Path) -> String {
        let mut command = Command::new("cargo");
        let output = self.prepared(command.args(words), folder).output().expect("run cargo");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo {words:?}: {said}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub(crate) fn git(&self, words: &[&str]) -> String {
        let mut command = Command::new("git");
        let output = self.prepared(command.args(words), &self.root()).output().expect("run git");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {words:?}: {said}");
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    /// With a cargo home of its own, so that it meets this registry and nothing that was fetched before.
    pub(crate) fn prepared<'a>(&self, command: &'a mut Command, folder: &Path) -> &'a mut Command {
        command
            .current_dir(folder)
            .env("CARGO_HOME", self.home())
            .env("CARGO_REGISTRIES_TEST_TOKEN", "any")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CARGO_NET_OFFLINE")
            .env_remove("RUSTFLAGS")
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.root().join(file);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("make the folder");
        fs::write(path, text).expect("write the file");
    }

    pub(crate) fn text(&self, file: &str) -> String {
        fs::read_to_string(self.root().join(file)).expect("read the file")
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("toy")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }
}
