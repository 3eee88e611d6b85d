//! A stay as a guest belongs to its thread.

use ts_cont::EventProcessor;

fn main() {
    let processor = EventProcessor::builder().build();
    let guest = processor.guest();
    std::thread::spawn(move || drop(guest));
}
