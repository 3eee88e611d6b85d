//! Carrying out a plan.
//!
//! First all that can be thrown away, in a worktree of its own: files, commit, docs, packages. Then, each step of a kind that a
//! second call finds done: the branch, the tags, the upload. An upload that broke off leaves some crates out and some not;
//! the next look finds which.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::look::Facts;
use super::plan::Plan;
use super::tree;
use crate::step::Step;
use crate::workspace::Workspace;

pub(super) fn carry_out(plan: &Plan, facts: &Facts, workspace: &Workspace) -> Result<()> {
    let root = &workspace.root;
    fs::create_dir_all(&facts.kept)?;
    // Beside the other builds, where there is room for one; never used before, and gone afterwards.
    let fresh = TempDir::new_in(&facts.kept)?;
    let target = text(&fresh.path().join("target"))?;

    let commit = prepare(plan, facts, root, fresh.path(), &target)?;
    if commit != facts.commit {
        do_it(&Step::of("git", "merge --quiet --ff-only").arg(&commit), root)
            .context("the branch moved meanwhile; nothing was published, call this again")?;
    }
    for release in plan.releases.iter().filter(|release| !release.is_tagged) {
        let title = format!("{} {}", release.name, release.version);
        let message = if release.told.is_empty() { title } else { format!("{title}\n\n{}", release.told) };
        // Headings in a changelog begin like comments in a message.
        let step = Step::of("git", "tag --annotate --cleanup=whitespace").arg(&release.tag).arg(&commit);
        step.arg("--message").arg(message).read(root)?;
        println!("tagged {}", release.tag);
    }
    do_it(&plan.publish(&target), root).context(
        "the upload was not finished. Branch and tags are set; the same command, without a level, publishes what is missing",
    )?;

    for release in &plan.releases {
        let versions = facts.registry.versions(&release.name)?;
        ensure!(
            versions.iter().any(|published| published.version == release.version),
            "cargo published {} {}, and the index does not have it yet: call this again to see",
            release.name,
            release.version
        );
    }
    println!("\npublished at {}: {}", facts.registry.shown(), plan.subject().trim_start_matches("Release "));
    let tags: Vec<&str> = plan.releases.iter().map(|release| release.tag.as_str()).collect();
    println!("nothing was pushed; when you are content: git push origin HEAD {}", tags.join(" "));
    Ok(())
}

/// Makes the commit and sees that it holds. Returns it; without anything to write it is the one that is there.
fn prepare(plan: &Plan, facts: &Facts, root: &Path, fresh: &Path, target: &str) -> Result<String> {
    let writes = plan.edits().next().is_some();
    if writes && !tree::on_branch(root)? {
        bail!("a release commit needs a branch to stand on, and HEAD is on none");
    }
    let copy = Worktree::add(root, &fresh.join("tree"), &facts.commit)?;
    for (file, text) in plan.edits() {
        fs::write(copy.path().join(file), text).with_context(|| format!("cannot write {file}"))?;
    }
    if writes {
        do_it(&Step::cargo("update --quiet --workspace"), copy.path())?;
        let step = Step::of("git", "commit --quiet --all --message").arg(plan.subject());
        do_it(&step, copy.path()).context("nothing was changed")?;
    }
    let nightly = Step::cargo("+nightly --version").output(root).is_ok_and(|answer| answer.status.success());
    if !nightly {
        println!(
            "no nightly compiler is there: the docs are built with this one, and not as a host would in all details"
        );
    }
    let docs = text(&facts.kept.join("docs"))?;
    for release in &plan.releases {
        let step = release.docs.clone().with("CARGO_TARGET_DIR", docs.as_str());
        let step = if nightly { step.with("RUSTUP_TOOLCHAIN", "nightly") } else { step };
        do_it(&step, copy.path()).context("nothing was changed")?;
    }
    do_it(&plan.verify(target), copy.path()).context("nothing was changed")?;
    Step::of("git", "rev-parse HEAD").read(copy.path())
}

fn do_it(step: &Step, folder: &Path) -> Result<()> {
    println!("$ {step}");
    step.run(folder)
}

fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().context("the target folder is not UTF-8")?.to_owned())
}

/// A second tree of the repository, which is taken away again.
struct Worktree<'a> {
    root: &'a Path,
    path: std::path::PathBuf,
}

impl<'a> Worktree<'a> {
    fn add(root: &'a Path, path: &Path, commit: &str) -> Result<Worktree<'a>> {
        // One that a killed release left behind.
        Step::of("git", "worktree prune").read(root)?;
        let step = Step::of("git", "worktree add --quiet --detach").arg(text(path)?).arg(commit);
        step.read(root)?;
        Ok(Worktree { root, path: path.to_owned() })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Worktree<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.path.to_str() {
            // Should it fail, the next release prunes it.
            let _ = Step::of("git", "worktree remove --force").arg(path).output(self.root);
        }
    }
}
