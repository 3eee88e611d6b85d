//! A small server of the host's own: it answers on the network threads, beside what is proxied, and asks nobody else.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use ts_cont::{EThread, EventProcessor, Here, Io};

use crate::http::server::stream::Stream;
use crate::http::server::timer::ThreadTimer;

/// After a failed accept, such as for want of descriptors, the next is not tried at once.
const PAUSE: Duration = Duration::from_millis(100);

/// A server that has its port and does not serve yet.
pub(super) struct Small {
    listener: TcpListener,
    address: SocketAddr,
}

/// What it answers.
pub(super) type Answer = Arc<dyn Fn(Request<Incoming>) -> Answered + Send + Sync>;

/// A response, or what comes to one.
pub(super) enum Answered {
    Now(Response<Full<Bytes>>),
    /// When it has read the request's body.
    Later(Pin<Box<dyn Future<Output = Response<Full<Bytes>>>>>),
}

/// A response of text.
pub(super) fn text(text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

impl Small {
    /// Takes a port; 0 lets the system choose.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to serve on `threads`, until the event system shuts down. Each serves the connections that it accepts.
    pub(super) fn start(self, name: &'static str, threads: &[EThread], answer: Answer) -> io::Result<()> {
        for thread in threads {
            let listener = self.listener.try_clone()?;
            let answer = Arc::clone(&answer);
            EventProcessor::run_on(thread, move |here| {
                if let Err(error) = accept_on(here, name, listener, answer) {
                    tracing::error!(%error, "{name} cannot wait for connections");
                }
            });
        }
        Ok(())
    }
}

fn accept_on(here: &Here, name: &'static str, listener: TcpListener, answer: Answer) -> io::Result<()> {
    let io = here.io().ok_or(io::ErrorKind::Unsupported)?.clone();
    let listener = io.register(listener)?;
    drop(here.spawn_local(async move {
        loop {
            match std::future::poll_fn(|cx| listener.poll_read_with(cx, TcpListener::accept)).await {
                Ok((socket, _)) => {
                    let here = Here::current().expect("the task runs on its event thread");
                    drop(here.spawn_local(serve(name, io.clone(), socket, Arc::clone(&answer))));
                }
                Err(error) => {
                    tracing::warn!(%error, "{name} could not accept a connection");
                    ts_cont::future::sleep(PAUSE).await;
                }
            }
        }
    }));
    Ok(())
}

async fn serve(name: &'static str, io: Io, socket: TcpStream, answer: Answer) {
    let stream = match socket.set_nodelay(true).and_then(|()| io.register(socket)) {
        Ok(registration) => Stream::new(registration),
        Err(error) => {
            tracing::warn!(%error, "{name} could not watch a connection");
            return;
        }
    };
    let service = service_fn(move |request| {
        let answered = answer(request);
        async move {
            Ok::<_, Infallible>(match answered {
                Answered::Now(response) => response,
                Answered::Later(response) => response.await,
            })
        }
    });
    let served = http1::Builder::new().timer(ThreadTimer).serve_connection(stream, service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to {name} ended");
    }
}
