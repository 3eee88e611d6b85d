//! A request to an origin: a connection, new or kept, and the response over it.
//!
//! # Rules
//! * A kept connection may turn out to be closed. A request that was not sent then goes over another one; one that may have
//!   been sent does so only if it has no body and asking twice does no harm.
//! * A new connection's failure is the request's.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::{EXPECT, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Extensions, Method, StatusCode, Uri, Version};
use hyper::Request;
use hyper::body::Body;
use hyper::ext::on_informational;
use smallvec::SmallVec;
use ts_cont::Here;
use ts_cont::future::timeout;
use ts_thread::HrTime;

use super::body::{OriginBody, RequestBody, Source};
use super::connect::connect;
use super::counts::Counters;
use super::failure::Failure;
use super::gate::origin::is_garbage;
use super::limits::Limits;
use super::link::Link;
use super::policy::OriginPolicy;
use super::pool::{Granted, Opened, Pools};
use super::remap::OriginName;
use super::stream::Stream;
use super::targets::Targets;
use super::timeouts::Timeouts;
use super::transaction::{Received, Reply};

/// How many addresses of a name are tried: with more of them each would have too little of the time.
const ADDRESSES_TRIED: usize = 8;

/// Why a request has no response yet.
pub(crate) enum NotSent {
    /// The connection was a kept one, and dead: the request is as it was, and may be sent over another one.
    Again(Box<Request<RequestBody>>),
    /// It will have none.
    Failed(Failure),
}

impl From<Failure> for NotSent {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// How a request is sent.
#[derive(Clone, Copy)]
pub(crate) struct Sending<'a> {
    pub(crate) timeouts: &'a Timeouts,
    pub(crate) now: HrTime,
    /// The response's head is noted as it comes.
    pub(crate) noted: bool,
    pub(crate) counters: &'a Counters,
}

/// How an origin is reached.
#[derive(Clone, Copy)]
pub(crate) struct Reach<'a> {
    pub(crate) policy: &'a OriginPolicy,
    pub(crate) timeouts: &'a Timeouts,
    pub(crate) limits: &'a Limits,
    /// It is the client who names the origin, so it may not be just any.
    pub(crate) targets: Option<&'a Targets>,
    /// Our address to go from, if it is not just any.
    pub(crate) from: Option<SocketAddr>,
}

impl Reach<'_> {
    fn allows(&self, address: SocketAddr) -> bool {
        self.targets.is_none_or(|targets| targets.allow(address.ip()))
    }

    /// A connection may have been made for somebody who is allowed more.
    fn check(&self, kept: Opened) -> Result<Opened, Failure> {
        if self.allows(kept.address()) { Ok(kept) } else { Err(Failure::Forbidden) }
    }
}

impl Pools {
    /// A connection to send a request over that was kept, if there is one.
    pub(crate) fn kept(
        self: &Rc<Self>,
        to: &OriginName,
        reach: Reach<'_>,
    ) -> Option<Result<Opened, Failure>> {
        self.of(to, reach.from, reach.policy).take().map(|kept| reach.check(kept))
    }

    /// A connection to send a request over: a new one, or one that becomes free.
    pub(crate) async fn open(
        self: &Rc<Self>,
        to: &OriginName,
        reach: Reach<'_>,
        counters: &Counters,
    ) -> Result<Opened, Failure> {
        let Reach { policy, timeouts, limits, from, .. } = reach;
        let pool = self.of(to, from, policy);
        let slot = match pool.reserve() {
            Some(slot) => slot,
            None => match pool.wait(policy.queue_time).await? {
                Granted::Connection(kept) => return reach.check(kept),
                Granted::Place(slot) => slot,
            },
        };
        let (stream, address) = self.connect(to, reach).await?;
        counters.origin_connections.add();
        let link = Link::start(stream, address, slot, timeouts, limits).await.map_err(Failure::Broken)?;
        Ok(Opened::new(link))
    }

    /// Sends a request, and waits for the response's head. The response is left in `place`: who hands on something large copies
    /// it at each turn.
    pub(crate) async fn send(
        &self,
        connection: Opened,
        received: Box<Received>,
        body: RequestBody,
        how: Sending<'_>,
        place: &mut Option<Reply>,
    ) -> Result<(), NotSent> {
        let Sending { timeouts, now, noted, counters } = how;
        let kept = connection.is_kept();
        if kept {
            counters.origin_reused.add();
        }
        let link = connection.into_link();
        let mut again = None;
        let number = link.requests() + 1;
        // Not by way of a variable, which would be copied.
        match link.send(request(received, body, timeouts, kept, &mut again), timeouts, now, noted).await {
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                link.close();
                Err(Failure::Switched.into())
            }
            Ok(response) => {
                link.answered(number);
                let (parts, body) = response.into_parts();
                let reply = place.insert(Reply { parts, source: Source::Text(None) });
                link.note_spelling(&mut reply.parts.extensions);
                reply.source = Source::Origin(OriginBody::new(body, link, number));
                Ok(())
            }
            Err(_) if link.is_late() => Err(Failure::TooLate.into()),
            Err(mut error) => {
                let request = match (error.take_message(), again) {
                    (Some(unsent), _) if kept => unsent,
                    (_, Some(unharmed)) if !is_garbage(error.error()) => unharmed.into_request(),
                    _ => return Err(Failure::Broken(error.into_error()).into()),
                };
                counters.origin_retries.add();
                Err(NotSent::Again(request.into()))
            }
        }
    }

    /// A socket that is connected to one of the origin's addresses.
    pub(crate) async fn connect(
        self: &Rc<Self>,
        to: &OriginName,
        reach: Reach<'_>,
    ) -> Result<(Stream, SocketAddr), Failure> {
        let Reach { policy, timeouts, from, .. } = reach;
        let limit = timeouts.connect;
        match to {
            OriginName::Address(address) if reach.allows(*address) => in_turn(&[*address], from, limit).await,
            OriginName::Address(_) => Err(Failure::Forbidden),
            OriginName::Name(host, port) => {
                let found = self.names.find(host, timeouts.lookup, policy);
                let found = found.await.map_err(Failure::Lookup)?;
                let addresses = found.in_turn().map(|ip| SocketAddr::new(ip, *port));
                let addresses = addresses.filter(|address| reach.allows(*address)).take(ADDRESSES_TRIED);
                let addresses: SmallVec<[_; 4]> = addresses.collect();
                if addresses.is_empty() {
                    return Err(Failure::Forbidden);
                }
                in_turn(&addresses, from, limit).await
            }
        }
    }
}

/// What is sent. What would be sent once more, if it may be, is left in `again`.
fn request(
    received: Box<Received>,
    mut body: RequestBody,
    timeouts: &Timeouts,
    kept: bool,
    again: &mut Option<Copied>,
) -> Request<RequestBody> {
    let parts = &received.parts;
    if kept && body.is_end_stream() && parts.method.is_idempotent() {
        *again = Some(Copied::of(parts));
    }
    let asked =
        (body.is_whole() && parts.headers.contains_key(EXPECT)).then(|| body.hold_back(timeouts.expect));
    let Some(asked) = asked else { return Request::from_parts(received.parts, body) };
    let mut request = Request::from_parts(received.parts, body);
    on_informational(&mut request, move |response| {
        if response.status() == StatusCode::CONTINUE {
            // Relaxed: it is read on this thread, by the same task.
            asked.store(true, Ordering::Relaxed);
        }
    });
    request
}

/// A request's head, copied in case that it has to be sent once more. That is seldom, so the fields are a list: a map of them is
/// copied at three times the cost.
struct Copied {
    method: Method,
    uri: Uri,
    version: Version,
    fields: Vec<(HeaderName, HeaderValue)>,
    extensions: Extensions,
}

impl Copied {
    fn of(parts: &Parts) -> Self {
        let mut fields = Vec::with_capacity(parts.headers.len());
        fields.extend(parts.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        Self {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            version: parts.version,
            fields,
            extensions: parts.extensions.clone(),
        }
    }

    /// A request like the one that was copied, which had no body.
    fn into_request(self) -> Request<RequestBody> {
        let mut request = Request::new(RequestBody::empty());
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.version_mut() = self.version;
        *request.extensions_mut() = self.extensions;
        for (name, value) in self.fields {
            request.headers_mut().append(name, value);
        }
        request
    }
}

/// Tries one address after the other, but for those that cannot be reached from ours. Each has an equal share of the time that the
/// ones before it have left.
async fn in_turn(
    addresses: &[SocketAddr],
    from: Option<SocketAddr>,
    limit: Duration,
) -> Result<(Stream, SocketAddr), Failure> {
    let here = Here::current().expect("origins are reached on event threads");
    let io = here.io().ok_or_else(|| Failure::Connect(io::ErrorKind::Unsupported.into()))?;
    let end = here.now().saturating_add(limit);
    let mut failure = Failure::ConnectTooLate;
    for (index, &address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - index).expect("there are few");
        let share = end.saturating_duration_since(here.now()) / left;
        failure = match timeout(share, connect(io, address, from)).await {
            Ok(Ok(stream)) => return Ok((stream, address)),
            Ok(Err(error)) => Failure::Connect(error),
            Err(_) => Failure::ConnectTooLate,
        };
        tracing::debug!(%address, %failure, "an address of an origin");
    }
    Err(failure)
}
