//! Loading plugins from shared libraries, and entering them for the first time.
//!
//! # Rules
//! * Everything is bound when a library is loaded: a function that is missing is found out then, and not in the middle of a
//!   request.
//! * A library is never unloaded: frames, events and handles of its code may be anywhere, as long as the process lives. So the
//!   names and arguments that a plugin is given stay as well.
//! * What is wrong with a file is one line that says what, and what to do about it. It is looked at before the system is asked to
//!   load it, which says less, or dies of a file that was cut off.
//! * Its initialisers are the plugin's code, and run as such: what they do wrong is told with its name.
//!
//! Counting what a library still has in use, to unload it with the last of it, would give back some memory and take from
//! every call. Whoever changes a plugin starts the program anew.

mod elf;

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::{io, ptr};

use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};
use thiserror::Error;

use self::elf::Looked;
use super::image;
use super::plugin::{self, Plugin};

/// The function that every global plugin has. As that of all entries, its type says that an exception may come out of it: otherwise
/// the compiler takes for granted that none does, and whoever waits for it is not told.
type Init = unsafe extern "C-unwind" fn(c_int, *mut *const c_char);

/// Why a plugin is not taken.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    /// There is no such file, or none that can be read.
    #[error("{} cannot be opened ({source}): name the plugin's file with its folder", .file.display())]
    NoFile {
        /// As it was named.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is {what}: build the plugin with `cc -shared -fPIC`", .file.display())]
    NoLibrary {
        /// As it was named.
        file: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// It was not written, or copied, to its end.
    #[error("{} is cut off: of its {wanted} bytes there are {length}; build or copy it again", .file.display())]
    CutOff {
        /// As it was named.
        file: PathBuf,
        /// How many bytes there are.
        length: u64,
        /// How many there are to be, at the least.
        wanted: u64,
    },
    /// It calls what is not there.
    #[error("{} cannot be loaded: it needs `{symbol}`, and {mend}", .file.display())]
    Undefined {
        /// As it was named.
        file: PathBuf,
        /// What it calls.
        symbol: String,
        /// What to do.
        mend: &'static str,
    },
    /// The system does not load it.
    #[error("{} cannot be loaded: {why}", .file.display())]
    Refused {
        /// As it was named.
        file: PathBuf,
        /// What the system says.
        why: String,
    },
    /// It lacks a function that plugins of its kind have.
    #[error("{} has no function `{function}`: {mend}", .file.display())]
    NoFunction {
        /// As it was named.
        file: PathBuf,
        /// The function.
        function: &'static str,
        /// What to do.
        mend: &'static str,
    },
    /// It says itself that it cannot.
    #[error("{}: its {function} failed: {said}", .file.display())]
    Failed {
        /// As it was named.
        file: PathBuf,
        /// The function.
        function: &'static str,
        /// What it says.
        said: String,
    },
    /// It was entered, and did not say who it is.
    #[error(
        "it did not register: its TSPluginInit returned without a call of TSPluginRegister (what it wrote before this line may \
         tell why)"
    )]
    NotRegistered,
    /// An argument cannot be handed to C.
    #[error("the argument `{0}` has a NUL in it")]
    Nul(String),
}

/// A shared library, loaded for good.
#[derive(Debug)]
pub(crate) struct Library {
    file: PathBuf,
    handle: Handle,
    /// Names of entries that variables have.
    variables: Vec<String>,
}

impl Library {
    /// Loads it. Its initialisers run, in C++ the constructors of its global objects.
    pub(crate) fn open(file: &Path) -> Result<Self, LoadError> {
        let Looked { whole, variables } = elf::look(file)?;
        let handle = load(file, &whole)?;
        let library = Self { file: file.to_owned(), handle, variables };
        // Some address of its code; what else it has is found from there.
        if let Some(base) = ENTRIES.iter().find_map(|entry| library.find(entry)).and_then(base) {
            image::enter(&whole, &short_name(file), base);
        }
        Ok(library)
    }

    /// As it was named.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// What an entry of this name is missing for, if something else has the name.
    pub(crate) fn in_its_place(&self, function: &str) -> Option<&'static str> {
        let is_variable = self.variables.iter().any(|variable| variable == function);
        is_variable.then_some("what has that name there is a variable")
    }

    /// The address of a function; none if there is none of that name.
    pub(crate) fn find(&self, function: &str) -> Option<*const ()> {
        if self.in_its_place(function).is_some() {
            return None;
        }
        // SAFETY: the symbol is taken as an address alone here.
        let symbol = unsafe { self.handle.get::<*const ()>(function.as_bytes()) }.ok()?;
        Some(symbol.as_raw_ptr().cast_const().cast()).filter(|address: &*const ()| !address.is_null())
    }

    /// Makes sure that it is a global plugin.
    pub(crate) fn global(self) -> Result<Global, LoadError> {
        match self.find(INIT) {
            Some(address) => {
                // SAFETY: a function of this name is of this type in every plugin: the header declares it.
                let init = unsafe { std::mem::transmute::<*const (), Init>(address) };
                Ok(Global { _library: self, init })
            }
            None => Err(LoadError::NoFunction {
                function: INIT,
                mend: if let Some(other) = self.in_its_place(INIT) {
                    other
                } else if self.find("_Z12TSPluginInitiPPKc").is_some() {
                    "it has one of C++, so include <ts/ts.h> where it is defined, or write extern \"C\" before it"
                } else if self.find("TSRemapInit").is_some() {
                    "it is a remap plugin, so name it in a rule of remap.config (@plugin=FILE)"
                } else {
                    "a plugin has to define it"
                },
                file: self.file,
            }),
        }
    }
}

const INIT: &str = "TSPluginInit";
/// What plugins of one kind or the other have.
const ENTRIES: [&str; 2] = [INIT, "TSRemapInit"];

/// Where the library begins in memory that a function is in.
fn base(function: *const ()) -> Option<usize> {
    // SAFETY: a structure of pointers and numbers, to be written to.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: any address may be asked for, and there is a place for the answer.
    let found = unsafe { libc::dladdr(function.cast(), &raw mut info) } != 0;
    found.then(|| info.dli_fbase.addr()).filter(|base| *base != 0)
}

/// Whether plugins find the functions of this program; one that is linked with the archive may keep them to itself.
fn is_shown() -> bool {
    // SAFETY: any name may be asked for, and the answer is only compared.
    !unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"TSPluginRegister".as_ptr()) }.is_null()
}

unsafe extern "C-unwind" {
    /// The system's, out of which an exception may come that an initialiser has thrown.
    fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
}

/// Has the system load it, by its whole name, and run its initialisers.
fn load(file: &Path, whole: &Path) -> Result<Handle, LoadError> {
    let name = CString::new(whole.as_os_str().as_bytes()).expect("the system has found a file of this name");
    // Kept however often it is closed.
    let flags = RTLD_NOW | RTLD_LOCAL | libc::RTLD_NODELETE;
    let plugin = Plugin::new(file.display().to_string());
    let handle = plugin::run(Some(plugin), ptr::null(), || {
        // SAFETY: its initialisers are the plugin's, and whoever names a plugin runs it; nothing here can keep a plugin from
        // doing what it likes.
        unsafe { dlopen(name.as_ptr(), flags) }
    });
    if handle.is_null() {
        // SAFETY: this thread's last error, which stays until it loads something else.
        let why = unsafe { CStr::from_ptr(libc::dlerror()) };
        return Err(refused(file, whole, &why.to_string_lossy()));
    }
    // SAFETY: the system has just given it.
    Ok(unsafe { Handle::from_raw(handle) })
}

fn refused(file: &Path, whole: &Path, why: &str) -> LoadError {
    let file = file.to_owned();
    if why.contains("cannot dynamically load position-independent executable") {
        return LoadError::NoLibrary { file, what: "a program, and no shared library" };
    }
    if let Some((_, symbol)) = why.split_once("undefined symbol: ") {
        let symbol = symbol.split([',', ' ']).next().unwrap_or_default().to_owned();
        let mend = if symbol.starts_with("_Z") && symbol.contains("TS") {
            "here that is a function of C: compile the plugin with the headers of this program"
        } else if symbol.starts_with("TS") && !is_shown() {
            "this program keeps its functions to itself: link it as `pkg-config --libs ts-static` says"
        } else if symbol.starts_with("TS") {
            "this program has no such function: its headers declare those that it has"
        } else {
            "no library that it is linked with has that"
        };
        return LoadError::Undefined { file, symbol, mend };
    }
    let why = why.strip_prefix(&format!("{}: ", whole.display())).unwrap_or(why).to_owned();
    LoadError::Refused { file, why }
}

/// A library with an entry, which has not been entered.
#[derive(Debug)]
pub(crate) struct Global {
    /// What `init` lies in.
    _library: Library,
    init: Init,
}

impl Global {
    /// Enters the plugin under the name by which it was configured, on this thread, which has to be a guest. It has registered
    /// if that is no error.
    pub(crate) fn initialise(&self, name: &str, arguments: &[String]) -> Result<&'static Plugin, LoadError> {
        let plugin = Plugin::new(name);
        let arguments = Arguments::new(name, arguments)?;
        reset_getopt();
        let init = self.init;
        plugin.initialise(init as *const (), || {
            // SAFETY: so many pointers to strings, and a null pointer, which all stay; the plugin may arrange them.
            unsafe { init(arguments.count, arguments.strings) }
        });
        match plugin.registration() {
            Some(_) => Ok(plugin),
            None => Err(LoadError::NotRegistered),
        }
    }
}

/// What a plugin is told, as C has it: the name and the arguments, then null. They stay for good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arguments {
    pub(crate) count: c_int,
    pub(crate) strings: *mut *const c_char,
}

impl Arguments {
    pub(crate) fn new(name: &str, arguments: &[String]) -> Result<Self, LoadError> {
        let mut strings = Vec::with_capacity(arguments.len() + 2);
        for argument in std::iter::once(name).chain(arguments.iter().map(String::as_str)) {
            let string = CString::new(argument).map_err(|_| LoadError::Nul(argument.to_owned()))?;
            strings.push(string.into_raw().cast_const());
        }
        let count = c_int::try_from(strings.len()).unwrap_or(c_int::MAX);
        strings.push(ptr::null());
        Ok(Self { count, strings: strings.leak().as_mut_ptr() })
    }
}

unsafe extern "C" {
    static mut optarg: *mut c_char;
    static mut optind: c_int;
    static mut opterr: c_int;
    static mut optopt: c_int;
}

/// Has `getopt` begin anew, as it does in a program of its own.
pub(super) fn reset_getopt() {
    // SAFETY: variables of the system's library, which nobody uses while plugins are set up one after the other.
    unsafe {
        // Zero, and not one: what it remembers of the middle of an argument goes as well.
        optind = 0;
        opterr = 1;
        optopt = c_int::from(b'?');
        optarg = ptr::null_mut();
    }
}

/// The name that a plugin has in reports: its file's.
pub(crate) fn short_name(file: &Path) -> String {
    file.file_name().map_or(file.as_os_str(), OsStr::new).to_string_lossy().into_owned()
}
