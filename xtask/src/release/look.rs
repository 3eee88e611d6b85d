//! What is there: the tree, its crates, and what the registry has of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::semver::{Version, VersionReq};
use cargo_metadata::{DependencyKind, Package as Member};

use super::Options;
use super::index::{Published, Registry};
use super::interface::{Difference, Interface};
use super::package::Package;
use super::{manifest, tree};
use crate::step::Step;
use crate::tools::SEMVER_CHECKS;
use crate::workspace::{Workspace, is_published};

/// All that a plan is made of.
pub(super) struct Facts {
    pub(super) registry: Registry,
    pub(super) commit: String,
    /// What speaks against any release.
    pub(super) refused: Vec<String>,
    /// Lower crates before those that need them.
    pub(super) crates: Vec<Crate>,
    /// All tags, with the commits that they name.
    pub(super) tags: BTreeMap<String, String>,
    /// What compiles, as it names itself.
    pub(super) compiler: String,
    /// What is worth knowing, and speaks against nothing.
    pub(super) notes: Vec<String>,
    /// Where builds may be kept for the next time.
    pub(super) kept: PathBuf,
}

/// One crate that can be published.
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: Version,
    /// Where it lies, relative to the root.
    pub(super) folder: String,
    pub(super) selected: bool,
    /// Other crates here and what is required of them. The same one may stand here twice.
    pub(super) needs: Vec<(String, VersionReq)>,
    pub(super) documented: serde_json::Value,
    pub(super) state: State,
    /// Packages of others whose items its interface shows, if it was asked.
    pub(super) shows: Option<BTreeSet<String>>,
    /// Every version that is out, yanked ones too.
    pub(super) taken: Vec<Version>,
    pub(super) manifest: String,
    pub(super) changelog: Option<String>,
}

/// How a crate stands to what is published.
pub(super) enum State {
    /// Its version is not out. `baseline` is the newest one before it, if there is one.
    Missing { baseline: Option<Baseline> },
    /// Its version is out with the same content.
    Same,
    /// Its version is out, and the content has changed since.
    Changed { files: Vec<String>, baseline: Baseline },
}

/// A published version to compare with.
pub(super) struct Baseline {
    pub(super) version: Version,
    pub(super) difference: Option<Difference>,
    /// What it required of other crates here.
    pub(super) needed: Vec<(String, VersionReq)>,
}

impl Crate {
    pub(super) fn baseline(&self) -> Option<&Baseline> {
        match &self.state {
            State::Missing { baseline } => baseline.as_ref(),
            State::Changed { baseline, .. } => Some(baseline),
            State::Same => None,
        }
    }
}

impl Facts {
    /// The crates whose interfaces show items of packages that are not made here: such a package cannot go on to its next
    /// version without breaking ours.
    pub(super) fn foreign(&self) -> Vec<String> {
        let ours: BTreeSet<String> = self.crates.iter().map(|one| one.name.replace('-', "_")).collect();
        let foreign = self.crates.iter().flat_map(|one| {
            let shows = one.shows.iter().flatten().filter(|name| !ours.contains(*name));
            shows.map(|name| {
                format!("{}: its interface shows items of {name}, whose breaks would be its own", one.name)
            })
        });
        foreign.collect()
    }
}

/// Looks at everything; asks the registry, and changes nothing.
pub(super) fn look(workspace: &Workspace, options: &Options, scratch: &Path) -> Result<Facts> {
    let metadata = workspace.metadata()?;
    let (commit, mut refused) = tree::look(&workspace.root, &options.branch)?;
    let members: Vec<&Member> = metadata.packages.iter().filter(|member| is_published(member)).collect();
    let compiler = Step::of("rustc", "--version").read(&workspace.root)?;
    let mut notes = Vec::new();
    for member in &members {
        refused.extend(manifest::too_new(member, &compiler));
        refused.extend(manifest::unfit(member));
    }
    let silent = members.iter().filter(|member| manifest::is_silent(member));
    let silent: Vec<&str> = silent.map(|member| member.name.as_str()).collect();
    if !silent.is_empty() {
        notes.push(format!(
            "no `repository` is named by {}: cargo will warn of it, and their pages lead to no sources",
            silent.join(", ")
        ));
    }
    for name in &options.crates {
        ensure!(
            members.iter().any(|member| **member.name == *name),
            "there is no crate `{name}` to publish here"
        );
    }
    let registry = Registry::find(&workspace.root, options.registry.as_deref(), scratch)?;
    let kept = metadata.target_directory.join("xtask-release").into_std_path_buf();

    let members = in_order(members)?;
    let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    Package::make(&workspace.root, &names, scratch)?;
    let mut seen = Vec::new();
    for member in members {
        seen.push(compare(member, &registry, scratch)?);
    }

    // It takes long to install, so that is done only when there is something to compare.
    let compared = |one: &Seen| options.crates.is_empty() || options.crates.contains(&one.member.name);
    let compared = seen.iter().any(|one| compared(one) && one.has_library() && one.is_to_compare());
    let tool = match compared
        .then(|| SEMVER_CHECKS.ensure(workspace, metadata.target_directory.as_std_path()))
    {
        None => None,
        Some(Ok(tool)) => Some(tool),
        Some(Err(error)) => {
            notes.push(format!(
                "cargo semver-checks could not be installed ({error:#}). Compared were the lists of what can be named, and lines \
                 with `?` count as breaking; it sees more"
            ));
            None
        }
    };

    let mut crates = Vec::new();
    for (at, one) in seen.iter().enumerate() {
        let member = one.member;
        let selected = options.crates.is_empty() || options.crates.contains(&member.name);
        let others = seen.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| other);
        let used: BTreeSet<String> = others.flat_map(Seen::words).collect();
        let place = Place { root: &workspace.root, kept: &kept, scratch, tool: tool.as_deref() };
        let state = one.state(selected, &used, &place)?;
        let shows = if options.compare && selected && one.has_library() {
            let interface = Interface::read(&workspace.root, &member.name, &one.own, &kept)?;
            Some(interface.shows(&member.name)?)
        } else {
            None
        };
        let folder = member.manifest_path.parent().context("a manifest has a folder")?;
        let folder = folder.strip_prefix(&metadata.workspace_root)?.as_str().to_owned();
        let needs = member.dependencies.iter().filter(|dependency| names.contains(&dependency.name.as_str()));
        // A requirement of tests that names no version is not published.
        let needs =
            needs.filter(|need| need.kind != DependencyKind::Development || need.req != VersionReq::STAR);
        crates.push(Crate {
            name: member.name.to_string(),
            version: member.version.clone(),
            selected,
            needs: needs.map(|need| (need.name.clone(), need.req.clone())).collect(),
            documented: member.metadata.get("docs.rs").cloned().unwrap_or_default(),
            state,
            shows,
            taken: one.published.iter().map(|published| published.version.clone()).collect(),
            manifest: fs::read_to_string(&member.manifest_path)?,
            changelog: fs::read_to_string(workspace.root.join(&folder).join("CHANGELOG.md")).ok(),
            folder,
        });
    }
    let tags = tree::tags(&workspace.root)?;
    Ok(Facts { registry, commit, refused, crates, tags, compiler, notes, kept })
}

/// Asks the tool whether anything breaks, whatever the versions are.
fn semver_checks(
    tool: &Path,
    root: &Path,
    name: &str,
    baseline: &Path,
    difference: &mut Difference,
) -> Result<()> {
    let step = Step::of(
        tool.to_str().context("the target folder is not UTF-8")?,
        "semver-checks --release-type minor",
    )
    .arg("-p")
    .arg(name)
    .arg("--baseline-root")
    .arg(baseline.to_str().context("the folder for scratch files is not UTF-8")?);
    let answer = step.output(root)?;
    match answer.status.code() {
        // It looked at what a list leaves in doubt.
        Some(0) => difference.added.append(&mut difference.doubtful),
        Some(100) => {
            let said = String::from_utf8_lossy(&answer.stdout);
            let named = said.lines().filter(|line| line.starts_with("--- failure") || line.starts_with("  "));
            difference.breaking.push("cargo semver-checks finds:".to_owned());
            difference.breaking.extend(named.map(|line| line.trim_end().to_owned()));
        }
        _ => bail!("{step} could not look:\n{}", String::from_utf8_lossy(&answer.stderr).trim_end()),
    }
    Ok(())
}

/// Where to work.
struct Place<'a> {
    root: &'a Path,
    kept: &'a Path,
    scratch: &'a Path,
    /// `cargo semver-checks`, which sees what no list shows.
    tool: Option<&'a Path>,
}

/// A member beside what is published of it.
struct Seen<'a> {
    member: &'a Member,
    own: Package,
    published: Vec<Published>,
    /// The package to compare with, and its version.
    other: Option<(Version, Package)>,
}

fn compare<'a>(member: &'a Member, registry: &Registry, scratch: &Path) -> Result<Seen<'a>> {
    let published = registry.versions(&member.name)?;
    let before = published.iter().filter(|other| other.version <= member.version);
    // The very version counts even if it was yanked: its number is taken.
    let usable = before.filter(|other| !other.yanked || other.version == member.version);
    let other = match usable.max_by(|a, b| a.version.cmp(&b.version)) {
        Some(other) => {
            let archive = registry.download(&member.name, other)?;
            Some((other.version.clone(), Package::read(&archive)?))
        }
        None => None,
    };
    Ok(Seen { member, own: Package::made(scratch, &member.name, &member.version)?, published, other })
}

impl Seen<'_> {
    fn has_library(&self) -> bool {
        self.member.targets.iter().any(|target| target.is_lib())
    }

    /// Whether something is out that differs.
    fn is_to_compare(&self) -> bool {
        self.other.as_ref().is_some_and(|(version, package)| {
            *version != self.member.version || !self.own.differs(package).is_empty()
        })
    }

    fn words(&self) -> BTreeSet<String> {
        let mut words = self.own.words();
        words.extend(self.other.iter().flat_map(|(_, package)| package.words()));
        words
    }

    fn state(&self, selected: bool, used: &BTreeSet<String>, place: &Place) -> Result<State> {
        let Place { root, kept, scratch, tool } = *place;
        let Some((version, package)) = &self.other else { return Ok(State::Missing { baseline: None }) };
        if !self.is_to_compare() {
            return Ok(State::Same);
        }
        let name = &self.member.name;
        let folder = scratch.join(format!("published/{name}"));
        fs::create_dir_all(&folder)?;
        package.unpack(&folder)?;
        // It takes a build, so it is asked only of what is to be released.
        let difference = if selected && self.has_library() {
            let old = Interface::read(&folder, name, package, kept)
                .with_context(|| format!("the interface of the published {name} {version}"))?;
            let new = Interface::read(root, name, &self.own, kept)
                .with_context(|| format!("the interface of {name} as it is here"))?;
            let mut difference = new.since(&old, used)?;
            if let Some(tool) = tool {
                semver_checks(tool, root, name, &folder, &mut difference)?;
            }
            Some(difference)
        } else {
            None
        };
        let baseline = Baseline { version: version.clone(), difference, needed: package.needed()? };
        Ok(match *version == self.member.version {
            true => State::Changed { files: self.own.differs(package), baseline },
            false => State::Missing { baseline: Some(baseline) },
        })
    }
}

/// Lower crates first.
fn in_order(mut members: Vec<&Member>) -> Result<Vec<&Member>> {
    members.sort_by(|a, b| a.name.cmp(&b.name));
    let mut ordered: Vec<&Member> = Vec::new();
    while !members.is_empty() {
        let ready = members.iter().position(|member| {
            let needs = member.dependencies.iter().filter(|need| need.kind != DependencyKind::Development);
            !needs.into_iter().any(|need| members.iter().any(|other| *other.name == need.name))
        });
        match ready {
            Some(at) => ordered.push(members.remove(at)),
            None => bail!("the crates need each other in a circle"),
        }
    }
    Ok(ordered)
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "asked {}, with {}", self.registry.shown(), self.compiler)?;
        for one in &self.crates {
            write!(f, "{:<12} {:<10} ", one.name, one.version)?;
            match &one.state {
                State::Same => writeln!(f, "published, unchanged")?,
                State::Missing { baseline: None } => writeln!(f, "not published, as no version was before")?,
                State::Missing { baseline: Some(baseline) } => {
                    writeln!(f, "not published; the one before is {}", baseline.version)?;
                }
                State::Changed { files, .. } => {
                    writeln!(f, "published, changed since: {}", files.join(", "))?
                }
            }
            if let Some(shows) = &one.shows {
                let shows = shows.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                writeln!(f, "    shows items of: {}", if shows.is_empty() { "nobody else" } else { &shows })?;
            }
            if let Some(difference) = one.baseline().and_then(|baseline| baseline.difference.as_ref()) {
                writeln!(f, "    {}", difference.change(true))?;
                for line in difference.lines() {
                    writeln!(f, "    {line}")?;
                }
            }
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
}
