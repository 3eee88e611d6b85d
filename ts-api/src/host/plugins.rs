//! Plugins that the host brings along: found by name, told their arguments, set up in order, reloaded, ended.
//!
//! # Rules
//! * [`prepare`] looks at everything that can be wrong and starts nothing, so that a configuration can be checked.
//! * A plugin is set up on a guest thread, before the event threads run, and ended after the last request.
//! * One that cannot take up other arguments while it runs goes on with those that it has, and says so.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::config::keys::{Kind, Wrong, nearest};
use super::config::kinds::{Span, one_of, quoted};
use super::config::{self, Config};
use super::deny_list::{DenyList, List};
use super::{foreign, mapping, plugin_config};
use crate::ffi::crash;

/// All of them.
const ALL: [BuiltIn; 1] = [BuiltIn { name: "deny_list", prepare: Deny::prepare }];

/// What looking at a plugin's arguments comes to.
pub(super) type Looked = Result<Box<dyn Prepared>, String>;

struct BuiltIn {
    name: &'static str,
    prepare: fn(&[String]) -> Looked,
}

/// A plugin whose arguments have been looked at.
pub(super) trait Prepared {
    /// Sets it up. Call it as a guest.
    fn start(self: Box<Self>) -> Result<Box<dyn Plugin>, String>;
}

/// A plugin that is in use until it is dropped.
pub(super) trait Plugin {
    /// Takes up `arguments`, or, if they are those that it has, looks again at what they stand for. Call it as a guest.
    fn reload(&mut self, arguments: &[String]) -> Result<(), String>;

    /// One line for those who start the host.
    fn describe(&self) -> String;

    /// A host whose requests it answers, with the status, for those who want to see it work.
    fn refuses(&self) -> Option<(&str, u16)> {
        None
    }
}

/// A plugin's name, and what was prepared for it.
pub(super) type Ready = (String, Box<dyn Prepared>);

/// A plugin's name, and the plugin.
pub(super) type Running = (String, Box<dyn Plugin>);

/// Looks at all plugins of a configuration, and loads those that are in files. The error names the one that it is about.
pub(super) fn prepare(config: &Config) -> Result<Vec<Ready>, String> {
    report_deaths()?;
    let mut ready = Vec::new();
    let mut files = HashSet::new();
    for plugin in &config.plugins {
        let prepared = match &plugin.file {
            Some(file) => loaded(&mut files, file, &plugin.called(), &plugin.arguments)?,
            None => built_in(plugin)?,
        };
        ready.push((plugin.called(), prepared));
    }
    if let Some(path) = &config.files.plugin_config {
        for plugin_config::Line { name, file, arguments } in plugin_config::read(path)? {
            let prepared = loaded(&mut files, &file, &name, &arguments)?;
            ready.push((name, prepared));
        }
    }
    mapping::look(config)?;
    Ok(ready)
}

/// Reports what plugins die of from now on: they may do so as soon as they are loaded.
pub(super) fn report_deaths() -> Result<(), String> {
    crash::install().map_err(|error| format!("cannot report what plugins die of: {error}"))
}

fn built_in(plugin: &config::Plugin) -> Result<Box<dyn Prepared>, String> {
    let name = &plugin.name;
    match ALL.iter().find(|built_in| built_in.name == name) {
        Some(built_in) => {
            (built_in.prepare)(&plugin.arguments).map_err(|error| format!("plugin {name}: {error}"))
        }
        None => Err(format!("plugin {name}: there is none of this name")),
    }
}

fn loaded(files: &mut HashSet<PathBuf>, file: &Path, name: &str, arguments: &[String]) -> Looked {
    let prepared = foreign::prepare(file, name, arguments).map_err(|error| format!("plugin {error}"))?;
    if !files.insert(fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())) {
        tracing::warn!("plugin {name} is named twice, and set up twice; its variables are there once");
    }
    Ok(prepared)
}

/// The name of a plugin, as a key takes it.
pub(super) struct Name;

impl Kind for Name {
    type Value = String;

    fn read(&self, value: &Spanned<DeValue<'_>>) -> Result<String, Vec<Wrong>> {
        let Some(text) = value.get_ref().as_str() else { return Err(Wrong::here(value)) };
        if ALL.iter().any(|built_in| built_in.name == text) {
            return Ok(text.to_owned());
        }
        let mut wrong = Wrong::here(value);
        wrong[0].nearest = nearest(text, ALL.iter().map(|built_in| built_in.name)).map(quoted);
        Err(wrong)
    }

    fn wanted(&self) -> String {
        one_of(ALL.iter().map(|built_in| quoted(built_in.name)))
    }

    fn show(&self, value: &String) -> Option<String> {
        (!value.is_empty()).then(|| quoted(value))
    }
}

/// The deny list, as a plugin of the host.
struct Deny {
    list: DenyList,
    arguments: Vec<String>,
    source: String,
    hosts: Vec<String>,
}

struct PreparedDeny {
    list: List,
    every: Option<Duration>,
    arguments: Vec<String>,
}

impl Deny {
    /// `[FILE] [--every TIME]`.
    fn prepare(arguments: &[String]) -> Looked {
        Self::prepare_deny(arguments).map(|prepared| Box::new(prepared) as Box<dyn Prepared>)
    }

    fn prepare_deny(arguments: &[String]) -> Result<PreparedDeny, String> {
        let mut file = None;
        let mut every = None;
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--every" => {
                    let time = words.next().map(String::as_str).unwrap_or_default();
                    let time = Span::parse(time).filter(|time| !time.is_zero());
                    every = Some(time.ok_or("--every: give a time such as \"10 s\"")?);
                }
                flag if flag.starts_with('-') => {
                    return Err(format!(
                        "`{flag}` will not do: give FILE, and --every TIME to read it that often"
                    ));
                }
                name if file.is_none() => file = Some(name.to_owned()),
                more => return Err(format!("`{more}` is one file too many")),
            }
        }
        let list = match file {
            None => List::example(),
            Some(file) => List::read(file).map_err(|error| {
                format!("{error}; name a readable file (--deny-list on the command line), or none for an example list")
            })?,
        };
        Ok(PreparedDeny { list, every, arguments: arguments.to_vec() })
    }
}

impl PreparedDeny {
    fn install(self) -> Result<Deny, String> {
        let source = self.list.path().map_or("an example list".to_owned(), |path| path.display().to_string());
        let hosts = self.list.hosts();
        let list = DenyList::install(self.list, self.every).map_err(|error| error.to_string())?;
        Ok(Deny { list, arguments: self.arguments, source, hosts })
    }
}

impl Prepared for PreparedDeny {
    fn start(self: Box<Self>) -> Result<Box<dyn Plugin>, String> {
        self.install().map(|deny| Box::new(deny) as Box<dyn Plugin>)
    }
}

impl Plugin for Deny {
    fn reload(&mut self, arguments: &[String]) -> Result<(), String> {
        if arguments == self.arguments {
            return self.list.reload().map_err(|error| error.to_string());
        }
        // The new one is there before the old one goes: no request finds neither.
        *self = Self::prepare_deny(arguments)?.install()?;
        Ok(())
    }

    fn describe(&self) -> String {
        format!("refuses {} hosts of {}", self.hosts.len(), self.source)
    }

    fn refuses(&self) -> Option<(&str, u16)> {
        self.hosts.first().map(|host| (host.as_str(), 403))
    }
}
