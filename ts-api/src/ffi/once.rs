//! What is made once for each file, whoever asks for it first, and then stays.
//!
//! # Rules
//! * Whoever asks while it is being made waits, and gets what was made. If it cannot be made, the next one tries again.
//! * The lock on the whole is held only to look; what is held while something is made is the file's own. So what makes it may ask
//!   for other files, and not for its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

/// What there is of one file; none until it has been made.
type Place<T> = Arc<Mutex<Option<&'static T>>>;

pub(super) struct Once<T: 'static>(Mutex<BTreeMap<PathBuf, Place<T>>>);

impl<T> Once<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// What there is of each file, in the order of their names.
    pub(super) fn each(&self) -> Vec<&'static T> {
        let places: Vec<_> = self.0.lock().values().map(Arc::clone).collect();
        places.iter().filter_map(|place| *place.lock()).collect()
    }

    /// What there is of a file, made now if it is the first time.
    pub(super) fn of<E>(&self, file: PathBuf, make: impl FnOnce() -> Result<T, E>) -> Result<&'static T, E> {
        let place = Arc::clone(self.0.lock().entry(file).or_default());
        let mut made = place.lock();
        match *made {
            Some(value) => Ok(value),
            None => Ok(made.insert(Box::leak(Box::new(make()?)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn several_who_ask_at_once_get_one_thing_that_is_made_once() {
        let once = Once::new();
        for file in 0..200 {
            let file = PathBuf::from(file.to_string());
            let (made, barrier) = (AtomicUsize::new(0), Barrier::new(4));
            let ask = || {
                barrier.wait();
                let make = || {
                    thread::yield_now();
                    // Relaxed: the threads are joined before it is read.
                    Ok::<_, ()>(made.fetch_add(1, Ordering::Relaxed))
                };
                *once.of(file.clone(), make).unwrap()
            };
            let got: Vec<_> = thread::scope(|scope| {
                let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
                asking.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!((got, made.into_inner()), (vec![0; 4], 1), "{file:?}");
        }
    }

    #[test]
    fn what_could_not_be_made_is_tried_again_and_what_was_made_is_not() {
        let once = Once::new();
        let of = |make: Result<i32, &'static str>| once.of("a".into(), || make).copied();
        assert_eq!(of(Err("not yet")), Err("not yet"));
        assert_eq!(of(Ok(1)), Ok(1));
        assert_eq!(of(Err("not again")), Ok(1));
        assert_eq!(once.of("b".into(), || Err("never")), Err("never"));
        assert_eq!(once.each(), [&1]);
    }
}
