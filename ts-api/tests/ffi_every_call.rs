//! Every function that the headers declare, with one argument at a time not as it should be: found from the headers, so that
//! none is left out.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;
#[path = "support/compilers.rs"]
mod compilers;
#[path = "support/declarations.rs"]
mod declarations;
#[path = "support/serve.rs"]
mod serve;
#[path = "support/http.rs"]
mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use c::Plugin;
use declarations::{Function, Parameter};
use support::Origin;

/// What stands for something of the host's.
const HANDLES: [&str; 15] = [
    "TSCont",
    "TSMutex",
    "TSAction",
    "TSThread",
    "TSEventThread",
    "TSHttpTxn",
    "TSHttpSsn",
    "TSMBuffer",
    "TSMLoc",
    "TSIOBuffer",
    "TSIOBufferReader",
    "TSIOBufferBlock",
    "TSTextLogObject",
    "TSFile",
    "TSUuid",
];

/// Where a handle that is none will do, as the headers say: function, argument, what it is.
const ALLOWED: [(&str, &str, &str); 11] = [
    ("TSActionCancel", "actionp", "null"),
    ("TSActionCancel", "actionp", "gone"),
    ("TSActionDone", "actionp", "null"),
    ("TSActionDone", "actionp", "gone"),
    ("TSContCreate", "mutexp", "null"),
    ("TSHandleMLocRelease", "mloc", "null"),
    ("TSHandleMLocRelease", "parent", "null"),
    ("TSHandleMLocRelease", "parent", "gone"),
    ("TSHandleMLocRelease", "parent", "made up"),
    ("TSHandleMLocRelease", "parent", "other"),
    ("TSHttpHdrStatusSetBy", "txnp", "null"),
];

/// What an argument is, in the words of `every_call.c`.
fn what(parameter: &Parameter) -> &str {
    let of_type = parameter.of_type.strip_prefix("const ").unwrap_or(&parameter.of_type);
    let is_length =
        ["len", "size", "capacity", "count", "argc"].iter().any(|word| parameter.name.contains(word));
    match of_type {
        of_type if HANDLES.contains(&of_type) => of_type,
        "TSEventFunc" | "TSThreadFunc" => "function",
        "char *" if parameter.of_type.starts_with("const") => "text",
        "char **" if parameter.of_type.starts_with("const") => "place of a text",
        of_type if of_type.contains('*') => "place",
        "size_t" => "length",
        _ if is_length => "length",
        _ => "number",
    }
}

/// The functions as a table in C, through which each is called with numbers.
fn table(functions: &[Function]) -> String {
    let (mut calls, mut rows) = (String::new(), String::new());
    for Function { name, parameters, .. } in functions {
        let mut arguments = Vec::new();
        let mut described = String::new();
        for (at, parameter) in parameters.iter().enumerate() {
            let of_type = &*parameter.of_type;
            let of_type = if of_type.contains('*') { of_type } else { of_type.trim_start_matches("const ") };
            arguments.push(format!("({of_type})a[{at}]"));
            write!(described, "{{\"{}\", \"{}\"}},", parameter.name, what(parameter)).expect("a text");
        }
        let (arguments, count) = (arguments.join(", "), parameters.len());
        writeln!(calls, "static void call_{name}(const uintptr_t *a) {{ (void)a; {name}({arguments}); }}")
            .expect("a text");
        writeln!(rows, "{{\"{name}\", call_{name}, {count}, {{{described}}}}},").expect("a text");
    }
    format!("{calls}static const Call calls[] = {{{rows}}};\n")
}

#[test]
fn one_wrong_argument_of_any_function_is_a_fault_in_one_line_or_is_said_to_be_allowed() {
    let mut functions = declarations::functions();
    // It is there to end the process.
    functions.retain(|function| !function.is_entry && function.name != "TSAssertFailed");
    assert!(functions.len() > 200, "{functions:?}");
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("every_call_table.h"), table(&functions))
        .expect("write the table");

    let (origin, folder) = (Origin::echo(), tempfile::tempdir().expect("a folder"));
    let folder = folder.path().to_str().expect("a name in UTF-8");
    let served =
        serve::serve(&Plugin::compile("every_call.c"), "one_wrong_argument", &[folder], origin.address);
    assert_eq!(served.client().get("/").status(), 200);
    assert_eq!(served.next(), "closed");
    let mut client = served.client();
    client.ask("/");
    let lines: Vec<_> = std::iter::from_fn(|| Some(served.next()).filter(|line| line != "all")).collect();

    let (mut wrong, mut handles) = (Vec::new(), BTreeSet::new());
    for line in &lines {
        let [function, argument, how, end, text] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let is_fault = end == "signal 6" && text.matches('|').count() == 1;
        // Plugins call it by its usual name.
        let called = function.strip_suffix("Into").unwrap_or(function);
        let begin = format!("ts: {called}, called by every_call: ");
        let of_handle = functions
            .iter()
            .find(|it| it.name == function)
            .and_then(|it| it.parameters.iter().find(|parameter| parameter.name == argument))
            .is_some_and(|parameter| HANDLES.contains(&what(parameter)));
        let is_right = if of_handle {
            handles.insert((function, argument));
            if ALLOWED.contains(&(function, argument, how)) {
                end == "exit 0" && text.is_empty()
            } else {
                is_fault && text.starts_with(&format!("{begin}{argument} is "))
            }
        } else {
            end == "exit 0" || is_fault && text.starts_with(&begin)
        };
        if !is_right {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // As many arguments as there are, and not fewer because a type is called otherwise now.
    assert!(handles.len() > 250, "{}", handles.len());
}
