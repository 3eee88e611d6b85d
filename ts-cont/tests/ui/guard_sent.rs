//! The guard of a handler's mutex stays on the thread that holds it.

use ts_cont::{Continuation, ProxyMutex};

fn main() {
    let continuation = Continuation::new(&ProxyMutex::new(), |event| {
        let guard = event.guard().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| guard.mutex());
        });
    });
    continuation.call(()).unwrap();
}
