//! Where one request goes, and what that makes of its head and of the response's.

use std::borrow::Cow;

use http::header::{HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{StatusCode, Uri, Version, request};

use super::remap::{OriginName, Remap, Rule, Scheme};
use super::settings::Settings;

/// What becomes of one request.
pub(crate) enum Found<'a> {
    /// It goes somewhere.
    Route(Route<'a>),
    /// Its client goes there, with this status.
    Elsewhere(u16, String),
}

/// Where one request goes.
pub(crate) struct Route<'a> {
    origin: Cow<'a, OriginName>,
    /// None for a forward proxy's request, which names its target itself.
    rule: Option<&'a Rule>,
    of_client: bool,
    /// The host that the client asked for, if the response may have to name it.
    asked: Option<HeaderValue>,
}

impl<'a> Route<'a> {
    /// The route of a request, or of its client, or with which status it is refused.
    pub(crate) fn find(settings: &'a Settings, parts: &request::Parts) -> Result<Found<'a>, StatusCode> {
        let asked = parts.headers.get(HOST);
        let authority = match parts.uri.authority() {
            Some(authority) => authority.as_str(),
            None => asked.and_then(|host| host.to_str().ok()).unwrap_or_default(),
        };
        let scheme = parts.uri.scheme_str().and_then(Scheme::parse).unwrap_or(Scheme::Http);
        let path = match parts.uri.path() {
            // The whole server, or an empty path.
            "*" | "" => "/",
            path => path,
        };
        if let Some(rule) = settings.remap.rule(scheme, authority, path) {
            if let Some(with) = rule.redirection() {
                let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                return Ok(Found::Elsewhere(with.status(), rule.url(&format!("{path}{query}"))));
            }
            let asked = match parts.uri.authority() {
                Some(_) if !rule.keeps_location() => HeaderValue::from_str(without_user(authority)).ok(),
                None if !rule.keeps_location() => asked.cloned(),
                _ => None,
            };
            let origin = Cow::Borrowed(rule.origin());
            return Ok(Found::Route(Self { origin, rule: Some(rule), of_client: false, asked }));
        }
        // In HTTP/2 every request names an authority, whatever its client takes us for.
        let in_full = parts.uri.scheme().is_some() && parts.version < Version::HTTP_2;
        if !settings.remap.forwards() || !in_full {
            // Whoever serves none of this authority has nothing to say about its paths.
            let serves = settings.remap.serves(scheme, authority);
            return Err(if serves { StatusCode::NOT_FOUND } else { StatusCode::MISDIRECTED_REQUEST });
        }
        Self::as_asked(parts).map(Found::Route)
    }

    /// The route that the client names.
    pub(crate) fn as_asked(parts: &request::Parts) -> Result<Self, StatusCode> {
        let field = || parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let authority = parts.uri.authority().map(http::uri::Authority::as_str).or_else(field);
        let scheme = parts.uri.scheme_str().and_then(Scheme::parse).unwrap_or(Scheme::Http);
        if scheme != Scheme::Http {
            return Err(StatusCode::NOT_IMPLEMENTED);
        }
        let origin = OriginName::parse(without_user(authority.unwrap_or_default()), scheme.port());
        let origin = Cow::Owned(origin.ok_or(StatusCode::BAD_REQUEST)?);
        Ok(Self { origin, rule: None, of_client: true, asked: None })
    }

    /// The route that a plugin has chosen.
    pub(crate) fn to(origin: OriginName) -> Self {
        Self { origin: Cow::Owned(origin), rule: None, of_client: false, asked: None }
    }

    /// The number of those that map its requests first, if there are any.
    pub(crate) fn steps(&self) -> Option<u32> {
        self.rule?.steps()
    }

    /// The same rule's, to where a step has mapped the request; the rule's own if it has not said where.
    pub(crate) fn mapped(&self, origin: Option<OriginName>) -> Self {
        match origin {
            Some(origin) => Self::to(origin),
            None => Self { origin: self.origin.clone(), asked: self.asked.clone(), ..*self },
        }
    }

    pub(crate) fn origin(&self) -> &OriginName {
        &self.origin
    }

    /// Whether it is the client, and no rule, that says where it leads.
    pub(crate) fn is_of_client(&self) -> bool {
        self.of_client
    }

    /// Makes the client's request one for where the route leads. Whether anything was changed.
    pub(crate) fn rewrite(&self, parts: &mut request::Parts) -> bool {
        let Some(rule) = self.rule else { return false };
        let host =
            (!rule.keeps_host()).then(|| HeaderValue::from_str(&self.origin.to_string()).ok()).flatten();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let target = rule.rewrite(target).and_then(|target| target.parse::<PathAndQuery>().ok());
        if host.is_none() && target.is_none() {
            return false;
        }
        if let Some(host) = host {
            // What an absolute target says of the host is no longer true.
            let kept = target.or_else(|| parts.uri.path_and_query().cloned());
            parts.uri = Uri::from(kept.unwrap_or_else(|| PathAndQuery::from_static("/")));
            parts.headers.insert(HOST, host);
        } else if let Some(target) = target {
            let mut uri = std::mem::take(&mut parts.uri).into_parts();
            uri.path_and_query = Some(target);
            parts.uri = Uri::from_parts(uri).unwrap_or_default();
        }
        true
    }

    /// Makes a request, whose target a step has changed, one for where the route leads. Whether anything was changed.
    pub(crate) fn address(&self, parts: &mut request::Parts) -> bool {
        let keeps = self.rule.is_some_and(Rule::keeps_host);
        let host = (!keeps).then(|| HeaderValue::from_str(&self.origin.to_string()).ok()).flatten();
        let is_same = host.is_none() || host.as_ref() == parts.headers.get(HOST);
        if parts.uri.authority().is_none() && is_same {
            return false;
        }
        let target = parts.uri.path_and_query().cloned();
        parts.uri = Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
        if let Some(host) = host {
            parts.headers.insert(HOST, host);
        }
        true
    }

    /// What a `Location` becomes; none if it stays.
    pub(crate) fn reverse(&self, remap: &Remap, location: &HeaderValue) -> Option<HeaderValue> {
        let location = location.to_str().ok()?;
        let way_back = || {
            let asked = self.asked.as_ref()?.to_str().ok()?;
            self.rule?.way_back(location, asked)
        };
        HeaderValue::try_from(remap.reverse(location).or_else(way_back)?).ok()
    }
}

fn without_user(authority: &str) -> &str {
    authority.rsplit('@').next().unwrap_or_default()
}
