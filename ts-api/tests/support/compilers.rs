//! The compilers that tests of the headers ask: what `CC` and `CXX` name, otherwise `cc` and `c++`.
#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of it")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A language that the headers are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    C11,
    Cxx17,
    Cxx20,
}

impl Language {
    pub(crate) const ALL: [Self; 3] = [Self::C11, Self::Cxx17, Self::Cxx20];

    fn is_c(self) -> bool {
        self == Self::C11
    }

    fn standard(self) -> &'static str {
        match self {
            Self::C11 => "-std=c11",
            Self::Cxx17 => "-std=c++17",
            Self::Cxx20 => "-std=c++20",
        }
    }

    /// What a file of this language is called.
    pub(crate) fn extension(self) -> &'static str {
        if self.is_c() { "c" } else { "cc" }
    }

    /// The compiler, told where the headers are, which language it is, and to take every warning for an error.
    pub(crate) fn compiler(self) -> Command {
        let (variable, usual) = if self.is_c() { ("CC", "cc") } else { ("CXX", "c++") };
        let named = env::var(variable).unwrap_or_else(|_| usual.to_owned());
        // As make has it: words of its own may follow the program.
        let mut words = named.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or(usual));
        command.args(words).arg(self.standard()).arg(format!("-I{}", include().display()));
        command.args(["-Wall", "-Wextra", "-Werror", "-pedantic"]);
        command
    }
}

/// Where the headers are.
pub(crate) fn include() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

/// Whether the compiler takes a file, and its words if it does not.
pub(crate) fn check(language: Language, options: &[&str], file: &Path) -> Result<(), String> {
    // With some optimisation, without which it does not look at formats and values closely.
    let mut command = language.compiler();
    command.args(["-O1", "-fsyntax-only"]).args(options).arg(file);
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}\n{}", String::from_utf8_lossy(&output.stderr)))
}

/// As [`check`], of a text.
pub(crate) fn check_text(language: Language, options: &[&str], text: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("text").with_extension(language.extension());
    std::fs::write(&file, text).expect("write the file");
    check(language, options, &file)
}
