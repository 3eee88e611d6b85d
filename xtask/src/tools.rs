//! Programs of others that a check or a release asks: of a version that is named here, in a folder of their own among the builds.
//!
//! They are installed when they are needed for the first time, into `target/tools`, so that nobody has to do it by hand and
//! everybody gets the same word. One that somebody has installed elsewhere is not taken: another version may judge
//! otherwise.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::step::Step;
use crate::workspace::Workspace;

/// Whether a version breaks those who use the one before.
#[cfg(feature = "release")]
pub(crate) const SEMVER_CHECKS: Tool = Tool { name: "cargo-semver-checks", version: "0.51.0" };

/// Whether somebody warns of what the lock file names.
pub(crate) const AUDIT: Tool = Tool { name: "cargo-audit", version: "0.22.2" };

/// A program that can be installed.
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

impl Tool {
    /// Where it is, once it is installed. `target` is the folder of the builds.
    pub(crate) fn installed(&self, target: &Path) -> Option<PathBuf> {
        let program = self.root(target).join("bin").join(self.name);
        program.exists().then_some(program)
    }

    /// Installs it unless that was done before, and says where it is. That takes minutes, and asks the public registry.
    ///
    /// # Errors
    /// It could not be installed.
    pub(crate) fn ensure(&self, workspace: &Workspace, target: &Path) -> Result<PathBuf> {
        if let Some(there) = self.installed(target) {
            return Ok(there);
        }
        let root = self.root(target);
        let step = Step::cargo("install --locked --root")
            .arg(root.to_str().context("the target folder is not UTF-8")?)
            .arg(format!("{}@{}", self.name, self.version));
        println!("{} {} is needed, once: $ {step}", self.name, self.version);
        step.run(&workspace.root)?;
        self.installed(target).with_context(|| format!("{} was installed and is not there", self.name))
    }

    /// The version is part of the path, so that a newer one named above is installed beside the old one.
    fn root(&self, target: &Path) -> PathBuf {
        target.join("tools").join(format!("{}-{}", self.name, self.version))
    }
}
