//! Versions and requirements in a manifest, changed in place: comments and layout stay.

use anyhow::{Context, Result, ensure};
use cargo_metadata::Package;
use cargo_metadata::semver::{Version, VersionReq};
use toml_edit::{DocumentMut, Item, TableLike, value};

/// What the public registry accepts.
const MOST_KEYWORDS: usize = 5;
const MOST_CATEGORIES: usize = 5;
const LONGEST_KEYWORD: usize = 20;

const TABLES: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

/// The manifest with this version, which requires these versions of other crates where it requires them at all.
pub(super) fn edit(text: &str, version: &Version, required: &[(String, Version)]) -> Result<String> {
    let mut manifest: DocumentMut = text.parse()?;
    let package = manifest["package"].as_table_like_mut().context("the manifest has no package")?;
    set(package, "version", &version.to_string())?;
    let root = manifest.as_table_mut();
    requirements(root, required)?;
    if let Some(targets) = root.get_mut("target").and_then(Item::as_table_like_mut) {
        for (_, target) in targets.iter_mut() {
            if let Some(target) = target.as_table_like_mut() {
                requirements(target, required)?;
            }
        }
    }
    Ok(manifest.to_string())
}

/// That this compiler is older than the oldest one that the crate promises to build with.
///
/// Asked at the start: cargo would refuse to verify the package, but only after the tree was looked at for minutes.
pub(super) fn too_new(member: &Package, compiler: &str) -> Option<String> {
    let wanted = member.rust_version.as_ref()?;
    // `rustc 1.95.0 (59807616e 2026-04-14)`, or `1.97.0-nightly`: a nightly compiler has what its version will have.
    let here: Version = compiler.split_whitespace().nth(1)?.split('-').next()?.parse().ok()?;
    (here < *wanted).then(|| format!("{} needs Rust {wanted}, and here is {compiler}", member.name))
}

/// What the public registry refuses in a manifest, which would be told only when some of the crates are out.
pub(super) fn unfit(member: &Package) -> Vec<String> {
    let mut unfit = Vec::new();
    let mut say = |what: String| unfit.push(format!("{}: {what}", member.name));
    if member.description.as_deref().is_none_or(str::is_empty) {
        say("its manifest has no `description`".into());
    }
    if member.license.is_none() && member.license_file.is_none() {
        say("its manifest names no `license`".into());
    }
    if member.keywords.len() > MOST_KEYWORDS {
        say(format!("it has {} keywords, and {MOST_KEYWORDS} are the most", member.keywords.len()));
    }
    if member.categories.len() > MOST_CATEGORIES {
        say(format!("it has {} categories, and {MOST_CATEGORIES} are the most", member.categories.len()));
    }
    let fits = |word: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-+".contains(c);
        word.len() <= LONGEST_KEYWORD
            && word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word.chars().all(allowed)
    };
    for word in member.keywords.iter().filter(|word| !fits(word)) {
        say(format!("`{word}` is no keyword: up to {LONGEST_KEYWORD} letters, digits, `_`, `-` and `+`"));
    }
    unfit
}

/// Whether cargo will warn that users who find the crate cannot find where it is made.
pub(super) fn is_silent(member: &Package) -> bool {
    member.repository.is_none() && member.homepage.is_none() && member.documentation.is_none()
}

fn requirements(tables: &mut dyn TableLike, required: &[(String, Version)]) -> Result<()> {
    for table in TABLES {
        let Some(table) = tables.get_mut(table).and_then(Item::as_table_like_mut) else { continue };
        for (key, dependency) in table.iter_mut() {
            let Some(dependency) = dependency.as_table_like_mut() else { continue };
            let name = dependency.get("package").and_then(Item::as_str).unwrap_or(key.get()).to_owned();
            let Some((_, version)) = required.iter().find(|(wanted, _)| *wanted == name) else { continue };
            if dependency.contains_key("version") {
                set(dependency, "version", &version.to_string())?;
            }
        }
    }
    Ok(())
}

fn set(table: &mut dyn TableLike, key: &str, text: &str) -> Result<()> {
    let item = table.get_mut(key).with_context(|| format!("there is no `{key}`"))?;
    ensure!(item.is_str(), "`{key}` is not written out here");
    if item.as_str() == Some(text) {
        return Ok(());
    }
    let decor = item.as_value().map(|value| value.decor().clone());
    *item = value(text);
    if let (Some(value), Some(decor)) = (item.as_value_mut(), decor) {
        *value.decor_mut() = decor;
    }
    Ok(())
}

/// Whether a requirement asks for exactly this version or what is compatible and newer.
pub(super) fn asks_for(requirement: &VersionReq, version: &Version) -> bool {
    *requirement == VersionReq { comparators: vec![caret(version)] }
}

fn caret(version: &Version) -> cargo_metadata::semver::Comparator {
    cargo_metadata::semver::Comparator {
        op: cargo_metadata::semver::Op::Caret,
        major: version.major,
        minor: Some(version.minor),
        patch: Some(version.patch),
        pre: version.pre.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_and_the_named_requirements_change() {
        let text = "[package]\nname = \"b\" # the name\nversion = \"0.1.0\" # ours\n\n[dependencies]\n\
                    a = { path = \"../a\", version = \"0.1.0\", optional = true } # below\n\
                    other = { package = \"c\", path = \"../c\", version = \"1.0\" }\n\
                    d = \"0.1.0\"\n\n\
                    [target.'cfg(unix)'.dev-dependencies.a]\npath = \"../a\"\nversion = \"0.1.0\"\n\n\
                    [dev-dependencies]\nc = { path = \"../c\" }\n";
        let required = [("a".to_owned(), Version::new(0, 3, 1)), ("c".to_owned(), Version::new(2, 0, 0))];
        let wanted = text
            .replace("version = \"0.1.0\" # ours", "version = \"0.2.0\" # ours")
            .replace("version = \"0.1.0\", optional", "version = \"0.3.1\", optional")
            .replace("version = \"1.0\"", "version = \"2.0.0\"")
            .replace("version = \"0.1.0\"\n\n[dev", "version = \"0.3.1\"\n\n[dev");
        assert_eq!(edit(text, &Version::new(0, 2, 0), &required).expect("a manifest"), wanted);
    }

    #[test]
    fn a_version_that_stands_elsewhere_is_refused() {
        let text = "[package]\nname = \"b\"\nversion.workspace = true\n";
        assert!(edit(text, &Version::new(0, 2, 0), &[]).is_err());
    }
}
