//! What a proxy changes in a head that it passes on.
//!
//! Fields that are meant for one connection stay on it, and the others keep their order. The target becomes what an origin
//! expects, and `Host` what the route says. `Upgrade` is taken out like every field of one connection, so nobody switches to
//! another protocol; whether trailers are understood is told on, and what they will be.
//!
//! # Rules
//! * Nothing but the last field is taken out of a map with its own `remove`: that puts the last field in the place of the one
//!   removed.

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{StatusCode, Uri, Version, request, response};
use smallvec::SmallVec;

use super::remap::{OriginName, Remap};
use super::route::Route;

const OF_ONE_CONNECTION: [HeaderName; 7] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Looks at a client's request and says with which status it is refused, if it is.
pub(crate) fn refusal(parts: &request::Parts) -> Option<StatusCode> {
    let mut expected = parts.headers.get_all(EXPECT).iter();
    if parts.version > Version::HTTP_10
        && !expected.all(|what| what.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    {
        return Some(StatusCode::EXPECTATION_FAILED);
    }
    let hosts = parts.headers.get_all(HOST).iter().count();
    // A second `Host` could be read in two ways; HTTP/1.1 asks for exactly one.
    let missing = hosts == 0 && parts.version == Version::HTTP_11 && parts.uri.authority().is_none();
    (hosts > 1 || missing).then_some(StatusCode::BAD_REQUEST)
}

/// Makes a client's request one to the origin; `has_body` if there is a body that the client may be waiting to send.
pub(crate) fn request(parts: &mut request::Parts, origin: &OriginName, has_body: bool) {
    let trailers = takes_trailers(parts);
    // Who has no body to hold back, or cannot, has nothing to expect.
    let expects = has_body && parts.version > Version::HTTP_10;
    remove_connection_fields(&mut parts.headers, if expects { &[] } else { &[EXPECT] });
    parts.version = Version::HTTP_11;
    if trailers {
        parts.headers.insert(TE, HeaderValue::from_static("trailers"));
        parts.headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    if let Some(host) = parts.uri.authority().and_then(|authority| {
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        HeaderValue::from_str(host).ok()
    }) {
        parts.headers.insert(HOST, host);
    } else if !parts.headers.contains_key(HOST)
        && let Ok(host) = HeaderValue::from_str(&origin.to_string())
    {
        parts.headers.insert(HOST, host);
    }
    to_origin_form(&mut parts.uri);
}

/// Whether the client said that it understands trailers.
fn takes_trailers(parts: &request::Parts) -> bool {
    let mut codings =
        parts.headers.get_all(TE).iter().filter_map(|te| te.to_str().ok()).flat_map(|te| te.split(','));
    parts.version > Version::HTTP_10 && codings.any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

fn to_origin_form(uri: &mut Uri) {
    if uri.scheme().is_some() || uri.authority().is_some() {
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        *uri = Uri::from(path);
    }
}

/// After plugins have had the request: a plugin may have set another target.
pub(crate) fn settle_request(parts: &mut request::Parts, has_body: bool) {
    to_origin_form(&mut parts.uri);
    if has_body && !parts.headers.contains_key(CONTENT_LENGTH) {
        // Said openly, since for methods that rarely have one the writer would take the body for none.
        parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// Makes the origin's response one to the client. Whether more was changed than what a response received as this one loses in
/// any case (`stays_in_response`).
pub(crate) fn response(parts: &mut response::Parts, route: &Route<'_>, remap: &Remap) -> bool {
    let mut changed = false;
    for name in [LOCATION, CONTENT_LOCATION] {
        if let Some(location) = parts.headers.get_mut(name)
            && let Some(ours) = route.reverse(remap, location)
        {
            *location = ours;
            changed = true;
        }
    }
    remove_connection_fields(&mut parts.headers, &[]);
    parts.version = Version::HTTP_11;
    changed
}

/// Which of the fields of an origin's response the client's has.
pub(crate) fn stays_in_response(
    fields: impl Iterator<Item = (Bytes, Bytes)>,
) -> impl Fn(&HeaderName) -> bool {
    let mut named = Named::new();
    for (name, value) in fields {
        if name.eq_ignore_ascii_case(CONNECTION.as_str().as_bytes()) {
            name_fields(&value, &mut named);
        }
    }
    move |name| stays(name, &[], &named)
}

fn remove_connection_fields(headers: &mut HeaderMap, others: &[HeaderName]) {
    let mut named = Named::new();
    for value in headers.get_all(CONNECTION) {
        name_fields(value.as_bytes(), &mut named);
    }
    keep(headers, |name| stays(name, others, &named));
}

/// The fields that a connection names as its own; mostly none.
type Named = SmallVec<[HeaderName; 2]>;

fn name_fields(connection: &[u8], named: &mut Named) {
    // The usual one is taken out in any case.
    if connection == b"keep-alive" || connection.eq_ignore_ascii_case(b"keep-alive") {
        return;
    }
    let Ok(connection) = str::from_utf8(connection) else { return };
    let names = connection.split(',').filter_map(|name| name.trim().parse().ok());
    // No connection may take these from the message.
    named.extend(names.filter(|name| *name != CONTENT_LENGTH && *name != HOST));
}

fn stays(name: &HeaderName, others: &[HeaderName], named: &[HeaderName]) -> bool {
    *name != CONNECTION && [&OF_ONE_CONNECTION[..], others, named].iter().all(|list| !list.contains(name))
}

/// Removes the fields that do not stay; the others keep their order.
fn keep(headers: &mut HeaderMap, stays: impl Fn(&HeaderName) -> bool) {
    let Some(first) = headers.keys().position(|name| !stays(name)) else { return };
    if headers.keys().skip(first).all(|name| !stays(name)) {
        // They come last, as in most responses: then nothing takes their places, if the last one goes first.
        let last: SmallVec<[HeaderName; 4]> = headers.keys().skip(first).cloned().collect();
        for name in last.into_iter().rev() {
            headers.remove(name);
        }
        return;
    }
    let all = std::mem::take(headers);
    headers.reserve(all.keys_len());
    let mut current = None;
    for (name, value) in all {
        // The values of one field come together, and only the first with the name.
        if let Some(name) = name {
            current = stays(&name).then_some(name);
        }
        if let Some(name) = &current {
            headers.append(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> OriginName {
        OriginName::Address("127.0.0.1:1".parse().unwrap())
    }

    fn parts(build: http::request::Builder) -> request::Parts {
        build.body(()).unwrap().into_parts().0
    }

    #[test]
    fn fields_of_one_connection_stay_on_it() {
        let mut parts = parts(
            http::Request::get("http://user@example.org/a?b")
                .header("Connection", "close, X-Mine, Content-Length")
                .header("X-Mine", "1")
                .header("X-Yours", "2")
                .header("Keep-Alive", "timeout=5")
                .header("Content-Length", "3")
                .header("Host", "other.example"),
        );
        request(&mut parts, &origin(), false);
        assert_eq!(parts.uri, "/a?b");
        let names: Vec<_> = parts.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-yours", "content-length", "host"]);
        assert_eq!(parts.headers[HOST], "example.org");
    }

    #[test]
    fn what_stays_keeps_its_order_and_its_values() {
        let names = ["a", "te", "b", "connection", "hop", "c", "keep-alive", "d", "expect", "e", "host"];
        let build = names.iter().fold(http::Request::get("/"), |build, name| {
            let value = if *name == "connection" { "hop" } else { "1" };
            build.header(*name, value)
        });
        let mut parts = parts(build.header("b", "2").header("te", "2"));
        request(&mut parts, &origin(), false);
        let fields: Vec<_> =
            parts.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(
            fields,
            [("a", "1"), ("b", "1"), ("b", "2"), ("c", "1"), ("d", "1"), ("e", "1"), ("host", "1")]
        );
    }

    #[test]
    fn what_is_last_goes_without_moving_anything() {
        for tail in [&["connection"][..], &["keep-alive", "connection"], &["connection", "te", "upgrade"]] {
            let names = [&["b", "host", "a"][..], tail].concat();
            let build = names.iter().fold(http::Request::get("/"), |build, name| build.header(*name, "1"));
            let mut parts = parts(build.header("a", "2").header("connection", "keep-alive"));
            request(&mut parts, &origin(), false);
            let fields: Vec<_> =
                parts.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
            assert_eq!(fields, [("b", "1"), ("host", "1"), ("a", "1"), ("a", "2")], "{tail:?}");
        }
    }

    #[test]
    fn a_request_needs_exactly_one_host() {
        let with = |hosts: &[&str]| {
            let build = hosts.iter().fold(http::Request::get("/"), |build, host| build.header("Host", *host));
            refusal(&parts(build))
        };
        assert_eq!(with(&[]), Some(StatusCode::BAD_REQUEST));
        assert_eq!(with(&["a"]), None);
        assert_eq!(with(&["a", "a"]), Some(StatusCode::BAD_REQUEST));
    }
}
