//! An origin of our own, for those who want to see the host work and have nothing to put behind it.
//!
//! It answers every request with 200 and a line of text, on the same network threads.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use ts_cont::{EventProcessor, Here, Io};

use crate::Runtime;
use crate::http::server::stream::Stream;
use crate::http::server::timer::ThreadTimer;

/// An origin that has its port and does not serve yet.
pub(super) struct Embedded {
    listener: TcpListener,
    address: SocketAddr,
}

impl Embedded {
    /// Takes a port that the system chooses.
    pub(super) fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to serve, until the event system shuts down. Each network thread serves the connections that it accepts.
    pub(super) fn start(self, runtime: &Runtime) -> io::Result<()> {
        let listener = Arc::new(self.listener);
        for thread in runtime.processor().threads(runtime.net()) {
            let listener = listener.try_clone()?;
            EventProcessor::run_on(thread, move |here| {
                if let Err(error) = accept_on(here, listener) {
                    tracing::error!(%error, "the embedded origin cannot wait for connections");
                }
            });
        }
        Ok(())
    }
}

fn accept_on(here: &Here, listener: TcpListener) -> io::Result<()> {
    let io = here.io().ok_or(io::ErrorKind::Unsupported)?.clone();
    let listener = io.register(listener)?;
    drop(here.spawn_local(async move {
        loop {
            match std::future::poll_fn(|cx| listener.poll_read_with(cx, TcpListener::accept)).await {
                Ok((socket, _)) => {
                    let here = Here::current().expect("the task runs on its event thread");
                    drop(here.spawn_local(serve(io.clone(), socket)));
                }
                Err(error) => {
                    tracing::warn!(%error, "the embedded origin could not accept a connection");
                    ts_cont::future::sleep(PAUSE).await;
                }
            }
        }
    }));
    Ok(())
}

/// After a failed accept, such as for want of descriptors, the next is not tried at once.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

async fn serve(io: Io, socket: TcpStream) {
    let stream = match socket.set_nodelay(true).and_then(|()| io.register(socket)) {
        Ok(registration) => Stream::new(registration),
        Err(error) => {
            tracing::warn!(%error, "the embedded origin could not watch a connection");
            return;
        }
    };
    let served = http1::Builder::new().timer(ThreadTimer).serve_connection(stream, service_fn(answer)).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the embedded origin ended");
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = format!("The embedded origin was asked to {} {}.\n", request.method(), request.uri().path());
    let mut response = Response::new(Full::from(text));
    let plain = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, plain);
    Ok(response)
}
