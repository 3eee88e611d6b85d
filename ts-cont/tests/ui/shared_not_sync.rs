//! Without a mutex several threads may run the handler, so what it captures must bear that.

use std::cell::Cell;
use ts_cont::Continuation;

fn main() {
    let count = Cell::new(0);
    let continuation = Continuation::shared(move |_| count.set(count.get() + 1));
    continuation.call(()).unwrap();
}
