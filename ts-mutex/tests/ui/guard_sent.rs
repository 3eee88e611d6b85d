//! A guard stays on the thread that holds the mutex.
use ts_mutex::ProxyMutex;

fn main() {
    let mutex = ProxyMutex::new();
    let guard = mutex.lock();
    std::thread::scope(|scope| {
        scope.spawn(move || drop(guard));
    });
}
