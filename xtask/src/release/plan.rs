//! What would be done, as values: made from facts alone, printed as it stands, and carried out as it was printed.

use std::collections::BTreeMap;
use std::fmt;

use cargo_metadata::semver::Version;

use super::level::{self, Change};
use super::look::{Crate, Facts, State};
use super::{Options, changelog, manifest, tree};
use crate::step::Step;

/// The releases of one run, lower crates first.
pub(super) struct Plan {
    pub(super) releases: Vec<Release>,
    /// Where to, as cargo knows it.
    pub(super) registry: Option<String>,
}

/// One version of one crate that is to come out.
pub(super) struct Release {
    pub(super) name: String,
    pub(super) version: Version,
    before: Option<Version>,
    why: String,
    /// Requirements that follow, with the versions they ask for then.
    raised: Vec<(String, Version)>,
    /// Files with their new texts, by their paths from the root.
    pub(super) edits: Vec<(String, String)>,
    pub(super) tag: String,
    /// The tag is there already, at this very commit.
    pub(super) is_tagged: bool,
    /// What its changelog tells of it.
    pub(super) told: String,
    pub(super) docs: Step,
}

/// A plan, or all that speaks against one.
pub(super) fn make(facts: &Facts, options: &Options, date: &str) -> Result<Plan, Vec<String>> {
    let mut refused = facts.refused.clone();
    let mut coming: BTreeMap<&str, Version> = BTreeMap::new();
    let mut releases = Vec::new();
    for one in &facts.crates {
        match choose(one, facts, options, &coming) {
            Ok(None) => {}
            Ok(Some((version, why))) => {
                coming.insert(&one.name, version.clone());
                match describe(one, facts, version, why, &coming, date) {
                    Ok(release) => releases.push(release),
                    Err(reason) => refused.push(format!("{}: {reason}", one.name)),
                }
            }
            Err(reason) => refused.push(format!("{}: {reason}", one.name)),
        }
    }
    let written = releases.iter().any(|release: &Release| !release.edits.is_empty());
    let tagged: Vec<&str> =
        releases.iter().filter(|release| release.is_tagged).map(|release| release.tag.as_str()).collect();
    if written && !tagged.is_empty() {
        refused.push(format!(
            "a release was begun and not finished ({}): finish it first, by naming only those crates, without a level",
            tagged.join(", ")
        ));
    }
    match refused.is_empty() {
        true => Ok(Plan { releases, registry: facts.registry.name.clone() }),
        false => Err(refused),
    }
}

/// The crates whose version was raised by hand, and not far enough.
pub(super) fn too_near(facts: &Facts) -> Vec<String> {
    let near = facts.crates.iter().filter_map(|one| {
        let (State::Missing { .. }, Some(baseline)) = (&one.state, one.baseline()) else { return None };
        let change = baseline.difference.as_ref()?.change(true);
        let before = &baseline.version;
        let least = level::least_name(before, change);
        let why = || {
            format!(
                "{}: {} is not enough after {before}: at least a {least} version ({change})",
                one.name, one.version
            )
        };
        (!level::fits(before, &one.version, change)).then(why)
    });
    near.collect()
}

/// The version under which a crate is to come out, and why; `None` when it stays as it is.
fn choose(
    one: &Crate,
    facts: &Facts,
    options: &Options,
    coming: &BTreeMap<&str, Version>,
) -> Result<Option<(Version, String)>, String> {
    let outgrown = one.needs.iter().find_map(|(name, requirement)| {
        let version = coming.get(name.as_str())?;
        (!requirement.matches(version)).then(|| format!("{name} {version}"))
    });
    if !one.selected {
        return match outgrown {
            Some(new) => {
                Err(format!("it does not go with {new}, and would not build beside it: release it too"))
            }
            None => Ok(None),
        };
    }
    let baseline = one.baseline();
    let mut change = baseline
        .and_then(|baseline| baseline.difference.as_ref())
        .map_or(Change::Inside, |it| it.change(true));
    let mut why = match &one.state {
        State::Same => String::new(),
        State::Missing { .. } | State::Changed { .. } => change.to_string(),
    };
    let before = match (&one.state, baseline) {
        (State::Same, _) => Some(&one.version),
        (_, Some(baseline)) => Some(&baseline.version),
        (_, None) => None,
    };
    // Types of a crate below are all over the interfaces above it, under the same names: users who hold one of the old
    // version cannot hand it to the new one.
    let crossed = outgrown.or_else(|| {
        baseline?.needed.iter().find_map(|(name, requirement)| {
            let version = coming.get(name.as_str()).or_else(|| current(facts, name))?;
            (!requirement.matches(version)).then(|| format!("{name} {version}"))
        })
    });
    if let Some(new) = crossed {
        change = Change::Breaking;
        why = format!("breaking, as it goes on to {new}");
    }

    let version = match (&one.state, before) {
        (State::Same, _) if why.is_empty() => return Ok(None),
        (State::Missing { .. }, _) => one.version.clone(),
        (_, None) => one.version.clone(),
        (_, Some(before)) => {
            let Some(level) = options.level else {
                let least = level::least_name(before, change);
                return Err(format!(
                    "it changed since {before}, which is out, and needs a new version: say --level {least}, or more ({why})"
                ));
            };
            level::raise(before, level, change).map_err(|error| error.to_string())?
        }
    };
    if let Some(before) = before
        && !level::fits(before, &version, change)
    {
        let least = level::least_name(before, change);
        let lines =
            baseline.and_then(|baseline| baseline.difference.as_ref()).map_or(vec![], |it| it.lines());
        let lines: String = lines.iter().map(|line| format!("\n    {line}")).collect();
        return Err(format!(
            "{version} is not enough after {before}: at least a {least} version ({why}){lines}"
        ));
    }
    if one.taken.contains(&version) {
        return Err(format!("{version} is out already, with other content"));
    }
    Ok(Some((version, why)))
}

fn describe(
    one: &Crate,
    facts: &Facts,
    version: Version,
    why: String,
    coming: &BTreeMap<&str, Version>,
    date: &str,
) -> Result<Release, String> {
    let mut required: Vec<(String, Version)> = Vec::new();
    let mut raised = Vec::new();
    for (name, requirement) in &one.needs {
        let Some(needed) = coming.get(name.as_str()).or_else(|| current(facts, name)) else { continue };
        let known = facts.crates.iter().find(|other| other.name == *name);
        let is_out = known.is_some_and(|other| other.taken.contains(needed));
        if !is_out && !coming.contains_key(name.as_str()) {
            return Err(format!("it needs {name} {needed}, which is not published: release it too"));
        }
        if required.iter().any(|(known, _)| known == name) {
            continue;
        }
        required.push((name.clone(), needed.clone()));
        if !manifest::asks_for(requirement, needed) {
            raised.push((name.clone(), needed.clone()));
        }
    }

    let mut edits = Vec::new();
    let manifest = manifest::edit(&one.manifest, &version, &required).map_err(|error| error.to_string())?;
    if manifest != one.manifest {
        edits.push((format!("{}/Cargo.toml", one.folder), manifest));
    }
    let Some(old) = &one.changelog else { return Err("it has no CHANGELOG.md".to_owned()) };
    let own: Vec<String> =
        raised.iter().map(|(name, version)| format!("Requires `{name}` {version}.")).collect();
    let new = changelog::release(old, &version, date, &own).map_err(|error| error.to_string())?;
    let told = changelog::part(&new, &version);
    if new != *old {
        edits.push((format!("{}/CHANGELOG.md", one.folder), new));
    }

    let tag = tree::tag(&one.name, &version);
    let is_tagged = match facts.tags.get(&tag) {
        None => false,
        Some(commit) if *commit == facts.commit => true,
        Some(commit) => {
            return Err(format!(
                "the tag {tag} names another commit ({commit}); if that release was not finished, go back to it with \
                 `git switch --detach {tag}` and call this again with the crate's name"
            ));
        }
    };
    let before = one.baseline().map(|baseline| baseline.version.clone());
    let before = before.or_else(|| matches!(one.state, State::Same).then(|| one.version.clone()));
    let docs = documentation(one);
    Ok(Release { name: one.name.clone(), version, before, why, raised, edits, tag, is_tagged, told, docs })
}

fn current<'a>(facts: &'a Facts, name: &str) -> Option<&'a Version> {
    facts.crates.iter().find(|one| one.name == name).map(|one| &one.version)
}

/// The build that a host of documentation makes, by what the manifest tells such a host.
fn documentation(one: &Crate) -> Step {
    let tells = |key: &str| one.documented.get(key);
    let words = |key: &str| {
        let words = tells(key).and_then(|value| value.as_array()).into_iter().flatten();
        words.filter_map(|word| word.as_str()).collect::<Vec<_>>()
    };
    let is_on = |key: &str| tells(key).and_then(|value| value.as_bool()).unwrap_or(false);
    let mut step = Step::cargo("doc --quiet --no-deps --lib -p").arg(&one.name);
    if is_on("all-features") {
        step = step.arg("--all-features");
    }
    if is_on("no-default-features") {
        step = step.arg("--no-default-features");
    }
    let features = words("features");
    if !features.is_empty() {
        step = step.arg("--features").arg(features.join(","));
    }
    let flags = [vec!["--cfg", "docsrs"], words("rustdoc-args")].concat().join(" ");
    step.with("RUSTDOCFLAGS", flags)
}

impl Plan {
    pub(super) fn edits(&self) -> impl Iterator<Item = &(String, String)> {
        self.releases.iter().flat_map(|release| &release.edits)
    }

    /// The line of the commit.
    pub(super) fn subject(&self) -> String {
        let each: Vec<String> =
            self.releases.iter().map(|release| format!("{} {}", release.name, release.version)).collect();
        match each.as_slice() {
            [one] => format!("Release {one}"),
            [more @ .., last] => format!("Release {} and {last}", more.join(", ")),
            [] => String::new(),
        }
    }

    /// Makes the packages from what is committed, and builds each from its package, against packages.
    pub(super) fn verify(&self, target: &str) -> Step {
        self.named(Step::cargo("package --locked"), target)
    }

    /// Uploads them. They were verified just before, from the same commit.
    pub(super) fn publish(&self, target: &str) -> Step {
        self.named(Step::cargo("publish --locked --no-verify"), target)
    }

    fn named(&self, mut step: Step, target: &str) -> Step {
        for release in &self.releases {
            step = step.arg("-p").arg(&release.name);
        }
        if let Some(registry) = &self.registry {
            step = step.arg("--registry").arg(registry);
        }
        step.arg("--target-dir").arg(target)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plan:")?;
        for release in &self.releases {
            match &release.before {
                Some(before) => {
                    writeln!(f, "  {} {before} -> {} ({})", release.name, release.version, release.why)?
                }
                None => writeln!(f, "  {} {}, the first under this name", release.name, release.version)?,
            }
            for (name, version) in &release.raised {
                writeln!(f, "      requires {name} {version}")?;
            }
        }
        let mut number = 0..;
        let mut step = |f: &mut fmt::Formatter<'_>, what: &str| {
            writeln!(f, "{:>3} {what}", number.next().unwrap_or(0) + 1)
        };
        for (file, _) in self.edits() {
            step(f, &format!("write {file}"))?;
        }
        if self.edits().next().is_some() {
            step(f, &format!("commit in a worktree: {}", self.subject()))?;
        }
        for release in &self.releases {
            step(f, &release.docs.to_string())?;
        }
        step(f, &self.verify("NEW").to_string())?;
        if self.edits().next().is_some() {
            step(f, "move the branch to that commit")?;
        }
        for release in self.releases.iter().filter(|release| !release.is_tagged) {
            step(f, &format!("git tag {}", release.tag))?;
        }
        step(f, &self.publish("NEW").to_string())?;
        step(f, "ask the index for each")
    }
}
