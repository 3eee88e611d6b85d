//! A switch of a session or transaction that any thread may turn.

use std::sync::atomic::{AtomicU8, Ordering};

/// On, off, or left alone.
#[derive(Default)]
pub(crate) struct Switch(AtomicU8);

const LEFT_ALONE: u8 = 0;
const OFF: u8 = 1;
const ON: u8 = 2;

impl Switch {
    pub(crate) fn get(&self) -> Option<bool> {
        // Relaxed: it is looked at for itself.
        match self.0.load(Ordering::Relaxed) {
            LEFT_ALONE => None,
            state => Some(state == ON),
        }
    }

    pub(crate) fn set(&self, to: Option<bool>) {
        let state = to.map_or(LEFT_ALONE, |on| if on { ON } else { OFF });
        // Relaxed: as in `get`.
        self.0.store(state, Ordering::Relaxed);
    }
}
