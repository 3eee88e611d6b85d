//! A URL of a plugin's own, part by part: nothing needs to be there.
//!
//! A server's URL types want a host, or a path, or both, before they are a URL at all; plugins set one part after the other.

use crate::http::server::head::UrlPart;

/// A URL taken apart. What is empty is there and empty; what is none is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OwnUrl {
    scheme: Option<Vec<u8>>,
    user: Option<Vec<u8>>,
    password: Option<Vec<u8>>,
    host: Option<Vec<u8>>,
    port: Option<u16>,
    /// With the slash that it begins with, if it does.
    path: Vec<u8>,
    query: Option<Vec<u8>>,
    fragment: Option<Vec<u8>>,
}

/// A part of a URL, the last one of plugins' own only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Of(UrlPart),
    Fragment,
}

impl OwnUrl {
    /// Takes a URL apart; none if it is none: with a byte that no URL has, or with a port that is no number.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
            return None;
        }
        let mut url = Self::default();
        let (rest, fragment) = cut(text, b'#');
        url.fragment = fragment.map(<[u8]>::to_vec);
        let (rest, query) = cut(rest, b'?');
        url.query = query.map(<[u8]>::to_vec);
        let named = rest.windows(3).position(|three| three == b"://");
        let rest = match named {
            Some(end) if is_scheme(&rest[..end]) => {
                url.scheme = Some(rest[..end].to_vec());
                &rest[end + 1..]
            }
            _ => rest,
        };
        let Some(after) = rest.strip_prefix(b"//") else {
            url.path = rest.to_vec();
            return Some(url);
        };
        let end = after.iter().position(|byte| *byte == b'/').unwrap_or(after.len());
        let (authority, path) = after.split_at(end);
        url.path = path.to_vec();
        let host = match authority.iter().rposition(|byte| *byte == b'@') {
            Some(at) => {
                let (user, password) = cut(&authority[..at], b':');
                (url.user, url.password) = (Some(user.to_vec()), password.map(<[u8]>::to_vec));
                &authority[at + 1..]
            }
            None => authority,
        };
        // A colon within brackets is an address's.
        let after_brackets = host.iter().rposition(|byte| *byte == b']').map_or(0, |end| end + 1);
        let (host, port) = match host[after_brackets..].iter().position(|byte| *byte == b':') {
            Some(colon) => (&host[..after_brackets + colon], &host[after_brackets + colon + 1..]),
            None => (host, &b""[..]),
        };
        url.host = Some(host.to_vec());
        if !port.is_empty() {
            url.port = Some(str::from_utf8(port).ok()?.parse().ok()?);
        }
        Some(url)
    }

    /// The whole URL, as text.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if let Some(scheme) = &self.scheme {
            text.extend([scheme, &b":"[..]].concat());
        }
        if let Some(host) = &self.host {
            text.extend(b"//");
            if self.user.is_some() || self.password.is_some() {
                text.extend(self.user.iter().flatten());
                if let Some(password) = &self.password {
                    text.extend([b":", &password[..]].concat());
                }
                text.push(b'@');
            }
            text.extend(host);
            if let Some(port) = self.port {
                text.extend(format!(":{port}").into_bytes());
            }
        } else if self.scheme.is_some() {
            text.extend(b"//");
        }
        text.extend(&self.path);
        for (mark, part) in [(b'?', &self.query), (b'#', &self.fragment)] {
            if let Some(part) = part {
                text.push(mark);
                text.extend(part);
            }
        }
        text
    }

    /// A part, as text.
    pub(crate) fn get(&self, part: Part) -> Option<Vec<u8>> {
        match part {
            Part::Of(UrlPart::Whole) => Some(self.text()),
            Part::Of(UrlPart::Scheme) => self.scheme.clone(),
            Part::Of(UrlPart::User) => self.user.clone(),
            Part::Of(UrlPart::Password) => self.password.clone(),
            Part::Of(UrlPart::Host) => self.host.clone(),
            Part::Of(UrlPart::Port) => self.port.map(|port| port.to_string().into_bytes()),
            Part::Of(UrlPart::Path) => Some(self.path.clone()).filter(|path| !path.is_empty()),
            Part::Of(UrlPart::Query) => self.query.clone(),
            Part::Fragment => self.fragment.clone(),
        }
    }

    /// Changes a part, or takes it away; false, and nothing has changed, for what would be read as something else.
    pub(crate) fn set(&mut self, part: Part, to: Option<&[u8]>) -> bool {
        let ends: &[u8] = match part {
            Part::Of(UrlPart::Whole) => return to.and_then(Self::parse).map(|url| *self = url).is_some(),
            Part::Of(UrlPart::Port) => {
                let port = to.map(|to| str::from_utf8(to).ok().and_then(|to| to.parse().ok()));
                return match port {
                    Some(None) => false,
                    port => {
                        self.port = port.flatten();
                        true
                    }
                };
            }
            Part::Of(UrlPart::Scheme) if to.is_some_and(|to| !is_scheme(to)) => return false,
            Part::Of(UrlPart::Host) if to.is_some_and(|to| !is_one_host(to)) => return false,
            Part::Of(UrlPart::Scheme) => b"",
            Part::Of(UrlPart::User) => b":@/?#",
            Part::Of(UrlPart::Password) => b"@/?#",
            Part::Of(UrlPart::Host) => b"@/?#",
            Part::Of(UrlPart::Path) => b"?#",
            Part::Of(UrlPart::Query) => b"#",
            Part::Fragment => b"",
        };
        let bad = |byte: &u8| *byte <= b' ' || *byte == 0x7f || ends.contains(byte);
        if to.is_some_and(|to| to.iter().any(bad)) {
            return false;
        }
        let to = to.map(<[u8]>::to_vec);
        match part {
            Part::Of(UrlPart::Scheme) => self.scheme = to,
            Part::Of(UrlPart::User) => self.user = to,
            Part::Of(UrlPart::Password) => self.password = to,
            Part::Of(UrlPart::Host) => self.host = to,
            Part::Of(UrlPart::Path) => self.path = to.unwrap_or_default(),
            Part::Of(UrlPart::Query) => self.query = to,
            _ => self.fragment = to,
        }
        true
    }
}

/// What stands before the first `mark`, and what behind it.
fn cut(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == mark) {
        Some(place) => (&text[..place], Some(&text[place + 1..])),
        None => (text, None),
    }
}

/// Whether nothing of it would be taken for a port: a colon is within brackets, and these are around all of it.
fn is_one_host(text: &[u8]) -> bool {
    let within = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]"));
    let marks: &[u8] = if within.is_some() { b"[]" } else { b"[]:" };
    !within.unwrap_or(text).iter().any(|byte| marks.contains(byte))
}

fn is_scheme(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_alphabetic)
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Part; 8] = [
        Part::Of(UrlPart::Scheme),
        Part::Of(UrlPart::User),
        Part::Of(UrlPart::Password),
        Part::Of(UrlPart::Host),
        Part::Of(UrlPart::Port),
        Part::Of(UrlPart::Path),
        Part::Of(UrlPart::Query),
        Part::Fragment,
    ];

    fn parts(text: &str) -> [Option<String>; 8] {
        let url = OwnUrl::parse(text.as_bytes()).unwrap();
        assert_eq!(url.text(), text.as_bytes(), "it comes out as it went in");
        ALL.map(|part| url.get(part).map(|part| String::from_utf8(part).unwrap()))
    }

    #[test]
    fn a_url_is_taken_apart_and_put_together_again() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            parts("https://me:pw@h.example:81/a/b?q=1#f"),
            ["https", "me", "pw", "h.example", "81", "/a/b", "q=1", "f"].map(some)
        );
        assert_eq!(
            parts("http://[::1]:8/"),
            [some("http"), None, None, some("[::1]"), some("8"), some("/"), None, None]
        );
        assert_eq!(parts("/only/path"), [None, None, None, None, None, some("/only/path"), None, None]);
        assert_eq!(
            parts("//h?x=http://y"),
            [None, None, None, some("h"), None, None, some("x=http://y"), None]
        );
        assert_eq!(parts(""), [const { None }; 8]);
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in ["http://h:port/", "http://h:70000/", "a b", "http://h/\n", "\u{7f}"] {
            assert_eq!(OwnUrl::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_url_grows_part_by_part() {
        let mut url = OwnUrl::default();
        for (part, to) in [
            (Part::Of(UrlPart::Host), "[::1]"),
            (Part::Of(UrlPart::Host), "h"),
            (Part::Of(UrlPart::Scheme), "http"),
            (Part::Of(UrlPart::Path), "/p"),
            (Part::Of(UrlPart::Port), "8080"),
            (Part::Fragment, "end"),
        ] {
            assert!(url.set(part, Some(to.as_bytes())));
        }
        assert_eq!(url.text(), b"http://h:8080/p#end");
        assert!(url.set(Part::Of(UrlPart::Port), None) && url.set(Part::Fragment, None));
        assert_eq!(url.text(), b"http://h/p");
    }

    #[test]
    fn what_would_be_read_as_something_else_is_refused() {
        let url = OwnUrl::parse(b"http://h/").unwrap();
        for (part, to) in [
            (Part::Of(UrlPart::Scheme), "1x"),
            (Part::Of(UrlPart::User), "a:b"),
            (Part::Of(UrlPart::Password), "a@b"),
            (Part::Of(UrlPart::Host), "a/b"),
            (Part::Of(UrlPart::Host), "a:81"),
            (Part::Of(UrlPart::Host), "::1"),
            (Part::Of(UrlPart::Host), "[::1]:81"),
            (Part::Of(UrlPart::Host), "[::1]]"),
            (Part::Of(UrlPart::Port), "many"),
            (Part::Of(UrlPart::Path), "/a?b"),
            (Part::Of(UrlPart::Query), "a#b"),
            (Part::Fragment, "a\r\nb"),
            (Part::Of(UrlPart::Whole), "a b"),
        ] {
            let mut changed = url.clone();
            assert!(!changed.set(part, Some(to.as_bytes())), "{part:?}");
            assert_eq!(changed, url);
        }
    }
}
