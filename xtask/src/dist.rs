//! `cargo xtask dist`: what those get who use the host, or the library in C, without cargo.
//!
//! | file | is |
//! |---|---|
//! | `bin/ts-host` | the host |
//! | `lib/libts.so.N.N.N` | the C interface with the event system and the server behind it, to link with; exports `TS*` and nothing else |
//! | `lib/libts.so.N`, `lib/libts.so` | the same, as it is looked for when a program starts, and when it is linked |
//! | `lib/libts.a` | the same, to become a part of the program |
//! | `include/` | the headers, of plugins too |
//! | `lib/pkgconfig/ts.pc` | what `pkg-config` says of them, wherever the folder is moved to |
//! | `lib/pkgconfig/ts-static.pc`, `lib/ts.symbols` | the same of a program that `libts.a` becomes a part of, and that loads plugins |
//!
//! # Rules
//! * The folder is whole or not there: it is made under another name, and moved.
//! * A folder that somebody names is not there before, or is empty; nothing of somebody else's is replaced.
//!
//! Cargo would make a shared library itself, which has neither a name for the loader nor versions of its symbols. So it makes the
//! archive, and the linker the library.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::step::Step;
use crate::workspace::Workspace;

/// How it is made.
#[derive(Default)]
pub(crate) struct Options {
    /// Quick to build, and slow to run.
    pub(crate) debug: bool,
    /// In place of `dist` among the builds.
    pub(crate) to: Option<PathBuf>,
}

/// The functions that a program shows to its plugins, as the linker takes it. In a file, since `pkg-config` puts a `\` before `*`.
const SYMBOLS: &str = "{ TS*; };\n";

/// What the archive needs of the system.
const SYSTEM: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

/// Makes the folder, and says what is in it.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let workspace = Workspace::locate()?;
    let metadata = workspace.metadata()?;
    let target = metadata.target_directory.as_std_path();
    let package = metadata.packages.iter().find(|package| package.name == "ts-api");
    let version = &package.context("there is no ts-api here")?.version;
    let to = match &options.to {
        Some(to) => {
            let is_free = fs::read_dir(to).map_or(!to.exists(), |mut entries| entries.next().is_none());
            ensure!(
                is_free,
                "{} is there already: name a folder that is not, or that is empty",
                to.display()
            );
            to.clone()
        }
        None => target.join("dist"),
    };
    let (profile, flag) = if options.debug { ("debug", "") } else { ("release", " --release") };
    let built = target.join(profile);
    do_step(&workspace, Step::cargo(&format!("build -p ts-api --features host --bin ts-host{flag}")))?;
    let archive = format!("rustc -p ts-api --lib --features ffi --crate-type staticlib{flag}");
    do_step(&workspace, Step::cargo(&archive))?;

    let made = to.with_extension("unfinished");
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    for folder in ["bin", "lib/pkgconfig"] {
        fs::create_dir_all(made.join(folder))?;
    }
    copy(&built.join("ts-host"), &made.join("bin/ts-host"))?;
    copy(&built.join("libts_api.a"), &made.join("lib/libts.a"))?;
    link(&workspace, &made, version)?;
    copy_headers(&workspace.root.join("ts-api/include"), &made.join("include"))?;
    fs::write(made.join("lib/ts.symbols"), SYMBOLS)?;
    let shared = pkg_config("ts", version, &format!("-L${{libdir}} -lts\nLibs.private: {SYSTEM}"));
    fs::write(made.join("lib/pkgconfig/ts.pc"), shared)?;
    fs::write(made.join("lib/pkgconfig/ts-static.pc"), pkg_config("ts-static", version, &whole_archive()))?;
    if to.exists() {
        fs::remove_dir_all(&to)?;
    }
    fs::rename(&made, &to).with_context(|| format!("cannot make {}", to.display()))?;

    println!("{} has", to.display());
    for file in list(&to)? {
        let about = fs::symlink_metadata(to.join(&file))?;
        if about.is_symlink() {
            println!("  {file} -> {}", fs::read_link(to.join(&file))?.display());
        } else {
            println!("  {file} ({} KiB)", about.len().div_ceil(1024));
        }
    }
    println!(
        "a program in C: cc a.c $(PKG_CONFIG_PATH={}/lib/pkgconfig pkg-config --cflags --libs ts)",
        to.display()
    );
    Ok(true)
}

fn do_step(workspace: &Workspace, step: Step) -> Result<()> {
    println!("$ {step}");
    step.run(&workspace.root)
}

/// Makes the shared library of the archive, and sees to it that it shows nothing but the interface.
fn link(workspace: &Workspace, made: &Path, version: &cargo_metadata::semver::Version) -> Result<()> {
    let lib = made.join("lib");
    let (name, whole) = (format!("libts.so.{}", version.major), format!("libts.so.{version}"));
    let script = made.join("exports");
    // Names of another version of the interface could stand beside these.
    fs::write(&script, format!("TS_{} {{ global: TS*; local: *; }};\n", version.major))?;
    let path = |path: &Path| path.to_str().map(str::to_owned).context("the folder's name is not UTF-8");
    let step = Step::of("cc", "-shared -o")
        .arg(path(&lib.join(&whole))?)
        .arg(format!("-Wl,-soname,{name}"))
        .arg(format!("-Wl,--version-script={}", path(&script)?))
        .words("-Wl,--gc-sections -Wl,--no-undefined -Wl,--whole-archive")
        .arg(path(&lib.join("libts.a"))?)
        .words("-Wl,--no-whole-archive")
        .words(SYSTEM);
    do_step(workspace, step)?;
    fs::remove_file(script)?;
    symlink(&whole, lib.join(&name))?;
    symlink(&name, lib.join("libts.so"))?;
    let shown = Step::of("nm", "-D --defined-only --format=posix").arg(path(&lib.join(&whole))?);
    let shown = shown.output(&workspace.root)?;
    let shown = String::from_utf8_lossy(&shown.stdout);
    let names: Vec<_> = shown.lines().filter_map(|line| line.split_whitespace().next()).collect();
    ensure!(names.iter().any(|name| name.starts_with("TSContCreate")), "the library has no interface");
    let others: Vec<_> = names.iter().filter(|name| !name.starts_with("TS")).collect();
    ensure!(others.is_empty(), "the library shows more than its interface: {others:?}");
    Ok(())
}

/// How a program takes in all of the archive and shows the interface. The words that belong together are one, so that nobody
/// puts another between them.
fn whole_archive() -> String {
    let words = [
        "-Wl,--whole-archive,${libdir}/libts.a,--no-whole-archive",
        "-Wl,--gc-sections",
        "-Wl,--dynamic-list=${libdir}/ts.symbols",
        SYSTEM,
    ];
    words.join(" ")
}

fn pkg_config(name: &str, version: &cargo_metadata::semver::Version, libs: &str) -> String {
    format!(
        "prefix=${{pcfiledir}}/../..\nlibdir=${{prefix}}/lib\nincludedir=${{prefix}}/include\n\n\
         Name: {name}\nDescription: An event system and an HTTP proxy for plugins and programs in C\nVersion: {version}\n\
         Libs: {libs}\nCflags: -I${{includedir}}\n"
    )
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

fn copy_headers(from: &Path, to: &Path) -> Result<()> {
    for file in list(from)? {
        let place = to.join(&file);
        fs::create_dir_all(place.parent().context("a header has a folder")?)?;
        copy(&from.join(&file), &place)?;
    }
    Ok(())
}

/// The files in a folder and below, sorted.
fn list(folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(within) = folders.pop() {
        for entry in fs::read_dir(folder.join(&within))? {
            let entry = entry?;
            let path = within.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                files.push(path.to_str().context("a file's name is not UTF-8")?.to_owned());
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}
