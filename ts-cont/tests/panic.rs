//! Panics stop at the dispatch: they end one continuation, and nobody else notices but the log.

#![cfg(not(loom))]

mod support;

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use support::{HOUR, LIMIT, Log, MILLI, World, cookie, counting};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use ts_cont::{
    CallError, Continuation, EventProcessor, EventType, Here, Message, PanicPolicy, ProxyMutex,
    ShutdownOptions,
};

const NET: EventType = EventType::NET;

/// Set for the child process of a test that ends its process.
const CHILD: &str = "TS_CONT_PANIC_CHILD";

fn burst() {
    panic!("on purpose");
}

fn said(what: &str) {
    panic!("it was {what}");
}

#[test]
fn a_panicking_handler_retires_its_continuation_and_nobody_else() {
    World::both(1, |world| {
        let (log, ends, drops) = (Log::new(), Log::new(), Log::new());
        let mutex = ProxyMutex::new();
        let bad = Continuation::with_data(&mutex, ends.on_drop("data"), |_, _| burst());
        // Another one with the same mutex, on the same thread.
        let good = Continuation::new(&mutex, {
            let log = log.clone();
            move |event| log.push(event.cookie())
        });
        let (thread, targets, witness) = (world.thread(0), (bad.clone(), good.clone()), drops.clone());
        let (later, periodic) = world.on(&world.thread(0), move || {
            let message = || Message::default().data(witness.on_drop(()));
            let later = thread.schedule_in(&targets.0, HOUR, message()).unwrap();
            let periodic = thread.schedule_every(&targets.0, HOUR, message()).unwrap();
            for _ in 0..2 {
                thread.schedule_imm(&targets.0, message()).unwrap();
            }
            thread.schedule_imm(&targets.1, cookie(1)).unwrap();
            (later, periodic)
        });
        assert_eq!(world.wait(&log, 1), [1]);
        world.settle();
        assert!(bad.is_destroyed() && !good.is_destroyed());
        assert_eq!(ends.len(), 1, "handler and data are dropped");
        assert!(!mutex.is_locked());
        assert_eq!(bad.call(()), Err(CallError::Destroyed));
        world.thread(0).schedule_imm(&good, cookie(2)).unwrap();
        assert_eq!(world.wait(&log, 2), [1, 2]);
        if world.is_virtual() {
            world.run_for(ts_cont::SWEEP_DELAY + MILLI);
            assert_eq!(drops.len(), 4, "its events are swept like those of any that ended");
            assert!(!later.is_pending() && !periodic.is_pending());
        }
        drop((bad, good));
        assert!(world.end().is_clean());
    });
}

#[test]
fn a_panic_in_a_direct_call_is_an_error_value() {
    let ends = Log::new();
    let mutex = ProxyMutex::new();
    let continuation = Continuation::with_data(&mutex, ends.on_drop("data"), |_, _| burst());
    assert_eq!(continuation.call(()), Err(CallError::Panicked));
    assert!(continuation.is_destroyed());
    assert_eq!(ends.len(), 1);
    assert!(!mutex.is_locked());
    assert_eq!(continuation.call(()), Err(CallError::Destroyed));
}

#[test]
fn a_panic_of_one_that_is_called_does_not_end_the_caller() {
    World::both(1, |world| {
        let log = Log::new();
        let bad = Continuation::shared(|_| burst());
        let caller = Continuation::new(&ProxyMutex::new(), {
            let log = log.clone();
            move |_| log.push(bad.call(()))
        });
        for _ in 0..2 {
            world.thread(0).schedule_imm(&caller, ()).unwrap();
        }
        assert_eq!(world.wait(&log, 2), [Err(CallError::Panicked), Err(CallError::Destroyed)]);
        assert!(!caller.is_destroyed());
    });
}

#[test]
fn a_panic_in_an_inner_call_of_a_reentrant_handler_ends_it_when_the_outermost_returns() {
    let steps = Log::new();
    let end = steps.on_drop("data");
    let continuation = Continuation::reentrant(&ProxyMutex::new(), {
        let steps = steps.clone();
        move |event| {
            let _ = &end;
            if event.cookie() == 1 {
                panic!("on purpose");
            }
            assert_eq!(event.continuation().call(cookie(1)), Err(CallError::Panicked));
            steps.push("outer returns");
        }
    });
    assert_eq!(continuation.call(()), Ok(0));
    assert_eq!(steps.all(), ["outer returns", "data"]);
}

#[test]
fn a_shared_handler_that_panics_on_one_thread_finishes_on_the_others() {
    let world = World::real(2);
    let (inside, steps) = (Log::new(), Log::new());
    let end = steps.on_drop("data");
    let continuation = Continuation::shared({
        let (inside, steps) = (inside.clone(), steps.clone());
        move |event| {
            let _ = &end;
            inside.push(event.cookie());
            while inside.len() < 2 {
                std::thread::yield_now();
            }
            if event.cookie() == 0 {
                panic!("on purpose");
            }
            while !event.continuation().is_destroyed() {
                std::thread::yield_now();
            }
            steps.push("returned");
        }
    });
    for index in 0..2 {
        world.thread(index).schedule_imm(&continuation, cookie(index)).unwrap();
    }
    assert_eq!(steps.wait(2), ["returned", "data"]);
    world.end();
}

/// Panics when it is dropped, once.
struct Grenade(Log<&'static str>);

impl Drop for Grenade {
    fn drop(&mut self) {
        self.0.push("dropped");
        if !std::thread::panicking() {
            panic!("on purpose, in a destructor");
        }
    }
}

#[test]
fn a_panic_in_the_destructor_of_a_handlers_data_harms_nobody() {
    World::both(1, |world| {
        let log = Log::new();
        let thrown = Log::new();
        let make = || Continuation::with_data(&ProxyMutex::new(), Grenade(thrown.clone()), |_, _| {});
        // By destroy on the thread, by the end of the last event, and by destroy elsewhere.
        let target = make();
        world.on(&world.thread(0), move || target.destroy());
        assert_eq!(thrown.len(), 1);
        world.thread(0).schedule_imm(&make(), ()).unwrap();
        world.wait(&thrown, 2);
        make().destroy();
        drop(make());
        assert_eq!(thrown.len(), 4);
        world.thread(0).schedule_imm(&counting(&log), cookie(1)).unwrap();
        assert_eq!(world.wait(&log, 1), [1]);
        assert_eq!(world.end().stopped.len(), 1);
    });
}

#[test]
fn a_panic_in_the_destructor_of_a_messages_data_harms_nobody() {
    World::both(2, |world| {
        let (log, thrown) = (Log::new(), Log::new());
        let continuation = counting(&log);
        let message = |number| cookie(number).data(Grenade(thrown.clone()));
        // After it was delivered, when it is cancelled, and when it waits behind others for the mutex.
        for number in 0..3 {
            world.thread(0).schedule_imm(&continuation, message(number)).unwrap();
        }
        assert_eq!(world.wait(&log, 3), [0, 1, 2]);
        let action = world.thread(0).schedule_in(&continuation, HOUR, message(9)).unwrap();
        world.settle();
        action.cancel();
        world.wait(&thrown, 4);
        let holder = support::Holder::hold(continuation.mutex().unwrap());
        for number in 3..6 {
            world.thread(0).schedule_imm(&continuation, message(number)).unwrap();
        }
        world.settle();
        holder.release();
        assert_eq!(world.wait(&log, 6), [0, 1, 2, 3, 4, 5], "no event is lost with the one before it");
        world.wait(&thrown, 7);
        assert!(!continuation.mutex().unwrap().is_locked() || !world.is_virtual());
        world.settle();
        assert!(!continuation.is_destroyed(), "its handler did nothing wrong");
        let ends = Log::new();
        let mortal = Continuation::with_data(&ProxyMutex::new(), ends.on_drop(()), |_, _| {});
        world.thread(0).schedule_imm(&mortal, message(6)).unwrap();
        drop(mortal);
        world.wait(&ends, 1);
        drop(continuation);
        let report = world.end();
        assert!(report.is_clean(), "{report}");
    });
}

#[test]
fn a_panic_in_a_closure_harms_nobody() {
    World::both(1, |world| {
        let log = Log::new();
        EventProcessor::run_on(&world.thread(0), |_| burst());
        world.thread(0).schedule_imm(&counting(&log), cookie(1)).unwrap();
        assert_eq!(world.wait(&log, 1), [1]);
        assert_eq!(world.end().stopped.len(), 1);
    });
}

#[test]
fn a_panic_in_a_start_continuation_retires_it_and_the_thread_serves() {
    World::both(0, |world| {
        let group = world.processor().register_event_type("ET_TEST").unwrap();
        let bad = Continuation::new(&ProxyMutex::new(), |_| burst());
        world.processor().schedule_spawn(&bad, group, ()).unwrap();
        world.processor().after_start(group, |_| burst()).unwrap();
        world.processor().spawn_event_threads(group, 2, 0).unwrap();
        let log = Log::new();
        world.processor().schedule_imm(&counting(&log), group, cookie(1)).unwrap();
        assert_eq!(world.wait(&log, 1), [1]);
        world.started(group);
        assert!(bad.is_destroyed());
        assert_eq!(world.end().stopped.len(), 2);
    });
}

/// Collects what is logged as an error: the fields, one after the other.
#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Errors {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{}={value:?};", field.name()));
            }
        }
        if *event.metadata().level() == tracing::Level::ERROR {
            let mut line = Line(String::new());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
    }
}

#[test]
fn a_panic_is_logged_with_the_continuations_name_and_place() {
    let errors = Errors::default();
    let subscriber = tracing_subscriber::registry().with(errors.clone());
    tracing::subscriber::with_default(subscriber, || {
        // A simulation logs on this thread.
        let world = World::simulated(1, 1);
        let bad = Continuation::named("the bad one").exclusive(&ProxyMutex::new(), |_| said("so"));
        world.thread(0).schedule_imm(&bad, ()).unwrap();
        world.settle();
        let errors = errors.0.lock().unwrap().clone();
        assert_eq!(errors.len(), 1, "{errors:?}");
        for wanted in ["the bad one", &bad.place().to_string(), "it was so"] {
            assert!(errors[0].contains(wanted), "{wanted} is missing in {}", errors[0]);
        }
    });
}

#[test]
fn the_policy_can_be_to_abort() {
    if std::env::var_os(CHILD).is_some() {
        let processor = EventProcessor::builder().panic_policy(PanicPolicy::Abort).build();
        processor.spawn_event_threads(NET, 1, 0).unwrap();
        let bad = Continuation::new(&ProxyMutex::new(), |_| burst());
        processor.schedule_imm(&bad, NET, ()).unwrap();
        processor.shutdown(ShutdownOptions::default().deadline(LIMIT));
        println!("it lives on");
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["the_policy_can_be_to_abort", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    use std::os::unix::process::ExitStatusExt;
    assert!(!String::from_utf8_lossy(&output.stdout).contains("it lives on"));
    assert_eq!(output.status.signal(), Some(6), "it ends by SIGABRT: {output:?}");
}

#[test]
fn a_panic_in_a_future_comes_out_of_its_handle() {
    let world = World::real(1);
    let bad = world.processor().spawn(NET, async { panic!("on purpose") }).unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bad.wait()));
    assert_eq!(caught.map(drop).unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"));
    // Also for one that awaits it; and if nobody does, nobody is harmed.
    drop(world.processor().spawn(NET, async { panic!("on purpose") }).unwrap());
    let good = world.processor().spawn(NET, async { Here::current().is_some() }).unwrap();
    assert_eq!(good.wait(), Some(true));
    assert_eq!(world.end().stopped.len(), 1);
}
