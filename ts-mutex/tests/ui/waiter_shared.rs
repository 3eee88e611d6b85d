//! A waiter belongs to one thread at a time.
use ts_mutex::{ProxyMutex, Waiter};

fn both(mutex: &ProxyMutex, waiter: &Waiter) {
    std::thread::scope(|scope| {
        scope.spawn(|| drop(mutex.try_lock_or_wait(waiter)));
    });
}

fn main() {}
