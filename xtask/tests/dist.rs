//! What `cargo xtask dist` makes is enough for a program in C, and for plugins.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Runs a command, which has to succeed; what it printed.
#[track_caller]
fn run(program: impl AsRef<OsStr>, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let program = program.as_ref();
    let mut command = Command::new(program);
    let Output { status, stdout, stderr } =
        command.args(arguments).envs(variables.iter().copied()).output().expect("it starts");
    assert!(
        status.success(),
        "{program:?} {arguments:?}: {status}\n{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).expect("it prints text")
}

#[test]
fn a_program_in_c_is_linked_with_what_pkg_config_says_and_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let dist = folder.path().join("made");
    let dist = dist.to_str().expect("its name is text");
    let xtask = env!("CARGO_BIN_EXE_xtask");
    let said = run(xtask, &["dist", "--debug", "--to", dist], &[]);
    for file in [
        "bin/ts-host",
        "lib/libts.a",
        "lib/libts.so -> libts.so.0",
        "include/ts/ts.h",
        "lib/pkgconfig/ts.pc",
        "lib/pkgconfig/ts-static.pc",
    ] {
        assert!(said.contains(file), "{file}: {said}");
    }

    // It is found by its name with a version, and shows nothing but what is for C.
    let library = format!("{dist}/lib/libts.so");
    let dynamic = run("readelf", &["-d", &library], &[("LC_ALL", "C")]);
    assert!(dynamic.contains("soname: [libts.so.0]"), "{dynamic}");
    let symbols = run("nm", &["-D", "--defined-only", "--format=posix", &library], &[]);
    let shown: Vec<_> = symbols.lines().filter(|line| line.contains(" T ")).collect();
    assert!(shown.len() > 200, "{symbols}");
    let other: Vec<_> = symbols.lines().filter(|line| !line.starts_with("TS")).collect();
    assert!(other.is_empty(), "{other:?}");

    // Wherever it is moved to.
    let moved = folder.path().join("moved");
    fs::rename(dist, &moved).expect("it can be moved");
    let at = |place: &str| moved.join(place).to_str().expect("its name is text").to_owned();
    let found = [("PKG_CONFIG_PATH", &*at("lib/pkgconfig"))];
    let flags = |wanted: &[&str]| {
        let flags = run("pkg-config", wanted, &found);
        flags.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let api = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ts-api");
    let source = |name: &str| api.join(name).to_str().expect("its name is text").to_owned();
    let compile = |what: &[&str], flags: &[String], program: &str| {
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let words = [what, &["-Wall", "-Wextra", "-Werror", "-o", program], &flags].concat();
        run("cc", &words, &[]);
    };
    let serve = source("examples/serve.c");
    let (program, plugin) = (at("serve"), at("hello.so"));
    compile(&[&serve], &flags(&["--cflags", "--libs", "ts"]), &program);
    let tests = format!("-I{}", source("tests/c"));
    let hello = [&*source("tests/c/host_hello.c"), "-shared", "-fPIC", "-D_GNU_SOURCE", &tests];
    compile(&hello, &flags(&["--cflags", "ts"]), &plugin);

    let libraries = [("LD_LIBRARY_PATH", &*at("lib"))];
    let said = run(&program, &[], &libraries);
    assert!(said.starts_with("asked for a host that there is no rule for: HTTP/1.1 421 "), "{said}");
    let said = run(&program, &[&plugin], &libraries);
    assert!(said.starts_with(&format!("[{plugin}] 1\n")), "the plugin finds the library's calls: {said}");
    let refused = Command::new(&program).arg("/nowhere.so").envs(libraries).output().expect("it starts");
    let refused = String::from_utf8(refused.stderr).expect("it prints text");
    assert!(refused.starts_with("load: /nowhere.so cannot be opened"), "{refused}");
    let said = run(at("bin/ts-host"), &["--verify-plugin", &plugin], &[]);
    assert!(said.contains("OK"), "{said}");

    // All in one file, with plugins.
    let whole = at("whole");
    compile(&[&serve], &flags(&["--cflags", "--libs", "ts-static"]), &whole);
    assert!(!run("readelf", &["-d", &whole], &[("LC_ALL", "C")]).contains("libts.so"));
    let said = run(&whole, &[&plugin], &[]);
    assert!(said.starts_with(&format!("[{plugin}] 1\n")), "the plugin finds the program's calls: {said}");
    assert!(said.contains("HTTP/1.1 421 "), "{said}");

    // Where there is nothing but the archive, and with what the program itself needs of it.
    for library in ["lib/libts.so", "lib/libts.so.0"] {
        fs::remove_file(at(library)).expect("it is there");
    }
    let small = at("small");
    compile(&[&serve], &flags(&["--static", "--cflags", "--libs", "ts"]), &small);
    let said = run(&small, &[], &[]);
    assert!(said.starts_with("asked for a host that there is no rule for: HTTP/1.1 421 "), "{said}");
    assert!(said.contains("\nshut down in "), "{said}");
    let refused = Command::new(&small).arg(&plugin).output().expect("it starts");
    let refused = String::from_utf8(refused.stderr).expect("it prints text");
    assert!(refused.starts_with("load: ") && refused.contains("pkg-config --libs ts-static"), "{refused}");

    let again =
        Command::new(xtask).args(["dist", "--to", moved.to_str().unwrap()]).output().expect("it starts");
    assert!(!again.status.success() && moved.join("bin").exists(), "what is there is not replaced");
}
