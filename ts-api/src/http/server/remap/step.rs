//! Others that map requests of a rule, one after the other, before the rule itself does.
//!
//! # Rules
//! * The steps of a table belong to whoever made it, in one piece. A transaction takes them with it as long as it lives, so
//!   that they end with the last transaction that began with them, however long idle connections keep the table.
//! * Whoever replaces a table puts the new one into force first, and lets its steps go then; so a transaction that finds them
//!   gone finds a newer table.

use std::fmt;
use std::sync::{Arc, Weak};

/// Somebody who maps requests.
pub(crate) trait Step: Send + Sync {
    /// Maps the request of the transaction with this number, which is called out meanwhile: its client's request may be
    /// changed.
    fn map(&self, transaction: u64) -> Done;
}

/// What a step has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Done {
    /// The request goes where its URL says now; the rule does not map it.
    pub(crate) mapped: bool,
    /// No further step is asked.
    pub(crate) last: bool,
    /// The client is sent to the URL, instead.
    pub(crate) redirect: bool,
}

/// The steps of a table's rules, by the numbers that the rules have.
#[derive(Default)]
pub(crate) struct Steps(Vec<Vec<Box<dyn Step>>>);

impl Steps {
    /// Takes the steps of one rule; the rule's number.
    #[cfg(feature = "host")]
    pub(crate) fn add(&mut self, steps: Vec<Box<dyn Step>>) -> u32 {
        self.0.push(steps);
        u32::try_from(self.0.len() - 1).expect("fewer rules than that")
    }

    /// Those of the rule with a number.
    pub(crate) fn of(&self, number: u32) -> &[Box<dyn Step>] {
        self.0.get(number as usize).map_or(&[], Vec::as_slice)
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(Vec::len)).finish()
    }
}

/// A table's hold of its steps, which keeps none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held(Option<Weak<Steps>>);

/// The steps are no more, so there is a newer table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replaced;

impl Held {
    #[cfg(feature = "host")]
    pub(crate) fn new(steps: &Arc<Steps>) -> Self {
        Self(Some(Arc::downgrade(steps)))
    }

    /// Whether there are any.
    pub(crate) fn is_any(&self) -> bool {
        self.0.is_some()
    }

    /// The steps, for a transaction; none if the table never had any.
    pub(crate) fn take(&self) -> Result<Option<Arc<Steps>>, Replaced> {
        match &self.0 {
            None => Ok(None),
            Some(steps) => steps.upgrade().map(Some).ok_or(Replaced),
        }
    }
}
