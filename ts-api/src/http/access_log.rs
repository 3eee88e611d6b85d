//! A line for each transaction, in a file.
//!
//! # How it is written
//!
//! A network thread puts its lines into a buffer of its own. When that is full, or a second after its first line, the buffer
//! goes to a task thread, which writes it to the file. What is on its way is bounded: if the disk does not keep up, whole
//! buffers are dropped, counted, and the log of the program says so. A network thread never waits.
//!
//! # Rules
//! * Lines of one thread keep their order. Those of different threads do not, within about a second.
//! * [`AccessLog::reopen`] has what was written before in the file that was open, and what comes after in the new one, but for
//!   lines that are still in their buffers.
//! * Whatever a client sends, a record is one line: see [`Format`].

mod escape;
mod format;

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, mem};

use crossbeam_utils::CachePadded;
use ts_cont::future::sleep;
use ts_cont::{EThread, EventProcessor, Here};

use super::server::{Record, Sink};
use crate::Runtime;

pub use self::format::Format;

/// A buffer of this size goes to the task thread at once: large enough that the way there costs little for each line.
const FULL: usize = 32 << 10;

/// A line waits no longer than this for others.
const WAITS: Duration = Duration::from_secs(1);

/// Bytes on their way to the file at most, unless something else is said.
pub const DEFAULT_QUEUE: usize = 4 << 20;

/// An access log. A handle; clones are the same log.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ts_api::Runtime;
/// use ts_api::http::{AccessLog, Format, LogPolicy, Server, Settings};
///
/// # let folder = std::env::temp_dir().join(format!("ts-api-log-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let file = folder.join("access.log");
/// let runtime = Runtime::builder().net_threads(1).task_threads(1).start()?;
/// let log = AccessLog::open(&runtime, &file, Format::Combined)?;
/// let mut settings = Settings::default();
/// settings.log = LogPolicy::to(log.sink());
/// // .. a server with these settings, and requests
/// # let _ = settings;
/// assert!(log.flush(Duration::from_secs(5)), "all of it is in the file");
/// assert_eq!(log.counts().dropped, 0);
/// assert!(runtime.shutdown(Default::default()).is_clean());
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AccessLog {
    shared: Arc<Shared>,
}

/// What became of the lines of an access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LogCounts {
    /// Lines that are in the file.
    pub written: u64,
    /// Lines that were dropped: the disk did not keep up, or refused them.
    pub dropped: u64,
}

struct Shared {
    path: PathBuf,
    format: Format,
    queue: usize,
    /// One for each network thread; only that thread locks it.
    buffers: Box<[CachePadded<Mutex<Buffer>>]>,
    net: Vec<EThread>,
    /// The thread that writes.
    writer: EThread,
    /// Only the writing thread locks it, but for the first time.
    file: Mutex<Output>,
    /// Bytes on their way.
    under_way: AtomicUsize,
    written: AtomicU64,
    dropped: AtomicU64,
    /// Lines are being dropped, and that has been said.
    said: AtomicBool,
}

#[derive(Default)]
struct Buffer {
    text: Vec<u8>,
    lines: u64,
    /// A task waits for the time to send it.
    is_timed: bool,
}

struct Output {
    file: File,
    /// The last write broke off within a line.
    torn: bool,
}

impl AccessLog {
    /// Opens the log at `path`, to append to it. The lines come from servers of `runtime`, whose threads must have started.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or the runtime has no threads.
    pub fn open(runtime: &Runtime, path: impl Into<PathBuf>, format: Format) -> io::Result<Self> {
        Self::open_with(runtime, path, format, DEFAULT_QUEUE)
    }

    /// As [`AccessLog::open`], with no more than `queue` bytes on their way to the file.
    ///
    /// # Errors
    ///
    /// As for [`AccessLog::open`].
    pub fn open_with(
        runtime: &Runtime,
        path: impl Into<PathBuf>,
        format: Format,
        queue: usize,
    ) -> io::Result<Self> {
        let path = path.into();
        let net = runtime.processor().threads(runtime.net()).to_vec();
        let writer = runtime.processor().threads(runtime.task()).first().cloned();
        let writer = writer.ok_or_else(|| io::Error::other("the runtime has not started"))?;
        let file = Mutex::new(Output { file: open(&path)?, torn: false });
        let shared = Shared {
            path,
            format,
            queue,
            buffers: net.iter().map(|_| CachePadded::default()).collect(),
            net,
            writer,
            file,
            under_way: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            said: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The log as something that records are told to: for [`LogPolicy::to`](super::LogPolicy::to).
    #[must_use]
    pub fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(self.clone())
    }

    /// Where it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Opens the file anew, by its name: for those who have moved the old one away.
    ///
    /// It is done on the task thread, after what is on its way there. If it cannot be opened, the old one stays in use, and
    /// the log of the program says so.
    pub fn reopen(&self) {
        let shared = Arc::clone(&self.shared);
        self.shared.run_on_each_net(|_| {});
        EventProcessor::run_on(&self.shared.writer, move |_| match open(&shared.path) {
            Ok(file) => *shared.file() = Output { file, torn: false },
            Err(error) => {
                let path = shared.path.display();
                tracing::error!(%path, %error, "the access log cannot be opened anew; the old file stays in use");
            }
        });
    }

    /// Waits until everything that was recorded before is in the file, or `limit` is over; false in that case, or if the
    /// threads have stopped.
    ///
    /// # Panics
    ///
    /// On an event thread, which would wait for itself.
    pub fn flush(&self, limit: Duration) -> bool {
        assert!(
            Here::current().is_none(),
            "AccessLog::flush blocks; call it from a thread that is no event thread"
        );
        let (tell, told) = sync_channel(self.shared.net.len());
        self.shared.run_on_each_net(move |shared| {
            let tell = tell.clone();
            EventProcessor::run_on(&shared.writer, move |_| {
                // There is room for all of them; and whoever waits may have given up.
                let _ = tell.try_send(());
            });
        });
        let deadline = Instant::now() + limit;
        self.shared
            .net
            .iter()
            .all(|_| told.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok())
    }

    /// What became of the lines so far. Lines that are on their way are neither.
    #[must_use]
    pub fn counts(&self) -> LogCounts {
        LogCounts {
            // Relaxed: statistics; nothing else is read through them.
            written: self.shared.written.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog")
            .field("path", &self.shared.path)
            .field("format", &self.shared.format)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn file(&self) -> MutexGuard<'_, Output> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends every thread's buffer off, and runs `f` on that thread afterwards.
    fn run_on_each_net(self: &Arc<Self>, f: impl Fn(&Arc<Self>) + Clone + Send + 'static) {
        for (index, thread) in self.net.iter().enumerate() {
            let (shared, f) = (Arc::clone(self), f.clone());
            EventProcessor::run_on(thread, move |_| {
                shared.send(index);
                f(&shared);
            });
        }
    }

    fn buffer(&self, index: usize) -> MutexGuard<'_, Buffer> {
        self.buffers[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a thread's buffer to the writing thread, or drops it if too much is on its way.
    fn send(self: &Arc<Self>, index: usize) {
        let (text, lines) = {
            let mut buffer = self.buffer(index);
            (mem::take(&mut buffer.text), mem::take(&mut buffer.lines))
        };
        if lines == 0 {
            return;
        }
        let size = text.len();
        // Relaxed, both: only the sum of it matters, and the buffers go another way.
        let before = self.under_way.fetch_add(size, Ordering::Relaxed);
        let batch = Batch { shared: Arc::clone(self), size, lines, is_written: false };
        if before.saturating_add(size) > self.queue {
            drop(batch);
            self.say_once();
            return;
        }
        EventProcessor::run_on(&self.writer, move |_| batch.write(&text));
    }

    /// Says that lines are dropped, once for each time that it begins.
    fn say_once(&self) {
        // Relaxed: it guards nothing; at worst it is said twice.
        if !self.said.swap(true, Ordering::Relaxed) {
            let path = self.path.display();
            // Relaxed: a statistic.
            let dropped = self.dropped.load(Ordering::Relaxed);
            tracing::error!(%path, dropped, "the access log is not written fast enough: lines are dropped");
        }
    }
}

/// Lines on their way. Whatever becomes of them is counted when it is dropped.
struct Batch {
    shared: Arc<Shared>,
    size: usize,
    lines: u64,
    is_written: bool,
}

impl Batch {
    fn write(mut self, text: &[u8]) {
        let mut output = self.shared.file();
        let Output { file, torn } = &mut *output;
        let written = if *torn { file.write_all(b"\n") } else { Ok(()) };
        let written = written.and_then(|()| file.write_all(text));
        *torn = written.is_err();
        drop(output);
        match written {
            Ok(()) => {
                self.is_written = true;
                // Relaxed: see `say_once`.
                if self.shared.said.swap(false, Ordering::Relaxed) {
                    // Relaxed: a statistic.
                    let dropped = self.shared.dropped.load(Ordering::Relaxed);
                    tracing::warn!(path = %self.shared.path.display(), dropped, "the access log is written again");
                }
            }
            Err(error) => {
                // Relaxed: see `say_once`.
                if !self.shared.said.swap(true, Ordering::Relaxed) {
                    let path = self.shared.path.display();
                    tracing::error!(%path, %error, "the access log cannot be written: lines are dropped");
                }
            }
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // Relaxed, all: statistics, and see `send`.
        self.shared.under_way.fetch_sub(self.size, Ordering::Relaxed);
        let count = if self.is_written { &self.shared.written } else { &self.shared.dropped };
        count.fetch_add(self.lines, Ordering::Relaxed);
    }
}

impl Sink for AccessLog {
    fn record(&self, record: &Record) {
        // Records come from the network threads of the runtime.
        let Some(here) = Here::current() else { return };
        let shared = &self.shared;
        let index = here.thread().index() % shared.buffers.len();
        let mut buffer = shared.buffer(index);
        shared.format.write(record, &mut buffer.text);
        buffer.lines += 1;
        let is_full = buffer.text.len() >= FULL;
        let was_timed = mem::replace(&mut buffer.is_timed, true);
        drop(buffer);
        if is_full {
            shared.send(index);
        }
        if !was_timed {
            let shared = Arc::clone(shared);
            drop(here.spawn_local(async move {
                sleep(WAITS).await;
                shared.buffer(index).is_timed = false;
                shared.send(index);
            }));
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}
