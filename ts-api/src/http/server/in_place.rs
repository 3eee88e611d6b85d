//! A transaction with hooks in the task of its client's connection, which saves a task and the wake-ups between the two.
//!
//! Until there is a response the parser polls the transaction, as part of its service. What is left then, the last hooks, is
//! polled after the parser. When the connection ends before the transaction does, the rest becomes a task of its own.
//!
//! # Rules
//! * A transaction is not dropped with what polls it: whatever is left of it goes into [`Rest`].
//! * `Rest` belongs to the connection's task alone. A transaction holds its session, so the session must not hold it.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::Response;
use ts_cont::Here;

use super::body::ResponseBody;
use super::exchange::{Awaited, ClientGone, Exchange};

/// A transaction from its first hook to its last.
type Run = Pin<Box<dyn Future<Output = ()>>>;

/// What is left of the transaction whose response the parser has, or has given up.
#[derive(Clone, Default)]
pub(super) struct Rest(Rc<RefCell<Option<Run>>>);

impl Rest {
    /// Polls `parser`, and then what it has left over.
    pub(super) async fn after<F: Future>(&self, parser: F) -> F::Output {
        let mut parser = pin!(parser);
        poll_fn(|cx| {
            let done = parser.as_mut().poll(cx);
            self.poll(cx);
            done
        })
        .await
    }

    fn poll(&self, cx: &mut Context<'_>) {
        let run = self.0.borrow_mut().take();
        if let Some(mut run) = run
            && run.as_mut().poll(cx).is_pending()
        {
            self.leave(run);
        }
    }

    fn leave(&self, run: Run) {
        let none = self.0.borrow_mut().replace(run);
        debug_assert!(none.is_none(), "in HTTP/1 one transaction comes after the other");
    }

    /// The connection has ended: from now on the rest goes its own way.
    pub(super) fn detach(&self) {
        if let Some(run) = self.0.borrow_mut().take() {
            let here = Here::current().expect("connections are served on event threads");
            drop(here.spawn_local(run));
        }
    }
}

/// A transaction that the parser polls: resolves to its response, and leaves the rest.
pub(super) struct InPlace {
    awaited: Awaited,
    /// None when it is over.
    run: Option<Run>,
    rest: Rest,
}

impl InPlace {
    pub(super) fn new(exchange: Rc<Exchange>, run: Run, rest: Rest) -> Self {
        Self { awaited: Awaited::in_place(exchange), run: Some(run), rest }
    }
}

impl Future for InPlace {
    type Output = Result<Response<ResponseBody>, ClientGone>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { awaited, run, .. } = &mut *self;
        awaited.poll_after(cx, |cx| {
            if let Some(running) = run
                && running.as_mut().poll(cx).is_ready()
            {
                *run = None;
            }
        })
    }
}

impl Drop for InPlace {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            self.rest.leave(run);
        }
    }
}
