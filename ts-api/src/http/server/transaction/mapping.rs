//! Where a request goes: a plugin's wish, the rules and their steps, or what the client says.
//!
//! # Rules
//! * PRE_REMAP comes before the rules are asked, POST_REMAP when they have answered; neither comes once a plugin has said that
//!   they are not to be asked.
//! * A plugin's wish, taken before or after the rules, goes before what they say.
//! * A status that a plugin has set by the time the request has been mapped answers it, and no origin is asked.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderValue, LOCATION};
use http::{StatusCode, request};
use hyper::Response;

use super::{Stopped, Transaction};
use crate::http::HookId;
use crate::http::server::call_out::HasSubject;
use crate::http::server::remap::OriginName;
use crate::http::server::route::{Found, Route};

impl Transaction {
    /// Decides which origin gets the request.
    pub(super) async fn remap(&self, parts: &mut request::Parts) -> Result<Route<'_>, Stopped> {
        if let Some(route) = self.as_asked(parts)? {
            return Ok(route);
        }
        self.pass_request(HookId::PreRemap, parts).await?;
        if let Some(route) = self.as_asked(parts)? {
            return Ok(route);
        }
        let mut route = match self.redirect(parts) {
            Some(route) => route,
            None => {
                let found = Route::find(&self.settings, parts)
                    .map_err(|default| Stopped::Error { default: self.when_mapped().unwrap_or(default) })?;
                let route = match found {
                    Found::Route(route) => route,
                    Found::Elsewhere(status, url) => {
                        return Err(Stopped::Answer(redirection(Some(status), url)));
                    }
                };
                match route.steps() {
                    // Seldom there, so it takes no room of all the others.
                    Some(steps) => Box::pin(self.map(route, steps, parts)).await?,
                    None => {
                        self.rewrite(&route, parts);
                        route
                    }
                }
            }
        };
        if let Some(default) = self.when_mapped() {
            return Err(Stopped::Error { default });
        }
        self.show(|content| content.origin = Some(route.origin().clone()));
        self.pass_request(HookId::PostRemap, parts).await?;
        if let Some(redirected) = self.redirect(parts) {
            self.show(|content| content.origin = Some(redirected.origin().clone()));
            route = redirected;
        }
        Ok(route)
    }

    /// Where the client says that its request goes, if a plugin wants the rules not to be asked.
    fn as_asked(&self, parts: &request::Parts) -> Result<Option<Route<'static>>, Stopped> {
        if self.wished(|content| content.wishes.skip_remap) != Some(true) {
            return Ok(None);
        }
        let route = Route::as_asked(parts).map_err(|default| Stopped::Error { default })?;
        self.show(|content| content.origin = Some(route.origin().clone()));
        Ok(Some(route))
    }

    fn rewrite(&self, route: &Route<'_>, parts: &mut request::Parts) {
        if route.rewrite(parts) {
            self.show_rewritten(parts);
        }
    }

    /// Has the steps of the route's rule map the request, and the rule if they do not.
    async fn map<'a>(
        &'a self,
        route: Route<'a>,
        number: u32,
        parts: &mut request::Parts,
    ) -> Result<Route<'a>, Stopped> {
        let (Some(steps), Some(subject)) = (&self.steps, &self.subject) else {
            self.rewrite(&route, parts);
            return Ok(route);
        };
        let mut is_mapped = false;
        let mut asked = authority(parts);
        for (index, step) in steps.of(number).iter().enumerate() {
            let done = subject.subject().run_out(|| step.map(subject.subject().number)).await;
            self.exchange.time_passes();
            if self.exchange.client_is_gone() {
                return Err(Stopped::ClientGone);
            }
            self.wished(|content| content.heads.apply_client_request(parts));
            if let Some(answer) = self.wished(|content| content.wishes.answer.take()).flatten() {
                return Err(Stopped::Answer(answer));
            }
            let status = self.when_mapped();
            if done.redirect {
                let status = status.as_ref().map(StatusCode::as_u16);
                return Err(Stopped::Answer(redirection(status, url(parts))));
            }
            if let Some(default) = status {
                return Err(Stopped::Error { default });
            }
            is_mapped |= done.mapped;
            if index == 0 && !is_mapped {
                // What follows sees the request as the rule has mapped it.
                self.rewrite(&route, parts);
                asked = authority(parts);
            }
            if done.last {
                break;
            }
        }
        if !is_mapped {
            return Ok(route);
        }
        // A host that nobody has changed is still for the rule to map.
        let named = authority(parts);
        let origin = (named != asked)
            .then(|| OriginName::parse(&named, 80).ok_or(Stopped::Error { default: StatusCode::BAD_REQUEST }))
            .transpose()?;
        if parts.uri.scheme_str().is_some_and(|scheme| scheme != "http") {
            return Err(Stopped::Error { default: StatusCode::NOT_IMPLEMENTED });
        }
        let route = route.mapped(origin);
        if route.address(parts) {
            self.show_rewritten(parts);
        }
        Ok(route)
    }

    /// The status that a plugin wants the request to be answered with when it has been mapped.
    fn when_mapped(&self) -> Option<StatusCode> {
        self.wished(|content| content.error.as_ref().and_then(|error| error.when_mapped)).flatten()
    }

    /// Where a plugin wants the request to go, if one does.
    fn redirect(&self, parts: &mut request::Parts) -> Option<Route<'static>> {
        let target = self.wished(|content| content.wishes.target.take()).flatten()?;
        target.rewrite(parts);
        self.show_rewritten(parts);
        Some(Route::to(target.origin))
    }

    /// The client's request is another one now.
    pub(super) fn show_rewritten(&self, parts: &request::Parts) {
        self.show(|content| content.heads.rewrite(parts));
    }
}

/// The host that a request is for, perhaps with a port.
fn authority(parts: &request::Parts) -> String {
    let field = || parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    parts.uri.authority().map(http::uri::Authority::as_str).or_else(field).unwrap_or_default().to_owned()
}

/// Where a request has been mapped to.
fn url(parts: &request::Parts) -> String {
    let scheme = parts.uri.scheme_str().unwrap_or("http");
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let authority = authority(parts);
    let usual = if scheme == "http" { ":80" } else { ":443" };
    let authority = authority.strip_suffix(usual).unwrap_or(&authority);
    format!("{scheme}://{authority}{target}")
}

/// Sends the client elsewhere.
fn redirection(status: Option<u16>, url: String) -> Box<Response<Bytes>> {
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.filter(StatusCode::is_redirection).unwrap_or(StatusCode::FOUND);
    let location = HeaderValue::try_from(url);
    let mut response = Response::new(Bytes::from(format!("{status}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if let Ok(location) = location {
        headers.insert(LOCATION, location);
    }
    Box::new(response)
}
