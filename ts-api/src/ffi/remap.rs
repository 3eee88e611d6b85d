//! Plugins that map URLs: loaded once, with an instance for each rule that names them.
//!
//! # Rules
//! * A library is loaded and entered once, however many rules name it, and stays. An instance is deleted when the last
//!   transaction that began with its rule is over.
//! * Instances are made on the main thread, which is a guest, and deleted on whatever thread the last of those transactions ends.
//! * Before a configuration is read again, and when that is over, each library hears of it that has a function for that.
//! * A request is mapped on its transaction's thread with the transaction's mutex held. The places of the rule's URLs are there
//!   for that call alone.

use std::ffi::{CString, c_char, c_int, c_ulong, c_void};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, ptr};

use super::call::Kept;
use super::debug::{self, Whom};
use super::load::{Library, LoadError};
use super::mime;
use super::once::Once;
use super::plugin::{self, Plugin};
use super::types::{TS_SUCCESS, TSHttpTxn, TSMBuffer, TSMLoc, TSReturnCode};
use crate::http::door::Which;
use crate::http::server::remap::{Done, Step};

/// Which host it is, as the header has it.
#[repr(C)]
struct TSRemapInterface {
    size: c_ulong,
    tsremap_version: c_ulong,
}

/// `TSREMAP_VERSION` of the header.
const VERSION: c_ulong = 3 << 16;

/// What a request is mapped with, as the header has it.
#[repr(C)]
struct TSRemapRequestInfo {
    map_from_url: TSMLoc,
    map_to_url: TSMLoc,
    request_url: TSMLoc,
    request_bufp: TSMBuffer,
    request_hdrp: TSMLoc,
    redirect: c_int,
}

/// `TSRemapStatus` of the header; whatever else comes is an error.
const DID_REMAP: c_int = 1;
const NO_REMAP_STOP: c_int = 2;
const DID_REMAP_STOP: c_int = 3;

/// `TSRemapReloadStatus` of the header.
const RELOAD_FAILED: c_int = 0;
const RELOADED_USED: c_int = 1;
const RELOADED_UNUSED: c_int = 2;

// An exception may come out of any of them: see `plugin`.
type Init = unsafe extern "C-unwind" fn(*mut TSRemapInterface, *mut c_char, c_int) -> TSReturnCode;
type NewInstance = unsafe extern "C-unwind" fn(
    c_int,
    *mut *mut c_char,
    *mut *mut c_void,
    *mut c_char,
    c_int,
) -> TSReturnCode;
type DeleteInstance = unsafe extern "C-unwind" fn(*mut c_void);
type PreConfigReload = unsafe extern "C-unwind" fn();
type PostConfigReload = unsafe extern "C-unwind" fn(c_int);
type DoRemap = unsafe extern "C-unwind" fn(*mut c_void, TSHttpTxn, *mut TSRemapRequestInfo) -> c_int;

/// A library that maps URLs.
struct Mapper {
    plugin: &'static Plugin,
    new_instance: Option<NewInstance>,
    delete_instance: Option<DeleteInstance>,
    pre_reload: Option<PreConfigReload>,
    post_reload: Option<PostConfigReload>,
    do_remap: DoRemap,
    /// Whether a rule of the last configuration that was read names it.
    is_used: AtomicBool,
}

/// By their files.
static MAPPERS: Once<Mapper> = Once::new();

/// What a plugin says is wrong, if it says anything.
struct Said([u8; 1024]);

impl Said {
    fn new() -> Self {
        Self([0; 1024])
    }

    fn place(&mut self) -> (*mut c_char, c_int) {
        (self.0.as_mut_ptr().cast(), self.0.len() as c_int)
    }

    fn error(&self, file: &Path, function: &'static str) -> LoadError {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let text = String::from_utf8_lossy(&self.0[..length]);
        let said = if text.is_empty() { "it does not say why".into() } else { text };
        LoadError::Failed { file: file.to_owned(), function, said: said.into_owned() }
    }
}

impl Mapper {
    /// The one of a file, loaded and entered if it is for the first time.
    fn of(file: &Path) -> Result<&'static Self, LoadError> {
        let whole = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        MAPPERS.of(whole, || Self::load(file))
    }

    fn load(file: &Path) -> Result<Self, LoadError> {
        let library = Library::open(file)?;
        check(&library)?;
        let find = |name| library.find(name);
        // SAFETY: functions of these names are of these types in every plugin that maps: the header declares them.
        let (init, new_instance, delete_instance, pre_reload, post_reload, do_remap) = unsafe {
            (
                find(INIT).map(|address| std::mem::transmute::<*const (), Init>(address)),
                find("TSRemapNewInstance")
                    .map(|address| std::mem::transmute::<*const (), NewInstance>(address)),
                find("TSRemapDeleteInstance")
                    .map(|address| std::mem::transmute::<*const (), DeleteInstance>(address)),
                find("TSRemapPreConfigReload")
                    .map(|address| std::mem::transmute::<*const (), PreConfigReload>(address)),
                find("TSRemapPostConfigReload")
                    .map(|address| std::mem::transmute::<*const (), PostConfigReload>(address)),
                find(DO_REMAP).map(|address| std::mem::transmute::<*const (), DoRemap>(address)),
            )
        };
        let (Some(init), Some(do_remap)) = (init, do_remap) else {
            unreachable!("they have been looked for")
        };
        let plugin = Plugin::new(super::load::short_name(file));
        let mut host =
            TSRemapInterface { size: size_of::<TSRemapInterface>() as c_ulong, tsremap_version: VERSION };
        let mut said = Said::new();
        let (errbuf, size) = said.place();
        let done = plugin.initialise(init as *const (), || {
            // SAFETY: a structure that says how long it is, and so many bytes for a text.
            unsafe { init(&raw mut host, errbuf, size) }
        });
        if done != TS_SUCCESS {
            return Err(said.error(file, INIT));
        }
        let is_used = AtomicBool::new(false);
        Ok(Self { plugin, new_instance, delete_instance, pre_reload, post_reload, do_remap, is_used })
    }
}

/// Tells the libraries that a configuration is about to be read. On the thread that [`instance`] is called on, as is the next one.
pub(crate) fn before_reload() {
    for mapper in MAPPERS.each() {
        // Relaxed: one thread makes instances and reads configurations.
        mapper.is_used.store(false, Ordering::Relaxed);
        if let Some(pre_reload) = mapper.pre_reload {
            plugin::run(Some(mapper.plugin), pre_reload as *const (), || {
                // SAFETY: a function of this type, as the header declares it.
                unsafe { pre_reload() }
            });
        }
    }
}

/// Tells the libraries what came of it.
pub(crate) fn after_reload(taken_up: bool) {
    for mapper in MAPPERS.each() {
        let Some(post_reload) = mapper.post_reload else { continue };
        // Relaxed: as above.
        let status = match (taken_up, mapper.is_used.load(Ordering::Relaxed)) {
            (false, _) => RELOAD_FAILED,
            (true, true) => RELOADED_USED,
            (true, false) => RELOADED_UNUSED,
        };
        plugin::run(Some(mapper.plugin), post_reload as *const (), || {
            // SAFETY: a function of this type, as the header declares it.
            unsafe { post_reload(status) }
        });
    }
}

const INIT: &str = "TSRemapInit";
const DO_REMAP: &str = "TSRemapDoRemap";

/// Makes sure that a library is one that maps URLs.
pub(crate) fn check(library: &Library) -> Result<(), LoadError> {
    for function in [INIT, DO_REMAP] {
        if library.find(function).is_none() {
            let mend = if let Some(other) = library.in_its_place(function) {
                other
            } else if library.find("TSPluginInit").is_some() {
                "it is a global plugin, so name it in plugin.config, or with --plugin"
            } else {
                "a plugin that maps URLs has to define it"
            };
            return Err(LoadError::NoFunction { file: library.file().to_owned(), function, mend });
        }
    }
    Ok(())
}

/// A plugin with what it has for one rule.
struct Instance {
    mapper: &'static Mapper,
    handle: Kept,
    /// The rule's URLs, and the arguments: the plugin may keep pointers to them.
    _arguments: Vec<CString>,
    from: String,
    to: String,
}

/// An instance of the plugin in `file` for the rule from one URL to the other. Only on a guest.
pub(crate) fn instance(
    file: &Path,
    from: &str,
    to: &str,
    arguments: &[String],
) -> Result<Box<dyn Step>, LoadError> {
    let mapper = Mapper::of(file)?;
    // Relaxed: see `before_reload`.
    mapper.is_used.store(true, Ordering::Relaxed);
    let words = [from, to].into_iter().chain(arguments.iter().map(String::as_str));
    let strings = words
        .map(|word| CString::new(word).map_err(|_| LoadError::Nul(word.to_owned())))
        .collect::<Result<Vec<_>, _>>()?;
    let mut handle = ptr::null_mut();
    match mapper.new_instance {
        Some(new_instance) => {
            let mut argv: Vec<_> = strings.iter().map(|string| string.as_ptr().cast_mut()).collect();
            argv.push(ptr::null_mut());
            let argc = strings.len() as c_int;
            let mut said = Said::new();
            let (errbuf, size) = said.place();
            super::load::reset_getopt();
            let done = plugin::run(Some(mapper.plugin), new_instance as *const (), || {
                // SAFETY: so many strings and a null pointer, which the plugin may arrange; a place for what it likes to
                // have with each request; so many bytes for a text.
                unsafe { new_instance(argc, argv.as_mut_ptr(), &raw mut handle, errbuf, size) }
            });
            if done != TS_SUCCESS {
                return Err(said.error(file, "TSRemapNewInstance"));
            }
        }
        None if arguments.is_empty() => {}
        None => {
            return Err(LoadError::NoFunction {
                file: file.to_owned(),
                function: "TSRemapNewInstance",
                mend: "without it the plugin takes no arguments",
            });
        }
    }
    let (from, to) = (from.to_owned(), to.to_owned());
    Ok(Box::new(Instance { mapper, handle: Kept(handle), _arguments: strings, from, to }))
}

impl Step for Instance {
    fn map(&self, transaction: u64) -> Done {
        let Some((bufp, head)) = mime::message(transaction, Which::CLIENT_REQUEST) else {
            return Done::default();
        };
        let [from, to] = [&self.from, &self.to].map(|url| mime::lend_url(bufp, url.as_bytes()));
        let mut info = TSRemapRequestInfo {
            map_from_url: from,
            map_to_url: to,
            request_url: mime::url_of_message(bufp),
            request_bufp: bufp,
            request_hdrp: head,
            redirect: 0,
        };
        let do_remap = self.mapper.do_remap;
        let run = |(): &mut ()| {
            plugin::run(Some(self.mapper.plugin), do_remap as *const (), || {
                // SAFETY: what the plugin made for the rule, a transaction that is called out, and a structure of the header's.
                unsafe { do_remap(self.handle.0, TSHttpTxn::of(transaction), &raw mut info) }
            })
        };
        let status = debug::with_whom(&mut (), |_| Some(Whom::Transaction(transaction)), run);
        mime::take_back_urls(bufp, [from, to]);
        Done {
            mapped: matches!(status, DID_REMAP | DID_REMAP_STOP),
            last: matches!(status, NO_REMAP_STOP | DID_REMAP_STOP),
            redirect: info.redirect != 0,
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let Some(delete_instance) = self.mapper.delete_instance else { return };
        if self.mapper.new_instance.is_some() {
            plugin::run(Some(self.mapper.plugin), delete_instance as *const (), || {
                // SAFETY: what the plugin made; no transaction has the rule any more, and it is deleted once.
                unsafe { delete_instance(self.handle.0) }
            });
        }
    }
}
