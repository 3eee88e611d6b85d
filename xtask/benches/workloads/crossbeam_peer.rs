//! crossbeam's bounded channel: closures that another thread calls.

use std::thread;
use std::time::Instant;

use crossbeam_channel::bounded;

use crate::measure::{Countdown, Findings, Scale};
use crate::remote::{EVENTS, OUTSTANDING};

thread_local! {
    static COUNT: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

pub(crate) fn closure(scale: Scale, found: &mut Findings) {
    type Closure = Box<dyn FnOnce() + Send>;
    let events = scale.count(EVENTS);
    let (sender, receiver) = bounded::<Closure>(OUTSTANDING as usize);
    let (countdown, done) = Countdown::new(1);
    let began = thread::scope(|scope| {
        scope.spawn(move || receiver.iter().for_each(|closure| closure()));
        let began = Instant::now();
        for _ in 0..events {
            let countdown = countdown.clone();
            let count = move || {
                COUNT.set(COUNT.get() + 1);
                if COUNT.get() == events {
                    countdown.one_is_done();
                }
            };
            sender.send(Box::new(count)).expect("the receiver lives");
        }
        drop(sender);
        began
    });
    let ended = done.recv().expect("all arrive");
    found.each("crossbeam_closure", ended - began, events);
}
