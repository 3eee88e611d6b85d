//! The changelog of a crate, in the form of Keep a Changelog: the part that is not out yet gets version and date.

use anyhow::{Result, bail};
use cargo_metadata::semver::Version;

/// The text with the newest part headed `## [VERSION] - DATE`, and nothing else changed.
///
/// That part is headed `## [Unreleased]` or `## [ANYTHING] - Unreleased`. When there is none, or it lists nothing, it
/// becomes one that lists `own`: what the release itself changes.
///
/// # Errors
/// The newest part lists nothing and the release itself changes nothing.
pub(super) fn release(text: &str, version: &Version, date: &str, own: &[String]) -> Result<String> {
    let lines: Vec<&str> = text.lines().collect();
    let headings: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with("## ")).collect();
    let first = headings.first().copied().unwrap_or(lines.len());
    if lines.get(first).is_some_and(|line| is_of(line, version) && !is_open(line)) {
        return Ok(text.to_owned());
    }
    let open = lines.get(first).is_some_and(|line| is_open(line));
    let next = headings.get(1).copied().filter(|_| open);
    let next = next.unwrap_or(if open { lines.len() } else { first });
    let body: Vec<&str> = if open { lines[first + 1..next].to_vec() } else { vec![] };
    let told = body.iter().any(|line| line.starts_with("- ") || line.starts_with("* "));
    if !told && own.is_empty() {
        bail!("its changelog does not tell what is new: write it under `## [Unreleased]`");
    }

    let mut new: Vec<String> = lines[..first].iter().map(|line| (*line).to_owned()).collect();
    if new.last().is_some_and(|line| !line.is_empty()) {
        new.push(String::new());
    }
    new.push(format!("## [{version}] - {date}"));
    if told {
        new.extend(body.iter().map(|line| (*line).to_owned()));
    } else {
        new.extend([String::new(), "### Changed".to_owned(), String::new()]);
        new.extend(own.iter().map(|line| format!("- {line}")));
        new.push(String::new());
    }
    new.extend(lines[next..].iter().map(|line| (*line).to_owned()));
    while new.last().is_some_and(String::is_empty) {
        new.pop();
    }
    Ok(new.join("\n") + "\n")
}

/// What the changelog tells of one version, without its heading.
pub(super) fn part(text: &str, version: &Version) -> String {
    let after = text.lines().skip_while(|line| !is_of(line, version)).skip(1);
    let part: Vec<&str> = after.take_while(|line| !line.starts_with("## ")).collect();
    part.join("\n").trim().to_owned()
}

fn is_of(line: &str, version: &Version) -> bool {
    line.strip_prefix("## [").and_then(|rest| rest.split(']').next()) == Some(&version.to_string())
}

fn is_open(line: &str) -> bool {
    line.to_ascii_lowercase().contains("unreleased")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(text: &str, own: &[&str]) -> Result<String> {
        let own: Vec<String> = own.iter().map(|line| (*line).to_owned()).collect();
        release(text, &Version::new(0, 2, 0), "2001-02-03", &own)
    }

    #[test]
    fn the_open_part_gets_version_and_date() {
        for heading in ["## [Unreleased]", "## [0.1.1] - Unreleased"] {
            let text = format!(
                "# Changelog\n\n{heading}\n\n### Added\n\n- A.\n\n## [0.1.0] - 2001-01-01\n\n- Old.\n"
            );
            let wanted = "# Changelog\n\n## [0.2.0] - 2001-02-03\n\n### Added\n\n- A.\n\n## [0.1.0] - 2001-01-01\n\n- Old.\n";
            assert_eq!(released(&text, &[]).expect("an entry"), wanted);
        }
    }

    #[test]
    fn a_part_that_has_its_date_stays() {
        let text = "# Changelog\n\n## [0.2.0] - 2001-01-01\n\n- A.\n";
        assert_eq!(released(text, &["Needs more."]).expect("unchanged"), text);
    }

    #[test]
    fn without_an_entry_the_release_tells_what_it_changed_itself() {
        let old = "## [0.1.0] - 2001-01-01\n\n- Old.\n";
        let wanted = format!("# Changelog\n\n## [0.2.0] - 2001-02-03\n\n### Changed\n\n- Needs x.\n\n{old}");
        for open in ["", "## [Unreleased]\n\n"] {
            let text = format!("# Changelog\n\n{open}{old}");
            assert_eq!(released(&text, &["Needs x."]).expect("an entry"), wanted);
            assert!(released(&text, &[]).is_err(), "nothing is told");
        }
    }

    #[test]
    fn a_part_ends_at_the_next_heading() {
        let text = "# Changelog\n\n## [0.2.0] - 2001-01-01\n\n- A.\n\n## [0.1.0] - 2001-01-01\n\n- Old.\n";
        assert_eq!(part(text, &Version::new(0, 2, 0)), "- A.");
    }
}
