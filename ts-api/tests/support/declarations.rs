//! What the headers declare, as the compiler's preprocessor leaves it.
#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of it")]

use std::fs;

use crate::compilers::Language;

/// All of them that C can include.
pub(crate) const HEADERS: &str = "#include <ts/ts.h>\n#include <ts/remap.h>\n#include <ts/embed.h>\n";

/// A function that the host exports, or that plugins define.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) parameters: Vec<Parameter>,
    /// It is a plugin's to define.
    pub(crate) is_entry: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// As it is written, with single spaces.
    pub(crate) of_type: String,
    pub(crate) name: String,
}

/// All statements of the headers.
pub(crate) fn of_headers() -> Vec<String> {
    let mut compiler = Language::C11.compiler();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("all.c");
    fs::write(&file, HEADERS).expect("write the file");
    let output = compiler.args(["-E", "-P"]).arg(file).output().expect("the compiler starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    statements(&String::from_utf8_lossy(&output.stdout))
}

/// The functions among them that are ours and have no body.
pub(crate) fn functions() -> Vec<Function> {
    of_headers().iter().filter_map(|statement| function(statement)).collect()
}

fn function(statement: &str) -> Option<Function> {
    let words = without_attributes(statement);
    if words.split_whitespace().any(|word| ["typedef", "static", "enum"].contains(&word)) {
        return None;
    }
    let (before, after) = words.split_once('(')?;
    let name = last_word(before).filter(|name| name.starts_with("TS"))?.to_owned();
    let parameters = after.trim_end().strip_suffix(')')?.split(',').map(str::trim);
    let parameters = parameters.filter(|text| *text != "void").map(|text| {
        let (text, is_array) = match text.strip_suffix("[]") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let name = last_word(text).expect("parameters have names");
        let of_type = text[..text.len() - name.len()].split_whitespace().collect::<Vec<_>>().join(" ");
        Parameter { of_type: if is_array { of_type + " *" } else { of_type }, name: name.to_owned() }
    });
    let is_entry = statement.contains("visibility(\"default\")");
    Some(Function { name, parameters: parameters.collect(), is_entry })
}

/// The last name in a text.
pub(crate) fn last_word(text: &str) -> Option<&str> {
    text.trim_end().rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_').next()
}

/// Declarations, without what stands in braces; a definition becomes one too.
pub(crate) fn statements(text: &str) -> Vec<String> {
    let (mut statements, mut statement, mut depth) = (vec![], String::new(), 0_usize);
    for letter in text.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth > 0 => {}
            ';' => statements.push(std::mem::take(&mut statement)),
            _ => statement.push(letter),
        }
        // Nothing but a definition's body ends a statement like this: a type's is followed by a name or a semicolon.
        if letter == '}' && depth == 0 && statement.contains("static inline") {
            statements.push(std::mem::take(&mut statement));
        }
    }
    statements
}

/// Without each `__attribute__((..))`, so that the first bracket is that of parameters.
pub(crate) fn without_attributes(statement: &str) -> String {
    let (mut rest, mut kept) = (statement, String::new());
    while let Some((before, after)) = rest.split_once("__attribute__") {
        kept.push_str(before);
        let mut depth = 0;
        let end = after.char_indices().find(|(_, letter)| {
            depth += i32::from(*letter == '(') - i32::from(*letter == ')');
            *letter == ')' && depth == 0
        });
        rest = end.map_or("", |(at, _)| &after[at + 1..]);
    }
    kept + rest
}
