//! The workspace a command works on: where it is, which files it has, what cargo knows of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{Metadata, MetadataCommand, Package};

/// The root of the workspace that `cargo xtask` was called in.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
}

impl Workspace {
    /// Finds the root: the folder above this crate, as cargo names it when it runs us.
    ///
    /// Asked at run time and not with `env!`, since a target folder shared by two checkouts would otherwise let one
    /// of them check the other.
    pub(crate) fn locate() -> Result<Workspace> {
        let xtask =
            std::env::var_os("CARGO_MANIFEST_DIR").context("run this as `cargo xtask`, not by itself")?;
        let root = Path::new(&xtask).parent().context("xtask lies in no workspace")?.to_path_buf();
        Ok(Workspace { root })
    }

    /// The files that belong to the project, relative to the root, with `/` between folders, sorted.
    ///
    /// In a checkout these are the files git tracks or would track, so that a new file is looked at before it is
    /// added. In an unpacked archive without `.git` they are all files outside `target`.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut files = if self.root.join(".git").exists() { self.git_files()? } else { self.all_files()? };
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }

    fn git_files(&self) -> Result<Vec<String>> {
        let list = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&self.root)
            .output()
            .context("cannot run git")?;
        ensure!(
            list.status.success(),
            "git ls-files failed: {}",
            String::from_utf8_lossy(&list.stderr).trim()
        );
        let list = String::from_utf8(list.stdout).context("a file name is not UTF-8")?;
        // A file that was deleted and not yet committed is still in the index.
        let there = |name: &&str| self.root.join(name).symlink_metadata().is_ok();
        Ok(list.split_terminator('\0').filter(there).map(str::to_owned).collect())
    }

    fn all_files(&self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(self.root.join(&folder))? {
                let entry = entry?;
                let name = entry.file_name().into_string().ok().context("a file name is not UTF-8")?;
                let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                match entry.file_type()?.is_dir() {
                    true if name == "target" => {}
                    true => folders.push(name),
                    false => files.push(name),
                }
            }
        }
        Ok(files)
    }

    /// The text of a project file; `None` when it is not UTF-8 text, or a link that leads nowhere.
    pub(crate) fn text(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.root.join(file)).ok()
    }

    /// The members with their declared dependencies; third-party packages are not resolved.
    pub(crate) fn metadata(&self) -> Result<Metadata> {
        Ok(MetadataCommand::new().current_dir(&self.root).no_deps().exec()?)
    }
}

/// Whether a member may be uploaded to a registry.
pub(crate) fn is_published(package: &Package) -> bool {
    package.publish.as_ref().is_none_or(|registries| !registries.is_empty())
}
