//! The actions of what was scheduled on every thread of a group at once.
//!
//! A type of our own, though a `SmallVec` would do: what stands in a signature is part of our versions, and another crate's
//! breaks would become ours.

use std::iter::FusedIterator;
use std::ops::Deref;

use smallvec::SmallVec;

use crate::Action;

/// How many need no memory of their own: more threads than most groups have.
const INLINE: usize = 8;

/// One [`Action`] for each thread of a group, in the order of the threads. It dereferences to a slice.
#[derive(Clone, Debug, Default)]
pub struct Actions(SmallVec<[Action; INLINE]>);

impl Actions {
    pub(crate) fn push(&mut self, action: Action) {
        self.0.push(action);
    }
}

impl Deref for Actions {
    type Target = [Action];

    fn deref(&self) -> &[Action] {
        &self.0
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = ActionsIter;

    fn into_iter(self) -> ActionsIter {
        ActionsIter(self.0.into_iter())
    }
}

/// Hands out [`Actions`] one by one.
#[derive(Clone, Debug)]
pub struct ActionsIter(smallvec::IntoIter<[Action; INLINE]>);

impl Iterator for ActionsIter {
    type Item = Action;

    fn next(&mut self) -> Option<Action> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for ActionsIter {}

impl FusedIterator for ActionsIter {}
