//! Where things are on this machine, and which version of the interface this is.
//!
//! # Rules
//! * What plugins are told is a text that stays where it is until the process ends.
//! * The directories are told once, before the first plugin is set up. Without that they are those of [`Places::default`].

use std::ffi::{CString, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::call;

/// The version of the interface, which is the original's whose interface it is; the headers have it as well.
const VERSION: (c_int, c_int, c_int) = (11, 0, 0);
const VERSION_TEXT: &std::ffi::CStr = c"11.0.0";

/// The directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) install: PathBuf,
    /// Of configuration files of plugins.
    pub(crate) config: PathBuf,
    /// Of plugins.
    pub(crate) plugin: PathBuf,
    /// Of what is kept while it runs, and from one run to the next.
    pub(crate) runtime: PathBuf,
    /// Of text logs.
    pub(crate) log: PathBuf,
}

impl Places {
    /// The usual places below `install`.
    pub(crate) fn below(install: impl Into<PathBuf>) -> Self {
        let install = install.into();
        let [config, plugin, runtime, log] =
            ["etc/trafficserver", "libexec/trafficserver", "var/trafficserver", "var/log/trafficserver"]
                .map(|place| install.join(place));
        Self { install, config, plugin, runtime, log }
    }
}

impl Default for Places {
    /// Below the directory whose `bin` the program is in; otherwise below the one that it was started in.
    fn default() -> Self {
        let program = std::env::current_exe().unwrap_or_default();
        let folder = program.parent().filter(|folder| folder.file_name() == Some(OsStr::new("bin")));
        let install = folder.and_then(Path::parent).map(Path::to_owned);
        Self::below(install.or_else(|| std::env::current_dir().ok()).unwrap_or_else(|| PathBuf::from("/")))
    }
}

/// As C reads them.
struct Texts {
    install: CString,
    config: CString,
    plugin: CString,
    runtime: CString,
    log: PathBuf,
}

static TEXTS: OnceLock<Texts> = OnceLock::new();

impl From<Places> for Texts {
    fn from(places: Places) -> Self {
        // No path of the system's has a NUL within.
        let text = |path: PathBuf| CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
        Self {
            install: text(places.install),
            config: text(places.config),
            plugin: text(places.plugin),
            runtime: text(places.runtime),
            log: places.log,
        }
    }
}

/// Says where things are; false if that was said before, or was asked for before, and stays as it is.
pub(crate) fn set(places: Places) -> bool {
    TEXTS.set(places.into()).is_ok()
}

fn texts() -> &'static Texts {
    TEXTS.get_or_init(|| Places::default().into())
}

/// The directory of text logs.
pub(crate) fn log_dir() -> &'static Path {
    &texts().log
}

/// The directory of what is kept from one run to the next.
pub(crate) fn runtime_dir() -> &'static Path {
    Path::new(OsStr::from_bytes(texts().runtime.as_bytes()))
}

/// The file of a plugin that a configuration file in `folder` names: there, or else in the directory of plugins.
pub(crate) fn plugin_file(folder: &Path, name: &str) -> PathBuf {
    let beside = folder.join(name);
    let usual = Path::new(OsStr::from_bytes(texts().plugin.as_bytes())).join(name);
    // One that is nowhere is complained of where it was looked for first.
    if !beside.exists() && usual.exists() { usual } else { beside }
}

/// The directory of configuration files.
pub(crate) fn config_dir() -> &'static Path {
    Path::new(OsStr::from_bytes(texts().config.as_bytes()))
}

#[unsafe(no_mangle)]
pub extern "C" fn TSInstallDirGet() -> *const c_char {
    call::enter("TSInstallDirGet", |_| texts().install.as_ptr())
}

#[unsafe(no_mangle)]
pub extern "C" fn TSConfigDirGet() -> *const c_char {
    call::enter("TSConfigDirGet", |_| texts().config.as_ptr())
}

#[unsafe(no_mangle)]
pub extern "C" fn TSPluginDirGet() -> *const c_char {
    call::enter("TSPluginDirGet", |_| texts().plugin.as_ptr())
}

#[unsafe(no_mangle)]
pub extern "C" fn TSRuntimeDirGet() -> *const c_char {
    call::enter("TSRuntimeDirGet", |_| texts().runtime.as_ptr())
}

#[unsafe(no_mangle)]
pub extern "C" fn TSTrafficServerVersionGet() -> *const c_char {
    call::enter("TSTrafficServerVersionGet", |_| VERSION_TEXT.as_ptr())
}

#[unsafe(no_mangle)]
pub extern "C" fn TSTrafficServerVersionGetMajor() -> c_int {
    call::enter("TSTrafficServerVersionGetMajor", |_| VERSION.0)
}

#[unsafe(no_mangle)]
pub extern "C" fn TSTrafficServerVersionGetMinor() -> c_int {
    call::enter("TSTrafficServerVersionGetMinor", |_| VERSION.1)
}

#[unsafe(no_mangle)]
pub extern "C" fn TSTrafficServerVersionGetPatch() -> c_int {
    call::enter("TSTrafficServerVersionGetPatch", |_| VERSION.2)
}
