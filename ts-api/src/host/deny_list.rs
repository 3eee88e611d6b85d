//! A plugin that refuses requests for the hosts on a list, which it reads again when it is told to, or every so often.
//!
//! It is written with the public names alone: the example `deny_list` includes this file as it is.
//!
//! # Rules
//! * The list belongs to a mutex. The hook's continuation runs under it, and so does the one that puts a new list in place.
//! * The file is read on the task pool, under a mutex of its own, so that neither a network thread nor a request waits
//!   for the disk.
//! * A file that cannot be read leaves the list as it is.
//! * A request whose host cannot be understood is refused: the origin might understand it, as one on the list. One that
//!   names no host at all, as old clients may, is let through.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;
use std::{fmt, fs, io};

use thiserror::Error;
use ts_api::http::{self, HookError, HookId, Reenable, Transaction};
use ts_api::{Action, Cont, Event, Mutex, MutexData, Pool, ScheduleError};

/// What is refused when nobody has a list.
const EXAMPLE: &str = "denied.example\nads.example\n";

/// The answer to a refused request.
const REFUSAL: (u16, &str) = (403, "Access to this site is denied.\n");

/// The same if its host cannot be understood.
const UNCLEAR: (u16, &str) = (400, "This request's host cannot be understood.\n");

/// The same if the list cannot be looked at, which is a mistake in here.
const BROKEN: (u16, &str) = (500, "The deny list is out of order.\n");

/// The plugin, while it is in use. Dropping it ends it: requests are let through, and the file is left alone.
pub struct DenyList {
    shared: Arc<Shared>,
    hook: Cont,
    reader: Cont,
    writer: Cont,
    reading: Option<Action>,
}

/// A list that has been read, for [`DenyList::install`].
///
/// It has a host on each line, which stands for itself and everything below it; empty lines and what follows a `#` mean
/// nothing.
#[derive(Debug, Clone)]
pub struct List {
    path: Option<PathBuf>,
    text: String,
}

impl List {
    /// Reads the list at `path`.
    ///
    /// # Errors
    ///
    /// [`StartError::Unreadable`].
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, StartError> {
        let path = path.into();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self { path: Some(path), text }),
            Err(source) => Err(StartError::Unreadable { path: path.display().to_string(), source }),
        }
    }

    /// A list of hosts that nobody misses, which is in no file.
    #[must_use]
    pub fn example() -> Self {
        Self { path: None, text: EXAMPLE.to_owned() }
    }

    /// The file that it was read from, if it is in one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The hosts on it, in order.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        parse(&self.text).collect()
    }
}

/// Why the plugin did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The file cannot be read.
    #[error("the deny list {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The hook was not added.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The reading was not scheduled.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

struct Shared {
    path: Option<PathBuf>,
    mutex: Mutex,
    hosts: MutexData<HashSet<String>>,
    /// A list that has been read and not been put in place.
    fresh: StdMutex<Option<HashSet<String>>>,
    refused: AtomicU64,
    lists: AtomicU64,
}

impl DenyList {
    /// Reads the list at `path` and refuses what is on it; reads it again every `period`.
    ///
    /// Call it as a guest or on an event thread that may block: it reads the file before it returns.
    ///
    /// # Errors
    ///
    /// [`StartError`]; then nothing is in use.
    pub fn start(path: impl Into<PathBuf>, period: Duration) -> Result<Self, StartError> {
        Self::install(List::read(path)?, Some(period))
    }

    /// Refuses what is on `list`. With a `period` it is read again that often; without, only by [`DenyList::reload`].
    ///
    /// Call it as a guest or on an event thread.
    ///
    /// # Errors
    ///
    /// [`StartError`]; then nothing is in use.
    pub fn install(list: List, period: Option<Duration>) -> Result<Self, StartError> {
        let List { path, text } = list;
        let mutex = Mutex::named("deny list");
        let shared = Arc::new(Shared {
            path,
            hosts: MutexData::new(&mutex, parse(&text).collect()),
            mutex,
            fresh: StdMutex::new(None),
            refused: AtomicU64::new(0),
            lists: AtomicU64::new(1),
        });

        let (look, put) = (Arc::clone(&shared), Arc::clone(&shared));
        let hook = Cont::named("deny list").exclusive(&shared.mutex, move |event| look.at_request(event));
        let writer =
            Cont::named("deny list, writing").exclusive(&shared.mutex, move |event| put.put_in_place(event));
        let (read, put) = (Arc::clone(&shared), writer.clone());
        let mut last = text;
        let reader = Cont::named("deny list, reading").exclusive(&Mutex::new(), move |_| {
            if let Err(error) = read.read_again(&mut last, &put) {
                tracing::warn!(path = ?read.path, %error, "the deny list stays as it is");
            }
        });

        let reading = period.map(|period| reader.schedule_every_on_pool(period, Pool::Task)).transpose()?;
        let this = Self { shared, hook, reader, writer, reading };
        http::add(HookId::ReadRequestHdr, &this.hook)?;
        Ok(this)
    }

    /// Reads the list again, on the task pool. A list that is in no file stays as it is.
    ///
    /// Call it as a guest or on an event thread.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`].
    pub fn reload(&self) -> Result<(), ScheduleError> {
        self.reader.schedule_on_pool(Duration::ZERO, Pool::Task).map(drop)
    }

    /// How many requests it has refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        // Relaxed: a statistic; nothing else is read through it.
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// How many different lists have been in use, the first one included.
    #[must_use]
    pub fn lists(&self) -> u64 {
        // Relaxed: as above.
        self.shared.lists.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn at_request(&self, event: &mut Event<'_>) {
        let Some(txn) = event.transaction() else { return };
        let refusal = self.refusal(event, txn);
        if let Some((status, words)) = refusal {
            // Relaxed: a statistic.
            self.refused.fetch_add(1, Ordering::Relaxed);
            if let Err(error) = txn.set_error(status, words) {
                tracing::error!(?txn, %error, "a refusal goes out without its words");
            }
        }
        let answer = if refusal.is_some() { Reenable::Error } else { Reenable::Continue };
        if let Err(error) = txn.reenable(answer) {
            tracing::error!(?txn, %error, "not re-enabled");
        }
    }

    /// How a request is refused, if it is.
    fn refusal(&self, event: &Event<'_>, txn: Transaction) -> Option<(u16, &'static str)> {
        let request = txn.request();
        let host = match request.host() {
            Ok(Some(host)) => host,
            Ok(None) if request.get_all("host").is_ok_and(|hosts| hosts.is_empty()) => return None,
            Ok(None) | Err(_) => return Some(UNCLEAR),
        };
        let Some(guard) = event.guard() else { return Some(BROKEN) };
        let Ok(hosts) = self.hosts.borrow(&guard) else { return Some(BROKEN) };
        // The host itself, then what it is below of.
        let host = host.trim_end_matches('.');
        let below = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
        std::iter::once(host).chain(below).any(|name| hosts.contains(name)).then_some(REFUSAL)
    }

    fn read_again(&self, last: &mut String, writer: &Cont) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let text = fs::read_to_string(path)?;
        if text == *last {
            return Ok(());
        }
        *self.fresh.lock().unwrap_or_else(PoisonError::into_inner) = Some(parse(&text).collect());
        *last = text;
        // It waits at the list's mutex, if it has to, without keeping this thread.
        writer.schedule_on_pool(Duration::ZERO, Pool::Task).map(drop).map_err(io::Error::other)
    }

    fn put_in_place(&self, event: &mut Event<'_>) {
        let fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(fresh), Some(guard)) = (fresh, event.guard()) else { return };
        if let Ok(mut hosts) = self.hosts.borrow_mut(&guard) {
            *hosts = fresh;
            // Relaxed: a statistic.
            self.lists.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The hosts of a list, in lower case.
fn parse(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let hosts = lines.map(|line| line.trim_matches('.').to_ascii_lowercase());
    hosts.filter(|host| !host.is_empty())
}

impl Drop for DenyList {
    fn drop(&mut self) {
        if let Some(reading) = self.reading {
            reading.cancel();
        }
        for cont in [&self.hook, &self.reader, &self.writer] {
            cont.destroy();
        }
    }
}

impl fmt::Debug for DenyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenyList")
            .field("path", &self.shared.path)
            .field("refused", &self.refused())
            .field("lists", &self.lists())
            .finish_non_exhaustive()
    }
}
