//! A future that keeps a guard across an await cannot be sent to an event thread.
use ts_mutex::ProxyMutex;

fn spawn(_: impl Future<Output = ()> + Send) {}

fn main() {
    let mutex = ProxyMutex::new();
    spawn(async move {
        let _guard = mutex.lock();
        std::future::ready(()).await;
    });
}
