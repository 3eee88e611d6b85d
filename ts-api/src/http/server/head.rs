//! The head of a message as plugins see it: a start line, and fields in order.
//!
//! Made from what the parser gives, and written back only when a plugin has changed it. What the parser does not keep, the
//! case of field names and the order of fields that come more than once, is taken from elsewhere if somebody has it: from the
//! head of which this one was made.
//!
//! # Rules
//! * The fields that frame a body are the parser's: no plugin adds, changes or removes them.
//! * A field keeps its number as long as it is there, whatever happens to others; no number comes twice in a head.
//! * A field whose name begins with `@` stays within the host: plugins tell each other things in it. It is on no wire, and none
//!   comes from there.

mod list;
mod name;
mod url;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Extensions, Method, Request, StatusCode, Uri, Version, request, response};
use hyper::ext::ReasonPhrase;

use super::gate::{RawHead, note_changed};

use self::name::Name;

pub(crate) use self::list::split_list;
pub(crate) use self::url::UrlPart;

/// The head of a request or response.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    start: Start,
    version: Version,
    fields: Vec<Field>,
    /// The number of the last field.
    last: u32,
    changed: bool,
    /// It is on no wire: what frames a body is a field like others, and a status is any number of three digits.
    free: bool,
}

#[derive(Debug, Clone)]
enum Start {
    Request { method: Method, target: Uri },
    Response { status: StatusCode, reason: Option<Bytes> },
}

/// One field line.
#[derive(Debug, Clone)]
struct Field {
    /// From one on.
    number: u32,
    name: Name,
    /// The name with its case, as it came or was given, if that is known.
    spelling: Option<Bytes>,
    value: HeaderValue,
}

/// Why a change was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeError {
    /// Not a method, target, status, reason, field name, field value or part of a URL.
    Invalid,
    /// A request has no status, a response neither method nor target.
    WrongKind,
    /// The field frames the body.
    Framing,
    /// There is no field with this number.
    NoField,
}

impl Head {
    pub(crate) fn of_request(parts: &request::Parts) -> Self {
        let start = Start::Request { method: parts.method.clone(), target: parts.uri.clone() };
        Self::new(start, parts.version, &parts.headers)
    }

    /// A head without fields that belongs to no transaction.
    #[cfg(feature = "ffi")]
    pub(crate) fn free(response: bool) -> Self {
        let start = if response {
            Start::Response { status: StatusCode::OK, reason: None }
        } else {
            Start::Request { method: Method::GET, target: Uri::default() }
        };
        let version = Version::HTTP_11;
        Self { start, version, fields: Vec::new(), last: 0, changed: false, free: true }
    }

    /// A copy that belongs to no transaction.
    #[cfg(feature = "ffi")]
    pub(crate) fn to_free(&self) -> Self {
        Self { free: true, ..self.clone() }
    }

    /// A head that belongs to no transaction, with these fields and the start line of a request or a response.
    #[cfg(feature = "ffi")]
    pub(crate) fn with_start(&self, response: bool) -> Self {
        Self { start: Self::free(response).start, free: true, ..self.clone() }
    }

    /// Removes all fields but those that frame the body.
    #[cfg(feature = "ffi")]
    pub(crate) fn clear_fields(&mut self) {
        let free = self.free;
        self.fields.retain(|field| !free && field.name.is_framing());
        self.changed = true;
    }

    /// Adds the fields of another head behind all others; those that frame a body are left out.
    #[cfg(feature = "ffi")]
    pub(crate) fn add_fields_of(&mut self, from: &Self) -> Result<(), ChangeError> {
        for field in &from.fields {
            if !self.frames(&field.name) {
                self.push(field.name.clone(), field.spelling.clone(), field.value.clone());
            }
        }
        self.changed = true;
        Ok(())
    }

    /// Becomes a copy of another head, both belonging to no transaction. Fields that were there are gone, numbers and all.
    #[cfg(feature = "ffi")]
    pub(crate) fn become_copy_of(&mut self, from: &Self) -> Result<(), ChangeError> {
        (self.start, self.version) = (from.start.clone(), from.version);
        self.clear_fields();
        self.add_fields_of(from)
    }

    /// Becomes as another head of the same kind is, but for what frames the body, and for its version.
    #[cfg(feature = "ffi")]
    pub(crate) fn take_over(&mut self, from: &Self) -> Result<(), ChangeError> {
        match &from.start {
            Start::Request { method, target } => {
                self.set_method(method.as_str().as_bytes())?;
                self.set_target(target.to_string().as_bytes())?;
            }
            Start::Response { status, reason } => {
                self.set_status(status.as_u16().into())?;
                if let Some(reason) = reason {
                    self.set_reason(reason)?;
                }
            }
        }
        self.clear_fields();
        self.add_fields_of(from)
    }

    /// Changes the version, of a head that belongs to no transaction.
    #[cfg(feature = "ffi")]
    pub(crate) fn set_version(&mut self, (major, minor): (u16, u16)) -> Result<(), ChangeError> {
        if !self.free {
            return Err(ChangeError::WrongKind);
        }
        self.version = match (major, minor) {
            (0, 9) => Version::HTTP_09,
            (1, 0) => Version::HTTP_10,
            (1, 1) => Version::HTTP_11,
            (2, 0) => Version::HTTP_2,
            (3, 0) => Version::HTTP_3,
            _ => return Err(ChangeError::Invalid),
        };
        Ok(())
    }

    pub(crate) fn of_response(parts: &response::Parts) -> Self {
        let reason = parts.extensions.get::<ReasonPhrase>().map(|reason| Bytes::from(reason.clone()));
        Self::new(Start::Response { status: parts.status, reason }, parts.version, &parts.headers)
    }

    fn new(start: Start, version: Version, headers: &HeaderMap) -> Self {
        let fields = Vec::with_capacity(headers.len());
        let mut head = Self { start, version, fields, last: 0, changed: false, free: false };
        for (name, value) in headers {
            head.push(name.clone().into(), None, value.clone());
        }
        head
    }

    /// Of a request as it was received. None only for what no gate lets pass.
    pub(crate) fn received_request(received: &RawHead) -> Option<Self> {
        let method = Method::from_bytes(&received.method()).ok()?;
        let target = Uri::from_maybe_shared(received.target()).ok()?;
        let version = if received.minor_version() == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
        Self::received(Start::Request { method, target }, version, received)
    }

    /// Of a response as it was received, to be sent on.
    pub(crate) fn received_response(received: &RawHead) -> Option<Self> {
        let status = StatusCode::from_u16(received.status()).ok()?;
        let reason = received.reason();
        // As the parser has it: the usual phrase is none.
        let usual = status.canonical_reason().is_some_and(|usual| usual.as_bytes() == reason);
        let start = Start::Response { status, reason: (!usual).then_some(reason) };
        Self::received(start, Version::HTTP_11, received)
    }

    fn received(start: Start, version: Version, received: &RawHead) -> Option<Self> {
        let fields = Vec::with_capacity(received.len());
        let mut head = Self { start, version, fields, last: 0, changed: false, free: false };
        for (spelled, value) in received.fields() {
            let name = HeaderName::from_bytes(&spelled).ok()?;
            head.push(name.into(), Some(spelled), HeaderValue::from_maybe_shared(value).ok()?);
        }
        Some(head)
    }

    /// The parts of such a request; none if it is a response.
    pub(crate) fn request_parts(&self) -> Option<request::Parts> {
        let Start::Request { method, target } = &self.start else { return None };
        let (mut parts, ()) = Request::new(()).into_parts();
        (parts.method, parts.uri, parts.version) = (method.clone(), target.clone(), self.version);
        self.write_fields(&mut parts.headers, &mut parts.extensions);
        Some(parts)
    }

    /// Gives a request another target, and its `host` another value in the same place. It is no change of a plugin's.
    pub(crate) fn redirect(&mut self, to: Uri, host: Option<HeaderValue>) {
        if let Start::Request { target, .. } = &mut self.start {
            *target = to;
        }
        let Some(host) = host else { return };
        match self.fields.iter_mut().find(|field| field.name == HOST) {
            Some(field) => field.value = host,
            None => self.push(HOST.into(), None, host),
        }
    }

    /// Leaves out the fields that do not stay. It is no change of a plugin's.
    pub(crate) fn keep(&mut self, stays: impl Fn(&HeaderName) -> bool) {
        self.fields.retain(|field| field.name.on_wire().is_none_or(&stays));
    }

    /// Gives the fields the order, and their names the case, that they have in `noted`; fields that are not there come last.
    pub(crate) fn arranged_like(self, noted: impl Iterator<Item = (Bytes, Bytes)>) -> Self {
        self.arranged(noted)
    }

    fn arranged(mut self, noted: impl Iterator<Item = impl Noted>) -> Self {
        let mut rest: Vec<Option<Field>> = std::mem::take(&mut self.fields).into_iter().map(Some).collect();
        // Most heads come in the same order, so that the next one is nearly always the first that is left.
        let mut first = 0;
        for noted in noted {
            let found = rest[first..]
                .iter()
                .position(|field| field.as_ref().is_some_and(|field| noted.stands_for(field)));
            if let Some(mut field) = found.and_then(|found| rest[first + found].take()) {
                field.spelling = noted.spelling();
                self.fields.push(field);
            }
            first += rest[first..].iter().take_while(|field| field.is_none()).count();
        }
        self.fields.extend(rest.into_iter().flatten());
        self
    }

    /// As `arranged_like`, after another head.
    pub(crate) fn arranged_after(self, before: Option<&Self>) -> Self {
        match before {
            Some(before) => self.arranged(before.fields.iter()),
            None => self,
        }
    }

    /// As `arranged_after`, with the fields of the other head that stay within the host.
    pub(crate) fn made_from(self, before: Option<&Self>) -> Self {
        let mut head = self.arranged_after(before);
        let inner = before.into_iter().flat_map(|before| &before.fields);
        for field in inner.filter(|field| field.name.on_wire().is_none()) {
            head.push(field.name.clone(), field.spelling.clone(), field.value.clone());
        }
        head
    }

    /// Writes what was changed back.
    pub(crate) fn apply_to_request(&mut self, parts: &mut request::Parts) {
        if std::mem::take(&mut self.changed)
            && let Start::Request { method, target } = &self.start
        {
            parts.method = method.clone();
            parts.uri = target.clone();
            self.write_fields(&mut parts.headers, &mut parts.extensions);
        }
    }

    /// Writes what was changed back.
    pub(crate) fn apply_to_response(&mut self, parts: &mut response::Parts) {
        if std::mem::take(&mut self.changed)
            && let Start::Response { status, reason } = &self.start
        {
            parts.status = *status;
            parts.extensions.remove::<ReasonPhrase>();
            self.write_fields(&mut parts.headers, &mut parts.extensions);
            if let Some(reason) = reason.clone().and_then(|reason| ReasonPhrase::try_from(reason).ok()) {
                parts.extensions.insert(reason);
            }
        }
    }

    fn write_fields(&self, headers: &mut HeaderMap, extensions: &mut Extensions) {
        headers.clear();
        let fields = self.fields.iter().filter_map(|field| Some((field.name.on_wire()?, field)));
        for (name, field) in fields.clone() {
            headers.append(name, field.value.clone());
        }
        note_changed(fields.map(|(name, field)| (name.as_str(), field.spelling.as_deref())), extensions);
    }

    pub(crate) fn method(&self) -> Option<Bytes> {
        match &self.start {
            Start::Request { method, .. } => Some(Bytes::copy_from_slice(method.as_str().as_bytes())),
            Start::Response { .. } => None,
        }
    }

    pub(crate) fn target(&self) -> Option<Bytes> {
        match &self.start {
            Start::Request { target, .. } => Some(Bytes::from(target.to_string())),
            Start::Response { .. } => None,
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match &self.start {
            Start::Request { .. } => None,
            Start::Response { status, .. } => Some(status.as_u16()),
        }
    }

    /// The reason phrase, or the usual one for the status.
    pub(crate) fn reason(&self) -> Option<Bytes> {
        match &self.start {
            Start::Request { .. } => None,
            Start::Response { reason: Some(reason), .. } => Some(reason.clone()),
            Start::Response { status, reason: None } => {
                Some(Bytes::from_static(status.canonical_reason().unwrap_or_default().as_bytes()))
            }
        }
    }

    /// The version that it was received with, or will be sent with: major and minor number.
    pub(crate) fn version(&self) -> (u16, u16) {
        match self.version {
            Version::HTTP_09 => (0, 9),
            Version::HTTP_10 => (1, 0),
            Version::HTTP_2 => (2, 0),
            Version::HTTP_3 => (3, 0),
            _ => (1, 1),
        }
    }

    /// How many fields there are.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The number of the field in this place, from zero on.
    pub(crate) fn at(&self, place: usize) -> Option<u32> {
        self.fields.get(place).map(|field| field.number)
    }

    /// The place of the field with this number.
    pub(crate) fn place(&self, number: u32) -> Option<usize> {
        self.fields.iter().position(|field| field.number == number)
    }

    /// The number of the next field of this name behind the one with the number `after`, or of the first if that is zero.
    pub(crate) fn find(&self, name: &[u8], after: u32) -> Option<u32> {
        let from = if after == 0 { 0 } else { self.place(after)? + 1 };
        self.fields[from..].iter().find(|field| field.is(name)).map(|field| field.number)
    }

    /// Name and value of the field with this number.
    pub(crate) fn field(&self, number: u32) -> Option<[Bytes; 2]> {
        self.place(number).map(|place| self.fields[place].pair())
    }

    /// The values of a field, in order.
    pub(crate) fn values(&self, name: &[u8]) -> Vec<Bytes> {
        self.fields.iter().filter(|field| field.is(name)).map(Field::value).collect()
    }

    /// Names and values of all fields, in turn and in order.
    pub(crate) fn all(&self) -> Vec<Bytes> {
        self.fields.iter().flat_map(Field::pair).collect()
    }

    pub(crate) fn set_method(&mut self, to: &[u8]) -> Result<(), ChangeError> {
        let Start::Request { method, .. } = &mut self.start else { return Err(ChangeError::WrongKind) };
        let to = Method::from_bytes(to).map_err(|_| ChangeError::Invalid)?;
        // A tunnel is made another way, and a request does not become one on its way, nor the other way round.
        if !self.free && (to == Method::CONNECT) != (*method == Method::CONNECT) {
            return Err(ChangeError::Invalid);
        }
        *method = to;
        self.changed = true;
        Ok(())
    }

    pub(crate) fn set_target(&mut self, to: &[u8]) -> Result<(), ChangeError> {
        let Start::Request { target, .. } = &mut self.start else { return Err(ChangeError::WrongKind) };
        *target = Uri::try_from(to).map_err(|_| ChangeError::Invalid)?;
        self.changed = true;
        Ok(())
    }

    /// Changes the status; the reason becomes the usual one for it.
    pub(crate) fn set_status(&mut self, to: u32) -> Result<(), ChangeError> {
        let Start::Response { status, reason } = &mut self.start else { return Err(ChangeError::WrongKind) };
        let to = if self.free { any_status(to) } else { final_status(to) };
        *status = to.ok_or(ChangeError::Invalid)?;
        *reason = None;
        self.changed = true;
        Ok(())
    }

    pub(crate) fn set_reason(&mut self, to: &[u8]) -> Result<(), ChangeError> {
        let Start::Response { reason, .. } = &mut self.start else { return Err(ChangeError::WrongKind) };
        let phrase = ReasonPhrase::try_from(to).map_err(|_| ChangeError::Invalid)?;
        *reason = Some(phrase.into());
        self.changed = true;
        Ok(())
    }

    /// Makes `value` the only one of a field, in the place of its first, or at the end.
    pub(crate) fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), ChangeError> {
        let (field, value) = self.checked(name, value)?;
        match self.find(name, 0).and_then(|first| self.place(first)) {
            Some(place) => {
                self.fields[place].value = value;
                let mut index = 0;
                self.fields.retain(|other| {
                    index += 1;
                    index - 1 <= place || other.name != field
                });
            }
            None => self.push(field, Some(Bytes::copy_from_slice(name)), value),
        }
        self.changed = true;
        Ok(())
    }

    pub(crate) fn append(&mut self, name: &[u8], value: &[u8]) -> Result<(), ChangeError> {
        let (field, value) = self.checked(name, value)?;
        self.push(field, Some(Bytes::copy_from_slice(name)), value);
        self.changed = true;
        Ok(())
    }

    /// Puts a field before the one with the number `before`, or behind all if that is zero; its number.
    pub(crate) fn insert(&mut self, name: &[u8], value: &[u8], before: u32) -> Result<u32, ChangeError> {
        let place = match before {
            0 => self.fields.len(),
            number => self.place(number).ok_or(ChangeError::NoField)?,
        };
        self.append(name, value)?;
        self.fields[place..].rotate_right(1);
        Ok(self.last)
    }

    /// Removes all values of a field; how many there were.
    pub(crate) fn remove(&mut self, name: &[u8]) -> Result<usize, ChangeError> {
        let (name, _) = self.checked(name, b"")?;
        let before = self.fields.len();
        self.fields.retain(|field| field.name != name);
        let removed = before - self.fields.len();
        self.changed |= removed > 0;
        Ok(removed)
    }

    pub(crate) fn remove_field(&mut self, number: u32) -> Result<(), ChangeError> {
        let place = self.changeable(number)?;
        self.fields.remove(place);
        self.changed = true;
        Ok(())
    }

    pub(crate) fn rename_field(&mut self, number: u32, to: &[u8]) -> Result<(), ChangeError> {
        let place = self.changeable(number)?;
        let (name, _) = self.checked(to, b"")?;
        let field = &mut self.fields[place];
        (field.name, field.spelling) = (name, Some(Bytes::copy_from_slice(to)));
        self.changed = true;
        Ok(())
    }

    pub(crate) fn set_field(&mut self, number: u32, to: &[u8]) -> Result<(), ChangeError> {
        let place = self.changeable(number)?;
        self.fields[place].value = HeaderValue::from_bytes(to).map_err(|_| ChangeError::Invalid)?;
        self.changed = true;
        Ok(())
    }

    fn changeable(&self, number: u32) -> Result<usize, ChangeError> {
        let place = self.place(number).ok_or(ChangeError::NoField)?;
        if self.frames(&self.fields[place].name) { Err(ChangeError::Framing) } else { Ok(place) }
    }

    fn frames(&self, name: &Name) -> bool {
        !self.free && name.is_framing()
    }

    fn checked(&self, name: &[u8], value: &[u8]) -> Result<(Name, HeaderValue), ChangeError> {
        let name = Name::of(name).ok_or(ChangeError::Invalid)?;
        if self.frames(&name) {
            return Err(ChangeError::Framing);
        }
        let value = HeaderValue::from_bytes(value).map_err(|_| ChangeError::Invalid)?;
        Ok((name, value))
    }

    fn push(&mut self, name: Name, spelling: Option<Bytes>, value: HeaderValue) {
        self.last += 1;
        self.fields.push(Field { number: self.last, name, spelling, value });
    }
}

/// A field somewhere else, whose place and spelling are to be taken over.
trait Noted {
    fn stands_for(&self, field: &Field) -> bool;

    /// The name with its case, if that is known.
    fn spelling(self) -> Option<Bytes>;
}

/// As received: the name as it was spelled, and the value.
impl Noted for (Bytes, Bytes) {
    fn stands_for(&self, field: &Field) -> bool {
        field.is(&self.0) && field.value.as_bytes() == self.1
    }

    fn spelling(self) -> Option<Bytes> {
        Some(self.0)
    }
}

/// Of another head: nothing is copied.
impl Noted for &Field {
    fn stands_for(&self, field: &Field) -> bool {
        self.name == field.name && self.value == field.value
    }

    fn spelling(self) -> Option<Bytes> {
        self.spelling.clone()
    }
}

impl Field {
    fn is(&self, name: &[u8]) -> bool {
        self.name.is(name)
    }

    fn value(&self) -> Bytes {
        Bytes::copy_from_slice(self.value.as_bytes())
    }

    fn pair(&self) -> [Bytes; 2] {
        [self.spelling.clone().unwrap_or_else(|| self.name.text()), self.value()]
    }
}

/// A status that ends a request. Below 200 a response would not be a final one, and the client would go on waiting.
pub(crate) fn final_status(status: u32) -> Option<StatusCode> {
    let status = u16::try_from(status).ok().filter(|status| (200..600).contains(status))?;
    StatusCode::from_u16(status).ok()
}

/// A status of three digits.
fn any_status(status: u32) -> Option<StatusCode> {
    u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok())
}

pub(crate) fn is_framing(name: &HeaderName) -> bool {
    *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&str, &str)]) -> Head {
        let build =
            fields.iter().fold(http::Request::get("/"), |build, (name, value)| build.header(*name, *value));
        Head::of_request(&build.body(()).unwrap().into_parts().0)
    }

    fn lines(head: &Head) -> Vec<String> {
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        head.all().chunks(2).map(|pair| text(&pair[0]) + "=" + &text(&pair[1])).collect()
    }

    #[test]
    fn order_and_case_are_those_of_the_head_that_was_received() {
        let noted = [("B", "1"), ("X-y", "1"), ("b", "2"), ("gone", "")];
        let noted = noted.map(|(name, value)| (Bytes::from(name), Bytes::from(value)));
        let head =
            head(&[("b", "1"), ("b", "2"), ("x-y", "1"), ("new", "1")]).arranged_like(noted.into_iter());
        assert_eq!(lines(&head), ["B=1", "X-y=1", "b=2", "new=1"]);
    }

    #[test]
    fn fields_are_found_by_their_numbers_whatever_happens_to_others() {
        let mut head = head(&[("a", "1"), ("b", "2"), ("a", "3")]);
        let first = head.find(b"A", 0).unwrap();
        let second = head.find(b"a", first).unwrap();
        assert_eq!((head.find(b"a", second), head.find(b"c", 0)), (None, None));
        let new = head.insert(b"X-New", b"4", second).unwrap();
        head.remove_field(first).unwrap();
        assert_eq!(lines(&head), ["X-New=4", "a=3", "b=2"]);
        head.set_field(second, b"5").unwrap();
        head.rename_field(new, b"Other").unwrap();
        assert_eq!(lines(&head), ["Other=4", "a=5", "b=2"]);
        assert_eq!(head.set_field(first, b"6"), Err(ChangeError::NoField));
        assert_eq!(head.find(b"a", first), None);
        assert_eq!((head.at(1), head.at(3), head.len()), (Some(second), None, 3));
    }

    #[test]
    fn a_field_that_stays_within_the_host_is_one_like_others_and_on_no_wire() {
        let mut head = head(&[("a", "1")]);
        head.append(b"@A", b"2").unwrap();
        head.set(b"@a", b"3").unwrap();
        assert_eq!(lines(&head), ["a=1", "@A=3"]);
        assert_eq!((head.values(b"A").len(), head.values(b"@a").len()), (1, 1));
        let parts = head.request_parts().unwrap();
        assert_eq!(parts.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["a"]);
        let sent = Head::of_request(&parts).made_from(Some(&head));
        assert_eq!(lines(&sent), ["a=1", "@A=3"]);
        // It frames nothing, whatever it is called.
        head.append(b"@content-length", b"7").unwrap();
        let number = head.find(b"@a", 0).unwrap();
        head.rename_field(number, b"X-Out").unwrap();
        assert_eq!(head.request_parts().unwrap().headers["x-out"], "3");
        assert_eq!((head.remove(b"@a"), head.remove(b"@Content-Length")), (Ok(0), Ok(1)));
        assert_eq!(head.append(b"@", b""), Err(ChangeError::Invalid));
        assert_eq!(head.append(b"@@a", b""), Err(ChangeError::Invalid));
    }

    #[test]
    fn setting_a_field_leaves_one_in_the_place_of_the_first() {
        let mut head = head(&[("x", "0"), ("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")]);
        head.set(b"A", b"5").unwrap();
        assert_eq!(lines(&head), ["x=0", "a=5", "b=2"]);
        head.set(b"New", b"6").unwrap();
        assert_eq!(lines(&head), ["x=0", "a=5", "b=2", "New=6"]);
    }
}
