//! A guard is not shown to another thread: that one does not hold the mutex.
use ts_mutex::ProxyMutex;

fn main() {
    let mutex = ProxyMutex::new();
    let guard = mutex.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| println!("{guard:?}"));
    });
}
