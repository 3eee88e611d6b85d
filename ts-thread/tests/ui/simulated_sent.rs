//! A simulated context stores values that need not be `Send`, so it stays with its OS thread.

fn main() {
    let simulated = ts_thread::SimulatedContext::new("stays");
    std::thread::spawn(move || simulated.enter(|| ()));
}
