//! Promise: a thread has the stack that was asked for, and an overflow hits the guard.
#![cfg(not(loom))]

mod support;

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;

use rustix::param::page_size;
use ts_thread::{Builder, DEFAULT_STACK_SIZE, StackRegion, min_stack_size};

/// Lowest address and size in bytes of the calling thread's stack, as the system sees it.
fn my_stack() -> (usize, usize) {
    let (mut attributes, mut base, mut size) = (MaybeUninit::uninit(), std::ptr::null_mut(), 0);
    // SAFETY: the attributes are initialised by the first call, read by the second, and destroyed once.
    unsafe {
        assert_eq!(libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()), 0);
        assert_eq!(libc::pthread_attr_getstack(attributes.as_ptr(), &mut base, &mut size), 0);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
    (base as usize, size)
}

/// Whether this page may be read.
fn is_readable(address: usize) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().any(|line| {
        let (range, rest) = line.split_once(' ').unwrap();
        let (low, high) = range.split_once('-').unwrap();
        let of = |text| usize::from_str_radix(text, 16).unwrap();
        (of(low)..of(high)).contains(&address) && rest.starts_with('r')
    })
}

#[test]
fn a_thread_has_at_least_the_stack_asked_for_in_whole_pages() {
    let asked = [0, 1, min_stack_size(), min_stack_size() + 1, 200_000, DEFAULT_STACK_SIZE, 8 << 20];
    for bytes in asked {
        let (base, size) = Builder::new().stack_size(bytes).spawn(my_stack).unwrap().join().unwrap();
        let expected = bytes.max(min_stack_size()).next_multiple_of(page_size());
        assert_eq!((base % page_size(), size % page_size()), (0, 0), "{bytes}");
        assert!(
            (expected..=expected + page_size()).contains(&size),
            "asked {bytes}, expected {expected}, got {size}"
        );
    }
}

#[test]
fn a_thread_has_the_default_stack_if_nothing_is_said() {
    let (_, size) = Builder::new().spawn(my_stack).unwrap().join().unwrap();
    assert!((DEFAULT_STACK_SIZE..=DEFAULT_STACK_SIZE + page_size()).contains(&size));
}

#[test]
fn the_guard_pages_lie_below_the_stack_and_cannot_be_read() {
    for pages in [1, 3, 16] {
        let thread = Builder::new().guard_pages(pages).spawn(move || {
            let (base, _) = my_stack();
            assert!(is_readable(base));
            (1..=pages).all(|page| !is_readable(base - page * page_size()))
        });
        assert!(thread.unwrap().join().unwrap(), "{pages} pages");
    }
}

#[test]
fn a_thread_runs_on_the_region_it_was_given_above_its_guard() {
    let region = StackRegion::from_mmap(200_000, 2).unwrap();
    let (base, size) = (region.base().as_ptr() as usize, region.size());
    assert_eq!(size, 200_000_usize.next_multiple_of(page_size()));
    let thread = Builder::new().stack_region(region).spawn(move || {
        assert!(is_readable(base));
        assert!(!is_readable(base - 1) && !is_readable(base - 2 * page_size()));
        my_stack()
    });
    assert_eq!(thread.unwrap().join().unwrap(), (base, size));
}

#[test]
fn a_region_that_nobody_used_is_unmapped() {
    // So large that nothing else can be mapped in its place in between.
    let region = StackRegion::from_mmap(64 << 30, 1).unwrap();
    let middle = region.base().as_ptr() as usize + (32 << 30);
    assert!(is_readable(middle));
    drop(region);
    assert!(!is_readable(middle));
}

/// Uses up the stack. Writes into each frame, so that nothing of it is optimised away.
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    let mut frame = [depth; 32];
    black_box(&mut frame);
    if black_box(depth) == u64::MAX {
        return 0;
    }
    deeper(depth + 1) + frame[7]
}

fn dies_of_an_overflow(name: &str, builder: fn() -> Builder) {
    if support::is_child() {
        builder().spawn(|| deeper(0)).unwrap().join().unwrap();
        unreachable!("a recursion without end has ended");
    }
    let output = support::run_as_child(name, &[]);
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{}", support::describe(&output));
}

#[test]
fn an_overflow_ends_the_process_with_a_segmentation_fault() {
    dies_of_an_overflow("an_overflow_ends_the_process_with_a_segmentation_fault", Builder::new);
}

#[test]
fn an_overflow_of_a_region_ends_the_process_with_a_segmentation_fault() {
    dies_of_an_overflow("an_overflow_of_a_region_ends_the_process_with_a_segmentation_fault", || {
        Builder::new().stack_region(StackRegion::from_mmap(128 << 10, 1).unwrap())
    });
}
