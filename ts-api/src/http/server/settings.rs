//! What a server does with what it is given, and what may be changed while it runs.
//!
//! The settings are replaced as a whole. Each network thread has a copy of its own and looks, once for each request, at a
//! number that says whether there are newer ones; so nobody takes a lock on the way of a request, and no count is shared.
//!
//! # Rules
//! * A transaction keeps the settings that it began with, to its end.
//!
//! # Ordering
//! One pair, `[settings-publish]`: from [`Current::replace`] to [`Copied::get`]. What is read afterwards is behind a lock anyway.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::hook_policy::HookPolicy;
use super::limits::Limits;
use super::policy::OriginPolicy;
use super::record::LogPolicy;
use super::remap::Remap;
use super::targets::Targets;
use super::timeouts::Timeouts;

/// What may be changed while a server runs, by [`Server::reload`](super::Server::reload).
///
/// What is not in here (where it listens) stays as it was when the server was started.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Settings {
    /// Which requests go to which origin.
    pub remap: Remap,
    /// Where clients may be taken that name their target themselves.
    pub targets: Targets,
    /// How connections to origins are used and kept.
    pub origin: OriginPolicy,
    /// How long everything may take.
    pub timeouts: Timeouts,
    /// How much a client may send.
    pub limits: Limits,
    /// How long a plugin's continuations may keep others waiting.
    pub hooks: HookPolicy,
    /// Who is told of transactions that have ended.
    pub log: LogPolicy,
}

/// The settings in force, for all threads of a server.
pub(crate) struct Current {
    /// How often there have been new ones.
    generation: AtomicU64,
    settings: Mutex<Settings>,
}

impl Current {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { generation: AtomicU64::new(0), settings: Mutex::new(settings) }
    }

    /// Puts other settings into force; their number.
    pub(crate) fn replace(&self, mut settings: Settings) -> u64 {
        let mut current = self.lock();
        // The old ones are dropped with the argument: after the lock is given back.
        std::mem::swap(&mut *current, &mut settings);
        // Release [settings-publish]: a thread that sees the number finds these settings, or newer ones.
        self.generation.fetch_add(1, Ordering::Release) + 1
    }

    pub(crate) fn generation(&self) -> u64 {
        // Acquire [settings-publish]: see `replace`.
        self.generation.load(Ordering::Acquire)
    }

    /// A copy of those in force.
    pub(crate) fn copy(&self) -> Settings {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thread's copy.
pub(crate) struct Copied {
    generation: Cell<u64>,
    settings: RefCell<Rc<Settings>>,
}

impl Copied {
    pub(crate) fn new(current: &Current) -> Self {
        // The number first: settings that come in between are copied once more.
        let generation = Cell::new(current.generation());
        Self { generation, settings: RefCell::new(Rc::new(current.copy())) }
    }

    /// The settings in force.
    pub(crate) fn get(&self, current: &Current) -> Rc<Settings> {
        let generation = current.generation();
        if generation != self.generation.get() {
            let settings = Rc::new(current.copy());
            self.generation.set(generation);
            // What it was is dropped when nothing is borrowed any more.
            let _old = self.settings.replace(settings);
        }
        Rc::clone(&self.settings.borrow())
    }
}
