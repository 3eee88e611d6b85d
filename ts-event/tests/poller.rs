//! The readiness wait with real sockets and pipes.
#![cfg(not(loom))]

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use rustix::net::{SendFlags, send};
use ts_event::{Clock, HrTime, PollWait, Registration, Wait};

/// Counts how often it is called.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn counted() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), Waker::from(count))
}

fn in_a_moment() -> Option<HrTime> {
    Some(Clock::real().now().saturating_add(Duration::from_millis(2)))
}

/// Reads what there is into `into`; pending when there is nothing.
fn read(
    from: &Registration<UnixStream>,
    cx: &mut Context<'_>,
    into: &mut Vec<u8>,
) -> Poll<io::Result<usize>> {
    let mut buffer = [0; 4096];
    from.poll_read_with(cx, |mut stream| stream.read(&mut buffer)).map_ok(|count| {
        into.extend_from_slice(&buffer[..count]);
        count
    })
}

#[test]
fn a_wait_ends_when_data_arrives_and_wakes_its_reader() {
    let mut wait = PollWait::new().unwrap();
    let (here, mut there) = UnixStream::pair().unwrap();
    let here = wait.io().unwrap().register(here).unwrap();
    let (count, waker) = counted();
    let mut cx = Context::from_waker(&waker);
    let mut got = Vec::new();

    assert!(read(&here, &mut cx, &mut got).is_pending());
    let sender = thread::spawn(move || {
        there.write_all(b"hello").unwrap();
        there
    });
    while count.get() == 0 {
        wait.wait(None).unwrap();
    }
    assert!(matches!(read(&here, &mut cx, &mut got), Poll::Ready(Ok(5))));
    assert_eq!(got, b"hello");
    drop(sender.join().unwrap());
}

#[test]
fn the_end_of_the_stream_wakes_its_reader() {
    let mut wait = PollWait::new().unwrap();
    let (here, there) = UnixStream::pair().unwrap();
    let here = wait.io().unwrap().register(here).unwrap();
    let (count, waker) = counted();
    let mut cx = Context::from_waker(&waker);

    assert!(read(&here, &mut cx, &mut Vec::new()).is_pending());
    drop(there);
    while count.get() == 0 {
        wait.wait(None).unwrap();
    }
    assert!(matches!(read(&here, &mut cx, &mut Vec::new()), Poll::Ready(Ok(0))));
}

#[test]
fn a_writer_waits_for_room_and_nothing_is_lost() {
    const TOTAL: usize = 3 << 20;
    let mut wait = PollWait::new().unwrap();
    let (here, mut there) = UnixStream::pair().unwrap();
    let here = wait.io().unwrap().register(here).unwrap();
    let (full, is_full) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        is_full.recv().unwrap();
        there.read_to_end(&mut all).unwrap();
        all
    });

    let data: Vec<u8> = (0..TOTAL).map(|i| (i % 251) as u8).collect();
    let mut cx = Context::from_waker(Waker::noop());
    let mut sent = 0;
    while sent < TOTAL {
        match here.poll_write_with(&mut cx, |mut stream| stream.write(&data[sent..])) {
            Poll::Ready(count) => sent += count.unwrap(),
            Poll::Pending => {
                // Nobody reads before this, so the first time comes; told again, the reader does not listen.
                _ = full.send(());
                wait.wait(None).unwrap();
            }
        }
    }
    drop((here, full));
    assert!(reader.join().unwrap() == data);
}

#[test]
fn visiting_sees_io_without_waiting_and_leaves_the_token() {
    let mut wait = PollWait::new().unwrap();
    let (here, mut there) = UnixStream::pair().unwrap();
    let here = wait.io().unwrap().register(here).unwrap();
    let (count, waker) = counted();
    let mut cx = Context::from_waker(&waker);
    assert!(read(&here, &mut cx, &mut Vec::new()).is_pending());

    wait.visit().unwrap();
    assert_eq!(count.get(), 0);
    there.write_all(b"x").unwrap();
    wait.wakeup().wakeup();
    wait.visit().unwrap();
    assert_eq!(count.get(), 1);
    wait.wait(None).unwrap();
}

#[test]
fn a_thread_that_is_woken_all_the_time_still_sees_its_io() {
    let mut wait = PollWait::new().unwrap();
    let (here, mut there) = UnixStream::pair().unwrap();
    let here = wait.io().unwrap().register(here).unwrap();
    let (count, waker) = counted();
    let mut cx = Context::from_waker(&waker);
    assert!(read(&here, &mut cx, &mut Vec::new()).is_pending());

    there.write_all(b"x").unwrap();
    wait.wakeup().wakeup();
    wait.wait(None).unwrap();
    assert_eq!(count.get(), 1);
}

#[test]
fn what_is_not_waited_for_wakes_nobody() {
    let mut wait = PollWait::new().unwrap();
    let (here, mut there) = UnixStream::pair().unwrap();
    let here = wait.io().unwrap().register(here).unwrap();
    let (count, waker) = counted();
    let mut cx = Context::from_waker(&waker);

    assert!(read(&here, &mut cx, &mut Vec::new()).is_pending());
    there.write_all(b"x").unwrap();
    wait.wait(None).unwrap();
    assert_eq!(count.get(), 1);
    // Nobody asked again, so more data wakes nobody again.
    there.write_all(b"y").unwrap();
    wait.wait(None).unwrap();
    assert_eq!(count.get(), 1);
    assert!(matches!(here.poll_readable(&mut cx), Poll::Ready(Ok(()))));
}

#[test]
fn the_last_reader_that_asked_is_woken() {
    let mut wait = PollWait::new().unwrap();
    let (here, mut there) = UnixStream::pair().unwrap();
    let here = wait.io().unwrap().register(here).unwrap();
    let ((first, first_waker), (second, second_waker)) = (counted(), counted());

    assert!(read(&here, &mut Context::from_waker(&first_waker), &mut Vec::new()).is_pending());
    assert!(here.poll_readable(&mut Context::from_waker(&second_waker)).is_pending());
    there.write_all(b"x").unwrap();
    wait.wait(None).unwrap();
    assert_eq!((first.get(), second.get()), (0, 1));
}

#[test]
fn a_source_given_back_is_not_watched_any_more() {
    let mut wait = PollWait::new().unwrap();
    let io = wait.io().unwrap();
    let (here, mut there) = UnixStream::pair().unwrap();
    let here = io.register(here).unwrap();
    let (count, waker) = counted();
    let mut cx = Context::from_waker(&waker);
    assert!(read(&here, &mut cx, &mut Vec::new()).is_pending());

    let here = here.into_source();
    there.write_all(b"x").unwrap();
    wait.wait(in_a_moment()).unwrap();
    assert_eq!(count.get(), 0);
    assert_eq!(Arc::strong_count(&count), 2, "its waker is gone from the table");
    // It may be registered again, with what has arrived meanwhile.
    let here = io.register(here).unwrap();
    let mut got = Vec::new();
    assert!(matches!(read(&here, &mut cx, &mut got), Poll::Ready(Ok(1))));
}

#[test]
fn readiness_of_a_source_that_has_gone_never_wakes_the_one_in_its_place() {
    let mut wait = PollWait::new().unwrap();
    let io = wait.io().unwrap();
    let (count, waker) = counted();
    let mut cx = Context::from_waker(&waker);
    for _ in 0..100 {
        let (old, mut old_peer) = UnixStream::pair().unwrap();
        let old = io.register(old).unwrap();
        old_peer.write_all(b"for the old one").unwrap();
        drop(old);
        let (new, _new_peer) = UnixStream::pair().unwrap();
        let new = io.register(new).unwrap();
        assert!(read(&new, &mut cx, &mut Vec::new()).is_pending());
        // The set reports the new one once, as writable; never as readable.
        wait.visit().unwrap();
        assert!(new.poll_readable(&mut cx).is_pending());
    }
    assert_eq!(count.get(), 0);
}

#[test]
fn a_waker_may_drop_and_register_sources_of_the_same_wait() {
    struct Swap {
        io: ts_event::Io,
        slot: RefCell<Option<Registration<UnixStream>>>,
    }
    thread_local! {
        static SWAP: RefCell<Option<Rc<Swap>>> = const { RefCell::new(None) };
    }
    struct Swapper;
    impl Wake for Swapper {
        fn wake(self: Arc<Self>) {
            let swap = SWAP.with_borrow(|swap| swap.clone()).unwrap();
            let old = swap.slot.take();
            drop(old);
            let (new, _) = UnixStream::pair().unwrap();
            *swap.slot.borrow_mut() = Some(swap.io.register(new).unwrap());
        }
    }

    let mut wait = PollWait::new().unwrap();
    let io = wait.io().unwrap();
    let (here, mut there) = UnixStream::pair().unwrap();
    let swap = Rc::new(Swap { slot: RefCell::new(Some(io.register(here).unwrap())), io });
    SWAP.set(Some(swap.clone()));
    let waker = Waker::from(Arc::new(Swapper));
    let mut cx = Context::from_waker(&waker);
    assert!(read(swap.slot.borrow().as_ref().unwrap(), &mut cx, &mut Vec::new()).is_pending());
    there.write_all(b"x").unwrap();
    drop(there);
    wait.wait(None).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let read = read(swap.slot.borrow().as_ref().unwrap(), &mut cx, &mut Vec::new());
    assert!(matches!(read, Poll::Ready(Ok(0))), "the new one's peer was closed at once");
    SWAP.set(None);
}

#[test]
fn when_the_wait_goes_its_waiters_are_told() {
    let wait = PollWait::new().unwrap();
    let (here, _there) = UnixStream::pair().unwrap();
    let here = wait.io().unwrap().register(here).unwrap();
    let (count, waker) = counted();
    let mut cx = Context::from_waker(&waker);
    assert!(read(&here, &mut cx, &mut Vec::new()).is_pending());
    drop(wait);
    assert_eq!(count.get(), 1);
    let Poll::Ready(Err(error)) = here.poll_readable(&mut cx) else { panic!("waits for ever") };
    assert_eq!(error.kind(), io::ErrorKind::NotConnected);
}

#[test]
fn a_regular_file_is_refused() {
    let wait = PollWait::new().unwrap();
    let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    let error = wait.io().unwrap().register(file).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(format!("{wait:?}").contains("sources: 0"), "its place was given back");
}

#[test]
fn readiness_ends_one_wait_and_not_the_next() {
    let mut wait = PollWait::new().unwrap();
    let (here, mut there) = UnixStream::pair().unwrap();
    let _here = wait.io().unwrap().register(here).unwrap();
    there.write_all(b"x").unwrap();
    wait.wait(None).unwrap();
    // Still readable and writable, but that is no news.
    let until = in_a_moment();
    wait.wait(until).unwrap();
    assert!(Some(Clock::real().now()) >= until);
}

#[test]
fn an_idle_wait_is_never_woken() {
    let mut wait = PollWait::new().unwrap();
    let (here, _there) = UnixStream::pair().unwrap();
    let here = wait.io().unwrap().register(here).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(read(&here, &mut cx, &mut Vec::new()).is_pending());
    wait.visit().unwrap();
    // The thread's own count of sleeps: one for a whole wait, however long.
    let sleeps = || {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
        line.split_whitespace().last().unwrap().parse::<u64>().unwrap()
    };
    let before = sleeps();
    wait.wait(Some(Clock::real().now().saturating_add(Duration::from_millis(150)))).unwrap();
    let slept = sleeps() - before;
    assert!(slept <= 2, "{slept} sleeps in a wait that nothing should have ended");
}

#[test]
fn a_wait_ends_at_its_own_time_whatever_the_one_before_was_set_for() {
    let mut wait = PollWait::new().unwrap();
    let clock = Clock::real();
    // The first wait ends early, since a source is ready.
    for (set_for, until) in [(5, 10), (3_600_000, 5), (5, 5)] {
        let after = |millis| Some(clock.now().saturating_add(Duration::from_millis(millis)));
        let (count, waker) = counted();
        let (here, mut there) = UnixStream::pair().unwrap();
        let here = wait.io().unwrap().register(here).unwrap();
        assert!(read(&here, &mut Context::from_waker(&waker), &mut Vec::new()).is_pending());
        there.write_all(b"!").unwrap();
        while count.get() == 0 {
            wait.wait(after(set_for)).unwrap();
        }
        let end = after(until).unwrap();
        while clock.now() < end {
            wait.wait(Some(end)).unwrap();
            assert!(clock.now() >= end, "it ended for nothing");
        }
    }
}

/// A connected pair of TCP sockets, one end registered.
fn tcp(wait: &PollWait) -> (Registration<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let here = wait.io().unwrap().register(listener.accept().unwrap().0).unwrap();
    (here, there)
}

/// Reads up to 16 bytes when that is ready, waiting for it; how many, and how often it was tried.
fn read_up_to_16(wait: &mut PollWait, from: &Registration<TcpStream>) -> (usize, usize) {
    let (count, waker) = counted();
    let mut cx = Context::from_waker(&waker);
    let mut tries = 0;
    loop {
        let woken = count.get();
        let mut buffer = [0; 16];
        let read = from.poll_read_up_to(&mut cx, buffer.len(), |mut stream| {
            tries += 1;
            stream.read(&mut buffer)
        });
        if let Poll::Ready(read) = read {
            return (read.unwrap(), tries);
        }
        while count.get() == woken {
            wait.wait(None).unwrap();
        }
    }
}

#[test]
fn a_read_of_less_than_there_is_room_for_is_the_last_until_more_comes() {
    let mut wait = PollWait::new().unwrap();
    let (here, mut there) = tcp(&wait);
    for text in [&b"hello"[..], b"again", b"0123456789abcdef", b"more"] {
        there.write_all(text).unwrap();
        let (read, tries) = read_up_to_16(&mut wait, &here);
        assert_eq!(read, text.len());
        // The first may try before anything is reported; after a full one it is not known whether there is more.
        assert!(tries <= 2, "{tries}");
    }
    let (count, waker) = counted();
    let tried =
        here.poll_read_up_to(&mut Context::from_waker(&waker), 16, |_| panic!("there is nothing to read"));
    assert!(tried.is_pending());
    there.write_all(b"!").unwrap();
    while count.get() == 0 {
        wait.wait(None).unwrap();
    }
}

#[test]
fn the_end_of_a_stream_is_seen_that_came_together_with_the_last_data() {
    let mut wait = PollWait::new().unwrap();
    for before in [false, true] {
        let (here, mut there) = tcp(&wait);
        if before {
            there.write_all(b"first").unwrap();
            assert_eq!(read_up_to_16(&mut wait, &here).0, 5);
        }
        there.write_all(b"last").unwrap();
        drop(there);
        // Both have been reported, once and for all, before anything is read.
        wait.wait(None).unwrap();
        wait.visit().unwrap();
        assert_eq!(read_up_to_16(&mut wait, &here).0, 4);
        assert_eq!(read_up_to_16(&mut wait, &here).0, 0);
        assert_eq!(read_up_to_16(&mut wait, &here).0, 0);
    }
}

#[test]
fn what_follows_urgent_data_is_read_though_the_read_before_it_was_short() {
    let mut wait = PollWait::new().unwrap();
    let (here, mut there) = tcp(&wait);
    there.write_all(b"before").unwrap();
    send(&there, b"!", SendFlags::OOB).unwrap();
    there.write_all(b"behind").unwrap();
    // All of it has been reported before anything is read; a read stops where the urgent byte was.
    wait.wait(None).unwrap();
    wait.visit().unwrap();
    assert_eq!(read_up_to_16(&mut wait, &here).0, 6);
    assert_eq!(read_up_to_16(&mut wait, &here).0, 6);
}
