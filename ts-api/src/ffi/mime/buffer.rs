//! The buffers, and the places in them.
//!
//! # Rules
//! * A place's handle has the low bits of its buffer's number, so that one of another buffer is told apart.
//! * The places of a message's head and of its URL are there as long as the buffer; releasing them does nothing. So it is with the
//!   heads and URLs that a plugin makes, until it destroys them.
//! * A field has one place however often it is looked up; it is gone when it was released as often.
//! * What was destroyed can still be released, which is how plugins are used to do it, and nothing else: a field; a head, and what
//!   was found in it.

use std::collections::HashMap;
use std::ffi::c_char;
use std::sync::Arc;

use parking_lot::Mutex;

use super::lent::Lent;
use super::own_url::OwnUrl;
use crate::ffi::call::Call;
use crate::ffi::handle::{self, Bad, Kind, Raw, Table};
use crate::ffi::names;
use crate::ffi::types::{TSMBuffer, TSMLoc};
use crate::http::door::Which;
use crate::http::server::head::{ChangeError, Head};
use crate::http::server::subjects::TransactionSubject;
use crate::http::server::table::messages;

/// The bits of a place's number that are the buffer's; below them are those of the place in it.
const TAG_SHIFT: u32 = 32;
const TAG_MASK: u64 = 0xf_ffff;

/// The places that every message has.
const HEAD: u32 = 1;
const URL: u32 = 2;

/// A buffer.
pub(super) struct Buffer {
    owner: Owner,
    places: HashMap<u32, Place>,
    /// The number of the last place.
    last: u32,
    pub(super) lent: Lent,
    heads: HashMap<u32, OwnHead>,
    urls: HashMap<u32, OwnUrl>,
    /// URLs of the host's in this buffer, which stay as they are.
    fixed: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Message {
        transaction: u64,
        which: Which,
    },
    Plugin,
    /// Of the host's, to be looked at.
    Host,
}

/// A head of a plugin's own.
#[derive(Clone)]
pub(super) struct OwnHead {
    pub(super) kind: HeadKind,
    pub(super) head: Head,
}

/// What a head is, by the numbers of the header file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum HeadKind {
    /// Not said yet, or fields alone.
    Unknown = 0,
    Request = 1,
    Response = 2,
}

/// Which head of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadId {
    Message,
    /// A plugin's own, by the number of its place.
    Own(u32),
}

/// Which URL of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UrlId {
    OfHead(HeadId),
    /// A plugin's own, by the number of its place.
    Own(u32),
}

#[derive(Debug)]
enum Place {
    Head(HeadId),
    Url(UrlId),
    Field(FieldPlace),
    /// Of a head that was destroyed, or of its URL; it is gone when it was released.
    Destroyed,
}

/// A field that a plugin has a handle of.
#[derive(Debug)]
struct FieldPlace {
    head: HeadId,
    state: FieldState,
    /// How often it was handed out and not released.
    taken: u32,
}

/// Where a field is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FieldState {
    /// In its head, under this number.
    In(u32),
    /// In none.
    Loose {
        name: Vec<u8>,
        value: Vec<u8>,
        /// It was appended without a name, and comes into the head when it gets one.
        appended: bool,
    },
    Destroyed,
}

/// Why a change came to nothing: the plugin gets `TS_ERROR`, or an empty answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused;

static BUFFERS: Table<TSMBuffer, Arc<Mutex<Buffer>>> = Table::new();

impl Buffer {
    fn new(owner: Owner) -> Self {
        Self {
            owner,
            places: HashMap::new(),
            last: 0,
            lent: Lent::default(),
            heads: HashMap::new(),
            urls: HashMap::new(),
            fixed: Vec::new(),
        }
    }

    fn enter(&mut self, place: Place) -> u32 {
        self.last = self.last.checked_add(1).expect("a buffer has four thousand million places");
        self.places.insert(self.last, place);
        self.last
    }
}

/// The buffers that belong to a transaction and end with it.
#[derive(Default)]
pub(crate) struct Buffers(Mutex<Vec<(Option<Which>, TSMBuffer)>>);

impl Buffers {
    /// Ends all of them; their handles are stale from now on.
    pub(crate) fn end(&self) {
        for (_, bufp) in std::mem::take(&mut *self.0.lock()) {
            end(bufp);
        }
    }

    /// Keeps one until the transaction ends.
    pub(crate) fn keep(&self, bufp: TSMBuffer) {
        self.0.lock().push((None, bufp));
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        self.end();
    }
}

/// The buffer of a transaction's message, and the place of its head; none if there is no such message, or nobody is called out.
pub(crate) fn message(transaction: u64, which: Which) -> Option<(TSMBuffer, TSMLoc)> {
    messages::look(transaction, which, |_| ()).ok()?;
    let subject = TransactionSubject::find(transaction)?;
    let mut known = subject.buffers.0.lock();
    let bufp = known.iter().find(|(of, _)| *of == Some(which)).map(|(_, bufp)| *bufp);
    let bufp = bufp.unwrap_or_else(|| {
        let mut buffer = Buffer::new(Owner::Message { transaction, which });
        let head = buffer.enter(Place::Head(HeadId::Message));
        let url = buffer.enter(Place::Url(UrlId::OfHead(HeadId::Message)));
        debug_assert_eq!((head, url), (HEAD, URL));
        let bufp = BUFFERS.insert(Arc::new(Mutex::new(buffer)));
        known.push((Some(which), bufp));
        bufp
    });
    Some((bufp, compose(bufp, HEAD)))
}

/// The place of the URL in the buffer of a message.
pub(crate) fn url_of_message(bufp: TSMBuffer) -> TSMLoc {
    compose(bufp, URL)
}

/// A buffer of the host's own with one URL, to be looked at, and its place; none if the text is no URL. It is there until [`end`].
pub(crate) fn own_url(text: &[u8]) -> Option<(TSMBuffer, TSMLoc)> {
    let mut buffer = Buffer::new(Owner::Host);
    let url = OwnUrl::parse(text)?;
    let place = buffer.enter(Place::Url(UrlId::Own(1)));
    buffer.urls.insert(place, url);
    let bufp = BUFFERS.insert(Arc::new(Mutex::new(buffer)));
    Some((bufp, compose(bufp, place)))
}

/// A place in the buffer of a message with a URL to be looked at; null if the text is no URL. It is there until
/// [`take_back_urls`].
pub(crate) fn lend_url(bufp: TSMBuffer, text: &[u8]) -> TSMLoc {
    let Some(url) = OwnUrl::parse(text) else { return TSMLoc::NULL };
    let Ok(buffer) = BUFFERS.try_with(bufp, |buffer| Arc::clone(buffer)) else { return TSMLoc::NULL };
    let mut buffer = buffer.lock();
    let place = buffer.enter(Place::Url(UrlId::Own(0)));
    buffer.urls.insert(place, url);
    buffer.fixed.push(place);
    compose(bufp, place)
}

/// The places of lent URLs are stale from now on.
pub(crate) fn take_back_urls(bufp: TSMBuffer, urls: [TSMLoc; 2]) {
    let Ok(buffer) = BUFFERS.try_with(bufp, |buffer| Arc::clone(buffer)) else { return };
    let mut buffer = buffer.lock();
    for place in urls.into_iter().filter_map(|url| handle::number(url).ok()) {
        let place = place as u32;
        buffer.places.remove(&place);
        buffer.urls.remove(&place);
        buffer.fixed.retain(|fixed| *fixed != place);
    }
}

/// Ends a buffer of the host's own.
pub(crate) fn end(bufp: TSMBuffer) {
    // A plugin may have destroyed it, wrongly; then there is nothing left to do.
    drop(BUFFERS.try_remove(bufp));
}

/// A buffer of a plugin's own.
pub(super) fn create() -> TSMBuffer {
    BUFFERS.insert(Arc::new(Mutex::new(Buffer::new(Owner::Plugin))))
}

pub(super) fn destroy(call: Call, bufp: TSMBuffer) {
    let owner = BUFFERS.with(call, "bufp", bufp, |buffer| Arc::clone(buffer)).lock().owner;
    if owner != Owner::Plugin {
        call.fault("bufp is the host's, and ends with its transaction");
    }
    BUFFERS.remove(call, "bufp", bufp);
}

fn tag(bufp: TSMBuffer) -> u64 {
    handle::number(bufp).unwrap_or(0) & TAG_MASK
}

fn compose(bufp: TSMBuffer, place: u32) -> TSMLoc {
    handle::compose(tag(bufp) << TAG_SHIFT | u64::from(place))
}

/// A buffer under its lock.
pub(super) struct Access<'a> {
    call: Call,
    bufp: TSMBuffer,
    pub(super) buffer: &'a mut Buffer,
}

/// Runs `f` with the buffer of the argument `bufp` under its lock. No plugin's code is called, and no other buffer looked at.
pub(super) fn with<R>(call: Call, bufp: TSMBuffer, f: impl FnOnce(&mut Access<'_>) -> R) -> R {
    with_that(call, "bufp", bufp, f)
}

/// As [`with`], of an argument that is called otherwise.
pub(super) fn with_that<R>(
    call: Call,
    argument: &'static str,
    bufp: TSMBuffer,
    f: impl FnOnce(&mut Access<'_>) -> R,
) -> R {
    let buffer = BUFFERS.with(call, argument, bufp, |buffer| Arc::clone(buffer));
    let mut buffer = buffer.lock();
    f(&mut Access { call, bufp, buffer: &mut buffer })
}

impl Access<'_> {
    fn place(&mut self, argument: &'static str, loc: TSMLoc) -> (u32, &mut Place) {
        let call = self.call;
        let number = match handle::number(loc) {
            Ok(number) => number,
            Err(bad) => call.bad_handle(argument, loc.bits(), Kind::Loc, bad),
        };
        if number >> TAG_SHIFT != tag(self.bufp) {
            call.fault(format_args!("{argument} is a place in another buffer ({:#x})", loc.bits()));
        }
        let place = number as u32;
        match self.buffer.places.get_mut(&place) {
            Some(found) => (place, found),
            None => call.bad_handle(argument, loc.bits(), Kind::Loc, Bad::Stale(Kind::Loc)),
        }
    }

    /// The place is not one of what is wanted.
    fn wrong(&mut self, argument: &'static str, loc: TSMLoc, wanted: &str) -> ! {
        if matches!(self.place(argument, loc).1, Place::Destroyed) {
            self.destroyed(argument, loc, "header");
        }
        self.call.fault(format_args!("{argument} is a place of another kind, where {wanted} is needed"))
    }

    fn destroyed(&self, argument: &'static str, loc: TSMLoc, what: &str) -> ! {
        self.call.fault(format_args!("{argument} is of a {what} that was destroyed ({:#x})", loc.bits()))
    }

    /// The head in a place.
    pub(super) fn head(&mut self, argument: &'static str, loc: TSMLoc) -> HeadId {
        match self.place(argument, loc).1 {
            Place::Head(head) => *head,
            _ => self.wrong(argument, loc, "a header"),
        }
    }

    /// The URL in a place.
    pub(super) fn url(&mut self, argument: &'static str, loc: TSMLoc) -> UrlId {
        match self.place(argument, loc).1 {
            Place::Url(UrlId::Own(_)) => UrlId::Own(self.place(argument, loc).0),
            Place::Url(url) => *url,
            _ => self.wrong(argument, loc, "a URL"),
        }
    }

    /// The place of a head's URL.
    pub(super) fn url_of(&mut self, head: HeadId) -> TSMLoc {
        if head == HeadId::Message {
            return compose(self.bufp, URL);
        }
        let known = self.buffer.places.iter().find_map(|(place, what)| match what {
            Place::Url(UrlId::OfHead(of)) if *of == head => Some(*place),
            _ => None,
        });
        let place = known.unwrap_or_else(|| self.buffer.enter(Place::Url(UrlId::OfHead(head))));
        compose(self.bufp, place)
    }

    /// A new head of the plugin's own; refused in a buffer that is not its own.
    pub(super) fn new_head(&mut self, own: OwnHead) -> Result<TSMLoc, Refused> {
        self.is_own()?;
        let place = self.buffer.last + 1;
        let entered = self.buffer.enter(Place::Head(HeadId::Own(place)));
        debug_assert_eq!(entered, place);
        self.buffer.heads.insert(place, own);
        Ok(compose(self.bufp, place))
    }

    /// A new URL of the plugin's own, which may be in any buffer but the host's.
    pub(super) fn new_url(&mut self, url: OwnUrl) -> Result<TSMLoc, Refused> {
        self.is_changeable()?;
        let place = self.buffer.enter(Place::Url(UrlId::Own(0)));
        self.buffer.urls.insert(place, url);
        Ok(compose(self.bufp, place))
    }

    fn is_own(&self) -> Result<(), Refused> {
        if self.buffer.owner == Owner::Plugin { Ok(()) } else { Err(Refused) }
    }

    fn is_changeable(&self) -> Result<(), Refused> {
        if self.buffer.owner == Owner::Host { Err(Refused) } else { Ok(()) }
    }

    /// Destroys a head of the plugin's own with all that is in it; a message's is refused. Its places are still to be released.
    pub(super) fn destroy_head(&mut self, argument: &'static str, loc: TSMLoc) -> Result<(), Refused> {
        let head = self.head(argument, loc);
        let HeadId::Own(place) = head else { return Err(Refused) };
        self.buffer.heads.remove(&place);
        for what in self.buffer.places.values_mut() {
            match what {
                Place::Head(of) | Place::Url(UrlId::OfHead(of)) if *of == head => *what = Place::Destroyed,
                Place::Field(field) if field.head == head => field.state = FieldState::Destroyed,
                _ => {}
            }
        }
        Ok(())
    }

    /// What a head is.
    pub(super) fn kind(&self, head: HeadId) -> HeadKind {
        match (head, self.buffer.owner) {
            (HeadId::Own(place), _) => {
                self.buffer.heads.get(&place).map_or(HeadKind::Unknown, |own| own.kind)
            }
            (HeadId::Message, Owner::Message { which, .. }) => match which {
                Which::CLIENT_REQUEST | Which::ORIGIN_REQUEST => HeadKind::Request,
                _ => HeadKind::Response,
            },
            (HeadId::Message, _) => HeadKind::Unknown,
        }
    }

    /// A head of the plugin's own, to be changed as a whole.
    pub(super) fn own_head(&mut self, head: HeadId) -> Result<&mut OwnHead, Refused> {
        let HeadId::Own(place) = head else { return Err(Refused) };
        self.buffer.heads.get_mut(&place).ok_or(Refused)
    }

    /// Looks at a head.
    pub(super) fn look<R>(&self, head: HeadId, f: impl FnOnce(&Head) -> R) -> Result<R, Refused> {
        match (head, self.buffer.owner) {
            (HeadId::Own(place), _) => self.buffer.heads.get(&place).map(|own| f(&own.head)).ok_or(Refused),
            (_, Owner::Message { transaction, which }) => {
                messages::look(transaction, which, f).map_err(|_| Refused)
            }
            _ => Err(Refused),
        }
    }

    /// Changes a head.
    pub(super) fn change<R>(
        &mut self,
        head: HeadId,
        f: impl FnOnce(&mut Head) -> Result<R, ChangeError>,
    ) -> Result<R, Refused> {
        let changed = match (head, self.buffer.owner) {
            (HeadId::Own(place), _) => self.buffer.heads.get_mut(&place).map(|own| f(&mut own.head)),
            (_, Owner::Message { transaction, which }) => messages::alter(transaction, which, f).ok(),
            _ => None,
        };
        changed.ok_or(Refused)?.map_err(|_| Refused)
    }

    /// Looks at a URL of the plugin's own, or of the host's.
    pub(super) fn look_url<R>(&self, place: u32, f: impl FnOnce(&OwnUrl) -> R) -> Result<R, Refused> {
        self.buffer.urls.get(&place).map(f).ok_or(Refused)
    }

    /// Changes a URL of the plugin's own.
    pub(super) fn change_url(
        &mut self,
        place: u32,
        f: impl FnOnce(&mut OwnUrl) -> bool,
    ) -> Result<(), Refused> {
        self.is_changeable()?;
        if self.buffer.fixed.contains(&place) {
            return Err(Refused);
        }
        let url = self.buffer.urls.get_mut(&place).ok_or(Refused)?;
        if f(url) { Ok(()) } else { Err(Refused) }
    }

    /// The place of a field that is in a head, which is handed out once more.
    pub(super) fn hand_out(&mut self, head: HeadId, number: u32) -> TSMLoc {
        let known = self.buffer.places.iter_mut().find_map(|(place, what)| match what {
            Place::Field(field) if field.head == head && field.state == FieldState::In(number) => {
                field.taken += 1;
                Some(*place)
            }
            _ => None,
        });
        let new = || FieldPlace { head, state: FieldState::In(number), taken: 1 };
        let place = known.unwrap_or_else(|| self.buffer.enter(Place::Field(new())));
        compose(self.bufp, place)
    }

    /// The place of a new field that is in no head yet; `head` is the one that it was made for.
    pub(super) fn new_field(&mut self, head: HeadId, name: Vec<u8>, value: Vec<u8>) -> TSMLoc {
        let state = FieldState::Loose { name, value, appended: false };
        let place = self.buffer.enter(Place::Field(FieldPlace { head, state, taken: 1 }));
        compose(self.bufp, place)
    }

    /// The field in a place, which was not destroyed: whose it is, and how it stands.
    pub(super) fn field(&mut self, argument: &'static str, loc: TSMLoc) -> (HeadId, &mut FieldState) {
        let call = self.call;
        if !matches!(self.place(argument, loc).1, Place::Field(_)) {
            self.wrong(argument, loc, "a header field");
        }
        let Place::Field(field) = self.place(argument, loc).1 else { unreachable!("it has just been seen") };
        if field.state == FieldState::Destroyed {
            call.fault(format_args!("{argument} is a header field that was destroyed ({:#x})", loc.bits()));
        }
        (field.head, &mut field.state)
    }

    /// As `field`, of this head; a fault if it is another's.
    pub(super) fn field_of(&mut self, head: HeadId, argument: &'static str, loc: TSMLoc) -> &mut FieldState {
        let call = self.call;
        let (of, state) = self.field(argument, loc);
        if of != head {
            call.fault(format_args!("{argument} is a field of another header ({:#x})", loc.bits()));
        }
        state
    }

    /// Name and value of a field.
    pub(super) fn pair(
        &mut self,
        argument: &'static str,
        loc: TSMLoc,
    ) -> Result<(Vec<u8>, Vec<u8>), Refused> {
        let (head, state) = self.field(argument, loc);
        let number = match state {
            FieldState::Loose { name, value, .. } => return Ok((name.clone(), value.clone())),
            FieldState::In(number) => *number,
            FieldState::Destroyed => return Err(Refused),
        };
        let pair = self.look(head, |head| head.field(number))?.ok_or(Refused)?;
        Ok(pair.map(|text| text.to_vec()).into())
    }

    /// Changes the value of a field, in its head or in none.
    pub(super) fn set_value(
        &mut self,
        argument: &'static str,
        loc: TSMLoc,
        to: &[u8],
    ) -> Result<(), Refused> {
        let (head, state) = self.field(argument, loc);
        match state {
            FieldState::In(number) => {
                let number = *number;
                self.change(head, |head| head.set_field(number, to))
            }
            FieldState::Loose { value, .. } => {
                *value = to.to_vec();
                Ok(())
            }
            FieldState::Destroyed => Err(Refused),
        }
    }

    /// Gives a place back. One of a head or a URL that is there stays.
    pub(super) fn release(&mut self, argument: &'static str, loc: TSMLoc) {
        let (place, what) = self.place(argument, loc);
        let is_gone = match what {
            Place::Field(field) => {
                field.taken -= 1;
                field.taken == 0
            }
            Place::Destroyed => true,
            Place::Head(_) | Place::Url(_) => false,
        };
        if is_gone {
            self.buffer.places.remove(&place);
        }
    }

    /// Where bytes are that a getter lends: those of a text that plugins know by its pointer are there.
    pub(super) fn lend(&mut self, bytes: &[u8]) -> *const c_char {
        let lend = || self.buffer.lent.lend(bytes).as_ptr().cast_const();
        names::well_known(bytes).unwrap_or_else(lend)
    }
}
