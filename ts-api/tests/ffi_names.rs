//! The names that the host exports as data, as plugins find them.
#![cfg(feature = "ffi")]

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int};
use std::fs;
use std::path::Path;

use libloading::os::unix::Library;
use ts_api as _;

/// The names that are declared, as the linker knows them.
fn declared(kind: &str) -> Vec<String> {
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/ts/parts/names.h");
    let header = fs::read_to_string(header).expect("the header is there");
    let names = header.lines().filter_map(|line| line.strip_prefix(kind)?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

#[test]
fn every_name_is_exported_with_the_length_that_it_has() {
    let this = Library::this();
    let lengths: HashMap<_, _> = declared("extern int ")
        .into_iter()
        .map(|name| {
            // SAFETY: the header says that it is a number.
            let length = unsafe { **this.get::<*const c_int>(&*name).expect("it is exported") };
            (name, usize::try_from(length).expect("a length"))
        })
        .collect();
    let names = declared("extern const char *");
    assert!(names.len() > 120, "the header was read");
    assert_eq!(names.len(), lengths.len());
    for name in names {
        // SAFETY: the header says that it is a text's address, and the host never frees it.
        let text =
            unsafe { CStr::from_ptr(**this.get::<*const *const c_char>(&*name).expect("it is exported")) };
        let length = ["_SCHEME_", "_FIELD_", "_VALUE_", "_METHOD_"]
            .into_iter()
            .fold(name.clone(), |name, middle| name.replace(middle, "_LEN_"));
        assert_eq!(text.to_bytes().len(), lengths[&length], "{name}");
        let told = text.to_str().expect("ASCII").to_uppercase().replace('-', "_");
        let told = if told == "BR" { "BROTLI" } else { &told };
        assert!(name.ends_with(&format!("_{told}")), "{name} is {text:?}");
    }
}
