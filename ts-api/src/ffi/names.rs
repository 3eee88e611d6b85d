//! The names that messages are full of, exported as data: schemes, fields, values, methods, each with its length.
//!
//! # Rules
//! * Plugins compare pointers, as in `method == TS_HTTP_METHOD_GET`. So a getter that finds a text here gives this pointer of it,
//!   and no other: see [`well_known`].
//! * No text stands here twice.
//! * The texts, and the pointers to them, cannot be written to.

use std::cmp::Ordering;
use std::ffi::{c_char, c_int};
use std::ptr;

use super::call;

/// A pointer to a text that ends with a NUL.
#[repr(transparent)]
pub struct Name(*const c_char);

// SAFETY: what it points to never changes and never goes.
unsafe impl Sync for Name {}

/// The bytes of a text, and a NUL.
const fn terminated<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.split_at_mut(text.len()).0.copy_from_slice(text.as_bytes());
    bytes
}

/// A row is a name, without what all of its group begin with, and the text.
macro_rules! names {
    ($($group:ident $name:literal $length:literal { $($row:ident $text:literal,)* })*) => {
        $(
            mod $group {
                use super::*;

                $(
                    #[unsafe(export_name = concat!($name, stringify!($row)))]
                    pub static $row: Name = {
                        // A static of its own, since a constant may have several addresses.
                        static TEXT: [u8; $text.len() + 1] = terminated($text);
                        Name(TEXT.as_ptr().cast())
                    };
                )*

                pub mod lengths {
                    use super::*;

                    $(
                        #[unsafe(export_name = concat!($length, stringify!($row)))]
                        pub static $row: c_int = $text.len() as c_int;
                    )*
                }
            }
        )*

        /// Shorter ones first, and those of a length in the order of their bytes.
        static SORTED: [(&str, &Name); [$($($text,)*)*].len()] =
            sorted([$($(($text, &$group::$row),)*)*]);
    };
}

/// Sorts as a search looks.
const fn sorted<const N: usize>(
    mut names: [(&'static str, &'static Name); N],
) -> [(&'static str, &'static Name); N] {
    let mut done = 1;
    while done < N {
        let mut at = done;
        while at > 0 && is_before(names[at].0.as_bytes(), names[at - 1].0.as_bytes()) {
            names.swap(at, at - 1);
            at -= 1;
        }
        done += 1;
    }
    names
}

const fn is_before(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return one.len() < other.len();
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return one[at] < other[at];
        }
        at += 1;
    }
    panic!("no text stands here twice")
}

/// The pointer that plugins know a text by, if it is one of these, in this case.
pub(crate) fn well_known(bytes: &[u8]) -> Option<*const c_char> {
    let found = SORTED.binary_search_by(|(text, _)| match text.len().cmp(&bytes.len()) {
        Ordering::Equal => text.as_bytes().cmp(bytes),
        other => other,
    });
    found.ok().map(|at| SORTED[at].1.0)
}

/// # Safety
///
/// As many bytes as `length` says, or up to a NUL, can be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn TSMimeHdrStringToWKS(str: *const c_char, length: c_int) -> *const c_char {
    call::enter("TSMimeHdrStringToWKS", |call| {
        // SAFETY: the caller says so.
        let bytes = unsafe { call.bytes("str", str, length) };
        let alike = || SORTED.iter().find(|(text, _)| text.as_bytes().eq_ignore_ascii_case(bytes));
        // One that is written as it stands here goes before one that is not.
        well_known(bytes).or_else(|| alike().map(|(_, name)| name.0)).unwrap_or(ptr::null())
    })
}

names! {
    schemes "TS_URL_SCHEME_" "TS_URL_LEN_" {
        FILE "file",
        FTP "ftp",
        GOPHER "gopher",
        HTTP "http",
        HTTPS "https",
        MAILTO "mailto",
        NEWS "news",
        NNTP "nntp",
        PROSPERO "prospero",
        TELNET "telnet",
        TUNNEL "tunnel",
        WAIS "wais",
        PNM "pnm",
        RTSP "rtsp",
        RTSPU "rtspu",
        MMS "mms",
        MMSU "mmsu",
        MMST "mmst",
        WS "ws",
        WSS "wss",
    }
    fields "TS_MIME_FIELD_" "TS_MIME_LEN_" {
        ACCEPT "Accept",
        ACCEPT_CHARSET "Accept-Charset",
        ACCEPT_ENCODING "Accept-Encoding",
        ACCEPT_LANGUAGE "Accept-Language",
        ACCEPT_RANGES "Accept-Ranges",
        AGE "Age",
        ALLOW "Allow",
        APPROVED "Approved",
        AUTHORIZATION "Authorization",
        BYTES "Bytes",
        CACHE_CONTROL "Cache-Control",
        CLIENT_IP "Client-IP",
        CONNECTION "Connection",
        CONTENT_BASE "Content-Base",
        CONTENT_ENCODING "Content-Encoding",
        CONTENT_LANGUAGE "Content-Language",
        CONTENT_LENGTH "Content-Length",
        CONTENT_LOCATION "Content-Location",
        CONTENT_MD5 "Content-MD5",
        CONTENT_RANGE "Content-Range",
        CONTENT_TYPE "Content-Type",
        CONTROL "Control",
        COOKIE "Cookie",
        DATE "Date",
        DISTRIBUTION "Distribution",
        ETAG "ETag",
        EXPECT "Expect",
        EXPIRES "Expires",
        FOLLOWUP_TO "Followup-To",
        FORWARDED "Forwarded",
        FROM "From",
        HOST "Host",
        IF_MATCH "If-Match",
        IF_MODIFIED_SINCE "If-Modified-Since",
        IF_NONE_MATCH "If-None-Match",
        IF_RANGE "If-Range",
        IF_UNMODIFIED_SINCE "If-Unmodified-Since",
        KEEP_ALIVE "Keep-Alive",
        KEYWORDS "Keywords",
        LAST_MODIFIED "Last-Modified",
        LINES "Lines",
        LOCATION "Location",
        MAX_FORWARDS "Max-Forwards",
        MESSAGE_ID "Message-ID",
        NEWSGROUPS "Newsgroups",
        ORGANIZATION "Organization",
        PATH "Path",
        PRAGMA "Pragma",
        PROXY_AUTHENTICATE "Proxy-Authenticate",
        PROXY_AUTHORIZATION "Proxy-Authorization",
        PROXY_CONNECTION "Proxy-Connection",
        PUBLIC "Public",
        RANGE "Range",
        REFERENCES "References",
        REFERER "Referer",
        REPLY_TO "Reply-To",
        RETRY_AFTER "Retry-After",
        SENDER "Sender",
        SERVER "Server",
        SET_COOKIE "Set-Cookie",
        STRICT_TRANSPORT_SECURITY "Strict-Transport-Security",
        SUBJECT "Subject",
        SUMMARY "Summary",
        TE "TE",
        TRANSFER_ENCODING "Transfer-Encoding",
        UPGRADE "Upgrade",
        USER_AGENT "User-Agent",
        VARY "Vary",
        VIA "Via",
        WARNING "Warning",
        WWW_AUTHENTICATE "WWW-Authenticate",
        XREF "Xref",
        X_FORWARDED_FOR "X-Forwarded-For",
    }
    values "TS_HTTP_VALUE_" "TS_HTTP_LEN_" {
        BYTES "bytes",
        CHUNKED "chunked",
        CLOSE "close",
        COMPRESS "compress",
        DEFLATE "deflate",
        GZIP "gzip",
        BROTLI "br",
        ZSTD "zstd",
        IDENTITY "identity",
        KEEP_ALIVE "keep-alive",
        MAX_AGE "max-age",
        MAX_STALE "max-stale",
        MIN_FRESH "min-fresh",
        MUST_REVALIDATE "must-revalidate",
        NONE "none",
        NO_CACHE "no-cache",
        NO_STORE "no-store",
        NO_TRANSFORM "no-transform",
        ONLY_IF_CACHED "only-if-cached",
        PRIVATE "private",
        PROXY_REVALIDATE "proxy-revalidate",
        PUBLIC "public",
    }
    methods "TS_HTTP_METHOD_" "TS_HTTP_LEN_" {
        CONNECT "CONNECT",
        DELETE "DELETE",
        GET "GET",
        HEAD "HEAD",
        OPTIONS "OPTIONS",
        POST "POST",
        PURGE "PURGE",
        PUT "PUT",
        TRACE "TRACE",
        PUSH "PUSH",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn a_text_is_found_by_its_bytes_and_gives_the_pointer_that_plugins_know() {
        for (text, name) in &SORTED {
            assert_eq!(well_known(text.as_bytes()), Some(name.0), "{text}");
            // SAFETY: all of them end with a NUL, and stay.
            assert_eq!(unsafe { CStr::from_ptr(name.0) }.to_bytes(), text.as_bytes());
        }
        assert_eq!(well_known(b"GET"), Some(methods::GET.0));
        for other in [&b""[..], b"get", b"GE", b"GETT", b"host", b"Host\0", b"X-Forwarded-Foo", &[b'x'; 300]]
        {
            assert_eq!(well_known(other), None, "{other:?}");
        }
    }
}
