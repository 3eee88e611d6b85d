//! How references are counted: few, however many events there were.

#![cfg(not(loom))]

use ts_cont::life::{Life, Release};

#[test]
fn events_from_elsewhere_do_not_pile_up_references_while_a_periodic_event_is_pending() {
    let life = Life::new();
    let mut most = 0;
    // SAFETY: nobody else has this life, so its mutex is as good as held.
    unsafe { life.add_plain() };
    for _ in 0..100_000 {
        life.retain();
        // SAFETY: see above; the reference of the line above passes over.
        let owed = unsafe { life.adopt_shared() };
        assert_eq!(life.release(owed), Release::Shared);
        // SAFETY: see above.
        let owed = unsafe { life.remove_plain() };
        assert_eq!(life.release(owed), Release::Shared);
        most = most.max(life.refs());
    }
    assert!(most < 2000, "{most} references for two events at most");
    // SAFETY: see above.
    let owed = unsafe { life.remove_plain() };
    assert_eq!(life.release(owed), Release::Shared);
    assert_eq!(life.refs(), 1);
    assert_eq!(life.release(1), Release::Last);
}
