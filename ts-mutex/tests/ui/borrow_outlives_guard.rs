//! Data is not touched after the guard is gone.
use ts_mutex::{Guarded, ProxyMutex};

fn main() {
    let mutex = ProxyMutex::new();
    let data = Guarded::new(&mutex, 1);
    let guard = mutex.lock();
    let borrow = data.borrow(&guard).unwrap();
    drop(guard);
    println!("{}", *borrow);
}
