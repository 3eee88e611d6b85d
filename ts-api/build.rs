//! Tells the linker of `ts-host`, and of the tests, to export the C interface to the plugins that they load.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_FFI").is_some() {
        // Exactly the functions of the C interface: nothing else of the program is a plugin's business.
        for target in ["bins", "tests"] {
            println!("cargo::rustc-link-arg-{target}=-Wl,--export-dynamic-symbol=TS*");
        }
    }
}
