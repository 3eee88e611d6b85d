//! What users of a crate can name, and what changed in it.
//!
//! The list is that of `public-api`, made from rustdoc's JSON, once as the docs show the crate and once with the hidden
//! items too. Hidden ones are nobody's promise, except where another crate of ours uses them: it goes on using them in
//! the version that is out, so they count as if they were shown.
//!
//! # Rules
//! * A line that is gone, or reads otherwise, breaks. So does a feature that is gone, or is no longer a default one.
//! * A line that is new is an addition. Inside a trait, an enum or a struct that was there before it is in doubt, since
//!   it breaks who implements, matches or builds it: a doubt counts as a break, until `cargo semver-checks` is
//!   asked and finds nothing.
//! * What no list shows is not seen here: a struct that got its first private field, a trait that became sealed, a change
//!   of behaviour.
//!
//! rustdoc tells JSON only to those who ask as nightly does; the JSON of the stable compiler is as good, and is the one
//! whose format we know.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use regex::Regex;

use super::level::Change;
use super::package::Package;
use crate::step::Step;

/// All that can be named.
pub(super) struct Interface {
    shown: BTreeSet<String>,
    hidden: BTreeSet<String>,
    features: BTreeMap<String, BTreeSet<String>>,
    rust_version: Option<String>,
}

/// What is not the same in two interfaces, as lines to print.
#[derive(Default)]
pub(super) struct Difference {
    pub(super) breaking: Vec<String>,
    pub(super) doubtful: Vec<String>,
    pub(super) added: Vec<String>,
}

impl Difference {
    /// What users meet, with or without the doubtful lines.
    pub(super) fn change(&self, doubts: bool) -> Change {
        if !self.breaking.is_empty() || doubts && !self.doubtful.is_empty() {
            Change::Breaking
        } else if !self.added.is_empty() || !self.doubtful.is_empty() {
            Change::Addition
        } else {
            Change::Inside
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let marked = |mark: &str, lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| format!("{mark} {line}")).collect()
        };
        [marked("-", &self.breaking), marked("?", &self.doubtful), marked("+", &self.added)].concat()
    }
}

impl Interface {
    /// Reads the interface of the package in `folder`, building what it depends on in `target`.
    pub(super) fn read(folder: &Path, name: &str, package: &Package, target: &Path) -> Result<Interface> {
        let shown = list(folder, name, target, "")?;
        let all = list(folder, name, target, "--document-hidden-items")?;
        let manifest = package.manifest()?;
        let mut features: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        if let Some(table) = manifest.get("features").and_then(|item| item.as_table_like()) {
            for (feature, turned_on) in table.iter() {
                let turned_on = turned_on.as_array().into_iter().flatten();
                let turned_on = turned_on.filter_map(|one| one.as_str().map(str::to_owned));
                features.insert(feature.to_owned(), turned_on.collect());
            }
        }
        let rust_version = manifest.get("package").and_then(|package| package.get("rust-version"));
        let rust_version = rust_version.and_then(|version| version.as_str()).map(str::to_owned);
        Ok(Interface { hidden: &all - &shown, shown, features, rust_version })
    }

    /// The crates whose items stand in what is shown, beside the standard library: their breaks are breaks of this one.
    pub(super) fn shows(&self, name: &str) -> Result<BTreeSet<String>> {
        let path = Regex::new(r"(?:^|[^:\w])([a-z]\w*)::")?;
        let primitive = Regex::new("^(?:[iu](?:8|16|32|64|128|size)|f32|f64|bool|char|str)$")?;
        let own = name.replace('-', "_");
        let known = ["alloc", "core", "std", "crate", "self", own.as_str()];
        let firsts = self.shown.iter().flat_map(|line| path.captures_iter(line));
        let mut shown: BTreeSet<String> = firsts.map(|first| first[1].to_owned()).collect();
        shown.retain(|first| !known.contains(&first.as_str()) && !primitive.is_match(first));
        Ok(shown)
    }

    /// What changed since `old`. `used` are the words in the sources of our other crates.
    pub(super) fn since(&self, old: &Interface, used: &BTreeSet<String>) -> Result<Difference> {
        let path = Regex::new(r"\b\w+(?:::\w+)+")?;
        let matters = |line: &&String| {
            path.find_iter(line)
                .any(|path| path.as_str().rsplit("::").next().is_some_and(|name| used.contains(name)))
        };
        let mut difference = Difference::default();
        // An item that was hidden and is now shown is an addition to what is promised, and breaks nobody.
        for line in old.shown.difference(&self.shown) {
            difference.breaking.push(line.clone());
        }
        for line in
            old.hidden.iter().filter(|line| !self.hidden.contains(*line) && !self.shown.contains(*line))
        {
            if matters(&line) {
                difference.breaking.push(format!("{line} (hidden, but used by a crate of ours)"));
            }
        }
        let parents = Parents::of(old)?;
        for line in self.shown.difference(&old.shown) {
            match parents.doubts(line) {
                true => difference.doubtful.push(line.clone()),
                false => difference.added.push(line.clone()),
            }
        }
        for line in
            self.hidden.iter().filter(|line| !old.hidden.contains(*line) && !old.shown.contains(*line))
        {
            if matters(&line) {
                difference.added.push(format!("{line} (hidden, but used by a crate of ours)"));
            }
        }
        self.features_since(old, &mut difference);
        Ok(difference)
    }

    fn features_since(&self, old: &Interface, difference: &mut Difference) {
        let none = BTreeSet::new();
        for (feature, before) in &old.features {
            match self.features.get(feature) {
                None => difference.breaking.push(format!("feature {feature}")),
                Some(now) => {
                    let own = |one: &&String| old.features.contains_key(*one);
                    for lost in before.difference(now).filter(own) {
                        difference.breaking.push(format!("feature {feature} turns on {lost}"));
                    }
                }
            }
        }
        for feature in self.features.keys().filter(|feature| !old.features.contains_key(*feature)) {
            difference.added.push(format!("feature {feature}"));
        }
        let defaults = |features: &BTreeMap<_, _>| features.get("default").unwrap_or(&none).clone();
        for gained in &defaults(&self.features) - &defaults(&old.features) {
            difference.added.push(format!("feature {gained} is a default one"));
        }
        if self.rust_version != old.rust_version {
            let shown = |version: &Option<String>| version.clone().unwrap_or_else(|| "any".to_owned());
            let line = format!("Rust {} instead of {}", shown(&self.rust_version), shown(&old.rust_version));
            difference.added.push(line);
        }
    }
}

/// The traits, enums and structs of an interface.
struct Parents {
    /// With whether it was marked as not exhaustive.
    known: BTreeMap<String, (String, bool)>,
    item: Regex,
}

impl Parents {
    fn of(interface: &Interface) -> Result<Parents> {
        let kind = Regex::new(r"\bpub (?:unsafe )?(?:auto )?(trait|enum|struct|union) (\w+(?:::\w+)*)")?;
        let known = interface.shown.iter().filter_map(|line| {
            let (_, [kind, path]) = kind.captures(line)?.extract();
            Some((path.to_owned(), (kind.to_owned(), line.contains("#[non_exhaustive]"))))
        });
        let item = Regex::new(r"^(?:#\[.*\] )*pub ((?:\w+ )*)(\w+(?:::\w+)*)::\w+")?;
        Ok(Parents { known: known.collect(), item })
    }

    fn doubts(&self, line: &str) -> bool {
        let Some(found) = self.item.captures(line) else { return false };
        let (_, [keywords, parent]) = found.extract();
        match self.known.get(parent) {
            None => false,
            Some((kind, _)) if kind == "trait" => true,
            // A variant and a field have no keyword before their path.
            Some((_, open)) => keywords.is_empty() && !open,
        }
    }
}

fn list(folder: &Path, name: &str, target: &Path, hidden: &str) -> Result<BTreeSet<String>> {
    let step = Step::cargo("rustdoc --quiet --lib --all-features")
        .arg("-p")
        .arg(name)
        .arg("--target-dir")
        .arg(target.to_str().context("the target folder is not UTF-8")?)
        .arg("--")
        .arg("-Zunstable-options")
        .arg("--output-format=json")
        .arg("--cap-lints=allow")
        .with("RUSTC_BOOTSTRAP", "1");
    let step = if hidden.is_empty() { step } else { step.arg(hidden) };
    step.read(folder)?;
    let json = target.join(format!("doc/{}.json", name.replace('-', "_")));
    let list = public_api::Builder::from_rustdoc_json(&json).omit_blanket_impls(true).build();
    let list = list.with_context(|| {
        format!(
            "the list of {name}'s interface cannot be read: this compiler's rustdoc writes another JSON than the \
             `public-api` that we use reads; take the compiler that the workspace names, or a `public-api` that fits"
        )
    })?;
    // Else the next list could be read from this file.
    fs::remove_file(&json)?;
    Ok(list.items().map(ToString::to_string).collect())
}
