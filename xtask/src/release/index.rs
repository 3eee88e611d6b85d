//! What a registry has: asked of its index, which knows at once and cannot be mistaken for a missing network.
//!
//! # Rules
//! * "Not found" is what the index answers with 404, 410 or 451, as cargo takes it. Any other answer but 200, and any
//!   failure on the way, stops the release: taken for "not published" it would publish twice.
//! * What was downloaded counts only with the checksum that the index has.
//!
//! `cargo info` was tried for this: it ends with 101 for an unknown crate, an unknown registry and no network alike.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::semver::Version;
use sha2::{Digest, Sha256};
use tame_index::index::IndexConfig;
use tame_index::{IndexKrate, IndexUrl, KrateName, PathBuf};

use crate::step::Step;

/// A registry with a sparse index.
pub(super) struct Registry {
    /// As cargo knows it.
    pub(super) name: Option<String>,
    /// Where the index is, with `/` at its end.
    index: String,
    scratch: std::path::PathBuf,
}

/// One version in the index. Yanked ones too: their number is taken.
pub(super) struct Published {
    pub(super) version: Version,
    pub(super) yanked: bool,
    checksum: [u8; 32],
}

impl Registry {
    /// Finds the registry as cargo would: by its name in the configuration, or the public one.
    pub(super) fn find(root: &Path, name: Option<&str>, scratch: &Path) -> Result<Registry> {
        let url = match name {
            None => IndexUrl::CratesIoSparse,
            Some(name) => {
                let root = PathBuf::from_path_buf(root.to_owned()).ok();
                IndexUrl::for_registry_name(root, None, name)
                    .with_context(|| format!("cargo's configuration has no registry `{name}`"))?
            }
        };
        let Some(index) = url.as_str().strip_prefix("sparse+") else {
            bail!("only a sparse index can be asked, and `{}` is none", url.as_str());
        };
        let index = format!("{}/", index.trim_end_matches('/'));
        Ok(Registry { name: name.map(str::to_owned), index, scratch: scratch.to_owned() })
    }

    pub(super) fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| "the public registry".to_owned())
    }

    /// All versions of a crate in the index, none when it does not know the name.
    pub(super) fn versions(&self, krate: &str) -> Result<Vec<Published>> {
        let url = format!("{}{}", self.index, KrateName::cargo(krate)?.relative_path(Some('/')));
        let Some(lines) = self.get(&url)? else { return Ok(vec![]) };
        let known = IndexKrate::from_slice(&lines).with_context(|| format!("cannot read {url}"))?;
        let published = known.versions.iter().map(|version| {
            Ok(Published {
                version: version.version.parse()?,
                yanked: version.yanked,
                checksum: version.checksum.0,
            })
        });
        published.collect()
    }

    /// The package that was published under this version.
    pub(super) fn download(&self, krate: &str, published: &Published) -> Result<Vec<u8>> {
        let url = format!("{}config.json", self.index);
        let config = self.get(&url)?.with_context(|| format!("there is no {url}"))?;
        let config: IndexConfig =
            serde_json::from_slice(&config).with_context(|| format!("cannot read {url}"))?;
        let url = config.download_url(KrateName::cargo(krate)?, &published.version.to_string());
        let package = self.get(&url)?.with_context(|| format!("the index knows what is not at {url}"))?;
        let sum: [u8; 32] = Sha256::digest(&package).into();
        ensure!(sum == published.checksum, "{url} does not have the checksum that the index tells");
        Ok(package)
    }

    fn get(&self, url: &str) -> Result<Option<Vec<u8>>> {
        let body = self.scratch.join("answer");
        // Not one that was kept on the way: a version may have come a moment ago.
        let step = Step::of("curl", "--silent --show-error --location --max-time 60 --retry 2")
            .arg("--header")
            .arg("Cache-Control: no-cache")
            .arg("--output")
            .arg(body.to_str().context("the folder for scratch files is not UTF-8")?)
            .arg("--write-out")
            .arg("%{http_code}")
            .arg(url);
        let code = step.read(&self.scratch).context("the registry cannot be asked")?;
        match code.as_str() {
            "200" => Ok(Some(fs::read(&body)?)),
            "404" | "410" | "451" => Ok(None),
            code => bail!("the registry cannot be asked: {url} answers {code}"),
        }
    }
}
