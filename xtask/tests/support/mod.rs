//! A small project in a folder of its own, and the command run on it as cargo would run it.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

pub(crate) struct Project(TempDir);

pub(crate) struct Outcome {
    pub(crate) passed: bool,
    pub(crate) text: String,
}

impl Project {
    pub(crate) fn new(files: &[(&str, &str)]) -> Project {
        let project = Project(TempDir::new().expect("a folder for the project"));
        for (file, text) in files {
            project.write(file, text);
        }
        project
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.root().join(file);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("make the folder");
        fs::write(path, text).expect("write the file");
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    /// Runs `cargo xtask` with these words.
    pub(crate) fn xtask(&self, words: &[&str]) -> Outcome {
        self.xtask_with(words, &[])
    }

    /// Runs `cargo xtask` with these words and variables.
    pub(crate) fn xtask_with(&self, words: &[&str], variables: &[(&str, &Path)]) -> Outcome {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(words)
            .env("CARGO_MANIFEST_DIR", self.root().join("xtask"))
            // What is built here is built in the project's own folder, not among ours.
            .env_remove("CARGO_TARGET_DIR")
            .envs(variables.iter().copied())
            .current_dir(self.root())
            .output()
            .expect("run xtask");
        let text = [output.stdout, output.stderr].concat();
        Outcome { passed: output.status.success(), text: String::from_utf8(text).expect("UTF-8") }
    }
}

impl Outcome {
    #[track_caller]
    pub(crate) fn finds(&self, finding: &str) {
        assert!(!self.passed && self.text.contains(finding), "expected `{finding}` in:\n{}", self.text);
    }

    #[track_caller]
    pub(crate) fn finds_nothing(&self) {
        assert!(self.passed, "expected no finding in:\n{}", self.text);
    }
}
