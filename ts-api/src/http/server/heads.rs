//! The heads of a transaction's four messages as plugins see them, each made when somebody looks.
//!
//! Most plugins look at one of them, or at none. So of a message that goes by only what it was received as is kept, and how
//! it was changed since then; the head is made of that for the first who asks, and stays.
//!
//! # Rules
//! * Whoever changes a message's parts himself, and no plugin, says so here before anybody is called again.
//! * A head that is made has every change that was made to its parts, and they have its changes once they are written back.
//! * What is kept of a message says all of it: a head that is made late is the same as one that was made at once.

use http::header::{HOST, HeaderValue};
use http::{Uri, request, response};

use super::forward;
use super::gate::RawHead;
use super::head::Head;
use super::remap::OriginName;

/// The heads of one transaction. None is there before its message is.
#[derive(Default)]
pub(crate) struct Heads {
    client_request: Shown<RawHead>,
    /// What became of the client's request when it was decided where it goes, until its head is made.
    rewritten: Option<Box<Rewritten>>,
    /// The client's request before that.
    pristine: Option<Box<Head>>,
    origin_request: Shown<Forwarded>,
    origin_response: Shown<RawHead>,
    client_response: Shown<PassedOn>,
}

/// A head, or what it is made of.
#[derive(Default)]
enum Shown<F> {
    #[default]
    None,
    From(F),
    Made(Box<Head>),
}

/// Where a request goes: nothing else of it is changed for that.
struct Rewritten {
    target: Uri,
    host: Option<HeaderValue>,
}

/// What was made of the client's request for an origin.
struct Forwarded {
    to: OriginName,
    /// There is a body that the client may be waiting to send.
    has_body: bool,
}

/// The client gets the origin's response.
struct PassedOn;

impl<F> Shown<F> {
    /// The head, made by `make` if it is not there yet.
    fn get(&mut self, make: impl FnOnce(&F) -> Option<Head>) -> Option<&mut Head> {
        if let Self::From(from) = self {
            *self = make(from).map_or(Self::None, |head| Self::Made(Box::new(head)));
        }
        self.made()
    }

    /// The head, if anybody has looked at it.
    fn made(&mut self) -> Option<&mut Head> {
        match self {
            Self::Made(head) => Some(head),
            Self::None | Self::From(_) => None,
        }
    }
}

impl Heads {
    /// The client's request has come, as `received` if that is known.
    pub(crate) fn client_asks(&mut self, parts: &request::Parts, received: Option<RawHead>) {
        self.client_request = match received {
            Some(received) => Shown::From(received),
            None => Shown::Made(Box::new(Head::of_request(parts))),
        };
    }

    /// It was decided where the client's request goes, and that has changed its target or `host`.
    pub(crate) fn rewrite(&mut self, parts: &request::Parts) {
        let (target, host) = (parts.uri.clone(), parts.headers.get(HOST).cloned());
        match &mut self.client_request {
            Shown::None => {}
            Shown::From(_) => self.rewritten = Some(Box::new(Rewritten { target, host })),
            Shown::Made(head) => {
                self.pristine.get_or_insert_with(|| head.clone());
                head.redirect(target, host);
            }
        }
    }

    /// The client's request was made one for the origin `to`; `has_body` if there is a body that the client may be waiting to
    /// send.
    pub(crate) fn forward(&mut self, to: &OriginName, has_body: bool) {
        self.origin_request = Shown::From(Forwarded { to: to.clone(), has_body });
    }

    /// The same, if it was changed in another way as well, or is sent once more.
    pub(crate) fn forward_as(&mut self, parts: &request::Parts) {
        let head = match &self.origin_request {
            // It is what it was.
            Shown::From(_) => return,
            Shown::Made(before) => Head::of_request(parts).made_from(Some(before)),
            Shown::None => Head::of_request(parts).made_from(self.client_request().as_deref()),
        };
        self.origin_request = Shown::Made(Box::new(head));
    }

    /// The origin has answered, as `received` if that is known; `parts` is what was made of that. `is_all` if that was only
    /// to take out what is meant for one connection.
    pub(crate) fn origin_answers(
        &mut self,
        parts: &response::Parts,
        received: Option<RawHead>,
        is_all: bool,
    ) {
        self.origin_response = match received {
            Some(received) if is_all => Shown::From(received),
            Some(received) => {
                Shown::Made(Box::new(Head::of_response(parts).arranged_like(received.fields())))
            }
            None => Shown::Made(Box::new(Head::of_response(parts))),
        };
    }

    /// The client gets the origin's response.
    pub(crate) fn pass_on(&mut self) {
        self.client_response = Shown::From(PassedOn);
    }

    /// The client gets a response of somebody else.
    pub(crate) fn answer(&mut self, parts: &response::Parts) {
        let head = Head::of_response(parts).arranged_after(self.origin_response().as_deref());
        self.client_response = Shown::Made(Box::new(head));
    }

    /// The client's request.
    pub(crate) fn client_request(&mut self) -> Option<&mut Head> {
        let (rewritten, pristine) = (&mut self.rewritten, &mut self.pristine);
        self.client_request.get(|received| {
            let mut head = Head::received_request(received)?;
            if let Some(rewritten) = rewritten.take() {
                *pristine = Some(Box::new(head.clone()));
                head.redirect(rewritten.target, rewritten.host);
            }
            Some(head)
        })
    }

    /// The client's request before it was decided where it goes.
    pub(crate) fn pristine(&mut self) -> Option<&Head> {
        if self.client_request().is_none() || self.pristine.is_some() {
            return self.pristine.as_deref();
        }
        self.client_request.made().map(|head| &*head)
    }

    /// The request to the origin.
    pub(crate) fn origin_request(&mut self) -> Option<&mut Head> {
        if let Shown::From(_) = self.origin_request {
            self.client_request();
        }
        let client = self.client_request.made();
        self.origin_request.get(|forwarded| {
            let client = client?;
            let mut parts = client.request_parts()?;
            forward::request(&mut parts, &forwarded.to, forwarded.has_body);
            Some(Head::of_request(&parts).made_from(Some(client)))
        })
    }

    /// The origin's response.
    pub(crate) fn origin_response(&mut self) -> Option<&mut Head> {
        self.origin_response.get(|received| {
            let mut head = Head::received_response(received)?;
            head.keep(forward::stays_in_response(received.fields()));
            Some(head)
        })
    }

    /// The response to the client.
    pub(crate) fn client_response(&mut self) -> Option<&mut Head> {
        if let Shown::From(PassedOn) = self.client_response {
            self.origin_response();
        }
        let origins = self.origin_response.made();
        self.client_response.get(|PassedOn| origins.cloned())
    }

    /// Writes back what a plugin has changed of the client's request.
    pub(crate) fn apply_client_request(&mut self, parts: &mut request::Parts) {
        if let Some(head) = self.client_request.made() {
            head.apply_to_request(parts);
        }
    }

    /// Writes back what a plugin has changed of the request to the origin.
    pub(crate) fn apply_origin_request(&mut self, parts: &mut request::Parts) {
        if let Some(head) = self.origin_request.made() {
            head.apply_to_request(parts);
        }
    }

    /// Writes back what a plugin has changed of the origin's response.
    pub(crate) fn apply_origin_response(&mut self, parts: &mut response::Parts) {
        if let Some(head) = self.origin_response.made() {
            head.apply_to_response(parts);
        }
    }

    /// Writes back what a plugin has changed of the response to the client.
    pub(crate) fn apply_client_response(&mut self, parts: &mut response::Parts) {
        if let Some(head) = self.client_response.made() {
            head.apply_to_response(parts);
        }
    }
}
