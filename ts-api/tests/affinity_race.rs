//! A schedule that fails takes back only the affinity that it has set itself.

#![cfg(feature = "runtime")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ts_api::{Cont, EventThread, Mutex, Runtime, ScheduleError};
use ts_cont::ShutdownOptions;

const ROUNDS: usize = 20_000;

#[test]
fn a_schedule_that_fails_takes_no_affinity_away_that_another_thread_has_set() {
    let runtime = Runtime::builder().net_threads(2).task_threads(1).start().unwrap();
    let threads = runtime.processor().threads(runtime.net());
    let [one, other] = [0, 1].map(|index| EventThread::from(threads[index].clone()));
    let cont = Cont::new(&Mutex::new(), |_| {});
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _guest = runtime.guest();
            while !over.load(Ordering::Relaxed) {
                // It sets the affinity if there is none, and then is refused.
                let refused = cont.schedule_every_on_thread(Duration::ZERO, &one);
                assert!(matches!(refused, Err(ScheduleError::ZeroPeriod)), "{refused:?}");
            }
        });
        let _guest = runtime.guest();
        for _ in 0..ROUNDS {
            cont.clear_affinity().unwrap();
            cont.set_affinity(&other).unwrap();
            let found = cont.affinity().unwrap().map(|thread| thread.name());
            if found.as_deref() != Some("[ET_NET 1]") {
                over.store(true, Ordering::Relaxed);
                panic!("the affinity that was set is {found:?} now");
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    drop(cont);
    assert!(runtime.shutdown(ShutdownOptions::default().deadline(Duration::from_secs(30))).is_clean());
}
