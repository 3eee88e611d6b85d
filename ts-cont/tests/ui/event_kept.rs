//! An event is the handler's for the time of the call.

use std::cell::RefCell;
use ts_cont::{Continuation, Event, ProxyMutex};

thread_local! {
    static KEPT: RefCell<Vec<&'static mut Event<'static>>> = const { RefCell::new(Vec::new()) };
}

fn main() {
    let continuation = Continuation::new(&ProxyMutex::new(), |event| {
        KEPT.with_borrow_mut(|kept| kept.push(event));
    });
    continuation.call(()).unwrap();
}
