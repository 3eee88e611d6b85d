//! Plugins in C and C++: loaded from shared libraries, entered, and in use as long as the process lives.

use std::path::Path;

use super::plugins::{Looked, Plugin, Prepared};
use crate::ffi::load::{Global, Library};

/// A library that has been loaded, and not entered.
struct PreparedForeign {
    global: Global,
    name: String,
    arguments: Vec<String>,
}

struct Foreign {
    arguments: Vec<String>,
    said: String,
}

/// Loads the library.
pub(super) fn prepare(file: &Path, name: &str, arguments: &[String]) -> Looked {
    let global = Library::open(file).and_then(Library::global).map_err(|error| error.to_string())?;
    Ok(Box::new(PreparedForeign { global, name: name.to_owned(), arguments: arguments.to_vec() }))
}

impl Prepared for PreparedForeign {
    fn start(self: Box<Self>) -> Result<Box<dyn Plugin>, String> {
        let Self { global, name, arguments } = *self;
        let plugin = global.initialise(&name, &arguments).map_err(|error| error.to_string())?;
        let registered = plugin.registration().unwrap_or_default();
        let mut said = registered.plugin_name.unwrap_or_else(|| "has no name".to_owned());
        for (of, value) in [(" of ", registered.vendor_name), (", help at ", registered.support_email)] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                said.push_str(of);
                said.push_str(&value);
            }
        }
        Ok(Box::new(Foreign { arguments, said }))
    }
}

impl Plugin for Foreign {
    fn reload(&mut self, arguments: &[String]) -> Result<(), String> {
        // What it reads itself, it reads when it is told of an update.
        if arguments == self.arguments {
            return Ok(());
        }
        Err("its arguments are given to it once, when the host starts".to_owned())
    }

    fn describe(&self) -> String {
        self.said.clone()
    }
}
