//! What a plugin system costs those who use no plugins: nothing that a transaction could be told by.
//!
//! The allocations of the network thread are counted while it serves one request after the other. What serving itself
//! allocates is the parser's and the messages' business; held against the same requests with a hook, it shows what a
//! transaction has that plugins can see, and that it has none of it without.

#![cfg(feature = "http")]

#[path = "support/http.rs"]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use support::{Bed, Client, DEADLINE, Origin, go_on, respond};
use ts_api::http::HookId;
use ts_api::{Cont, Mutex, Pool};

thread_local! {
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// Sizes up to this are told apart; none of ours is larger.
const SIZES: usize = 4096;

static COUNTS: [AtomicUsize; SIZES] = [const { AtomicUsize::new(0) }; SIZES];

/// Counts what threads that asked for it allocate.
struct Counting;

fn count(size: usize) {
    // A thread that ends allocates too, and has no switches any more.
    if IS_COUNTED.try_with(Cell::get).unwrap_or(false) {
        // Relaxed: read when the thread has answered all that was asked of it.
        COUNTS[size.min(SIZES - 1)].fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: memory comes from and goes to the system's allocator, with the same layouts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: by contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: by contract.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: by contract.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How many requests are served in one look: what happens once in a while must not count.
const REQUESTS: usize = 200;

/// What the network thread allocates while it serves the same request again and again: how often each size.
fn allocated(client: &mut Client) -> BTreeMap<usize, usize> {
    let read = || COUNTS.each_ref().map(|count| count.load(Ordering::Relaxed));
    let before = read();
    for _ in 0..REQUESTS {
        assert_eq!(client.get("/").status(), 200);
    }
    let after = read();
    let sizes = before.iter().zip(after).map(|(before, after)| after - before).enumerate();
    sizes.filter(|(_, count)| *count > 0).collect()
}

/// Allocations for one request, of all sizes.
fn each(allocated: &BTreeMap<usize, usize>) -> usize {
    // What belongs to the last request may come after its answer.
    (allocated.values().sum::<usize>() + REQUESTS / 2) / REQUESTS
}

/// How much a transaction that plugins can see allocates for that: its future, what its handle stands for with a mutex of its
/// own, and the messages as plugins see them. If it comes to need less, so does this number.
const SEEN_BY_PLUGINS: usize = 5;

#[test]
fn a_transaction_without_hooks_makes_nothing_that_a_plugin_could_see() {
    let origin = Origin::new(|_, stream| respond(stream, "200 OK", "the same each time"));
    let bed = Bed::with_threads(origin.address, 1);
    let (sender, counted) = channel();
    let switch = Cont::named("switch").exclusive(&Mutex::new(), move |_| {
        IS_COUNTED.set(true);
        sender.send(()).unwrap();
    });
    {
        let _guest = bed.runtime.guest();
        switch.schedule_on_pool(Duration::ZERO, Pool::Net).unwrap();
    }
    counted.recv_timeout(DEADLINE).unwrap();
    drop(switch);

    let mut client = bed.client();
    // Buffers find their sizes, and what is kept for later is made.
    allocated(&mut client);
    let without = allocated(&mut client);
    assert_eq!(each(&without), each(&allocated(&mut client)), "each request costs the same");
    let counts = bed.server.counts();
    assert_eq!((counts.handles, counts.call_outs), (0, 0));
    assert_eq!(counts.requests, 3 * REQUESTS as u64);

    // Called at the very end, and for the session: what the transactions have besides is only for being seen.
    let hook = Cont::named("hook").shared(|event| go_on(event));
    bed.hook(HookId::SsnClose, &hook);
    allocated(&mut client);
    let with = allocated(&mut client);
    let more = each(&with) - each(&without);
    assert!(
        more >= SEEN_BY_PLUGINS,
        "{more} more than {} with a hook: {without:?}, {with:?}",
        each(&without)
    );
    // The other way round, none of it is there without.
    let only_with = with.iter().filter(|(size, count)| **count >= REQUESTS && !without.contains_key(size));
    assert!(only_with.count() > 0, "{without:?}, {with:?}");
    assert!(bed.server.counts().handles >= 2 * REQUESTS as u64);
    drop((client, hook));
    bed.end();
}
