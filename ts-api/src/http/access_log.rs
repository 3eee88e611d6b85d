//! A line for each transaction, in a file.
//!
//! # How it is written
//!
//! A network thread puts its lines into a buffer of its own. When that is full, or a second after its first line, the buffer
//! goes to a task thread, which writes it to the file. What is on its way is bounded: if the disk does not keep up, whole
//! buffers are dropped, counted, and the log of the program says so. A network thread never waits. Who ends the process writes
//! what there is, wherever it is on its way, since threads may stand still by then.
//!
//! # Rules
//! * Lines of one thread keep their order. Those of different threads do not, within about a second.
//! * [`AccessLog::reopen`] has what was written before in the file that was open, and what comes after in the new one, but for
//!   lines that are still in their buffers.
//! * Whatever a client sends, a record is one line: see [`Format`].

mod escape;
mod format;

use std::collections::VecDeque;
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
    /// One for each network thread; only that thread locks it, and who ends the process.
    buffers: Box<[CachePadded<Mutex<Buffer>>]>,
    net: Vec<EThread>,
    /// The thread that writes.
    writer: EThread,
    /// What threads have handed on. The writing thread is sent for once for each.
    waiting: Mutex<VecDeque<Batch>>,
    /// Only the writing thread locks it, and who ends the process. It is locked before `waiting`, so that order is kept.
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
            waiting: Mutex::default(),
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

    /// Writes everything that was recorded before, by the calling thread: for when the process is about to end, and the threads
    /// of the log perhaps stand still.
    #[cfg(feature = "host")]
    pub(crate) fn write_here(&self) {
        for index in 0..self.shared.buffers.len() {
            // First what is on its way, so that there is room for more.
            while self.shared.write_one() {}
            self.shared.hand_on(index);
        }
        while self.shared.write_one() {}
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

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Batch>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the writing thread write a thread's buffer, or drops it if too much is on its way.
    fn send(self: &Arc<Self>, index: usize) {
        if self.hand_on(index) {
            let errand = Errand { shared: Arc::clone(self), is_done: false };
            EventProcessor::run_on(&self.writer, move |_| errand.run());
        }
    }

    /// Puts a thread's buffer to what is on its way; false if there is nothing to write.
    fn hand_on(&self, index: usize) -> bool {
        let batch = {
            let mut buffer = self.buffer(index);
            Batch { text: mem::take(&mut buffer.text), lines: mem::take(&mut buffer.lines) }
        };
        if batch.lines == 0 {
            return false;
        }
        // Relaxed: only the sum of it matters, and the buffers go another way.
        let before = self.under_way.fetch_add(batch.text.len(), Ordering::Relaxed);
        if before.saturating_add(batch.text.len()) > self.queue {
            self.is_over(&batch, &self.dropped);
            self.say_once();
            return false;
        }
        self.waiting().push_back(batch);
        true
    }

    /// Writes what has waited longest; false if nothing waits.
    fn write_one(&self) -> bool {
        let mut output = self.file();
        let Some(batch) = self.waiting().pop_front() else { return false };
        let Output { file, torn } = &mut *output;
        let written = if *torn { file.write_all(b"\n") } else { Ok(()) };
        let written = written.and_then(|()| file.write_all(&batch.text));
        *torn = written.is_err();
        drop(output);
        match written {
            Ok(()) => {
                self.is_over(&batch, &self.written);
                // Relaxed: see `say_once`.
                if self.said.swap(false, Ordering::Relaxed) {
                    // Relaxed: a statistic.
                    let dropped = self.dropped.load(Ordering::Relaxed);
                    tracing::warn!(path = %self.path.display(), dropped, "the access log is written again");
                }
            }
            Err(error) => {
                self.is_over(&batch, &self.dropped);
                // Relaxed: see `say_once`.
                if !self.said.swap(true, Ordering::Relaxed) {
                    let path = self.path.display();
                    tracing::error!(%path, %error, "the access log cannot be written: lines are dropped");
                }
            }
        }
        true
    }

    /// Counts what became of lines that were on their way.
    fn is_over(&self, batch: &Batch, count: &AtomicU64) {
        // Relaxed, both: statistics, and see `hand_on`.
        self.under_way.fetch_sub(batch.text.len(), Ordering::Relaxed);
        count.fetch_add(batch.lines, Ordering::Relaxed);
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

/// Lines on their way.
struct Batch {
    text: Vec<u8>,
    lines: u64,
}

/// What the writing thread is sent for: the batch that has waited longest. If it does not come to that, the batch is dropped.
struct Errand {
    shared: Arc<Shared>,
    is_done: bool,
}

impl Errand {
    fn run(mut self) {
        self.is_done = true;
        // Who ends the process may have been here before.
        self.shared.write_one();
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let batch = self.shared.waiting().pop_front();
        if let Some(batch) = batch {
            self.shared.is_over(&batch, &self.shared.dropped);
        }
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
