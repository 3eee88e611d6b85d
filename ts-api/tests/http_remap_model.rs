//! The remap table against a plain search through its rules.
#![cfg(all(feature = "http", feature = "runtime", not(loom)))]

use proptest::prelude::*;
use ts_api::http::{Remap, RemapError, Rule};

/// One rule, in parts: what `Rule::new` is given, and what the search looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    scheme: Option<&'static str>,
    host: &'static str,
    port: Option<u16>,
    path: String,
}

impl Wanted {
    fn text(&self) -> String {
        let scheme = self.scheme.map(|scheme| format!("{scheme}:")).unwrap_or_default();
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}//{}{port}{}", self.host, self.path)
    }

    fn is_for(&self, scheme: &str, host: &str, port: u16, path: &str) -> bool {
        let rest = path.strip_prefix(&self.path);
        let under =
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'));
        let hosts = match self.host.strip_prefix('*') {
            Some("") => true,
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
            None => host == self.host,
        };
        under
            && hosts
            && self.scheme.is_none_or(|ours| ours == scheme)
            && self.port.is_none_or(|ours| ours == port)
    }

    /// Longest prefix, then host, port, scheme.
    fn rank(&self) -> (usize, bool, usize, bool, bool) {
        let whole = !self.host.starts_with('*');
        (self.path.len(), whole, self.host.len(), self.port.is_some(), self.scheme.is_some())
    }
}

const HOSTS: [&str; 7] = ["*", "*.b", "*.a.b", "*.c.a.b", "a.b", "c.a.b", "x.c.a.b"];

fn path() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "b", "ab", "a/b", "", "%41"]);
    (prop::collection::vec(segment, 0..4), any::<bool>()).prop_map(|(segments, slash)| {
        let end = if slash { "/" } else { "" };
        let path = format!("/{}{end}", segments.join("/"));
        // A path that begins with two slashes is fine in a URL.
        path
    })
}

fn rule() -> impl Strategy<Value = Wanted> {
    let scheme = prop::sample::select(vec![None, None, Some("http"), Some("https")]);
    let port = prop::sample::select(vec![None, None, Some(80), Some(8080)]);
    (scheme, prop::sample::select(HOSTS.to_vec()), port, path())
        .prop_map(|(scheme, host, port, path)| Wanted { scheme, host, port, path })
}

fn asked() -> impl Strategy<Value = (&'static str, &'static str, Option<u16>, String)> {
    let scheme = prop::sample::select(vec!["http", "https"]);
    let host = prop::sample::select(vec!["b", "a.b", "c.a.b", "x.c.a.b", "y.x.c.a.b", "other", "xa.b"]);
    (scheme, host, prop::sample::select(vec![None, Some(80), Some(443), Some(8080)]), path())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_table_finds_what_a_search_finds(
        rules in prop::collection::vec(rule(), 0..40),
        asked in prop::collection::vec(asked(), 1..20),
    ) {
        let mut distinct: Vec<Wanted> = Vec::new();
        for rule in &rules {
            if !distinct.contains(rule) {
                distinct.push(rule.clone());
            }
        }
        let made = |rules: &[Wanted]| {
            let rules = rules.iter().enumerate();
            Remap::new(rules.map(|(n, rule)| Rule::new(&rule.text(), &format!("http://o{n}/")).unwrap()))
        };
        let twice = matches!(made(&rules), Err(RemapError::Twice { .. }));
        prop_assert_eq!(twice, distinct.len() != rules.len());
        let remap = made(&distinct).unwrap();
        for (scheme, host, port, path) in asked {
            let real = port.unwrap_or(if scheme == "https" { 443 } else { 80 });
            let fits = |rule: &&Wanted| rule.is_for(scheme, host, real, &path);
            let expected = distinct.iter().filter(fits).max_by_key(|rule| rule.rank());
            let with_port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let url = format!("{scheme}://{}{with_port}{path}?q", host.to_ascii_uppercase());
            let found = remap.find(&url).map(|found| {
                let text = found.rule.to_string();
                text.split(" -> ").next().unwrap().to_owned()
            });
            prop_assert_eq!(found, expected.map(|rule| rule.text()), "{}", url);
        }
    }
}
