//! Destroying a continuation against scheduling it: no dead event is left where nobody looks for it.
//!
//! The model is a continuation's [`Life`] and [`Home`], which are the real ones, fences and all; and for each thread a word
//! for its inbox, which like a real one is changed only by read-modify-write operations that are no stronger than the
//! real one's.

#![cfg(loom)]

use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use ts_cont::home::{Home, Waited};
use ts_cont::life::{Life, Mark};

/// Three threads of one processor.
const THREADS: [u32; 3] = [1, 2, 3];

fn processor_of(_thread: u32) -> u32 {
    1
}

/// In an inbox: the first or the second event came.
const EVENTS: usize = 0b0011;
/// In an inbox, so much further up than an event: a sweep was asked for behind it.
const SWEPT: u32 = 2;
/// In an inbox: a sweep was asked for.
const TOLD: usize = 0b10000;

struct Model {
    life: Life,
    home: Home,
    inboxes: [AtomicUsize; 3],
}

impl Model {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            life: Life::new(),
            home: Home::new(),
            inboxes: std::array::from_fn(|_| AtomicUsize::new(0)),
        })
    }

    fn tell_one(&self, index: usize) {
        let told = |inbox: usize| Some(inbox | (inbox & EVENTS) << SWEPT | TOLD);
        let _ = self.inboxes[index].fetch_update(Ordering::AcqRel, Ordering::Relaxed, told);
    }

    fn tell(&self, waited: Waited) {
        match waited {
            Waited::Nowhere => {}
            Waited::One(thread) => self.tell_one(THREADS.iter().position(|known| *known == thread).unwrap()),
            Waited::Processor(1) => (0..THREADS.len()).for_each(|index| self.tell_one(index)),
            other => panic!("{other:?}"),
        }
    }

    /// From another thread; `event` is 0 or 1.
    fn schedule(&self, index: usize, event: usize) {
        if self.life.is_destroyed() {
            return;
        }
        let put = || self.inboxes[index].fetch_or(1 << event, Ordering::AcqRel);
        self.home.send(&self.life, THREADS[index], processor_of, put, |waited| self.tell(waited));
    }

    /// On the thread itself, for which the queue is a plain one; all that it is told comes later.
    fn schedule_here(&self, index: usize) -> bool {
        if self.life.is_destroyed() {
            return false;
        }
        self.home.stay(&self.life, THREADS[index], processor_of, |waited| self.tell(waited));
        true
    }

    fn destroy(&self) {
        assert_eq!(self.life.mark_destroyed(), Mark::First);
        self.home.sweep(&self.life, |waited| self.tell(waited));
    }

    fn inbox(&self, index: usize) -> usize {
        self.inboxes[index].load(Ordering::Relaxed)
    }

    fn assert_swept(&self, index: usize) {
        let inbox = self.inbox(index);
        assert_eq!(inbox & EVENTS & !(inbox >> SWEPT), 0, "nobody looks for an event: {inbox:b}");
    }
}

fn check(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(f);
}

#[test]
fn an_event_that_comes_during_the_destruction_is_swept() {
    check(|| {
        let model = Model::new();
        let scheduler = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.schedule(0, 0))
        };
        model.destroy();
        scheduler.join().unwrap();
        model.assert_swept(0);
    });
}

#[test]
fn two_first_events_at_once_on_two_threads_are_both_swept() {
    check(|| {
        let model = Model::new();
        let schedulers: Vec<_> = (0..2)
            .map(|index| {
                let model = Arc::clone(&model);
                thread::spawn(move || model.schedule(index, 0))
            })
            .collect();
        model.destroy();
        for (index, scheduler) in schedulers.into_iter().enumerate() {
            scheduler.join().unwrap();
            model.assert_swept(index);
        }
    });
}

#[test]
fn an_event_is_swept_if_somebody_else_made_its_thread_known() {
    check(|| {
        let model = Model::new();
        model.home.stay(&model.life, THREADS[0], processor_of, |_| unreachable!("it lives"));
        // The second event names all threads, so the third thread finds itself named and writes nothing.
        let scheduler = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.schedule(1, 0))
        };
        let here = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                // What it was told before it began would have shown it the flag.
                let told = model.inboxes[2].load(Ordering::Acquire);
                (told, model.schedule_here(2))
            })
        };
        model.destroy();
        scheduler.join().unwrap();
        let (told, scheduled) = here.join().unwrap();
        model.assert_swept(1);
        assert!(!scheduled || told == 0, "it saw the sweep and not the flag");
        assert!(!scheduled || model.inbox(2) != 0, "nobody looks for the event");
    });
}

#[test]
fn an_event_that_finds_its_thread_named_is_swept() {
    check(|| {
        let model = Model::new();
        model.home.stay(&model.life, THREADS[0], processor_of, |_| unreachable!("it lives"));
        let scheduler = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.schedule(0, 0))
        };
        model.destroy();
        scheduler.join().unwrap();
        model.assert_swept(0);
    });
}

#[test]
fn an_event_is_swept_that_finds_its_thread_just_named() {
    check(|| {
        let model = Model::new();
        let schedulers: Vec<_> = (0..2)
            .map(|event| {
                let model = Arc::clone(&model);
                thread::spawn(move || model.schedule(0, event))
            })
            .collect();
        model.destroy();
        for scheduler in schedulers {
            scheduler.join().unwrap();
        }
        model.assert_swept(0);
    });
}
