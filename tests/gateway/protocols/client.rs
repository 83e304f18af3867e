use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{AUTHORIZATION, CONNECTION, EXPECT, HOST, TE};
use hyper::{HeaderMap, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::Body;

/// A connection of one protocol.
pub(super) struct Client {
    token: String,
    /// What its requests expect.
    pub(super) expects: Option<&'static str>,
    sender: Sender,
}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) head: Response<()>,
    pub(super) body: Bytes,
    pub(super) trailers: HeaderMap,
}

impl Client {
    pub(super) async fn connect(address: SocketAddr, version: Version, token: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("connected");
        let io = TokioIo::new(stream);
        let sender = if version == Version::HTTP_2 {
            let shaken = http2::handshake(TokioExecutor::new(), io).await;
            let (sender, connection) = shaken.expect("shaken");
            tokio::spawn(async move { drop(connection.await) });
            Sender::Http2(sender)
        } else {
            let shaken = http1::handshake(io).await;
            let (sender, connection) = shaken.expect("shaken");
            tokio::spawn(async move { drop(connection.await) });
            Sender::Http1(sender)
        };
        Self {
            token: format!("Bearer {token}"),
            expects: None,
            sender,
        }
    }

    /// Sends a request, and waits for the head of its answer.
    pub(super) async fn begin(
        &mut self,
        method: &str,
        path: &str,
        body: Body,
    ) -> Response<Incoming> {
        let mut request = Request::builder()
            .method(method)
            .header(AUTHORIZATION, &self.token)
            .header(TE, "trailers");
        if let Some(expects) = self.expects {
            request = request.header(EXPECT, expects);
        }
        let answered = match &mut self.sender {
            Sender::Http1(sender) => {
                let request = request.uri(path).header(HOST, "a.test");
                let request = request.header(CONNECTION, "te").body(body);
                sender.ready().await.expect("it is kept");
                sender.send_request(request.expect("a request")).await
            }
            Sender::Http2(sender) => {
                let request = request.uri(format!("http://a.test{path}")).body(body);
                sender.ready().await.expect("it is kept");
                sender.send_request(request.expect("a request")).await
            }
        };
        answered.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
    }

    pub(super) async fn ask(&mut self, method: &str, path: &str, body: Body) -> Answer {
        let (head, body) = self.begin(method, path, body).await.into_parts();
        let collected = body.collect().await;
        let collected = collected.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
        Answer {
            head: Response::from_parts(head, ()),
            trailers: collected.trailers().cloned().unwrap_or_default(),
            body: collected.to_bytes(),
        }
    }
}

impl Answer {
    /// A field of the head.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.head.headers().get(name)?.to_str().ok()
    }
}

/// A body whose length is told first.
pub(super) fn counted(octets: Bytes) -> Body {
    Full::new(octets)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body that ends where it ends, in parts.
pub(super) fn open(octets: &Bytes) -> Body {
    let parts: Vec<_> = octets
        .chunks(10_000)
        .map(|part| Ok(Frame::data(octets.slice_ref(part))))
        .collect();
    StreamBody::new(stream::iter(parts)).boxed_unsync()
}
