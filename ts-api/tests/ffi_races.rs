//! What threads of plugins in C may do at the same time.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Plugin;

#[test]
fn the_last_who_had_a_mutex_may_destroy_it_at_once() {
    let ran = Plugin::compile("races.c").run("the_last_who_had_a_mutex_destroys_it", &["5000"]);
    assert_eq!(ran.printed(), ["done"]);
}

#[test]
fn several_threads_that_do_wrong_at_once_end_the_process_with_one_line() {
    let plugin = Plugin::compile("races.c");
    for _ in 0..20 {
        let line = plugin.run("all_threads_do_wrong_at_once", &[]).fault();
        assert!(line.starts_with("ts: TSMutexUnlock: mutexp is null where a mutex is needed"), "{line}");
    }
}
