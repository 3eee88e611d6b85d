//! Packages, as cargo makes them and as registries keep them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::semver::{Version, VersionReq};
use flate2::read::GzDecoder;
use toml_edit::{DocumentMut, Item, TableLike};

use crate::step::Step;

/// The files of one package, by their paths inside it.
pub(super) struct Package {
    files: BTreeMap<String, Vec<u8>>,
}

impl Package {
    /// Makes the packages of these members from the tree, without building them and without asking a registry.
    pub(super) fn make(root: &Path, names: &[&str], scratch: &Path) -> Result<()> {
        let mut step = Step::cargo("package --quiet --no-verify --exclude-lockfile --allow-dirty")
            .arg("--target-dir")
            .arg(scratch.to_str().context("the folder for scratch files is not UTF-8")?);
        for name in names {
            step = step.arg("-p").arg(*name);
        }
        step.read(root)?;
        Ok(())
    }

    /// A package that [`Package::make`] has made.
    pub(super) fn made(scratch: &Path, name: &str, version: &Version) -> Result<Package> {
        let path = scratch.join(format!("package/{name}-{version}.crate"));
        Package::read(&fs::read(&path).with_context(|| format!("cargo made no {}", path.display()))?)
    }

    pub(super) fn read(archive: &[u8]) -> Result<Package> {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(GzDecoder::new(archive)).entries()? {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            // The first part is name and version.
            let inside: PathBuf = path.components().skip(1).collect();
            let mut text = Vec::new();
            entry.read_to_end(&mut text)?;
            files.insert(inside.to_str().context("a file name is not UTF-8")?.to_owned(), text);
        }
        Ok(Package { files })
    }

    /// The files that differ in what users get.
    ///
    /// The commit, the lock file and the comments that cargo puts into manifests tell who packaged, not what.
    pub(super) fn differs(&self, other: &Package) -> Vec<String> {
        let names: BTreeSet<&String> = self.files.keys().chain(other.files.keys()).collect();
        let counts = |name: &&&String| {
            ![".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml.orig"].contains(&name.as_str())
        };
        let differs = |name: &&&String| self.content(name) != other.content(name);
        names.iter().filter(counts).filter(differs).map(|name| (*name).clone()).collect()
    }

    fn content(&self, name: &str) -> Option<Vec<u8>> {
        let text = self.files.get(name)?;
        if name != "Cargo.toml" {
            return Some(text.clone());
        }
        let lines =
            text.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#") && !line.is_empty());
        Some(lines.collect::<Vec<_>>().join(&b'\n'))
    }

    /// Its manifest, with what it inherited filled in.
    pub(super) fn manifest(&self) -> Result<DocumentMut> {
        let text = self.files.get("Cargo.toml").context("a package without a manifest")?;
        Ok(String::from_utf8_lossy(text).parse()?)
    }

    /// What it requires of other packages, by their names.
    pub(super) fn needed(&self) -> Result<Vec<(String, VersionReq)>> {
        let manifest = self.manifest()?;
        let mut tables: Vec<&dyn TableLike> = vec![manifest.as_table()];
        if let Some(targets) = manifest.get("target").and_then(Item::as_table_like) {
            tables.extend(targets.iter().filter_map(|(_, target)| target.as_table_like()));
        }
        let mut needed = Vec::new();
        for kind in ["dependencies", "build-dependencies"] {
            let named = tables.iter().filter_map(|table| table.get(kind)?.as_table_like());
            for (key, dependency) in named.flat_map(|table| table.iter()) {
                let name = dependency.get("package").and_then(Item::as_str).unwrap_or(key);
                let version = dependency.as_str().or_else(|| dependency.get("version")?.as_str());
                needed.push((name.to_owned(), version.unwrap_or("*").parse()?));
            }
        }
        Ok(needed)
    }

    /// Every word in its sources.
    pub(super) fn words(&self) -> BTreeSet<String> {
        let sources = self.files.iter().filter(|(name, _)| name.ends_with(".rs"));
        let mut words = BTreeSet::new();
        for (_, text) in sources {
            let text = String::from_utf8_lossy(text);
            let part = |c: char| c != '_' && !c.is_alphanumeric();
            words.extend(text.split(part).filter(|word| !word.is_empty()).map(str::to_owned));
        }
        words
    }

    /// Lays the files into a folder, as a workspace of its own.
    pub(super) fn unpack(&self, folder: &Path) -> Result<()> {
        for (name, text) in &self.files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().context("a file has a folder")?)?;
            fs::write(&path, text)?;
        }
        // Else cargo would count it to the workspace in whose target folder it lies.
        let manifest = folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)?;
        fs::write(&manifest, format!("{text}\n[workspace]\n"))?;
        Ok(())
    }
}
