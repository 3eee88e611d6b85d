//! What table of a host is taken, and which is refused before anything is called through it.

use std::ptr;
use ts_api::table::{self, Code, HostTable, RawCont, RawData, TABLE_VERSION};
use ts_api::{Cont, Mutex, TableError};
use ts_cont::Continuation;

fn changed(change: impl FnOnce(&mut HostTable)) -> &'static HostTable {
    let mut table = *table::linked();
    change(&mut table);
    Box::leak(Box::new(table))
}

/// What the two ways to install it say.
fn install(table: &'static HostTable) -> Result<(), TableError> {
    let answer = table::install(table);
    // SAFETY: it is a table, for good.
    assert_eq!(unsafe { table::install_raw(table) }, answer);
    answer
}

#[test]
fn a_table_of_another_version_is_refused() {
    let host = TABLE_VERSION + 1;
    assert_eq!(
        install(changed(|table| table.version = host)),
        Err(TableError::Version { host, plugin: TABLE_VERSION })
    );
}

#[test]
fn a_table_that_lacks_functions_is_refused() {
    let (host, plugin) = (size_of::<HostTable>() - 8, size_of::<HostTable>());
    assert_eq!(install(changed(|table| table.size = host)), Err(TableError::TooShort { host, plugin }));
}

#[test]
fn a_short_table_is_recognised_without_reading_beyond_its_end() {
    // What a much older host has: size and version, and nothing behind them.
    #[repr(C)]
    struct Old {
        size: usize,
        version: u32,
    }
    let old: &'static Old = Box::leak(Box::new(Old { size: size_of::<Old>(), version: TABLE_VERSION }));
    // SAFETY: it begins as every table does, and says how long it is.
    let answer = unsafe { table::install_raw(ptr::from_ref(old).cast()) };
    assert_eq!(answer, Err(TableError::TooShort { host: size_of::<Old>(), plugin: size_of::<HostTable>() }));

    let host = TABLE_VERSION - 1;
    let older: &'static Old = Box::leak(Box::new(Old { version: host, ..*old }));
    // SAFETY: as above.
    let answer = unsafe { table::install_raw(ptr::from_ref(older).cast()) };
    assert_eq!(answer, Err(TableError::Version { host, plugin: TABLE_VERSION }));
}

#[test]
fn data_that_another_copy_of_the_facade_lent_is_not_looked_at() {
    let cont = Cont::new(&Mutex::new(), |event| i32::from(event.data::<u32>().is_some()));
    let raw = RawCont(Continuation::from(cont).into_raw());
    let data = RawData { owner: 1, value: ptr::dangling_mut::<u32>().cast() };
    let mut number = -1;
    // SAFETY: the handle is alive until it is dropped, once; the rest is lent for the call.
    let code = unsafe {
        let code = (table::linked().cont_call)(raw, 4, Some(&data), &raw mut number);
        (table::linked().cont_drop)(raw);
        code
    };
    assert_eq!((code, number), (Code::OK, 0));
}

#[test]
fn no_table_is_an_error() {
    // SAFETY: null is allowed.
    assert_eq!(unsafe { table::install_raw(ptr::null()) }, Err(TableError::Null));
}

#[test]
fn a_plugin_that_links_an_event_system_of_its_own_refuses_its_hosts() {
    static OTHER: u8 = 0;
    let table = changed(|table| table.identity = (&raw const OTHER).cast());
    assert_eq!(install(table), Err(TableError::TwoRuntimes));
}
