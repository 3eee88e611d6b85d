//! The URL that a request is for, in parts.

use super::{Message, MessageError, first_text};
use crate::http::door::{Change, Part};

/// The URL that a request is for: what its target says, and for the rest its field `host`.
///
/// It is a view like [`Message`], with the same rules. A part is changed where it stands: the host in the target if that
/// names one, and in the field. A target that was only a path names everything once a scheme, user or password is set.
///
/// # Examples
///
/// ```
/// use ts_api::http::{MessageError, Transaction};
///
/// fn to_the_mirror(txn: Transaction) -> Result<(), MessageError> {
///     let url = txn.request().url();
///     url.set_host("mirror.example")?;
///     url.set_port(None)?;
///     url.set_path(&format!("/copy{}", url.path()?))
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Url(Message);

impl Url {
    pub(super) fn new(message: Message) -> Self {
        Self(message)
    }

    /// All of it: `http://user:password@host:port/path?query`, with what there is.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn text(self) -> Result<String, MessageError> {
        self.read(Part::URL).map(Option::unwrap_or_default)
    }

    /// The scheme; `http` unless the target says otherwise.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn scheme(self) -> Result<String, MessageError> {
        self.read(Part::URL_SCHEME).map(Option::unwrap_or_default)
    }

    /// The user.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn user(self) -> Result<Option<String>, MessageError> {
        self.read(Part::URL_USER)
    }

    /// The password.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn password(self) -> Result<Option<String>, MessageError> {
        self.read(Part::URL_PASSWORD)
    }

    /// The host, as it is written.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn host(self) -> Result<Option<String>, MessageError> {
        self.read(Part::URL_HOST)
    }

    /// The port, if one is named.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn port(self) -> Result<Option<u16>, MessageError> {
        self.read(Part::URL_PORT).map(|port| port.and_then(|port| port.parse().ok()))
    }

    /// The path, which begins with `/`; a star for a request about the server as a whole, nothing for a tunnel.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn path(self) -> Result<String, MessageError> {
        self.read(Part::URL_PATH).map(Option::unwrap_or_default)
    }

    /// The query, without its question mark.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn query(self) -> Result<Option<String>, MessageError> {
        self.read(Part::URL_QUERY)
    }

    /// Changes all of it; the new one names scheme and host.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set_text(self, url: &str) -> Result<(), MessageError> {
        self.change(Change::URL, Some(url))
    }

    /// Changes the scheme.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set_scheme(self, scheme: &str) -> Result<(), MessageError> {
        self.change(Change::URL_SCHEME, Some(scheme))
    }

    /// Changes the user, or takes it away.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set_user(self, user: Option<&str>) -> Result<(), MessageError> {
        self.change(Change::URL_USER, user)
    }

    /// Changes the password, or takes it away.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set_password(self, password: Option<&str>) -> Result<(), MessageError> {
        self.change(Change::URL_PASSWORD, password)
    }

    /// Changes the host; an IPv6 address stands in brackets.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set_host(self, host: &str) -> Result<(), MessageError> {
        self.change(Change::URL_HOST, Some(host))
    }

    /// Changes the port, or takes it away.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods; [`MessageError::Invalid`] for zero.
    pub fn set_port(self, port: Option<u16>) -> Result<(), MessageError> {
        self.change(Change::URL_PORT, port.map(|port| port.to_string()).as_deref())
    }

    /// Changes the path, to one that begins with `/`.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set_path(self, path: &str) -> Result<(), MessageError> {
        self.change(Change::URL_PATH, Some(path))
    }

    /// Changes the query, or takes it away.
    ///
    /// # Errors
    ///
    /// [`MessageError`], as for all methods.
    pub fn set_query(self, query: Option<&str>) -> Result<(), MessageError> {
        self.change(Change::URL_QUERY, query)
    }

    fn read(self, part: Part) -> Result<Option<String>, MessageError> {
        self.0.read(part, b"").map(|(parts, _)| first_text(parts))
    }

    fn change(self, change: Change, to: Option<&str>) -> Result<(), MessageError> {
        self.0.change(change, b"", to.unwrap_or_default().as_bytes(), to.is_none().into()).map(drop)
    }
}
