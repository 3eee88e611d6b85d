//! A future that is woken to go first goes before what is ready; one that is woken as usual goes behind it.
#![cfg(not(loom))]

use std::future::poll_fn;
use std::sync::mpsc::channel;
use std::task::{Poll, Waker};
use std::time::Duration;

use ts_cont::future::wake_first;
use ts_cont::{Continuation, EventProcessor, EventType, ProxyMutex, ShutdownOptions};

const DEADLINE: Duration = Duration::from_secs(30);

/// The order of an event and a future that is woken after it, by another thread or by the same.
fn order(wake: fn(Waker), from_the_thread: bool) -> [&'static str; 2] {
    let processor = EventProcessor::builder().build();
    processor.spawn_event_threads(EventType::NET, 1, 0).unwrap();
    let (note, noted) = channel();

    let (waker, was_polled) = channel();
    let by_future = note.clone();
    let mut polls = 0;
    let future = poll_fn(move |cx| {
        polls += 1;
        if polls == 1 {
            waker.send(cx.waker().clone()).unwrap();
            return Poll::Pending;
        }
        by_future.send("future").unwrap();
        Poll::Ready(())
    });
    drop(processor.spawn(EventType::NET, future).unwrap());
    let waker = was_polled.recv_timeout(DEADLINE).unwrap();

    let event = Continuation::new(&ProxyMutex::new(), move |_| note.send("event").unwrap());
    let (entered, is_entered) = channel();
    let (leave, may_leave) = channel();
    let mut inside = from_the_thread.then(|| (waker.clone(), event.clone()));
    let busy = Continuation::new(&ProxyMutex::new(), move |on| {
        if let Some((waker, event)) = inside.take() {
            on.here().unwrap().schedule_imm(&event, ()).unwrap();
            wake(waker);
        }
        entered.send(()).unwrap();
        may_leave.recv_timeout(DEADLINE).unwrap();
    });
    processor.schedule_imm(&busy, EventType::NET, ()).unwrap();
    is_entered.recv_timeout(DEADLINE).unwrap();
    if !from_the_thread {
        processor.schedule_imm(&event, EventType::NET, ()).unwrap();
        wake(waker);
    }
    leave.send(()).unwrap();
    let order = [noted.recv_timeout(DEADLINE).unwrap(), noted.recv_timeout(DEADLINE).unwrap()];
    drop((event, busy));
    assert!(processor.shutdown(ShutdownOptions::default().deadline(DEADLINE)).is_clean());
    order
}

#[test]
fn a_future_woken_to_go_first_goes_before_what_is_ready() {
    for from_the_thread in [false, true] {
        assert_eq!(order(wake_first, from_the_thread), ["future", "event"]);
    }
}

#[test]
fn a_future_woken_as_usual_goes_behind_what_is_ready() {
    for from_the_thread in [false, true] {
        assert_eq!(order(Waker::wake, from_the_thread), ["event", "future"]);
    }
}
