//! Futures on event threads: spawned from everywhere, woken from everywhere, and dropped once, on their thread.

#![cfg(not(loom))]

mod support;

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use support::{From, HOUR, Holder, Log, MILLI, World, counting};
use ts_cont::future::{self, Sleep};
use ts_cont::{
    Continuation, EThread, EventProcessor, EventType, Finished, Guarded, Here, HrTime, JoinHandle, Message,
    ProxyMutex, Queued, Refusal, ShutdownOptions,
};

const NET: EventType = EventType::NET;

fn now() -> HrTime {
    Here::current().unwrap().now()
}

#[test]
fn a_future_is_spawned_from_everywhere_and_runs_on_its_thread() {
    World::both(2, |world| {
        let log = Log::new();
        for (round, from) in From::ALL.into_iter().enumerate() {
            let (log_there, thread) = (log.clone(), world.thread(1));
            let handle = world.at(from, move || {
                let here = log_there.clone();
                thread.spawn(async move { here.push(Here::current().unwrap().thread().index()) }).unwrap()
            });
            assert_eq!(world.wait(&log, round + 1)[round], 1, "{from:?}");
            world.settle();
            assert!(handle.is_finished());
        }
    });
}

#[test]
fn a_local_future_need_not_be_send() {
    World::both(1, |world| {
        let log = Log::new();
        let out = log.clone();
        EventProcessor::run_on(&world.thread(0), move |here| {
            let count = Rc::new(Cell::new(0));
            let inner = Rc::clone(&count);
            let first = here.spawn_local(async move {
                inner.set(inner.get() + 1);
                future::sleep(MILLI).await;
                inner.set(inner.get() + 1);
                "first"
            });
            drop(here.spawn_local(async move {
                let name = first.await;
                out.push((name, count.get()));
            }));
        });
        assert_eq!(world.wait(&log, 1), [(Some("first"), 2)]);
    });
}

#[test]
fn a_refused_spawn_says_why() {
    World::both(1, |world| {
        let later = world.processor().register_event_type("later").unwrap();
        let unknown = EventType::new(20);
        let spawn = |group| world.processor().spawn(group, async {}).map(drop);
        assert_eq!(spawn(later), Err(Refusal::NotReady(later)));
        assert_eq!(spawn(unknown), Err(Refusal::UnknownGroup(unknown)));
        assert_eq!(spawn(NET), Ok(()));
    });
}

#[test]
fn a_waker_may_be_called_from_any_thread_and_more_than_once() {
    World::both(2, |world| {
        for from in From::ALL {
            let (polls, wakers) = (Log::new(), Arc::new(Mutex::new(None::<Waker>)));
            let (polled, slot) = (polls.clone(), Arc::clone(&wakers));
            let waits = poll_fn(move |cx| {
                *slot.lock().unwrap() = Some(cx.waker().clone());
                polled.push(Here::current().unwrap().thread().index());
                if polled.len() == 2 { Poll::Ready(()) } else { Poll::Pending }
            });
            let handle = world.thread(0).spawn(waits).unwrap();
            world.wait(&polls, 1);
            let waker = wakers.lock().unwrap().clone().unwrap();
            world.at(from, move || {
                waker.wake_by_ref();
                waker.wake();
            });
            assert_eq!(world.wait(&polls, 2), [0, 0], "{from:?}");
            world.settle();
            assert!(handle.is_finished());
            wakers.lock().unwrap().take().unwrap().wake();
            world.settle();
            assert_eq!(polls.len(), 2, "a finished future is not polled");
        }
    });
}

#[test]
fn a_sleep_is_never_short_and_on_a_virtual_clock_exact() {
    World::both(1, |world| {
        let log = Log::new();
        for millis in [5_u32, 1, 3, 0] {
            let log = log.clone();
            let task = async move {
                let begin = now();
                future::sleep(millis * MILLI).await;
                log.push((millis, now().saturating_duration_since(begin)));
                let until = now().saturating_add(millis * MILLI);
                future::sleep_until(until).await;
                assert!(now() >= until);
            };
            drop(world.processor().spawn(NET, task).unwrap());
        }
        for (millis, took) in world.wait(&log, 4) {
            assert!(took >= millis * MILLI);
            assert!(!world.is_virtual() || took == millis * MILLI);
        }
    });
}

#[test]
fn a_timeout_ends_what_takes_too_long_and_nothing_else() {
    World::both(1, |world| {
        let (log, drops) = (Log::new(), Log::new());
        let (out, witness) = (log.clone(), drops.on_drop(()));
        let task = async move {
            let slow = async move {
                let _witness = witness;
                future::sleep(HOUR).await;
            };
            out.push(future::timeout(MILLI, slow).await.is_err());
            out.push(future::timeout(HOUR, future::sleep(MILLI)).await.is_err());
            out.push(future::timeout(Duration::ZERO, async {}).await.is_err());
        };
        drop(world.processor().spawn(NET, task).unwrap());
        assert_eq!(world.wait(&log, 3), [true, false, false]);
        assert_eq!(drops.len(), 1);
    });
}

#[test]
fn a_sleep_can_be_reset_before_and_after_its_time() {
    World::both(1, |world| {
        let log = Log::new();
        let out = log.clone();
        let task = async move {
            let mut sleep = pin!(future::sleep(HOUR));
            assert_eq!(sleep.deadline(), None);
            let first = poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx))).await;
            assert!(first.is_pending());
            for delay in [2 * MILLI, MILLI] {
                let at = now().saturating_add(delay);
                sleep.reset(at);
                assert_eq!(sleep.deadline(), Some(at));
                sleep.as_mut().await;
                out.push(now() >= at);
            }
        };
        drop(world.processor().spawn(NET, task).unwrap());
        assert_eq!(world.wait(&log, 2), [true, true]);
        assert_eq!(world.end().unfinished.len(), 0);
    });
}

#[test]
fn a_sleep_may_be_dropped_anywhere() {
    fn is_send_and_sync<T: Send + Sync>(value: T) -> T {
        value
    }
    World::both(2, |world| {
        for from in From::ALL {
            let (polled, sleeps) = (Log::new(), Arc::new(Mutex::new(None::<Sleep>)));
            let (note, slot) = (polled.clone(), Arc::clone(&sleeps));
            let task = poll_fn(move |cx| {
                let mut sleep = is_send_and_sync(future::sleep(HOUR));
                assert!(std::pin::Pin::new(&mut sleep).poll(cx).is_pending());
                *slot.lock().unwrap() = Some(sleep);
                note.push(());
                Poll::Ready(())
            });
            drop(world.thread(0).spawn(task).unwrap());
            world.wait(&polled, 1);
            let slot = Arc::clone(&sleeps);
            world.at(from, move || drop(slot.lock().unwrap().take()));
            world.settle();
        }
        if let World::Virtual(simulation) = &world {
            assert_eq!(simulation.run_ready(), None, "no timer is left");
        }
    });
}

#[test]
fn a_schedule_can_be_awaited() {
    World::both(2, |world| {
        let log = Log::new();
        let continuation = counting(&Log::new());
        let processor = world.processor();
        let (message, completion) = Message::default().completion();
        processor.schedule_in(&continuation, MILLI, NET, message).unwrap();
        let out = log.clone();
        drop(processor.spawn(NET, async move { out.push(completion.await) }).unwrap());
        assert_eq!(world.wait(&log, 1), [Finished::Ran]);
        let (message, completion) = Message::default().completion();
        let action = world.thread(0).schedule_in(&continuation, HOUR, message).unwrap();
        let out = log.clone();
        drop(processor.spawn(NET, async move { out.push(completion.await) }).unwrap());
        action.cancel();
        assert_eq!(world.wait(&log, 2)[1], Finished::Cancelled);
        // A refused message that is dropped tells as well.
        let (message, completion) = Message::default().completion();
        continuation.destroy();
        assert!(world.thread(0).schedule_imm(&continuation, message).is_err());
        let out = log.clone();
        drop(processor.spawn(NET, async move { out.push(completion.await) }).unwrap());
        assert_eq!(world.wait(&log, 3)[2], Finished::Cancelled);
    });
}

#[test]
fn a_lock_is_awaited_without_holding_up_the_thread() {
    World::both(2, |world| {
        let mutex = ProxyMutex::new();
        let sum = Arc::new(Guarded::new(&mutex, Vec::new()));
        let (log, other) = (Log::new(), Log::new());
        let holder = Holder::hold(&mutex);
        for number in 0..4 {
            let (mutex, sum, log) = (mutex.clone(), Arc::clone(&sum), log.clone());
            let task = async move {
                let len = mutex
                    .run(|guard| {
                        let mut sum = sum.borrow_mut(guard).unwrap();
                        sum.push(number);
                        sum.len()
                    })
                    .await;
                log.push(len);
            };
            drop(world.thread(number % 2).spawn(task).unwrap());
        }
        world.settle();
        world.thread(0).schedule_imm(&counting(&other), ()).unwrap();
        world.wait(&other, 1);
        assert!(log.is_empty());
        holder.release();
        let mut lens = world.wait(&log, 4);
        lens.sort_unstable();
        assert_eq!(lens, [1, 2, 3, 4]);
    });
}

#[test]
fn a_cancelled_future_is_dropped_on_its_thread_and_its_handle_says_so() {
    let world = World::real(1);
    let (polled, drops) = (Log::new(), Log::new());
    let make = || {
        let (polled, witness) = (polled.clone(), drops.on_drop(()));
        async move {
            let _witness = witness;
            polled.push(());
            future::sleep(HOUR).await;
            7
        }
    };
    let handle = world.processor().spawn(NET, make()).unwrap();
    polled.wait(1);
    let cancelled = handle.cancel();
    let answer = world.processor().spawn(NET, cancelled).unwrap().wait();
    assert_eq!(answer, Some(None));
    drops.wait(1);
    // A dropped handle lets the future go on.
    drop(world.processor().spawn(NET, make()).unwrap());
    polled.wait(2);
    world.settle();
    assert_eq!(drops.len(), 1);
    world.end();
    assert_eq!(drops.len(), 2);
}

/// Tells on which thread of its group it was dropped.
struct WhereDropped(Log<Option<usize>>);

impl Drop for WhereDropped {
    fn drop(&mut self) {
        self.0.push(EThread::current().map(|thread| thread.index()));
    }
}

#[test]
fn a_future_is_dropped_on_its_own_thread_whoever_cancels_it() {
    World::both(2, |world| {
        let (begun, drops) = (Log::new(), Log::new());
        let spawn = || {
            let (begins, witness) = (begun.clone(), WhereDropped(drops.clone()));
            let future = async move {
                let _witness = witness;
                begins.push(());
                future::sleep(HOUR).await;
            };
            let handle = world.thread(1).spawn(future).unwrap();
            world.wait(&begun, drops.len() + 1);
            handle
        };
        let mut count = 0;
        for from in From::ALL {
            for is_polled in [false, true] {
                let handle = spawn();
                world.at(from, move || {
                    let mut cancelled = pin!(handle.cancel());
                    if is_polled {
                        let _ = cancelled.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                    }
                });
                count += 1;
                let last = world.wait(&drops, count).pop();
                assert_eq!(last, Some(Some(1)), "cancelled by {from:?}, polled: {is_polled}");
            }
        }
        // Nobody cancels this one: the thread drops it when it ends.
        drop(spawn());
        world.end();
        assert_eq!(drops.all()[count..], [Some(1)]);
    });
}

/// What `f` says when it panics.
#[track_caller]
fn panic_of<R: std::fmt::Debug>(f: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("it was to panic");
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).expect("a panic with a text")
}

#[test]
fn an_event_thread_must_not_wait_for_a_handle() {
    World::both(2, |world| {
        // Neither for a future of its own nor for one of another thread.
        for thread in [world.thread(0), world.thread(1)] {
            let said = world.at(From::First, move || {
                let handle = thread.spawn(async {}).unwrap();
                panic_of(|| handle.wait())
            });
            assert!(said.contains("JoinHandle::wait"), "{said}");
        }
        world.end();
    });
}

#[test]
fn a_sleep_needs_an_event_thread() {
    World::both(2, |world| {
        for from in [From::Guest, From::Foreign] {
            let said = world.at(from, || {
                panic_of(|| pin!(future::sleep(MILLI)).poll(&mut Context::from_waker(Waker::noop())))
            });
            assert!(said.contains("no event thread"), "{from:?}: {said}");
        }
        world.end();
    });
}

#[test]
fn at_the_end_every_future_is_dropped_once_and_every_handle_resolves() {
    for queued in [Queued::Run, Queued::Cancel] {
        World::both(2, |world| {
            let (polled, drops) = (Log::new(), Log::new());
            let mut handles: Vec<JoinHandle<()>> = Vec::new();
            for number in 0..20 {
                let (polled, witness) = (polled.clone(), drops.on_drop(number));
                let task = async move {
                    let _witness = witness;
                    polled.push(());
                    match number % 3 {
                        0 => future::sleep(HOUR).await,
                        1 => std::future::pending().await,
                        _ => loop {
                            future::sleep(HOUR).await;
                        },
                    }
                };
                handles.push(world.thread(number % 2).spawn(task).unwrap());
            }
            let local = polled.clone();
            let witness = drops.on_drop(20);
            EventProcessor::run_on(&world.thread(0), move |here| {
                let not_send = Rc::new(witness);
                drop(here.spawn_local(async move {
                    local.push(());
                    std::future::pending::<()>().await;
                    drop(not_send);
                }));
            });
            world.wait(&polled, 21);
            let report = world.end_with(ShutdownOptions::default().queued(queued).deadline(support::LIMIT));
            assert_eq!(report.tasks_dropped, 21);
            let mut gone = drops.all();
            gone.sort_unstable();
            assert_eq!(gone, (0..21).collect::<Vec<_>>());
            for handle in handles {
                assert_eq!(handle.wait(), None);
            }
        });
    }
}

#[test]
fn what_a_dropped_future_starts_in_its_destructor_is_dropped_as_well() {
    struct Spawner(EventProcessor, Log<&'static str>);
    impl Drop for Spawner {
        fn drop(&mut self) {
            self.1.push("spawner");
            assert!(self.0.spawn(NET, async {}).is_err());
            if let Some(here) = Here::current() {
                let witness = self.1.on_drop("child");
                drop(here.spawn_local(async move {
                    let _witness = witness;
                    std::future::pending::<()>().await;
                }));
            }
        }
    }
    World::both(1, |world| {
        let (log, polled) = (Log::new(), Log::new());
        let (spawner, note) = (Spawner(world.processor().clone(), log.clone()), polled.clone());
        let task = async move {
            let _spawner = spawner;
            note.push(());
            std::future::pending::<()>().await;
        };
        drop(world.processor().spawn(NET, task).unwrap());
        world.wait(&polled, 1);
        world.end();
        assert_eq!(log.all(), ["spawner", "child"]);
    });
}

#[test]
fn a_network_thread_waits_for_io_and_others_have_none() {
    let world = World::real(1);
    let parked = world.processor().spawn_event_threads("ET_PARK", 1, 0).unwrap();
    let (has_io, log) = (Log::new(), Log::new());
    for thread in [world.thread(0), world.processor().threads(parked)[0].clone()] {
        let note = has_io.clone();
        EventProcessor::run_on(&thread, move |here| note.push(here.io().is_some()));
    }
    let mut both = has_io.wait(2);
    both.sort_unstable();
    assert_eq!(both, [false, true]);

    let (mut outside, inside) = UnixStream::pair().unwrap();
    inside.set_nonblocking(true).unwrap();
    let out = log.clone();
    EventProcessor::run_on(&world.thread(0), move |here| {
        let stream = here.io().unwrap().register(inside).unwrap();
        drop(here.spawn_local(async move {
            let mut buffer = [0; 64];
            loop {
                let read = poll_fn(|cx| stream.poll_read_with(cx, |mut stream| stream.read(&mut buffer)));
                match read.await.unwrap() {
                    0 => break,
                    count => out.push(String::from_utf8(buffer[..count].to_vec()).unwrap()),
                }
            }
            out.push("end".to_owned());
        }));
    });
    for (round, word) in ["one", "two", "three"].into_iter().enumerate() {
        outside.write_all(word.as_bytes()).unwrap();
        assert_eq!(log.wait(round + 1)[round], word);
    }
    drop(outside);
    assert_eq!(log.wait(4)[3], "end");
    world.end();
}

#[test]
fn a_future_and_an_event_of_one_mutex_exclude_each_other() {
    for seed in 0..8 {
        let world = World::simulated(seed, 2);
        let mutex = ProxyMutex::new();
        let log = Log::new();
        let holder = Continuation::new(&mutex, |_| ts_cont::simulate::pass(3 * MILLI).unwrap());
        world.thread(0).schedule_in(&holder, MILLI, ()).unwrap();
        let (wanted, out) = (mutex.clone(), log.clone());
        let task = async move {
            future::sleep(2 * MILLI).await;
            wanted.run(|_| ()).await;
            out.push(now().as_nanos());
        };
        drop(world.thread(1).spawn(task).unwrap());
        assert_eq!(world.wait(&log, 1), [4_000_000], "it has the mutex at the very time of the unlock");
    }
}
