//! A processor with event threads for one workload.

use std::sync::mpsc::sync_channel;

use ts_cont::{Continuation, EThread, EventProcessor, EventType, Here, ProxyMutex, Queued, ShutdownOptions};

/// Event threads of one group; they stop when it is dropped, and what they have queued is cancelled.
pub(crate) struct Stage {
    pub(crate) processor: EventProcessor,
    group: EventType,
}

impl Stage {
    /// Threads that park when they have nothing to do.
    pub(crate) fn parking(threads: usize) -> Self {
        let processor = EventProcessor::builder().build();
        let group = processor.spawn_event_threads("ET_BENCH", threads, 0).expect("threads start");
        Self { processor, group }
    }

    /// Threads that wait in their I/O poller.
    pub(crate) fn network(threads: usize) -> Self {
        let processor = EventProcessor::builder().build();
        let group = processor.spawn_event_threads(EventType::NET, threads, 0).expect("threads start");
        Self { processor, group }
    }

    pub(crate) fn thread(&self, index: usize) -> &EThread {
        &self.processor.threads(self.group)[index]
    }

    /// Runs a function on one of the threads, as a handler, and waits for its result.
    pub(crate) fn on<R: Send + 'static>(
        &self,
        index: usize,
        f: impl FnOnce(&Here) -> R + Send + 'static,
    ) -> R {
        let (tell, told) = sync_channel(1);
        let mut f = Some(f);
        let once = Continuation::new(&ProxyMutex::new(), move |event| {
            if let (Some(f), Some(here)) = (f.take(), event.here()) {
                tell.send(f(here)).expect("the caller waits");
            }
        });
        self.thread(index).schedule_imm(&once, ()).expect("the thread runs");
        told.recv().expect("the function returns")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.processor.shutdown(ShutdownOptions::default().queued(Queued::Cancel));
    }
}
