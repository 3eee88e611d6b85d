//! Promise: when the system refuses a thread, the error says which limit was hit.
#![cfg(not(loom))]

mod support;

use rustix::process::{Resource, Rlimit, geteuid, setrlimit};
use ts_thread::{Builder, StartError};

#[test]
fn a_stack_beyond_the_address_space_is_an_error_that_says_so() {
    for size in [1 << 60, usize::MAX] {
        let refused = Builder::new().stack_size(size).spawn(|| ()).unwrap_err();
        assert!(matches!(refused, StartError::NoAddressSpace { .. }), "{refused:?}");
        assert!(refused.to_string().contains("RLIMIT_AS"), "{refused}");
    }
    let refused = Builder::new().guard_pages(usize::MAX).spawn(|| ()).unwrap_err();
    assert!(matches!(refused, StartError::NoAddressSpace { .. }), "{refused:?}");
}

#[test]
fn the_limit_of_the_address_space_is_named() {
    if !support::is_child() {
        return support::passes_as_child("the_limit_of_the_address_space_is_named", &[]);
    }
    let limit = Some(1 << 32);
    setrlimit(Resource::As, Rlimit { current: limit, maximum: limit }).unwrap();
    let refused = Builder::new().stack_size(8 << 30).spawn(|| ()).unwrap_err();
    assert!(matches!(refused, StartError::NoAddressSpace { size, .. } if size == 8 << 30), "{refused:?}");
    // The process is as well as before.
    assert_eq!(Builder::new().spawn(|| 1).unwrap().join().unwrap(), 1);
}

#[test]
fn the_limit_of_threads_is_named() {
    if !support::is_child() {
        return support::passes_as_child("the_limit_of_threads_is_named", &[]);
    }
    // The limit does not hold for the superuser.
    if geteuid().is_root() {
        // SAFETY: changes the identity of all threads of this process, which was started for this test alone.
        assert_eq!(unsafe { libc::setuid(65_534) }, 0);
    }
    let limit = Some(1);
    setrlimit(Resource::Nproc, Rlimit { current: limit, maximum: limit }).unwrap();
    let refused = Builder::new().spawn(|| ()).unwrap_err();
    assert!(matches!(refused, StartError::ThreadLimit { nproc: Some(1), .. }), "{refused:?}");
    let text = refused.to_string();
    assert!(
        text.contains("RLIMIT_NPROC (ulimit -u, here 1)") && text.contains("kernel.threads-max"),
        "{text}"
    );
}
