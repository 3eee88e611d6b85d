//! Threads that are no event threads but take part for a while.

use crate::EventProcessor;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use ts_thread::ContextLocal;

static GUEST: ContextLocal<RefCell<Vec<EventProcessor>>> = ContextLocal::new(|| RefCell::new(Vec::new()));

/// The calling thread's stay as a guest of a processor, from [`EventProcessor::guest`]; it ends when this is dropped.
///
/// It belongs to its thread and cannot be sent away.
pub struct Guest {
    processor: EventProcessor,
    not_send: PhantomData<*const ()>,
}

impl Guest {
    pub(crate) fn enter(processor: &EventProcessor) -> Self {
        GUEST.with(|guests| guests.borrow_mut().push(processor.clone()));
        Self { processor: processor.clone(), not_send: PhantomData }
    }

    /// Whose guest it is.
    #[must_use]
    pub fn processor(&self) -> &EventProcessor {
        &self.processor
    }

    /// The processor whose guest the calling thread is; the latest, if it is several's. None for a thread that is nobody's
    /// guest.
    #[must_use]
    pub fn current() -> Option<EventProcessor> {
        GUEST.try_with(|guests| guests.borrow().last().cloned()).ok().flatten()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Stays may end in any order; the latest of this processor's goes.
        let left = GUEST.try_with(|guests| {
            let mut guests = guests.borrow_mut();
            let position = guests.iter().rposition(|guest| guest.is_same(&self.processor))?;
            Some(guests.remove(position))
        });
        drop(left);
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guest").field(&self.processor).finish()
    }
}

pub(crate) fn current_id() -> Option<u32> {
    GUEST.try_with(|guests| guests.borrow().last().map(|guest| guest.inner().core.id)).ok().flatten()
}
