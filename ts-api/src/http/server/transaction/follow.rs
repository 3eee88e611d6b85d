//! Asking another URL instead, when the origin's response, or its failure, made a plugin think so.
//!
//! # Rules
//! * Only a plugin's URL is followed, and nobody's `Location`. It is trusted like one that was set before the origin was asked: the
//!   target policy, which is for what clients name, is not asked.
//! * What is asked is the client's request as it stands, with the new target and host; what was changed of the request to the
//!   other origin is forgotten, and its body is framed anew.
//! * A body that was passed on as it came is gone, so such a request is not asked again.

use std::cell::RefCell;

use http::StatusCode;
use http::header::CONTENT_LENGTH;

use super::{Received, Reply, Stopped, Transaction, there};
use crate::http::OriginState;
use crate::http::server::body::RequestBody;
use crate::http::server::forward;
use crate::http::server::gather::Gathered;
use crate::http::server::route::Route;
use crate::http::server::wishes::{OriginAddress, Target};

/// How often one transaction goes elsewhere: more than a list of substitutes has, and few enough for two plugins that send it to
/// and fro.
const MOST: u32 = 10;

/// What is sent again.
#[derive(Default)]
pub(super) struct Again(RefCell<Body>);

/// A request's body, for another time.
#[derive(Default)]
enum Body {
    /// It has been passed on, or has not come yet.
    #[default]
    Gone,
    None,
    Whole(Box<Gathered>),
}

impl Again {
    /// Notes what is about to be sent.
    pub(super) fn note(&self, body: &RequestBody) {
        use hyper::body::Body as _;
        *self.0.borrow_mut() = match body.whole() {
            Some(gathered) => Body::Whole(Box::new(gathered.clone())),
            None if body.is_end_stream() => Body::None,
            None => Body::Gone,
        };
    }
}

impl Transaction {
    /// Where a plugin wants the request to go instead; none if nobody does, or if it cannot go anywhere.
    pub(super) fn elsewhere(&self) -> Option<Target> {
        let (redirect, before) =
            self.wished(|content| (content.wishes.redirect.take(), content.redirects))?;
        let (url, target) = *redirect?;
        let why = match &*self.again.0.borrow() {
            Body::Gone => "the request's body has been passed on",
            _ if before >= MOST => "it has been elsewhere too often",
            _ => return Some(target),
        };
        tracing::warn!(%url, why, "a transaction does not go elsewhere");
        None
    }

    /// As `elsewhere`, for a response that is there because the origin failed.
    pub(super) fn elsewhere_after_failure(&self) -> Option<Target> {
        self.wished(|content| content.origin_state.is_failure()).filter(|failed| *failed)?;
        self.elsewhere()
    }

    /// Asks there, and wherever plugins want it to go from there.
    pub(super) async fn follow(&self, mut target: Target, place: &mut Option<Reply>) -> Result<(), Stopped> {
        loop {
            // Nobody gets that response. What is left of it must not keep a connection that is waited for here.
            *place = None;
            let asked = self.show(|content| {
                content.redirects += 1;
                content.origin = Some(target.origin.clone());
                content.origin_state = OriginState::Unknown;
                let from = content.wishes.origin.from;
                // Another origin has another address.
                content.wishes.origin = OriginAddress { from, ..OriginAddress::default() };
                // It was for the response that nobody gets.
                content.wishes.body = None;
                content.heads.client_request().and_then(|head| head.request_parts())
            });
            let Some(mut parts) = asked.flatten() else {
                return Err(Stopped::Error { default: StatusCode::INTERNAL_SERVER_ERROR });
            };
            target.rewrite(&mut parts);
            self.show_rewritten(&parts);
            let body = match &*self.again.0.borrow() {
                Body::Whole(gathered) => {
                    if gathered.trailers.is_none() {
                        parts.headers.insert(CONTENT_LENGTH, gathered.bytes.len().into());
                    }
                    RequestBody::gathered(Gathered::clone(gathered), &self.exchange)
                }
                Body::None | Body::Gone => RequestBody::empty(),
            };
            let route = Route::to(target.origin);
            let origin = self.locate(route.origin(), &mut parts).await?;
            forward::request(&mut parts, &origin, false);
            let received = Box::new(Received { parts, body: None, head: None });
            self.fetch(&origin, false, received, body, place).await?;
            self.read_response(there(place), &route).await?;
            match self.elsewhere() {
                Some(next) => target = next,
                None => return Ok(()),
            }
        }
    }
}
