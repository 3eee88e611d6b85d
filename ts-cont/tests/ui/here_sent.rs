//! The evidence of running on an event thread stays on that thread.

use ts_cont::Here;

fn main() {
    let here = Here::current().unwrap();
    std::thread::spawn(move || here.now());
}
