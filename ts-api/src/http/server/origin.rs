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

use http::StatusCode;
use http::header::EXPECT;
use http::request::Parts;
use hyper::body::Body;
use hyper::ext::on_informational;
use hyper::{Request, Response};
use smallvec::SmallVec;
use ts_cont::Here;
use ts_cont::future::timeout;

use super::body::{OriginBody, RequestBody};
use super::connect::connect;
use super::counts::Counters;
use super::failure::Failure;
use super::gate::RawHead;
use super::gate::origin::is_garbage;
use super::limits::Limits;
use super::link::Link;
use super::policy::OriginPolicy;
use super::pool::{Granted, Opened, Pools};
use super::remap::OriginName;
use super::stream::Stream;
use super::targets::Targets;
use super::timeouts::Timeouts;

/// How many addresses of a name are tried: with more of them each would have too little of the time.
const ADDRESSES_TRIED: usize = 8;

/// A response whose head is there.
pub(crate) struct Answered {
    pub(crate) response: Response<OriginBody>,
    /// Its head as it was received, if that was to be noted.
    pub(crate) head: Option<RawHead>,
}

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

    /// Sends a request, and waits for the response's head, which is noted as it comes if it is to be `noted`.
    pub(crate) fn send<'a>(
        &self,
        connection: Opened,
        timeouts: &Timeouts,
        parts: Parts,
        mut body: RequestBody,
        noted: bool,
        counters: &'a Counters,
    ) -> impl Future<Output = Result<Answered, NotSent>> + use<'a> {
        let kept = connection.is_kept();
        if kept {
            counters.origin_reused.add();
        }
        let again =
            (kept && body.is_end_stream() && parts.method.is_idempotent()).then(|| Box::new(parts.clone()));
        let link = connection.into_link();
        let asked =
            (body.is_whole() && parts.headers.contains_key(EXPECT)).then(|| body.hold_back(timeouts.expect));
        let mut request = Request::from_parts(parts, body);
        if let Some(asked) = asked {
            on_informational(&mut request, move |response| {
                if response.status() == StatusCode::CONTINUE {
                    // Relaxed: it is read on this thread, by the same task.
                    asked.store(true, Ordering::Relaxed);
                }
            });
        }
        // At once and not in the future, which then need not hold the request.
        let (number, response) = link.send(request, timeouts, noted);
        async move {
            match response.await {
                Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    link.close();
                    Err(Failure::Switched.into())
                }
                Ok(mut response) => {
                    link.answered(number);
                    let head = link.take_head();
                    link.note_spelling(response.extensions_mut());
                    let response = response.map(|body| OriginBody::new(body, link, number));
                    Ok(Answered { response, head })
                }
                Err(_) if link.is_late() => Err(Failure::TooLate.into()),
                Err(mut error) => {
                    let request = match (error.take_message(), again) {
                        (Some(unsent), _) if kept => unsent,
                        (_, Some(unharmed)) if !is_garbage(error.error()) => {
                            Request::from_parts(*unharmed, RequestBody::empty())
                        }
                        _ => return Err(Failure::Broken(error.into_error()).into()),
                    };
                    counters.origin_retries.add();
                    Err(NotSent::Again(request.into()))
                }
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
