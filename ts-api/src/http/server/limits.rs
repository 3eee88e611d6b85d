//! How much a client may send, and how many may come.

/// What a client may ask of a server. What goes beyond is answered, and not passed on.
///
/// The bounds of heads and of the framing of bodies hold for what origins send as well; there, each answer is 502.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a whole head, or its field list in HTTP/2. More is answered 431. Default: 65536.
    pub head: usize,
    /// Fields of a head. More are answered 431. Default: 100.
    pub fields: usize,
    /// Bytes of one field line, name and value. More is answered 431. Default: 16384.
    pub field: usize,
    /// Bytes of a request's target; never more than 65000. More is answered 414. Default: 8192.
    pub target: usize,
    /// Bytes of a request's body. More is answered 413: at once when the length is told beforehand, otherwise when it is
    /// reached. Default: none.
    pub body: Option<u64>,
    /// The methods that are let pass, as they are written; any other is answered 501. Default: none, every method passes.
    pub methods: Option<Vec<String>>,
    /// Whether a client that has closed its sending half still gets its response. Otherwise it is taken for gone, and what
    /// is being done for it is given up. Default: false.
    pub half_close: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 65536,
            fields: 100,
            field: 16384,
            target: 8192,
            body: None,
            methods: None,
            half_close: false,
        }
    }
}
