//! Two threads that wait on one parker could take each other's token.

fn main() {
    let parker = ts_thread::Parker::new();
    std::thread::scope(|scope| {
        scope.spawn(|| parker.park());
    });
}
