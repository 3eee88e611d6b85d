//! Names of hooks, events and states, for those who write them down.

use std::ffi::{CStr, c_char, c_int};

use super::call;
use super::types::{TSEvent, TSHttpHookID, TSServerState};

/// By number.
const HOOKS: [&CStr; 30] = [
    c"TS_HTTP_READ_REQUEST_HDR_HOOK",
    c"TS_HTTP_OS_DNS_HOOK",
    c"TS_HTTP_SEND_REQUEST_HDR_HOOK",
    c"TS_HTTP_READ_CACHE_HDR_HOOK",
    c"TS_HTTP_READ_RESPONSE_HDR_HOOK",
    c"TS_HTTP_SEND_RESPONSE_HDR_HOOK",
    c"TS_HTTP_REQUEST_TRANSFORM_HOOK",
    c"TS_HTTP_RESPONSE_TRANSFORM_HOOK",
    c"TS_HTTP_SELECT_ALT_HOOK",
    c"TS_HTTP_TXN_START_HOOK",
    c"TS_HTTP_TXN_CLOSE_HOOK",
    c"TS_HTTP_SSN_START_HOOK",
    c"TS_HTTP_SSN_CLOSE_HOOK",
    c"TS_HTTP_CACHE_LOOKUP_COMPLETE_HOOK",
    c"TS_HTTP_PRE_REMAP_HOOK",
    c"TS_HTTP_POST_REMAP_HOOK",
    c"TS_HTTP_REQUEST_BUFFER_READ_COMPLETE_HOOK",
    c"TS_HTTP_RESPONSE_CLIENT_HOOK",
    c"TS_HTTP_REQUEST_CLIENT_HOOK",
    c"TS_HTTP_TUNNEL_START_HOOK",
    c"TS_VCONN_START_HOOK",
    c"TS_VCONN_CLOSE_HOOK",
    c"TS_SSL_CLIENT_HELLO_HOOK",
    c"TS_SSL_CERT_HOOK",
    c"TS_SSL_SERVERNAME_HOOK",
    c"TS_SSL_VERIFY_SERVER_HOOK",
    c"TS_SSL_VERIFY_CLIENT_HOOK",
    c"TS_SSL_SESSION_HOOK",
    c"TS_VCONN_OUTBOUND_START_HOOK",
    c"TS_VCONN_OUTBOUND_CLOSE_HOOK",
];

/// By number, in order.
const EVENTS: [(TSEvent, &CStr); 85] = [
    (0, c"TS_EVENT_NONE"),
    (1, c"TS_EVENT_IMMEDIATE"),
    (2, c"TS_EVENT_TIMEOUT"),
    (3, c"TS_EVENT_ERROR"),
    (4, c"TS_EVENT_CONTINUE"),
    (100, c"TS_EVENT_VCONN_READ_READY"),
    (101, c"TS_EVENT_VCONN_WRITE_READY"),
    (102, c"TS_EVENT_VCONN_READ_COMPLETE"),
    (103, c"TS_EVENT_VCONN_WRITE_COMPLETE"),
    (104, c"TS_EVENT_VCONN_EOS"),
    (105, c"TS_EVENT_VCONN_INACTIVITY_TIMEOUT"),
    (106, c"TS_EVENT_VCONN_ACTIVE_TIMEOUT"),
    (107, c"TS_EVENT_VCONN_START"),
    (108, c"TS_EVENT_VCONN_CLOSE"),
    (109, c"TS_EVENT_VCONN_OUTBOUND_START"),
    (110, c"TS_EVENT_VCONN_OUTBOUND_CLOSE"),
    (200, c"TS_EVENT_NET_CONNECT"),
    (201, c"TS_EVENT_NET_CONNECT_FAILED"),
    (202, c"TS_EVENT_NET_ACCEPT"),
    (204, c"TS_EVENT_NET_ACCEPT_FAILED"),
    (500, c"TS_EVENT_HOST_LOOKUP"),
    (1102, c"TS_EVENT_CACHE_OPEN_READ"),
    (1103, c"TS_EVENT_CACHE_OPEN_READ_FAILED"),
    (1108, c"TS_EVENT_CACHE_OPEN_WRITE"),
    (1109, c"TS_EVENT_CACHE_OPEN_WRITE_FAILED"),
    (1112, c"TS_EVENT_CACHE_REMOVE"),
    (1113, c"TS_EVENT_CACHE_REMOVE_FAILED"),
    (1120, c"TS_EVENT_CACHE_SCAN"),
    (1121, c"TS_EVENT_CACHE_SCAN_FAILED"),
    (1122, c"TS_EVENT_CACHE_SCAN_OBJECT"),
    (1123, c"TS_EVENT_CACHE_SCAN_OPERATION_BLOCKED"),
    (1124, c"TS_EVENT_CACHE_SCAN_OPERATION_FAILED"),
    (1125, c"TS_EVENT_CACHE_SCAN_DONE"),
    (1126, c"TS_EVENT_CACHE_LOOKUP"),
    (1127, c"TS_EVENT_CACHE_READ"),
    (1128, c"TS_EVENT_CACHE_DELETE"),
    (1129, c"TS_EVENT_CACHE_WRITE"),
    (1130, c"TS_EVENT_CACHE_WRITE_HEADER"),
    (1131, c"TS_EVENT_CACHE_CLOSE"),
    (1132, c"TS_EVENT_CACHE_LOOKUP_READY"),
    (1133, c"TS_EVENT_CACHE_LOOKUP_COMPLETE"),
    (1134, c"TS_EVENT_CACHE_READ_READY"),
    (1135, c"TS_EVENT_CACHE_READ_COMPLETE"),
    (2000, c"TS_EVENT_SSL_SESSION_GET"),
    (2001, c"TS_EVENT_SSL_SESSION_NEW"),
    (2002, c"TS_EVENT_SSL_SESSION_REMOVE"),
    (3900, c"TS_EVENT_AIO_DONE"),
    (60000, c"TS_EVENT_HTTP_CONTINUE"),
    (60001, c"TS_EVENT_HTTP_ERROR"),
    (60002, c"TS_EVENT_HTTP_READ_REQUEST_HDR"),
    (60003, c"TS_EVENT_HTTP_OS_DNS"),
    (60004, c"TS_EVENT_HTTP_SEND_REQUEST_HDR"),
    (60005, c"TS_EVENT_HTTP_READ_CACHE_HDR"),
    (60006, c"TS_EVENT_HTTP_READ_RESPONSE_HDR"),
    (60007, c"TS_EVENT_HTTP_SEND_RESPONSE_HDR"),
    (60008, c"TS_EVENT_HTTP_REQUEST_TRANSFORM"),
    (60009, c"TS_EVENT_HTTP_RESPONSE_TRANSFORM"),
    (60010, c"TS_EVENT_HTTP_SELECT_ALT"),
    (60011, c"TS_EVENT_HTTP_TXN_START"),
    (60012, c"TS_EVENT_HTTP_TXN_CLOSE"),
    (60013, c"TS_EVENT_HTTP_SSN_START"),
    (60014, c"TS_EVENT_HTTP_SSN_CLOSE"),
    (60015, c"TS_EVENT_HTTP_CACHE_LOOKUP_COMPLETE"),
    (60016, c"TS_EVENT_HTTP_PRE_REMAP"),
    (60017, c"TS_EVENT_HTTP_POST_REMAP"),
    (60018, c"TS_EVENT_HTTP_REQUEST_BUFFER_READ_COMPLETE"),
    (60019, c"TS_EVENT_HTTP_RESPONSE_CLIENT"),
    (60020, c"TS_EVENT_HTTP_REQUEST_CLIENT"),
    (60021, c"TS_EVENT_HTTP_TUNNEL_START"),
    (60100, c"TS_EVENT_LIFECYCLE_PORTS_INITIALIZED"),
    (60101, c"TS_EVENT_LIFECYCLE_PORTS_READY"),
    (60102, c"TS_EVENT_LIFECYCLE_CACHE_READY"),
    (60103, c"TS_EVENT_LIFECYCLE_SERVER_SSL_CTX_INITIALIZED"),
    (60104, c"TS_EVENT_LIFECYCLE_CLIENT_SSL_CTX_INITIALIZED"),
    (60105, c"TS_EVENT_LIFECYCLE_MSG"),
    (60106, c"TS_EVENT_LIFECYCLE_TASK_THREADS_READY"),
    (60107, c"TS_EVENT_LIFECYCLE_SHUTDOWN"),
    (60108, c"TS_EVENT_LIFECYCLE_LOG_INITIALIZED"),
    (60203, c"TS_EVENT_SSL_CERT"),
    (60204, c"TS_EVENT_SSL_SERVERNAME"),
    (60205, c"TS_EVENT_SSL_VERIFY_SERVER"),
    (60206, c"TS_EVENT_SSL_VERIFY_CLIENT"),
    (60207, c"TS_EVENT_SSL_CLIENT_HELLO"),
    (60208, c"TS_EVENT_SSL_SECRET"),
    (60300, c"TS_EVENT_MGMT_UPDATE"),
];

/// By number.
const STATES: [&CStr; 12] = [
    c"STATE_UNDEFINED",
    c"ACTIVE_TIMEOUT",
    c"BAD_INCOMING_RESPONSE",
    c"CONNECTION_ALIVE",
    c"CONNECTION_CLOSED",
    c"CONNECTION_ERROR",
    c"INACTIVE_TIMEOUT",
    c"OPEN_RAW_ERROR",
    c"PARSE_ERROR",
    c"TRANSACTION_COMPLETE",
    c"PARENT_RETRY",
    c"OUTBOUND_CONGESTION",
];

fn nth(names: &[&'static CStr], number: c_int, other: &'static CStr) -> &'static CStr {
    let name = usize::try_from(number).ok().and_then(|number| names.get(number));
    name.copied().unwrap_or(other)
}

/// A hook's name, whether or not the host has the hook.
pub(super) fn hook_name(hook: TSHttpHookID) -> &'static CStr {
    nth(&HOOKS, hook, c"unknown hook")
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpHookNameLookup(hook: TSHttpHookID) -> *const c_char {
    call::enter("TSHttpHookNameLookup", |_| hook_name(hook).as_ptr())
}

/// Plugins have events of their own, so there may be no name.
#[unsafe(no_mangle)]
pub extern "C" fn TSHttpEventNameLookup(event: TSEvent) -> *const c_char {
    call::enter("TSHttpEventNameLookup", |_| {
        let place = EVENTS.binary_search_by_key(&event, |(number, _)| *number);
        place.map_or(c"unknown event", |place| EVENTS[place].1).as_ptr()
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn TSHttpServerStateNameLookup(state: TSServerState) -> *const c_char {
    call::enter("TSHttpServerStateNameLookup", |_| nth(&STATES, state, c"unknown state name").as_ptr())
}
