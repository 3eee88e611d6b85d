//! What the headers declare is what the host exports, name by name, and with the same types.
#![cfg(all(feature = "ffi", feature = "host"))]

#[path = "support/compilers.rs"]
mod compilers;
#[path = "support/declarations.rs"]
mod declarations;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cbindgen::{Config, ItemType, Language as Output, Style};
use compilers::{Language, check_text};
use declarations::{HEADERS, last_word, of_headers, statements, without_attributes};
use object::{Object as _, ObjectSymbol as _, SymbolKind};

/// Names by what they are.
#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    functions: BTreeSet<String>,
    data: BTreeSet<String>,
    /// Functions that plugins define and the host looks up.
    entries: BTreeSet<String>,
}

/// What the headers declare and leave to the host, or to plugins, to define.
fn declared() -> Names {
    let mut names = Names::default();
    for statement in of_headers() {
        let is_entry = statement.contains("visibility(\"default\")");
        let words = without_attributes(&statement);
        if words.split_whitespace().any(|word| ["typedef", "static", "enum"].contains(&word)) {
            continue;
        }
        // Of a function what stands before its parameters, of data all of it.
        let (before, is_function) = match words.split_once('(') {
            Some((before, _)) => (before, true),
            None => (&*words, false),
        };
        let Some(name) = last_word(before).filter(|name| name.starts_with("TS")) else { continue };
        let kind = match (is_function, is_entry) {
            (true, true) => &mut names.entries,
            (true, false) => &mut names.functions,
            (false, _) => &mut names.data,
        };
        kind.insert(name.to_owned());
    }
    names
}

/// What the host's program exports.
fn exported() -> Names {
    let program = fs::read(env!("CARGO_BIN_EXE_ts-host")).expect("the program is there");
    let program = object::File::parse(&*program).expect("it is a program");
    let mut names = Names::default();
    for symbol in program.dynamic_symbols().filter(|symbol| symbol.is_definition()) {
        let name = symbol.name().expect("its name is a text").to_owned();
        assert!(name.starts_with("TS"), "{name} is exported, and nothing of plugins");
        match symbol.kind() {
            SymbolKind::Text => names.functions.insert(name),
            SymbolKind::Data => names.data.insert(name),
            other => panic!("{name} is {other:?}"),
        };
    }
    names
}

/// Files of the C interface's implementation.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut folders) = (vec![root.join("ffi.rs")], vec![root.join("ffi")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() { &mut folders } else { &mut found }.push(path);
        }
    }
    found.sort();
    found
}

/// The functions of one file as C sees them.
fn prototypes(file: &Path) -> String {
    let mut config = Config {
        language: Output::C,
        style: Style::Type,
        no_includes: true,
        documentation: false,
        ..Config::default()
    };
    config.export.item_types = vec![ItemType::Functions];
    // What C knows by two words.
    config.export.rename.insert("Sockaddr".to_owned(), "struct sockaddr".to_owned());
    let bindings = cbindgen::Builder::new().with_config(config).with_src(file).generate();
    let bindings = bindings.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).expect("it writes text")
}

#[test]
fn what_is_exported_is_declared_and_what_is_declared_is_exported() {
    let (declared, exported) = (declared(), exported());
    for (declared, exported) in [(&declared.functions, &exported.functions), (&declared.data, &exported.data)]
    {
        let missing: Vec<_> = exported.difference(declared).collect();
        assert!(missing.is_empty(), "exported, and in no header: {missing:?}");
        let missing: Vec<_> = declared.difference(exported).collect();
        assert!(missing.is_empty(), "in a header, and not exported: {missing:?}");
    }
    assert!(exported.functions.contains("TSContCreate") && exported.functions.len() > 200, "{exported:?}");
    assert!(exported.data.contains("TS_MIME_FIELD_HOST"), "{exported:?}");
}

/// The names that the front page has in the first column of the table of what is not there; some stand for all that begin so.
fn not_there() -> Vec<String> {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("it is there");
    let rows = page.lines().skip_while(|line| *line != "| of the original's | since |").skip(2);
    let cells = rows.map_while(|line| line.strip_prefix("| ")?.split(" | ").next().map(str::to_owned));
    let names = cells.flat_map(|cell| cell.split(", ").map(str::to_owned).collect::<Vec<_>>());
    names.filter_map(|name| Some(name.strip_prefix('`')?.strip_suffix('`')?.to_owned())).collect()
}

#[test]
fn what_is_said_not_to_be_there_is_declared_nowhere() {
    let names = not_there();
    assert!(names.len() > 50, "{names:?}");
    // Types and numbers of much of it are there: sources that name them compile.
    let functions = declared().functions;
    for name in names {
        let is_meant = |function: &&String| match name.strip_suffix('*') {
            Some(begin) => function.starts_with(begin),
            None => **function == name,
        };
        assert_eq!(functions.iter().find(is_meant), None, "{name}");
    }
}

#[test]
fn no_exported_function_is_for_plugins_to_define() {
    let (declared, exported) = (declared(), exported());
    assert!(declared.entries.contains("TSPluginInit"), "{declared:?}");
    let both: Vec<_> = exported.functions.intersection(&declared.entries).collect();
    assert!(both.is_empty(), "{both:?}");
}

#[test]
fn every_exported_function_has_the_types_that_the_headers_say() {
    let text: String = sources().iter().map(|file| prototypes(file)).collect();
    let seen: BTreeSet<_> = statements(&text)
        .iter()
        .filter_map(|statement| statement.split_once('(')?.0.rsplit([' ', '*']).next().map(str::to_owned))
        .collect();
    let unseen: Vec<_> = exported().functions.difference(&seen).cloned().collect();
    assert!(
        unseen.is_empty(),
        "written so that nothing can be said of their types (by a macro?): {unseen:?}"
    );
    if let Err(words) = check_text(Language::C11, &[], &format!("{HEADERS}{text}int not_empty;\n")) {
        panic!("the compiler compares what is declared with what is defined:\n{words}");
    }
}
