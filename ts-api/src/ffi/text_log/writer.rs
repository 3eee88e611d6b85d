//! The files of text logs, and the thread that writes them.
//!
//! # Rules
//! * Of the locks in here, a log's output is taken before what waits for it, and the list of logs alone.
//! * The thread sleeps until there is something to write, or until a file's time has come.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::rolling::Rolling;
use super::{MOST_WAITING, local};

/// All logs, and what the thread has to do.
struct Desk {
    logs: Vec<Arc<Log>>,
    /// Those with lines that wait.
    waiting: VecDeque<Arc<Log>>,
    /// Something is to be looked at again.
    changed: bool,
    has_thread: bool,
}

static DESK: Mutex<Desk> =
    Mutex::new(Desk { logs: Vec::new(), waiting: VecDeque::new(), changed: false, has_thread: false });
static CALLED: Condvar = Condvar::new();

/// A log.
pub(super) struct Log {
    path: PathBuf,
    stamps: bool,
    lines: Mutex<Lines>,
    output: Mutex<Output>,
}

#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    /// Too many waited, or the disk refused them, and that was said.
    said: bool,
}

/// Whether a line is the first that waits, so that the thread has to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct First(bool);

/// Its file.
pub(super) struct Output {
    file: File,
    size: u64,
    since: SystemTime,
    pub(super) rolling: Rolling,
    pub(super) header: Option<Vec<u8>>,
}

impl Output {
    fn open(path: &Path) -> io::Result<(File, u64, SystemTime)> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        let facts = file.metadata()?;
        // One that was left by an earlier process was begun then.
        let begun = facts.created().or_else(|_| facts.modified()).unwrap_or_else(|_| SystemTime::now());
        let since = if facts.len() == 0 { SystemTime::now() } else { begun };
        Ok((file, facts.len(), since))
    }

    fn begin_anew(&mut self, path: &Path) -> io::Result<()> {
        (self.file, self.size, self.since) = Self::open(path)?;
        Ok(())
    }

    /// Gives the file another name, and begins a new one, if it is time.
    fn roll(&mut self, path: &Path, now: SystemTime) -> io::Result<()> {
        if self.size == 0 {
            self.since = now;
            return Ok(());
        }
        if !self.rolling.is_due(self.since, self.size, now) {
            return Ok(());
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (machine, since, until) = (local::machine(), local::stamp(self.since), local::stamp(now));
        let name = format!("{name}.{machine}.{since}-{until}");
        // Two within a second have a number.
        let names =
            std::iter::once(format!("{name}.old")).chain((1..).map(|number| format!("{name}.{number}.old")));
        let old = names.map(|name| path.with_file_name(name)).find(|old| !old.exists());
        fs::rename(path, old.unwrap_or_default())?;
        self.begin_anew(path)
    }

    fn write(&mut self, path: &Path, text: &[u8], now: SystemTime) -> io::Result<()> {
        self.roll(path, now)?;
        if let Some(header) = self.header.as_ref().filter(|_| self.size == 0) {
            self.file.write_all(&[header, &b"\n"[..]].concat())?;
            self.size += header.len() as u64 + 1;
        }
        self.file.write_all(text)?;
        self.size += text.len() as u64;
        Ok(())
    }
}

impl Log {
    /// Opens a log; none if there is one at this place.
    pub(super) fn open(path: &Path, stamps: bool, rolling: Rolling) -> io::Result<Option<Arc<Self>>> {
        let mut desk = DESK.lock();
        if desk.logs.iter().any(|log| log.path == path) {
            return Ok(None);
        }
        start_thread(&mut desk)?;
        let (file, size, since) = Output::open(path)?;
        let output = Mutex::new(Output { file, size, since, rolling, header: None });
        let log = Arc::new(Self { path: path.to_owned(), stamps, lines: Mutex::default(), output });
        desk.logs.push(Arc::clone(&log));
        call(desk);
        Ok(Some(log))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes a line; false if too many wait, and it is lost.
    pub(super) fn take(self: &Arc<Self>, text: &[u8], now: SystemTime) -> bool {
        let appended = self.append(text, now);
        if appended == Some(First(true)) {
            let mut desk = DESK.lock();
            desk.waiting.push_back(Arc::clone(self));
            call(desk);
        }
        appended.is_some()
    }

    /// Puts a line to those that wait; none if there are too many.
    fn append(&self, text: &[u8], now: SystemTime) -> Option<First> {
        let stamp = if self.stamps { format!("{} ", local::stamp(now)) } else { String::new() };
        let mut lines = self.lines.lock();
        if lines.text.len() + stamp.len() + text.len() >= MOST_WAITING {
            let said = mem::replace(&mut lines.said, true);
            drop(lines);
            if !said {
                let path = self.path.display();
                tracing::error!(%path, "a plugin's text log is not written fast enough: lines are lost");
            }
            return None;
        }
        let first = First(lines.text.is_empty());
        lines.text.extend_from_slice(stamp.as_bytes());
        lines.text.extend_from_slice(text);
        lines.text.push(b'\n');
        Some(first)
    }

    /// Writes what waits.
    pub(super) fn write(&self) {
        self.write_at(SystemTime::now());
    }

    fn write_at(&self, now: SystemTime) {
        // The output first: whoever takes lines after somebody else writes them after him.
        let mut output = self.output.lock();
        let mut lines = self.lines.lock();
        let text = mem::take(&mut lines.text);
        drop(lines);
        let written =
            if text.is_empty() { output.roll(&self.path, now) } else { output.write(&self.path, &text, now) };
        drop(output);
        let said = mem::replace(&mut self.lines.lock().said, written.is_err());
        if let Err(error) = written
            && !said
        {
            tracing::error!(path = %self.path.display(), %error, "a plugin's text log cannot be written: lines are lost");
        }
    }

    /// Changes how it is written.
    pub(super) fn change(&self, f: impl FnOnce(&mut Output)) {
        f(&mut self.output.lock());
        call(DESK.lock());
    }

    /// Writes what waits, and gives its name up.
    pub(super) fn close(self: Arc<Self>) {
        self.write();
        DESK.lock().logs.retain(|log| !Arc::ptr_eq(log, &self));
    }

    /// When its file's time comes.
    fn due(&self) -> Option<SystemTime> {
        let output = self.output.lock();
        // An empty one has time until it has a line.
        (output.size > 0).then(|| output.rolling.due(output.since)).flatten()
    }
}

/// Has the thread look again.
fn call(mut desk: MutexGuard<'_, Desk>) {
    desk.changed = true;
    drop(desk);
    CALLED.notify_one();
}

fn start_thread(desk: &mut Desk) -> io::Result<()> {
    if !desk.has_thread {
        let started = ts_thread::Builder::new().name("[LOGGING]").spawn(run);
        // It runs until the process ends, so nobody joins it.
        drop(started.map_err(io::Error::other)?);
        desk.has_thread = true;
    }
    Ok(())
}

/// The thread.
fn run() {
    let mut desk = DESK.lock();
    loop {
        desk.changed = false;
        let waiting = mem::take(&mut desk.waiting);
        let all = desk.logs.clone();
        drop(desk);
        waiting.iter().for_each(|log| log.write());
        let now = SystemTime::now();
        all.iter().filter(|log| log.due().is_some_and(|due| due <= now)).for_each(|log| log.write_at(now));
        let next = all.iter().filter_map(|log| log.due()).min();
        drop((waiting, all));
        desk = DESK.lock();
        if desk.changed {
            continue;
        }
        match next {
            None => CALLED.wait(&mut desk),
            Some(next) => {
                let wait = next.duration_since(SystemTime::now()).unwrap_or_default();
                // The clock of the wall may be set meanwhile, so it is looked at again.
                _ = CALLED.wait_for(&mut desk, wait.clamp(Duration::from_millis(1), Duration::from_secs(60)));
            }
        }
    }
}

fn all() -> Vec<Arc<Log>> {
    DESK.lock().logs.clone()
}

/// Writes what waits in all logs.
pub(crate) fn flush_all() {
    all().iter().for_each(|log| log.write());
}

/// Opens all files anew, by their names: for those who have moved the old ones away.
pub(crate) fn reopen() {
    for log in all() {
        log.write();
        if let Err(error) = log.output.lock().begin_anew(&log.path) {
            let path = log.path.display();
            tracing::error!(%path, %error, "a plugin's text log cannot be opened anew; the old file stays in use");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rolling::When;
    use super::*;

    // Lines are put to those that wait without a word to the thread, which would write them when it likes.

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_whose_time_has_come_gets_another_name_and_a_header_begins_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let rolling = Rolling { when: When::Time, interval: 60, offset: 0, size: 0 };
        let log = Log::open(&path, false, rolling).unwrap().unwrap();
        log.change(|output| output.header = Some(b"# header".to_vec()));
        let now = SystemTime::now();
        assert_eq!(
            (log.append(b"one", now), log.append(b"two", now)),
            (Some(First(true)), Some(First(false)))
        );
        log.write_at(now);
        assert_eq!(fs::read_to_string(&path).unwrap(), "# header\none\ntwo\n");
        let later = now + Duration::from_secs(61);
        // Nothing waits, and it is time.
        log.write_at(later);
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        log.write_at(later + Duration::from_secs(600));
        assert_eq!(names(folder.path()).len(), 2, "an empty file stays");
        log.append(b"three", later).unwrap();
        log.write_at(later);
        assert_eq!(fs::read_to_string(&path).unwrap(), "# header\nthree\n");
        let names = names(folder.path());
        let (since, until) = (local::stamp(now), local::stamp(later));
        let old = names.iter().find(|name| name.ends_with(".old")).unwrap();
        assert!(old.starts_with(&format!("a.log.{}.", local::machine())), "{old}");
        assert!(old.contains(&since[..11]) && old.ends_with(&format!("-{until}.old")), "{old}");
        assert_eq!(fs::read_to_string(folder.path().join(old)).unwrap(), "# header\none\ntwo\n");
        assert!(Log::open(&path, false, rolling).unwrap().is_none(), "the name is taken");
        log.close();
        assert!(Log::open(&path, false, rolling).unwrap().is_some());
    }

    #[test]
    fn files_that_are_full_within_a_second_have_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.log");
        let rolling = Rolling { when: When::Size, interval: 60, offset: 0, size: 4 };
        let log = Log::open(&path, false, rolling).unwrap().unwrap();
        let now = SystemTime::now();
        for line in ["1234", "5678", "9012"] {
            log.append(line.as_bytes(), now).unwrap();
            log.write_at(now);
        }
        assert_eq!(names(folder.path()).len(), 3);
        assert_eq!(fs::read_to_string(&path).unwrap(), "9012\n");
        log.close();
    }
}
