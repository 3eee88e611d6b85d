//! Sequences of calls of the C interface, drawn from bytes, beside a model that knows which are legal and what comes of them.
//!
//! Legal calls must do what the model says, in handlers too, and leave nothing behind. One call of a sequence may be wrong: it
//! is made in a process split off, which must end by a fault, with one line.
//!
//! # Rules
//! * All is done on one thread, in a simulation, so the same bytes are the same sequence; and whoever splits a process off takes
//!   no other thread's locks along.
//! * What was locked in a handler is unlocked when it ends, so that only the outermost caller holds locks while time passes.
//! * The model is not borrowed while a call is under way that may run handlers.
#![allow(clippy::missing_docs_in_private_items, reason = "each file says what it holds")]
#![allow(dead_code, unreachable_pub, reason = "it is part of a test, and of a fuzz target")]

#[path = "calls/declared.rs"]
mod declared;
#[path = "calls/events.rs"]
mod events;
#[path = "calls/io.rs"]
mod io;
#[path = "calls/marshal.rs"]
mod marshal;
#[path = "calls/uuid.rs"]
mod uuid;
#[path = "calls/wrong.rs"]
mod wrong;

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use ts_api::Runtime;
use ts_api::runtime::{ShutdownOptions, Simulated};

use self::declared::Handle;

/// What a handle stood for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mutex,
    Cont,
    IoBuffer,
    IoReader,
    IoBlock,
    Buffer,
    Uuid,
}

#[derive(Default)]
struct World {
    bytes: Vec<u8>,
    at: usize,
    runtime: Option<Rc<Simulated>>,
    events: events::Model,
    io: io::Model,
    marshal: marshal::Model,
    uuid: uuid::Model,
    /// Handles of what is gone.
    gone: Vec<(Kind, Handle)>,
    /// Whether the wrong call was made.
    went_wrong: bool,
    /// What a handler panicked with.
    panic: Option<Box<dyn Any + Send>>,
}

impl World {
    fn byte(&mut self) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte.into()
    }

    /// One of them, by its place.
    fn pick(&mut self, count: usize) -> Option<usize> {
        let byte = self.byte();
        (count > 0).then(|| byte % count)
    }

    fn runtime(&self) -> Rc<Simulated> {
        Rc::clone(self.runtime.as_ref().expect("it is there while calls are made"))
    }
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

fn world<R>(f: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with_borrow_mut(f)
}

const STEPS: &[fn()] = &[
    events::create_mutex,
    events::destroy_mutex,
    events::lock,
    events::lock,
    events::unlock,
    events::create,
    events::create,
    events::destroy,
    events::keep,
    events::call,
    events::call,
    events::schedule,
    events::schedule,
    events::schedule,
    events::schedule_entire,
    events::bind,
    events::cancel,
    events::ask,
    events::pass,
    events::pass,
    io::create,
    io::destroy,
    io::write,
    io::write,
    io::produce,
    io::copy,
    io::alloc,
    io::clone,
    io::free,
    io::consume,
    marshal::create,
    marshal::destroy,
    marshal::add,
    marshal::add,
    marshal::take_out,
    marshal::print,
    wrong::call,
    uuid::create,
    uuid::draw,
    uuid::copy,
    uuid::destroy,
];

/// Does the next thing.
fn step() {
    let byte = world(World::byte);
    STEPS[byte % STEPS.len()]();
    if let Some(panic) = world(|world| world.panic.take()) {
        resume_unwind(panic);
    }
}

/// What is found wrong is not to leave the function of a plugin, which would end the process: the step that led to it goes on
/// with it.
fn caught(f: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
        world(|world| world.panic = Some(panic));
    }
}

/// Runs the sequence that these bytes are.
///
/// # Panics
///
/// Something was not as the model says.
pub fn run(bytes: &[u8]) {
    let seed = bytes.first().copied().unwrap_or(0);
    let runtime = Rc::new(Runtime::simulated(seed.into()).expect("a simulation starts"));
    world(|world| {
        *world =
            World { bytes: bytes.to_vec(), at: 1, runtime: Some(Rc::clone(&runtime)), ..World::default() };
    });
    runtime.as_plugin("fuzzed", || {
        caught(|| {
            events::begin();
            while world(|world| world.at < world.bytes.len()) {
                step();
            }
            events::end();
            io::end();
            marshal::end();
            uuid::end();
        });
    });
    if let Some(panic) = world(std::mem::take).panic {
        resume_unwind(panic);
    }
    let runtime = Rc::into_inner(runtime).expect("nobody else has it");
    runtime.run_for(Duration::from_secs(1));
    let report = runtime.shutdown(ShutdownOptions::default());
    assert!(report.is_clean(), "{report}");
}
