//! Upstreams that are spoken to in HTTP/2.

mod ends;
mod failures;
mod silent;
mod streams;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::http::{Request, Response};
use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::body::ProxyBody;
use crate::upstream::{HttpUpstream, Protocol, Upstream, UpstreamConfig, UpstreamError};
use crate::wire::{LONG, listener};

type Arrived = (Request<RecvStream>, SendResponse<Bytes>);

/// A server of HTTP/2 that hands out its requests, and counts connections.
struct Server {
    address: SocketAddr,
    arrived: UnboundedReceiver<Arrived>,
    connections: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl Server {
    async fn start(builder: Builder) -> Self {
        let (listener, address) = listener().await;
        let (arrives, arrived) = unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let closed = Arc::new(AtomicUsize::new(0));
        let (accepted, ended) = (Arc::clone(&connections), Arc::clone(&closed));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let (builder, arrives) = (builder.clone(), arrives.clone());
                let ended = Arc::clone(&ended);
                tokio::spawn(async move {
                    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else {
                        return;
                    };
                    while let Some(Ok(arrived)) = connection.accept().await {
                        let _ = arrives.send(arrived);
                    }
                    ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            arrived,
            connections,
            closed,
        }
    }

    async fn plain() -> Self {
        Self::start(Builder::new()).await
    }

    async fn next(&mut self) -> Arrived {
        timeout(LONG, self.arrived.recv()).await.unwrap().unwrap()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Of those connections, how many are closed.
    fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }
}

fn upstream(address: SocketAddr, change: impl FnOnce(&mut UpstreamConfig)) -> HttpUpstream {
    super::upstream(address, |config| {
        config.protocol = Protocol::Http2;
        change(config);
    })
}

fn answer(mut respond: SendResponse<Bytes>, body: &'static str) {
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    stream
        .send_data(Bytes::from_static(body.as_bytes()), true)
        .unwrap();
}

type Sent = tokio::task::JoinHandle<Result<Response<ProxyBody>, UpstreamError>>;

fn send(upstream: &HttpUpstream, request: Request<ProxyBody>) -> Sent {
    tokio::spawn(upstream.send(request))
}

async fn answered(sent: Sent) -> Response<ProxyBody> {
    timeout(LONG, sent).await.unwrap().unwrap().unwrap()
}

/// The code by which a stream of the server's was reset, of which no answer has begun.
async fn reset(respond: &mut SendResponse<Bytes>) -> Reason {
    let reset = std::future::poll_fn(|cx| respond.poll_reset(cx));
    timeout(LONG, reset).await.unwrap().unwrap()
}

/// The same, where one has.
async fn reset_midway(stream: &mut SendStream<Bytes>) -> Reason {
    let reset = std::future::poll_fn(|cx| stream.poll_reset(cx));
    timeout(LONG, reset).await.unwrap().unwrap()
}
