//! Promise: a thread is settled before its function runs, and its end and its answer reach who waits for it.
#![cfg(not(loom))]

use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity};
use ts_thread::{
    Builder, Clock, ContextKind, ContextLocal, Execute, HrTime, JoinHandle, StackRegion, StartError, current,
    current_id, timer_slack,
};

/// Far beyond what anything here takes; only a failure ever waits so long.
const FAILED: Duration = Duration::from_secs(60);

fn far() -> HrTime {
    Clock::real().now() + FAILED
}

#[test]
fn a_thread_answers_what_its_function_returns() {
    let thread = Builder::new().spawn(|| String::from("answer")).unwrap();
    assert_eq!(thread.join().unwrap(), "answer");
}

#[test]
fn a_type_with_an_execute_method_runs_as_a_thread() {
    struct Greets(&'static str);
    impl Execute for Greets {
        type Output = (String, ContextKind);
        fn execute(self) -> Self::Output {
            (format!("hello {}", self.0), current().kind())
        }
    }
    let thread = Builder::new().spawn_thread(Greets("world")).unwrap();
    assert_eq!(thread.join().unwrap(), ("hello world".into(), ContextKind::Started));
}

#[test]
fn a_panic_reaches_who_joins() {
    let thread = Builder::new().spawn(|| -> u8 { std::panic::panic_any("on purpose") }).unwrap();
    assert_eq!(*thread.join().unwrap_err().downcast_ref::<&str>().unwrap(), "on purpose");
}

#[test]
fn the_id_is_known_before_the_thread_has_begun_and_is_the_one_it_sees() {
    let thread = Builder::new().spawn(current_id).unwrap();
    let id = thread.id();
    assert_ne!(id, current_id());
    assert_eq!(thread.join().unwrap(), id);
}

#[test]
fn ids_of_started_threads_are_not_used_again() {
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let batch: Vec<_> = (0..100).map(|_| Builder::new().spawn(current_id).unwrap()).collect();
        for thread in batch {
            let id = thread.id();
            assert_eq!(thread.join().unwrap(), id);
            assert!(seen.insert(id), "an id came twice");
        }
    }
}

fn os_name() -> String {
    rustix::thread::name().unwrap().into_string().unwrap()
}

#[test]
fn the_system_and_the_thread_know_the_name_before_the_function_runs() {
    let listed = || std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    let named = Builder::new().name("[ET_NET 0]").spawn(move || (os_name(), listed(), current())).unwrap();
    assert_eq!(named.name(), Some("[ET_NET 0]"));
    let (os, listed, current) = named.join().unwrap();
    assert_eq!(
        (os.as_str(), listed.as_str(), current.name()),
        ("[ET_NET 0]", "[ET_NET 0]\n", Some("[ET_NET 0]"))
    );
}

#[test]
fn a_long_name_is_cut_for_the_system_between_characters_and_kept_in_full() {
    for (full, cut) in [
        ("exactly-15-byte", "exactly-15-byte"),
        ("this-is-sixteen-", "this-is-sixteen"),
        // The 15th byte is the first of two.
        ("fourteen-bytesé", "fourteen-bytes"),
        ("eleven-byteéé", "eleven-byteéé"),
        ("äöüäöüäö", "äöüäöüä"),
    ] {
        let thread = Builder::new().name(full).spawn(|| (os_name(), current())).unwrap();
        let (os, current) = thread.join().unwrap();
        assert_eq!((os.as_str(), current.name()), (cut, Some(full)));
    }
}

#[test]
fn a_name_with_a_nul_is_refused() {
    for name in ["nul\0", "far behind the cut at fifteen \0 bytes"] {
        let refused = Builder::new().name(name).spawn(|| ()).unwrap_err();
        assert!(matches!(&refused, StartError::NulInName { name: given } if given == name), "{refused:?}");
    }
}

#[test]
fn a_thread_without_a_name_has_none() {
    let thread = Builder::new().spawn(current).unwrap();
    assert_eq!(thread.name(), None);
    assert_eq!(thread.join().unwrap().name(), None);
}

#[test]
fn the_timer_slack_is_set_before_the_function_runs() {
    for (asked, got) in
        [(Duration::from_nanos(1), 1), (Duration::from_micros(70), 70_000), (Duration::ZERO, 1)]
    {
        let thread = Builder::new().timer_slack(asked).spawn(|| timer_slack().unwrap()).unwrap();
        assert_eq!(thread.join().unwrap(), Duration::from_nanos(got));
    }
}

fn my_cpus() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap();
    (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()
}

#[test]
fn a_thread_is_bound_to_exactly_the_processors_asked_for() {
    for cpu in my_cpus() {
        let thread = Builder::new().cpu_set(&[cpu]).spawn(my_cpus).unwrap();
        assert_eq!(thread.join().unwrap(), [cpu]);
    }
    let all = my_cpus();
    assert_eq!(Builder::new().cpu_set(&all).spawn(my_cpus).unwrap().join().unwrap(), all);
}

#[test]
fn processors_that_cannot_be_had_are_refused_and_the_function_is_dropped() {
    let mine = my_cpus();
    for asked in [vec![], vec![1023], vec![mine[0], 1023], vec![usize::MAX]] {
        let (sender, receiver) = channel::<()>();
        let refused = Builder::new().cpu_set(&asked).spawn(move || sender.send(()).unwrap()).unwrap_err();
        match &refused {
            StartError::CpuSet { asked: named, allowed } => {
                assert_eq!(*named, asked);
                assert!(mine.iter().all(|cpu| allowed.contains(cpu)), "{refused}");
            }
            other => panic!("{other:?}"),
        }
        // Dropped, not called.
        assert_eq!(receiver.recv_timeout(FAILED), Err(RecvTimeoutError::Disconnected));
        assert_eq!(my_cpus(), mine);
    }
}

#[test]
fn a_join_with_a_deadline_gives_the_handle_back_when_the_thread_goes_on() {
    let (stop, stopped) = channel::<()>();
    let thread = Builder::new().spawn(move || stopped.recv().unwrap_err()).unwrap();
    let thread = thread.join_until(HrTime::ZERO).unwrap_err();
    let deadline = Clock::real().now() + Duration::from_millis(2);
    let thread = thread.join_until(deadline).unwrap_err();
    assert!(Clock::real().now() >= deadline);
    assert!(!thread.is_finished());
    drop(stop);
    assert!(thread.join_until(far()).unwrap().is_ok());
}

#[test]
fn a_thread_cannot_join_itself() {
    let (give, take) = channel::<JoinHandle<()>>();
    let (answer, answered) = channel();
    let thread = Builder::new().spawn(move || {
        // With a deadline it merely does not come to pass.
        let me = take.recv().unwrap().join_until(HrTime::ZERO).unwrap_err();
        answer.send(catch_unwind(AssertUnwindSafe(|| me.join())).is_err()).unwrap();
    });
    give.send(thread.unwrap()).unwrap();
    assert_eq!(answered.recv_timeout(FAILED), Ok(true));
}

static ENDS: ContextLocal<RefCell<Vec<Ends>>> = ContextLocal::new(|| RefCell::new(Vec::new()));

/// Says when it is dropped, and by whom.
struct Ends(Sender<String>);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.send(current().name().unwrap_or("nobody").to_owned());
    }
}

#[test]
fn a_joined_thread_has_dropped_what_it_stored_as_itself() {
    let (sender, receiver) = channel();
    let thread =
        Builder::new().name("stores").spawn(|| ENDS.with(|ends| ends.borrow_mut().push(Ends(sender))));
    thread.unwrap().join_until(far()).unwrap().unwrap();
    assert_eq!(receiver.try_recv().unwrap(), "stores");
}

#[test]
fn a_panic_while_storage_is_dropped_counts_as_the_threads() {
    static BAD: ContextLocal<Bad> = ContextLocal::new(|| Bad);
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            std::panic::panic_any("in a destructor");
        }
    }
    let thread = Builder::new().spawn(|| BAD.with(|_| 1)).unwrap();
    assert_eq!(*thread.join().unwrap_err().downcast_ref::<&str>().unwrap(), "in a destructor");
}

#[test]
fn storage_is_refused_after_the_end_and_the_id_stays() {
    static VALUE: ContextLocal<u8> = ContextLocal::new(|| 1);
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    struct Last(Sender<(bool, ts_thread::ContextId, ContextKind)>);
    impl Drop for Last {
        fn drop(&mut self) {
            let gone = VALUE.try_with(|_| ()).is_err();
            let _ = self.0.send((gone, current_id(), current().kind()));
        }
    }
    let (sender, receiver) = channel();
    let thread = Builder::new().spawn(move || {
        LAST.set(Some(Last(sender)));
        VALUE.with(|value| *value)
    });
    let thread = thread.unwrap();
    let id = thread.id();
    assert_eq!(thread.join().unwrap(), 1);
    assert_eq!(receiver.recv().unwrap(), (true, id, ContextKind::Started));
}

#[test]
fn a_thread_that_is_left_goes_on() {
    let (go, gone) = channel::<()>();
    let (answer, answered) = channel();
    drop(Builder::new().spawn(move || {
        gone.recv().unwrap();
        answer.send(7).unwrap();
    }));
    go.send(()).unwrap();
    assert_eq!(answered.recv_timeout(FAILED), Ok(7));
}

#[test]
fn a_region_is_freed_at_the_join_and_not_before() {
    let memory = StackRegion::from_mmap(128 << 10, 1).unwrap();
    let (base, size) = (memory.base(), memory.size());
    let (release, released) = channel::<()>();
    // SAFETY: `memory` moves into the closure, so the mapping lives until the closure is dropped after it was called.
    let region = unsafe {
        StackRegion::from_raw_parts(base, size, move || {
            drop(memory);
            release.send(()).unwrap();
        })
    };
    let (stop, stopped) = channel::<()>();
    let low = base.as_ptr() as usize;
    let thread = Builder::new().stack_region(region).spawn(move || {
        stopped.recv().unwrap_err();
        (low..low + size).contains(&(&raw const size as usize))
    });
    let thread = thread.unwrap();
    assert!(released.try_recv().is_err());
    drop(stop);
    assert!(thread.join().unwrap(), "the thread's variables are in the region");
    released.try_recv().unwrap();
}

#[test]
fn the_region_of_a_left_thread_is_freed_after_its_end_and_not_before() {
    let memory = StackRegion::from_mmap(128 << 10, 1).unwrap();
    let (release, released) = channel::<()>();
    let (base, size) = (memory.base(), memory.size());
    // SAFETY: as above.
    let region = unsafe {
        StackRegion::from_raw_parts(base, size, move || {
            drop(memory);
            release.send(()).unwrap();
        })
    };
    let (stop, stopped) = channel::<()>();
    let thread = Builder::new().stack_region(region).spawn(move || stopped.recv().unwrap_err());
    drop(thread);
    Builder::new().spawn(|| ()).unwrap().join().unwrap();
    assert!(released.try_recv().is_err(), "it still runs on it");
    drop(stop);
    // Each start looks for left threads that have ended. When this one has is the system's affair.
    let deadline = far();
    while released.try_recv().is_err() {
        assert!(Clock::real().now() < deadline, "the region was never freed");
        Builder::new().spawn(|| ()).unwrap().join().unwrap();
    }
}

#[test]
fn a_region_that_is_not_used_is_freed_too() {
    let (release, released) = channel::<()>();
    let memory = StackRegion::from_mmap(4096, 0).unwrap();
    // SAFETY: as above.
    let region = unsafe {
        StackRegion::from_raw_parts(memory.base(), memory.size(), move || {
            drop(memory);
            release.send(()).unwrap();
        })
    };
    let refused = Builder::new().stack_region(region).spawn(|| ()).unwrap_err();
    assert!(
        matches!(refused, StartError::StackTooSmall { given: 4096, needed } if needed >= 64 << 10),
        "{refused:?}"
    );
    released.try_recv().unwrap();
}
