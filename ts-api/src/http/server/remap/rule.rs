//! One rule: which requests it is for, and where they, or their clients, go; or which of an origin's URLs become which.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use thiserror::Error;

/// One rule of a [`Remap`](super::Remap): which requests it is for, and where they go ([`Rule::new`]) or their clients are sent
/// ([`Rule::redirect`]); or what becomes of the URLs in an origin's `Location` ([`Rule::reverse`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub(super) from: From,
    pub(super) to: Target,
    pub(super) what: What,
    pub(super) keep_host: bool,
    pub(super) keep_location: bool,
    /// Of others that map its requests first, if there are any: their number in the table's steps.
    pub(super) steps: Option<u32>,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Requests go to an origin.
    Forward,
    /// Clients are sent elsewhere.
    Redirect(Redirection),
    /// A `Location` of an origin's becomes another.
    Reverse,
}

/// With which status a client is sent elsewhere: [`Rule::redirect`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redirection {
    /// For good; a browser may go there with a GET.
    MovedPermanently = 301,
    /// For now; a browser may go there with a GET.
    Found = 302,
    /// For now, with the method and body that it came with.
    TemporaryRedirect = 307,
    /// For good, with the method and body that it came with.
    PermanentRedirect = 308,
}

impl Redirection {
    /// The one with a status; none if there is none with it.
    #[must_use]
    pub fn of(status: u16) -> Option<Self> {
        let all = [Self::MovedPermanently, Self::Found, Self::TemporaryRedirect, Self::PermanentRedirect];
        all.into_iter().find(|redirection| redirection.status() == status)
    }

    /// Its status.
    #[must_use]
    pub fn status(self) -> u16 {
        self as u16
    }
}

/// Which requests a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct From {
    scheme: Option<Scheme>,
    pub(super) host: Host,
    port: Option<u16>,
    pub(super) prefix: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Host {
    Exact(Box<str>),
    /// What follows `*.`.
    Suffix(Box<str>),
    Any,
}

/// Where requests, or clients, go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    scheme: Scheme,
    pub(super) origin: OriginName,
    pub(super) path: Box<str>,
}

/// An origin as it is named in the settings, or in a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum OriginName {
    Address(SocketAddr),
    /// A name that has to be looked up, in lower case, and a port.
    Name(Box<str>, u16),
}

/// A scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// It is neither a path nor a URL with a host.
    #[error("`{0}` is neither a path (`/a/`) nor a URL (`http://a.example/a/`, `//*.example/`)")]
    NotUrl(String),
    /// The scheme is none that there are rules for.
    #[error("`{0}` is no scheme here: it may be `http` or `https`, or left out for both")]
    Scheme(String),
    /// Origins are spoken to in clear; clients are sent elsewhere by `http` and `https` alone.
    #[error("`{0}` cannot be an origin: only `http://` can (clients may also be sent to `https://`)")]
    TargetScheme(String),
    /// The host is neither a name nor an address, nor `*` or `*.name` where those are allowed.
    #[error("`{0}` is no host: it may be a name, an address (`[::1]` with brackets){wild}", wild = wild(*.1))]
    Host(String, bool),
    /// The port is no number from 1 to 65535.
    #[error("`{0}` is no port: it may be a number from 1 to 65535{wild}", wild = any_port(*.1))]
    Port(String, bool),
    /// The path has characters that no path has.
    #[error("`{0}` is no path: it may have visible ASCII characters but `?` and `#`")]
    Path(String),
}

fn wild(allowed: bool) -> &'static str {
    if allowed { ", `*` for any or `*.name` for all names that end so" } else { "" }
}

fn any_port(allowed: bool) -> &'static str {
    if allowed { ", or `*`, or be left out, for any" } else { "" }
}

impl Rule {
    /// A rule: requests for `from` go to `to`.
    ///
    /// `from` is a path, or a URL of which the scheme may be left out. Its host may be `*` for any, or `*.name` for all
    /// names that end so (but not `name` itself); its port may be left out, or be `*`, for any. Its path is a prefix that
    /// ends where a segment of the path does: `/a` is for `/a` and `/a/b`, and not for `/ab`; `/a/` is not for `/a`.
    ///
    /// `to` is an `http://` URL with a name or an address; its path takes the prefix's place. The `Host` field becomes the
    /// one of `to`, unless [`Rule::keep_host`] says otherwise, and a `Location` of the origin's becomes one of the client's.
    ///
    /// # Errors
    ///
    /// [`RuleError`].
    pub fn new(from: &str, to: &str) -> Result<Self, RuleError> {
        let to = Target::parse(to)?;
        if to.scheme != Scheme::Http {
            return Err(RuleError::TargetScheme(format!("{}://", to.scheme.name())));
        }
        Self::of(What::Forward, from, to)
    }

    /// A rule that sends clients elsewhere: who asks for `from` is answered with the redirection and what `to` makes of the URL,
    /// and no origin is asked.
    ///
    /// `from` is as with [`Rule::new`]. `to` is an `http://` or `https://` URL; its path takes the prefix's place.
    ///
    /// # Errors
    ///
    /// [`RuleError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_api::http::{Redirection, Remap, Rule};
    ///
    /// let moved = Redirection::MovedPermanently;
    /// let remap = Remap::new([Rule::redirect("http://old.example/", "https://new.example/old/", moved)?])?;
    /// let found = remap.find("http://old.example/a?b").unwrap();
    /// assert_eq!(found.url, "https://new.example/old/a?b");
    /// assert_eq!(found.rule.redirection(), Some(moved));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn redirect(from: &str, to: &str, with: Redirection) -> Result<Self, RuleError> {
        Self::of(What::Redirect(with), from, Target::parse(to)?)
    }

    /// A rule for the way back: a `Location` or `Content-Location` of an origin's that `from` fits becomes what `to` makes of it,
    /// wherever the request went.
    ///
    /// [`Rule::new`] does that for its own origin. This is for URLs that name others, or for clients that know us by another name
    /// than they send, as behind a gate that speaks TLS. It is asked before the request's own rule. `from` is as with
    /// [`Rule::new`], and `to` as with [`Rule::redirect`].
    ///
    /// # Errors
    ///
    /// [`RuleError`].
    pub fn reverse(from: &str, to: &str) -> Result<Self, RuleError> {
        Self::of(What::Reverse, from, Target::parse(to)?)
    }

    fn of(what: What, from: &str, to: Target) -> Result<Self, RuleError> {
        let from = From::parse(from)?;
        Ok(Self { from, to, what, keep_host: false, keep_location: false, steps: None })
    }

    /// How the clients are sent elsewhere of whose requests it is; none if it sends none.
    #[must_use]
    pub fn redirection(&self) -> Option<Redirection> {
        match self.what {
            What::Redirect(with) => Some(with),
            What::Forward | What::Reverse => None,
        }
    }

    /// What to ask for to see it at work: a host, unless any will do, and a path. None if it is not for requests in clear.
    #[cfg(feature = "host")]
    pub(crate) fn example(&self) -> Option<(Option<String>, &str)> {
        let From { scheme, host, port, prefix } = &self.from;
        if !self.is_for_requests() || *scheme == Some(Scheme::Https) {
            return None;
        }
        let name = match (host, port) {
            (Host::Exact(name), _) => Some(name.to_string()),
            (Host::Suffix(name), _) => Some(format!("www.{name}")),
            (Host::Any, Some(_)) => Some("www.example".to_owned()),
            (Host::Any, None) => None,
        };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Some((name.map(|name| name + &port), prefix))
    }

    /// Whether it is for requests, and not for the way back.
    pub(crate) fn is_for_requests(&self) -> bool {
        self.what != What::Reverse
    }

    /// Sends the origin the `Host` field that the client sent.
    #[must_use]
    pub fn keep_host(mut self, keep: bool) -> Self {
        self.keep_host = keep;
        self
    }

    /// Leaves `Location` and `Content-Location` as the origin sends them, even if they name the origin.
    #[must_use]
    pub fn keep_location(mut self, keep: bool) -> Self {
        self.keep_location = keep;
        self
    }

    /// Has others map its requests first: those with this number in the table's steps.
    #[cfg(feature = "host")]
    pub(crate) fn with_steps(mut self, number: u32) -> Self {
        self.steps = Some(number);
        self
    }

    pub(crate) fn steps(&self) -> Option<u32> {
        self.steps
    }

    pub(super) fn everything_to(origin: SocketAddr) -> Self {
        let from = From { scheme: None, host: Host::Any, port: None, prefix: "/".into() };
        let to = Target { scheme: Scheme::Http, origin: OriginName::Address(origin), path: "/".into() };
        Self { from, to, what: What::Forward, keep_host: true, keep_location: true, steps: None }
    }

    /// How particular it is, among rules with the same host and prefix.
    pub(super) fn particular(&self) -> (bool, bool) {
        (self.from.port.is_some(), self.from.scheme.is_some())
    }

    pub(crate) fn origin(&self) -> &OriginName {
        &self.to.origin
    }

    pub(crate) fn keeps_host(&self) -> bool {
        self.keep_host
    }

    pub(crate) fn keeps_location(&self) -> bool {
        self.keep_location
    }

    /// The URL that one becomes that the rule fits and whose path and query are `target`.
    pub(crate) fn url(&self, target: &str) -> String {
        let rewritten = self.rewrite(target);
        format!("{}{}", self.to.base(), rewritten.as_deref().unwrap_or(target))
    }

    /// The target for the origin, of one that the rule fits; none if it is the same.
    pub(crate) fn rewrite(&self, target: &str) -> Option<String> {
        if self.from.prefix == self.to.path {
            return None;
        }
        // A request for the whole server, not for a path of it.
        let rest = target.strip_prefix(&*self.from.prefix)?;
        Some(join(&self.to.path, &self.from.prefix, rest))
    }
}

/// What becomes of a target when `to` takes the place of the prefix `of` that it had before `rest`: one slash is between.
pub(super) fn join(to: &str, of: &str, rest: &str) -> String {
    let directory = to.strip_suffix('/').unwrap_or(to);
    match rest.as_bytes().first() {
        None | Some(b'?' | b'#') => format!("{to}{rest}"),
        Some(_) if of.ends_with('/') => format!("{directory}/{rest}"),
        Some(_) => format!("{directory}{rest}"),
    }
}

impl From {
    fn parse(text: &str) -> Result<Self, RuleError> {
        if text.starts_with('/') && !text.starts_with("//") {
            return Ok(Self { scheme: None, host: Host::Any, port: None, prefix: path(text)? });
        }
        let (scheme, rest) = text.split_once("//").ok_or_else(|| RuleError::NotUrl(text.to_owned()))?;
        let scheme = match scheme.strip_suffix(':') {
            Some(name) => Some(Scheme::parse(name).ok_or_else(|| RuleError::Scheme(name.to_owned()))?),
            None if scheme.is_empty() => None,
            None => return Err(RuleError::NotUrl(text.to_owned())),
        };
        let (host, port, prefix) = parts(rest);
        let port = match port {
            None | Some("*") => None,
            Some(port) => Some(number(port, true)?),
        };
        let host = match host {
            "*" => Host::Any,
            _ => match host.strip_prefix("*.") {
                Some(name) => Host::Suffix(self::host(name, true)?),
                None => Host::Exact(self::host(host, true)?),
            },
        };
        Ok(Self { scheme, host, port, prefix: path(prefix)? })
    }

    pub(super) fn allows(&self, port: u16, scheme: Scheme) -> bool {
        self.port.is_none_or(|ours| ours == port) && self.scheme.is_none_or(|ours| ours == scheme)
    }
}

impl Target {
    fn parse(text: &str) -> Result<Self, RuleError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(RuleError::NotUrl(text.to_owned()));
        };
        let scheme = Scheme::parse(scheme).ok_or_else(|| RuleError::TargetScheme(format!("{scheme}://")))?;
        let (host, port, path) = parts(rest);
        let port = port.map_or(Ok(scheme.port()), |port| number(port, false))?;
        Ok(Self { scheme, origin: OriginName::new(&self::host(host, false)?, port), path: self::path(path)? })
    }

    /// All of the URL before the path.
    fn base(&self) -> String {
        let mut base = format!("{}://", self.scheme.name());
        self.origin.write(&mut base, self.scheme.port()).expect("a text has room");
        base
    }
}

impl OriginName {
    /// An origin by its host, which is a valid one, and its port.
    pub(crate) fn new(host: &str, port: u16) -> Self {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match bare.parse::<IpAddr>() {
            Ok(address) => Self::Address(SocketAddr::new(address, port)),
            Err(_) => Self::Name(host.to_ascii_lowercase().into(), port),
        }
    }

    /// An origin as a request names it; none if it cannot be one.
    pub(crate) fn parse(authority: &str, default_port: u16) -> Option<Self> {
        let (name, port, rest) = parts(authority);
        let port = port.map_or(Some(default_port), |port| number(port, false).ok())?;
        let name = host(name.strip_suffix('.').unwrap_or(name), false).ok()?;
        rest.is_empty().then(|| Self::new(&name, port))
    }
}

impl OriginName {
    /// Its port.
    #[cfg(feature = "ffi")]
    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Address(address) => address.port(),
            Self::Name(_, port) => *port,
        }
    }

    /// As in a URL: the port is left out if it is the usual one.
    fn write(&self, f: &mut impl fmt::Write, usual: u16) -> fmt::Result {
        match self {
            Self::Address(address) if address.port() == usual => match address.ip() {
                IpAddr::V4(ip) => write!(f, "{ip}"),
                IpAddr::V6(ip) => write!(f, "[{ip}]"),
            },
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name, port) if *port == usual => f.write_str(name),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

impl fmt::Display for OriginName {
    /// As in a URL by HTTP.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 80)
    }
}

impl Scheme {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is = |name: &str| text.eq_ignore_ascii_case(name);
        is("http").then_some(Self::Http).or_else(|| is("https").then_some(Self::Https))
    }

    pub(crate) fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Host, port and path of what follows `//`.
fn parts(text: &str) -> (&str, Option<&str>, &str) {
    let (authority, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    let end_of_address = match authority.strip_prefix('[') {
        Some(_) => authority.rfind(']').map_or(authority.len(), |at| at + 1),
        None => 0,
    };
    match authority[end_of_address..].find(':') {
        Some(colon) => {
            let colon = end_of_address + colon;
            (&authority[..colon], Some(&authority[colon + 1..]), path)
        }
        None => (authority, None, path),
    }
}

fn number(port: &str, any: bool) -> Result<u16, RuleError> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| port.parse().ok()).flatten().filter(|port| *port != 0);
    number.ok_or_else(|| RuleError::Port(port.to_owned(), any))
}

/// A host in the form in which it is compared.
fn host(text: &str, wild: bool) -> Result<Box<str>, RuleError> {
    let refused = || RuleError::Host(text.to_owned(), wild);
    if let Some(address) = text.strip_prefix('[') {
        let address = address.strip_suffix(']').ok_or_else(refused)?;
        let address: Ipv6Addr = address.parse().map_err(|_| refused())?;
        return Ok(format!("[{address}]").into());
    }
    let text = text.strip_suffix('.').unwrap_or(text);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let good =
        !text.is_empty() && text.bytes().all(allowed) && text.split('.').all(|label| !label.is_empty());
    if good { Ok(text.to_ascii_lowercase().into()) } else { Err(refused()) }
}

fn path(text: &str) -> Result<Box<str>, RuleError> {
    let good = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#');
    match text {
        "" => Ok("/".into()),
        _ if good => Ok(text.into()),
        _ => Err(RuleError::Path(text.to_owned())),
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let From { scheme, host, port, prefix } = &self.from;
        if let Some(scheme) = scheme {
            write!(f, "{}:", scheme.name())?;
        }
        match host {
            Host::Any => f.write_str("//*")?,
            Host::Suffix(name) => write!(f, "//*.{name}")?,
            Host::Exact(name) => write!(f, "//{name}")?,
        }
        if let Some(port) = port {
            write!(f, ":{port}")?;
        }
        write!(f, "{prefix} -> {}{}", self.to.base(), self.to.path)?;
        match self.what {
            What::Forward => Ok(()),
            What::Redirect(with) => write!(f, " ({})", with.status()),
            What::Reverse => f.write_str(" (reverse)"),
        }
    }
}
