//! The head of a message as plugins see it: a start line, and fields in order.
//!
//! Made from what the parser gives, and written back only when a plugin has changed it. The parser keeps the case of field
//! names apart and writes them as they were received; here they are in lower case.
//!
//! # Rules
//! * The fields that frame a body are the parser's: no plugin adds, changes or removes them.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, StatusCode, Uri, request, response};

/// The head of a request or response.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    start: Start,
    fields: Vec<(HeaderName, HeaderValue)>,
    changed: bool,
}

#[derive(Debug, Clone)]
enum Start {
    Request { method: Method, target: Uri },
    Response { status: StatusCode },
}

/// Why a change was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeError {
    /// Not a method, target, status, field name or field value.
    Invalid,
    /// A request has no status, a response neither method nor target.
    WrongKind,
    /// The field frames the body.
    Framing,
}

impl Head {
    pub(crate) fn of_request(parts: &request::Parts) -> Self {
        let start = Start::Request { method: parts.method.clone(), target: parts.uri.clone() };
        Self { start, fields: in_order(&parts.headers), changed: false }
    }

    pub(crate) fn of_response(parts: &response::Parts) -> Self {
        Self {
            start: Start::Response { status: parts.status },
            fields: in_order(&parts.headers),
            changed: false,
        }
    }

    /// Writes what was changed back.
    pub(crate) fn apply_to_request(&mut self, parts: &mut request::Parts) {
        if std::mem::take(&mut self.changed)
            && let Start::Request { method, target } = &self.start
        {
            parts.method = method.clone();
            parts.uri = target.clone();
            self.write_fields(&mut parts.headers);
        }
    }

    /// Writes what was changed back.
    pub(crate) fn apply_to_response(&mut self, parts: &mut response::Parts) {
        if std::mem::take(&mut self.changed)
            && let Start::Response { status } = &self.start
        {
            parts.status = *status;
            self.write_fields(&mut parts.headers);
        }
    }

    fn write_fields(&self, headers: &mut HeaderMap) {
        headers.clear();
        for (name, value) in &self.fields {
            headers.append(name, value.clone());
        }
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
            Start::Response { status } => Some(status.as_u16()),
        }
    }

    /// The values of a field, in order.
    pub(crate) fn values(&self, name: &[u8]) -> Vec<Bytes> {
        self.fields
            .iter()
            .filter(|(field, _)| field.as_str().as_bytes().eq_ignore_ascii_case(name))
            .map(|(_, value)| Bytes::copy_from_slice(value.as_bytes()))
            .collect()
    }

    /// Names and values of all fields, in turn and in order.
    pub(crate) fn all(&self) -> Vec<Bytes> {
        self.fields
            .iter()
            .flat_map(|(name, value)| {
                [Bytes::copy_from_slice(name.as_str().as_bytes()), Bytes::copy_from_slice(value.as_bytes())]
            })
            .collect()
    }

    pub(crate) fn set_method(&mut self, to: &[u8]) -> Result<(), ChangeError> {
        let Start::Request { method, .. } = &mut self.start else { return Err(ChangeError::WrongKind) };
        *method = Method::from_bytes(to).map_err(|_| ChangeError::Invalid)?;
        self.changed = true;
        Ok(())
    }

    pub(crate) fn set_target(&mut self, to: &[u8]) -> Result<(), ChangeError> {
        let Start::Request { target, .. } = &mut self.start else { return Err(ChangeError::WrongKind) };
        *target = Uri::try_from(to).map_err(|_| ChangeError::Invalid)?;
        self.changed = true;
        Ok(())
    }

    pub(crate) fn set_status(&mut self, to: u32) -> Result<(), ChangeError> {
        let Start::Response { status } = &mut self.start else { return Err(ChangeError::WrongKind) };
        // Below 200 a response would not be a final one, and the client would go on waiting.
        let to = u16::try_from(to).ok().filter(|to| (200..600).contains(to)).ok_or(ChangeError::Invalid)?;
        *status = StatusCode::from_u16(to).map_err(|_| ChangeError::Invalid)?;
        self.changed = true;
        Ok(())
    }

    /// Makes `value` the only one of a field, in the place of its first, or at the end.
    pub(crate) fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), ChangeError> {
        let (name, value) = checked(name, value)?;
        let mut value = Some(value);
        self.fields.retain_mut(|(field, old)| {
            if *field != name {
                return true;
            }
            match value.take() {
                Some(value) => {
                    *old = value;
                    true
                }
                None => false,
            }
        });
        if let Some(value) = value {
            self.fields.push((name, value));
        }
        self.changed = true;
        Ok(())
    }

    pub(crate) fn append(&mut self, name: &[u8], value: &[u8]) -> Result<(), ChangeError> {
        let field = checked(name, value)?;
        self.fields.push(field);
        self.changed = true;
        Ok(())
    }

    /// Removes all values of a field; how many there were.
    pub(crate) fn remove(&mut self, name: &[u8]) -> Result<usize, ChangeError> {
        let (name, _) = checked(name, b"")?;
        let before = self.fields.len();
        self.fields.retain(|(field, _)| *field != name);
        let removed = before - self.fields.len();
        self.changed |= removed > 0;
        Ok(removed)
    }
}

fn in_order(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn checked(name: &[u8], value: &[u8]) -> Result<(HeaderName, HeaderValue), ChangeError> {
    let name = HeaderName::from_bytes(name).map_err(|_| ChangeError::Invalid)?;
    if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
        return Err(ChangeError::Framing);
    }
    let value = HeaderValue::from_bytes(value).map_err(|_| ChangeError::Invalid)?;
    Ok((name, value))
}
