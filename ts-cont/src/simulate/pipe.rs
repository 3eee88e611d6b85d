//! A pair of connected ends in memory: what a socket is to real threads.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Two ends; what is written into one is read from the other. Each direction holds at most `capacity` bytes, at least 1.
#[must_use]
pub fn pipe(capacity: usize) -> (Pipe, Pipe) {
    let one = Arc::new(Mutex::new(Direction::new(capacity)));
    let two = Arc::new(Mutex::new(Direction::new(capacity)));
    (Pipe { incoming: Arc::clone(&one), outgoing: Arc::clone(&two) }, Pipe { incoming: two, outgoing: one })
}

/// One end of a [`pipe`]. Dropping it ends both directions.
pub struct Pipe {
    incoming: Arc<Mutex<Direction>>,
    outgoing: Arc<Mutex<Direction>>,
}

struct Direction {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// The writing end is done.
    ended: bool,
    /// The reading end is gone.
    unread: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Direction {
    fn new(capacity: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            capacity: capacity.max(1),
            ended: false,
            unread: false,
            reader: None,
            writer: None,
        }
    }
}

fn lock(direction: &Mutex<Direction>) -> MutexGuard<'_, Direction> {
    direction.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Pipe {
    /// Reads what is there into `buffer`; zero bytes mean that the other end is done.
    ///
    /// # Errors
    ///
    /// Never; the type is that of what it stands for.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut direction = lock(&self.incoming);
        let count = buffer.len().min(direction.bytes.len());
        if count == 0 && !buffer.is_empty() && !direction.ended {
            direction.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        for (to, from) in buffer.iter_mut().zip(direction.bytes.drain(..count)) {
            *to = from;
        }
        let writer = direction.writer.take();
        drop(direction);
        wake(writer);
        Poll::Ready(Ok(count))
    }

    /// Writes as much of `bytes` as there is room for.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::BrokenPipe`] if the other end is gone, or this one was shut down.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut direction = lock(&self.outgoing);
        if direction.unread || direction.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = bytes.len().min(direction.capacity - direction.bytes.len());
        if count == 0 && !bytes.is_empty() {
            direction.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        direction.bytes.extend(&bytes[..count]);
        let reader = direction.reader.take();
        drop(direction);
        wake(reader);
        Poll::Ready(Ok(count))
    }

    /// Reads what is there into `buffer`; zero bytes mean that the other end is done.
    ///
    /// # Errors
    ///
    /// Never; the type is that of what it stands for.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, buffer)).await
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// As for [`Pipe::poll_write`].
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = poll_fn(|cx| self.poll_write(cx, bytes)).await?;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Ends the direction away from here; the other end reads what is on the way, then zero bytes.
    pub fn shut_down(&mut self) {
        let reader = {
            let mut direction = lock(&self.outgoing);
            direction.ended = true;
            direction.reader.take()
        };
        wake(reader);
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.shut_down();
        let writer = {
            let mut direction = lock(&self.incoming);
            direction.unread = true;
            direction.writer.take()
        };
        wake(writer);
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").field("readable", &lock(&self.incoming).bytes.len()).finish_non_exhaustive()
    }
}
