//! The URL that a request is for, in parts: what its target says, and for the rest its `host` field.
//!
//! # Rules
//! * A part is changed where it stands: the host in the target if that names one, in the field otherwise. A scheme, user or
//!   password can only stand in a target that names all, so setting one makes the target such.

use http::uri::{Authority, Scheme};

use super::{Bytes, ChangeError, HOST, Head, HeaderValue, Method, Start, Uri};

/// A part of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UrlPart {
    Whole,
    Scheme,
    User,
    Password,
    Host,
    Port,
    Path,
    Query,
}

/// A URL taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Url {
    scheme: Scheme,
    user: Option<String>,
    password: Option<String>,
    host: Option<String>,
    port: Option<u16>,
    path: String,
    query: Option<String>,
}

/// What a target consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Path and query.
    Origin,
    /// All.
    Absolute,
    /// Host and port.
    Authority,
    /// One star.
    Asterisk,
}

impl Head {
    /// A part of the URL, as text; none if there is no such part.
    pub(crate) fn url(&self, part: UrlPart) -> Result<Option<Bytes>, ChangeError> {
        let (url, _) = self.take_apart()?;
        let text = match part {
            UrlPart::Whole => Some(url.whole()),
            UrlPart::Scheme => Some(url.scheme.to_string()),
            UrlPart::User => url.user,
            UrlPart::Password => url.password,
            UrlPart::Host => url.host,
            UrlPart::Port => url.port.map(|port| port.to_string()),
            UrlPart::Path => Some(url.path),
            UrlPart::Query => url.query,
        };
        Ok(text.map(Bytes::from))
    }

    /// Changes a part of the URL; none takes it away, if it is one that need not be there.
    pub(crate) fn set_url(&mut self, part: UrlPart, to: Option<&[u8]>) -> Result<(), ChangeError> {
        let (mut url, mut form) = self.take_apart()?;
        let text = to.map(|to| str::from_utf8(to).map_err(|_| ChangeError::Invalid)).transpose()?;
        let needed = || text.filter(|text| !text.is_empty()).ok_or(ChangeError::Invalid);
        match part {
            UrlPart::Whole => {
                let whole: Uri = needed()?.parse().map_err(|_| ChangeError::Invalid)?;
                url = Url::of(&whole).filter(|url| url.host.is_some()).ok_or(ChangeError::Invalid)?;
                form = Form::Absolute;
            }
            UrlPart::Scheme => {
                url.scheme = needed()?.parse().map_err(|_| ChangeError::Invalid)?;
                form = Form::Absolute;
            }
            UrlPart::User | UrlPart::Password => {
                let place = if part == UrlPart::User { &mut url.user } else { &mut url.password };
                let to = text.map(str::to_owned);
                if to.as_ref().is_some_and(|to| to.contains(['@', ':', '/', '?', '#'])) {
                    return Err(ChangeError::Invalid);
                }
                *place = to;
                form = Form::Absolute;
            }
            UrlPart::Host => {
                let host: Authority = needed()?.parse().map_err(|_| ChangeError::Invalid)?;
                if host.host() != host.as_str() {
                    return Err(ChangeError::Invalid);
                }
                url.host = Some(host.as_str().to_owned());
            }
            UrlPart::Port => {
                let port = text.map(|text| text.parse().ok().filter(|port| *port != 0));
                url.port = port.map(|port| port.ok_or(ChangeError::Invalid)).transpose()?;
            }
            UrlPart::Path => {
                let path = needed()?;
                if !path.starts_with('/') || path.contains(['?', '#']) {
                    return Err(ChangeError::Invalid);
                }
                url.path = path.to_owned();
            }
            UrlPart::Query => {
                if text.is_some_and(|text| text.contains('#')) {
                    return Err(ChangeError::Invalid);
                }
                url.query = text.map(str::to_owned);
            }
        }
        self.put_together(&url, form)
    }

    fn take_apart(&self) -> Result<(Url, Form), ChangeError> {
        let Start::Request { method, target } = &self.start else { return Err(ChangeError::WrongKind) };
        let form = match (target.scheme(), target.authority()) {
            (Some(_), _) => Form::Absolute,
            (None, Some(_)) if *method == Method::CONNECT => Form::Authority,
            (None, Some(_)) => Form::Absolute,
            (None, None) if target.path() == "*" => Form::Asterisk,
            (None, None) => Form::Origin,
        };
        let mut url = Url::of(target).ok_or(ChangeError::Invalid)?;
        if url.host.is_none() {
            let field = self.values(b"host").into_iter().next();
            if let Some(host) = field.and_then(|host| Authority::from_maybe_shared(host).ok()) {
                (url.host, url.port) = (Some(host.host().to_owned()), host.port_u16());
            }
        }
        Ok((url, form))
    }

    fn put_together(&mut self, url: &Url, form: Form) -> Result<(), ChangeError> {
        let authority = url.authority();
        let text = match form {
            Form::Absolute if authority.is_empty() => return Err(ChangeError::Invalid),
            Form::Absolute => url.whole(),
            Form::Authority => authority.clone(),
            Form::Origin | Form::Asterisk => url.path_and_query(),
        };
        let target: Uri = text.parse().map_err(|_| ChangeError::Invalid)?;
        if matches!(form, Form::Origin | Form::Asterisk) && target.authority().is_some() {
            return Err(ChangeError::Invalid);
        }
        // Where both say it, they say the same.
        let named = matches!(form, Form::Origin | Form::Asterisk) || !self.values(b"host").is_empty();
        if named && !authority.is_empty() {
            let host = url.host_and_port();
            HeaderValue::from_str(&host).map_err(|_| ChangeError::Invalid)?;
            if self.values(b"host").first().is_none_or(|old| **old != *host.as_bytes()) {
                self.set(HOST.as_str().as_bytes(), host.as_bytes())?;
            }
        }
        if let Start::Request { target: old, .. } = &mut self.start {
            *old = target;
        }
        self.changed = true;
        Ok(())
    }
}

impl Url {
    /// None if what stands before the host cannot be read.
    fn of(target: &Uri) -> Option<Self> {
        let scheme = target.scheme().cloned().unwrap_or(Scheme::HTTP);
        let authority = target.authority();
        let before =
            authority.and_then(|authority| authority.as_str().rsplit_once('@')).map(|(before, _)| before);
        let (user, password) =
            before.map_or(("", ""), |before| before.split_once(':').unwrap_or((before, "")));
        let there = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let has_port = authority.is_some_and(|authority| authority.port().is_some());
        let port = authority.and_then(Authority::port_u16);
        if has_port && port.is_none() {
            return None;
        }
        Some(Self {
            scheme,
            user: there(user),
            password: there(password),
            host: authority.map(|authority| authority.host().to_owned()).filter(|host| !host.is_empty()),
            port,
            path: target.path().to_owned(),
            query: target.query().map(str::to_owned),
        })
    }

    fn host_and_port(&self) -> String {
        let host = self.host.clone().unwrap_or_default();
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }

    fn authority(&self) -> String {
        if self.host.is_none() {
            return String::new();
        }
        let before = match (&self.user, &self.password) {
            (None, None) => String::new(),
            (user, None) => format!("{}@", user.as_deref().unwrap_or_default()),
            (user, Some(password)) => format!("{}:{password}@", user.as_deref().unwrap_or_default()),
        };
        before + &self.host_and_port()
    }

    fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    fn whole(&self) -> String {
        let authority = self.authority();
        // A request for the server as a whole, and one for a tunnel, have no path.
        let path = if self.path == "*" { String::new() } else { self.path_and_query() };
        if authority.is_empty() { path } else { format!("{}://{authority}{path}", self.scheme) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, target: &str, host: Option<&str>) -> Head {
        let mut build = http::Request::builder().method(method).uri(target);
        if let Some(host) = host {
            build = build.header("host", host);
        }
        Head::of_request(&build.body(()).unwrap().into_parts().0)
    }

    fn get(head: &Head, part: UrlPart) -> Option<String> {
        head.url(part).unwrap().map(|text| String::from_utf8(text.to_vec()).unwrap())
    }

    fn target_and_host(head: &Head) -> (String, String) {
        let text = |bytes: Option<Bytes>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
        (text(head.target()), text(head.values(b"host").into_iter().next()))
    }

    #[test]
    fn the_parts_come_from_the_target_and_for_the_rest_from_the_field() {
        let all = [
            UrlPart::Whole,
            UrlPart::Scheme,
            UrlPart::User,
            UrlPart::Password,
            UrlPart::Host,
            UrlPart::Port,
            UrlPart::Path,
            UrlPart::Query,
        ];
        for (method, target, host, expected) in [
            ("GET", "/p?q", Some("h:81"), ["http://h:81/p?q", "http", "", "", "h", "81", "/p", "q"]),
            ("GET", "/", None, ["/", "http", "", "", "", "", "/", ""]),
            (
                "GET",
                "https://u:p@H/x",
                Some("other"),
                ["https://u:p@H/x", "https", "u", "p", "H", "", "/x", ""],
            ),
            ("GET", "http://[::1]:8/", None, ["http://[::1]:8/", "http", "", "", "[::1]", "8", "/", ""]),
            ("OPTIONS", "*", Some("h"), ["http://h", "http", "", "", "h", "", "*", ""]),
            ("CONNECT", "h:443", None, ["http://h:443", "http", "", "", "h", "443", "", ""]),
        ] {
            let head = head(method, target, host);
            assert_eq!(all.map(|part| get(&head, part).unwrap_or_default()), expected, "{target}");
        }
    }

    #[test]
    fn a_part_is_changed_where_it_stands() {
        let set = |mut head: Head, part, to: &str| {
            head.set_url(part, Some(to.as_bytes())).map(|()| target_and_host(&head))
        };
        let plain = || head("GET", "/p?q", Some("h:81"));
        let full = || head("GET", "http://u@h:81/p?q", Some("h:81"));
        let is = |target: &str, host: &str| Ok((target.to_owned(), host.to_owned()));
        assert_eq!(set(plain(), UrlPart::Host, "other"), is("/p?q", "other:81"));
        assert_eq!(set(plain(), UrlPart::Port, "82"), is("/p?q", "h:82"));
        assert_eq!(set(plain(), UrlPart::Path, "/n"), is("/n?q", "h:81"));
        assert_eq!(set(plain(), UrlPart::Query, "n"), is("/p?n", "h:81"));
        assert_eq!(set(plain(), UrlPart::Scheme, "https"), is("https://h:81/p?q", "h:81"));
        assert_eq!(set(plain(), UrlPart::User, "me"), is("http://me@h:81/p?q", "h:81"));
        assert_eq!(set(plain(), UrlPart::Whole, "http://n/m"), is("http://n/m", "n"));
        assert_eq!(set(full(), UrlPart::Host, "other"), is("http://u@other:81/p?q", "other:81"));
        assert_eq!(set(full(), UrlPart::Password, "s"), is("http://u:s@h:81/p?q", "h:81"));
        assert_eq!(set(head("CONNECT", "h:443", None), UrlPart::Port, "80"), is("h:80", ""));
    }

    #[test]
    fn what_need_not_be_there_may_be_taken_away() {
        let mut head = head("GET", "http://u:p@h:81/p?q", None);
        for part in [UrlPart::User, UrlPart::Password, UrlPart::Port, UrlPart::Query] {
            head.set_url(part, None).unwrap();
            assert_eq!(get(&head, part), None);
        }
        assert_eq!(target_and_host(&head).0, "http://h/p");
        for part in [UrlPart::Whole, UrlPart::Scheme, UrlPart::Host, UrlPart::Path] {
            assert_eq!(head.set_url(part, None), Err(ChangeError::Invalid), "{part:?}");
        }
    }

    #[test]
    fn what_would_be_read_as_something_else_is_refused() {
        for (part, to) in [
            (UrlPart::Whole, "/p"),
            (UrlPart::Whole, "http://"),
            (UrlPart::Scheme, "ht tp"),
            (UrlPart::User, "a@b"),
            (UrlPart::Password, "a/b"),
            (UrlPart::Host, "a:1"),
            (UrlPart::Host, "a/b"),
            (UrlPart::Host, "a b"),
            (UrlPart::Port, "0"),
            (UrlPart::Port, "65536"),
            (UrlPart::Path, "p"),
            (UrlPart::Path, "/a b"),
            (UrlPart::Path, "/a?b"),
            (UrlPart::Query, "a#b"),
            (UrlPart::Query, "a b"),
            (UrlPart::Query, "a\r\nb"),
        ] {
            let mut head = head("GET", "/", Some("h"));
            let refused = head.set_url(part, Some(to.as_bytes()));
            assert_eq!(refused, Err(ChangeError::Invalid), "{part:?}: {to:?}");
            assert_eq!(target_and_host(&head), ("/".into(), "h".into()));
        }
    }
}
