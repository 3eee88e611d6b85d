//! The HTTP half of the facade goes through its table as well: with another one, nothing passes by; without one, nothing
//! is there.
#![cfg(all(feature = "http", feature = "runtime"))]

#[path = "support/http.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use support::{Bed, Origin, go_on};
use ts_api::http::door::{
    Address, BytesSink, Change, ErrorPart, Fact, HttpTable, Kind, Limit, Part, RawArg, RawBytes, RawFields,
    Scope, Which,
};
use ts_api::http::{Added, Arg, HookId, Milestone, Transaction};
use ts_api::table::{self, Code, HostTable, RawCont, RawMutex};
use ts_api::{Cont, Event};

static CALLS: LazyLock<Mutex<BTreeMap<&'static str, u32>>> = LazyLock::new(Mutex::default);

fn linked() -> &'static HttpTable {
    // SAFETY: the linked table's pointer is to the linked HTTP table, since that is compiled in.
    unsafe { &*table::linked().http.cast() }
}

macro_rules! counting {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {
        $(
            unsafe extern "C" fn $name($($arg: $type),*) -> Code {
                *CALLS.lock().unwrap().entry(stringify!($name)).or_default() += 1;
                // SAFETY: what is asked of the caller is what the function behind asks.
                unsafe { (linked().$name)($($arg),*) }
            }
        )*

        const FUNCTIONS: &[&str] = &[$(stringify!($name)),*];

        /// A table that counts and passes on, written out in full so that a new function cannot be forgotten.
        static COUNTING: HttpTable = HttpTable { size: size_of::<HttpTable>(), $($name),* };
    };
}

counting! {
    hook_add(scope: Scope, subject: u64, hook: u32, cont: RawCont, added: *mut u32);
    serial(kind: Kind, subject: u64, serial: *mut u32);
    reenable(kind: Kind, subject: u64, serial: u32, event: i32);
    mutex(kind: Kind, subject: u64, mutex: *mut Option<RawMutex>);
    client_addr(kind: Kind, subject: u64, sink: BytesSink);
    session_of(transaction: u64, session: *mut u64);
    message_read(transaction: u64, which: Which, part: Part, name: RawBytes, sink: BytesSink, number: *mut u32);
    message_change(transaction: u64, which: Which, change: Change, name: RawBytes, value: RawBytes, number: *mut u32);
    error_set(transaction: u64, status: u32, body: RawBytes, content_type: RawBytes);
    address(kind: Kind, subject: u64, which: Address, sink: BytesSink);
    origin_address_set(transaction: u64, address: RawBytes);
    count(kind: Kind, subject: u64, count: *mut u64);
    limit(transaction: u64, of: Limit, nanoseconds: *mut u64);
    limit_set(transaction: u64, of: Limit, nanoseconds: u64);
    error_read(transaction: u64, part: ErrorPart, sink: BytesSink, number: *mut u32);
    error_change(transaction: u64, part: ErrorPart, value: RawBytes, number: u32);
    answer(transaction: u64, status: u32, fields: RawFields, body: RawBytes);
    body_buffer(transaction: u64, limit: u64);
    body_read(transaction: u64, sink: BytesSink);
    milestone(transaction: u64, milestone: u32, at: *mut u64);
    arg_reserve(kind: Kind, name: RawBytes, description: RawBytes, index: *mut u32);
    arg_find(kind: Kind, name: RawBytes, sink: BytesSink, index: *mut u32);
    arg_describe(kind: Kind, index: u32, sink: BytesSink);
    arg_set(kind: Kind, subject: u64, index: u32, value: RawArg, old: *mut RawArg);
    arg_lend(kind: Kind, subject: u64, index: u32, value: *mut RawArg);
    arg_put_back(kind: Kind, subject: u64, index: u32, value: RawArg);
    arg_plain(kind: Kind, subject: u64, index: u32, value: *mut RawArg);
    origin_url(transaction: u64, sink: BytesSink);
    origin_url_set(transaction: u64, url: RawBytes);
    pristine_url(transaction: u64, sink: BytesSink);
    response_body_set(transaction: u64, body: RawBytes, content_type: RawBytes);
    aborted(transaction: u64, by: *mut u32);
    fact(kind: Kind, subject: u64, which: Fact, value: *mut u64);
    fact_set(kind: Kind, subject: u64, which: Fact, value: u64);
    origin_name(transaction: u64, sink: BytesSink);
    redirect(transaction: u64, sink: BytesSink);
    redirect_set(transaction: u64, url: RawBytes);
    address_set(transaction: u64, which: Address, address: RawBytes);
}

/// A continuation that uses all there is.
fn use_everything(event: &mut Event<'_>) {
    let txn = event.transaction().unwrap();
    assert!(event.session().is_none(), "a transaction's event is no session's");
    assert!(event.data::<u64>().is_none(), "what the host lends is nobody's data");
    let session = txn.session().unwrap();
    assert!(txn.mutex().unwrap().held_by_current());
    assert_eq!(txn.client_addr().unwrap(), session.client_addr().unwrap());
    assert_eq!(txn.add_hook(HookId::TxnClose, event.cont()), Ok(Added::Yes));
    if event.code() == HookId::ReadRequestHdr.event() {
        txn.request().set("x-a", "b").unwrap();
        assert_eq!(txn.request().get("x-a").unwrap().as_deref(), Some("b"));
        txn.set_error(404, "").unwrap();
        txn.set_error_reason("Gone fishing").unwrap();
        assert_eq!(txn.error().unwrap().status, Some(404));
        assert_eq!((txn.ordinal(), session.transaction_count()), (Ok(1), Ok(1)));
        let limit = Some(std::time::Duration::from_secs(7));
        txn.set_limit(ts_api::http::Limit::Connect, limit).unwrap();
        assert_eq!(txn.limit(ts_api::http::Limit::Connect), Ok(limit));
        txn.set_origin_addr(None).unwrap();
        assert_eq!(txn.set_response_body("", ""), Err(ts_api::http::MessageError::ReadOnly));
        assert_eq!(txn.aborted(), Ok(None));
        assert_eq!((txn.set_debug(true), txn.debug()), (Ok(()), Ok(true)));
        assert_eq!(txn.origin_name(), Ok(None));
        txn.set_redirect("").unwrap();
        assert_eq!(txn.redirect(), Ok(None));
        txn.set_outgoing_addr(None).unwrap();
        txn.buffer_request(1).unwrap();
        assert_eq!(txn.request_body(), Err(ts_api::http::MessageError::Absent));
        assert_eq!(txn.pristine_url(), Ok("http://test.example/".into()));
        txn.set_origin_url("http://nowhere.example/").unwrap();
        assert_eq!(txn.origin_url(), Err(ts_api::http::MessageError::Absent));
        assert!(txn.milestone(Milestone::SmStart).unwrap().is_some());
        let arg = Arg::<Transaction, String>::reserve("door", "is it used?").unwrap();
        assert_eq!(ts_api::http::arg_named::<Transaction>("door").map(|info| info.index), Some(arg.index()));
        let info = ts_api::http::arg_numbered::<Transaction>(arg.index()).unwrap();
        assert_eq!(info.description, "is it used?");
        arg.set(txn, "value".into()).unwrap();
        assert_eq!(arg.with(txn, |value| value.len()), Ok(Some(5)));
        txn.answer(&ts_api::http::Answer::new(200).field("x-b", "c")).unwrap();
    }
    go_on(event);
}

#[test]
fn every_call_goes_through_the_table() {
    let mut host: HostTable = *table::linked();
    host.http = (&raw const COUNTING).cast();
    table::install(Box::leak(Box::new(host))).unwrap();

    let bed = Bed::new(Origin::echo().address);
    let everything = Cont::shared(|event| {
        if event.code() == HookId::TxnClose.event() {
            return go_on(event);
        }
        use_everything(event);
    });
    bed.hook(HookId::ReadRequestHdr, &everything);
    // A forged number, from a plugin that calls itself: it finds nothing.
    let mut forged = u64::MAX;
    let outsider = Cont::shared(|event| assert!(event.transaction().is_none() && event.session().is_none()));
    outsider.call_with(HookId::TxnStart.event(), &mut forged).unwrap();
    assert_eq!(support::get(bed.address(), "/").status(), 200);
    drop((everything, outsider));
    bed.end();
    let calls = CALLS.lock().unwrap();
    // What only plugins of an older facade call, or such as are not written in Rust.
    for name in FUNCTIONS.iter().filter(|name| !["client_addr", "arg_plain"].contains(name)) {
        assert!(calls.contains_key(name), "{name} was passed by: {calls:?}");
    }
    drop(calls);
    for kind in [Kind(0), Kind::SESSION, Kind::TRANSACTION, Kind(3)] {
        for number in [0, 1, u64::MAX] {
            // SAFETY: any numbers will do.
            let code = unsafe { (linked().reenable)(kind, number, 0, 60000) };
            assert!(code == Code::GONE || code == Code::UNKNOWN, "{code:?}");
        }
    }
}
