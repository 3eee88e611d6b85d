//! Threads of plugins: dedicated threads of the event system that are its guests while they run.

use super::door::OnceTask;
use super::{labels, registry};
use crate::table::Code;
use parking_lot::{Condvar, Mutex};
use std::cell::RefCell;
use std::sync::Arc;
use ts_cont::{Continuation, Here, SpawnError};
use ts_thread::ContextLocal;

static CURRENT: ContextLocal<RefCell<Option<Arc<PluginThread>>>> = ContextLocal::new(|| RefCell::new(None));

/// A plugin's thread, as far as others are concerned.
pub(super) struct PluginThread {
    name: String,
    ended: Mutex<Option<Code>>,
    end: Condvar,
}

pub(super) fn current() -> Option<Arc<PluginThread>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

pub(super) fn spawn(name: &str, task: OnceTask) -> Result<Arc<PluginThread>, Code> {
    let runtime = registry::current().ok_or(Code::NO_RUNTIME)?;
    let processor = runtime.processor.clone();
    drop(runtime);
    let thread =
        Arc::new(PluginThread { name: name.to_owned(), ended: Mutex::new(None), end: Condvar::new() });
    let task = Mutex::new(Some(task));
    let (host, me) = (processor.clone(), Arc::clone(&thread));
    let start = Continuation::labelled(labels::PLUGIN_THREAD).shared(move |_| {
        let Some(task) = task.lock().take() else { return };
        let guest = host.guest();
        CURRENT.with(|current| *current.borrow_mut() = Some(Arc::clone(&me)));
        let code = task.run();
        if code != Code::OK {
            tracing::error!(thread = me.name, "a plugin's thread ended in a panic");
        }
        drop(guest);
        me.finish(code);
    });
    match processor.spawn_thread(&start, name, 0, ()) {
        Ok(_) => Ok(thread),
        Err(SpawnError::ShuttingDown) => Err(Code::SHUTTING_DOWN),
        Err(error) => {
            tracing::error!(thread = name, %error, "a plugin's thread did not start");
            Err(Code::NO_THREAD)
        }
    }
}

impl PluginThread {
    fn finish(&self, code: Code) {
        *self.ended.lock() = Some(code);
        self.end.notify_all();
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended.lock().is_some()
    }

    /// Blocks until the thread's function has returned.
    pub(super) fn wait(self: &Arc<Self>) -> Code {
        if current().is_some_and(|current| Arc::ptr_eq(&current, self)) {
            return Code::ITSELF;
        }
        if Here::current().is_some() {
            return Code::EVENT_THREAD;
        }
        let mut ended = self.ended.lock();
        loop {
            match *ended {
                Some(code) => return code,
                None => self.end.wait(&mut ended),
            }
        }
    }
}
