//! The host's access log: opened as the configuration says, exchanged or opened anew at a reload.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use super::config;
use crate::Runtime;
use crate::ffi::diags;
use crate::http::{AccessLog, LogCounts, LogPolicy};

/// How long a process that ends waits for its access log.
const AT_EXIT: Duration = Duration::from_secs(1);

/// The log that is in use, and those that were before.
#[derive(Default)]
pub(super) struct Access {
    in_use: Option<(config::AccessLog, AccessLog)>,
    all: Logs,
}

/// All logs that there were, for those who add up.
#[derive(Clone, Default)]
pub(super) struct Logs(Arc<Mutex<Vec<AccessLog>>>);

impl Access {
    /// Takes up what the configuration says. What it says as before is opened anew, by its name.
    pub(super) fn take_up(&mut self, runtime: &Runtime, config: &config::AccessLog) -> Result<(), String> {
        if let Some((in_use, log)) = &self.in_use
            && in_use == config
        {
            log.reopen();
            return Ok(());
        }
        self.in_use = match &config.file {
            None => None,
            Some(file) => {
                let log =
                    AccessLog::open_with(runtime, file, config.format, config.queue).map_err(|error| {
                        format!("the access log {} cannot be opened: {error}", file.display())
                    })?;
                // Transactions that are under way still write to the one that was.
                self.all.0.lock().push(log.clone());
                Some((config.clone(), log))
            }
        };
        Ok(())
    }

    /// Who is told of transactions.
    pub(super) fn policy(&self) -> LogPolicy {
        self.in_use.as_ref().map_or_else(LogPolicy::default, |(_, log)| LogPolicy::to(log.sink()))
    }

    pub(super) fn logs(&self) -> Logs {
        self.all.clone()
    }
}

impl Logs {
    /// What became of all lines.
    pub(super) fn counts(&self) -> LogCounts {
        self.0.lock().iter().map(AccessLog::counts).fold(LogCounts::default(), |mut sum, counts| {
            sum.written += counts.written;
            sum.dropped += counts.dropped;
            sum
        })
    }

    /// Writes what there is when a plugin ends the process, on whatever thread.
    pub(super) fn flush_at_exit(&self) {
        let logs = self.clone();
        diags::at_exit(move || {
            let logs = logs.clone();
            let (tell, told) = channel();
            // A thread of its own, since the disk may take longer than the process has.
            let writes = thread::Builder::new().spawn(move || {
                logs.0.lock().iter().for_each(AccessLog::write_here);
                let _ = tell.send(());
            });
            if writes.is_err() || told.recv_timeout(AT_EXIT).is_err() {
                tracing::error!("the access log was not written before the end");
            }
        });
    }

    /// Waits until everything is written.
    fn flush(&self, limit: Duration) {
        for log in self.0.lock().iter() {
            if !log.flush(limit) {
                tracing::error!(path = %log.path().display(), "the access log was not written in time");
            }
        }
    }
}

/// Writes what is left when it is dropped: after the last request, while the threads still run.
pub(super) struct Flush {
    pub(super) logs: Logs,
    pub(super) limit: Duration,
}

impl Drop for Flush {
    fn drop(&mut self) {
        self.logs.flush(self.limit);
    }
}
