use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status, Streaming};

use super::text::TextCodec;

type Answers = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;
type Answered<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A server of gRPC in the clear, which ends with its runtime.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// How many calls without an end it has.
    pub(super) open: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Orders {
    open: Arc<AtomicUsize>,
}

/// One of its methods.
struct Method {
    name: String,
    /// How long the call may take, as it says itself.
    deadline: String,
    orders: Orders,
}

/// One more of something, for as long as it exists.
struct Counted(Arc<AtomicUsize>);

impl Server {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let open = Arc::new(AtomicUsize::new(0));
        let orders = Orders {
            open: Arc::clone(&open),
        };
        let server = tonic::transport::Server::builder().add_service(orders);
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Self { address, open }
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

impl Method {
    async fn answer(self, mut asked: Streaming<String>) -> Result<Answers, Status> {
        let fault = || {
            let details = bytes::Bytes::from_static(b"\x08\x03 details");
            Status::with_details(Code::NotFound, "no order", details)
        };
        match self.name.as_str() {
            // Each message as it comes.
            "Echo" | "Place" => Ok(asked.boxed()),
            "Count" => {
                let mut count = 0;
                while asked.message().await?.is_some() {
                    count += 1;
                }
                Ok(stream::iter([Ok(count.to_string())]).boxed())
            }
            "Deadline" => Ok(stream::iter([Ok(self.deadline)]).boxed()),
            "Fail" => Err(fault()),
            "FailLate" => Ok(stream::iter([Ok("some".to_owned()), Err(fault())]).boxed()),
            "Endless" => {
                let counted = Counted::of(&self.orders.open);
                let endless = stream::unfold((counted, 0_u32), |(counted, at)| async move {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    Some((Ok(at.to_string()), (counted, at + 1)))
                });
                Ok(endless.boxed())
            }
            _ => Err(Status::unimplemented("no such method")),
        }
    }
}

impl Counted {
    fn of(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl StreamingService<String> for Method {
    type Response = String;
    type ResponseStream = Answers;
    type Future = Answered<Result<Response<Answers>, Status>>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        let method = Self {
            name: self.name.clone(),
            deadline: self.deadline.clone(),
            orders: self.orders.clone(),
        };
        Box::pin(async move { Ok(Response::new(method.answer(request.into_inner()).await?)) })
    }
}

impl NamedService for Orders {
    const NAME: &'static str = "orders.v1.Orders";
}

impl tower::Service<http::Request<Body>> for Orders {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answered<Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let name = request.uri().path().rsplit('/').next().unwrap_or_default();
        let deadline = request.headers().get("grpc-timeout");
        let deadline = deadline.and_then(|value| value.to_str().ok());
        let method = Method {
            name: name.to_owned(),
            deadline: deadline.unwrap_or_default().to_owned(),
            orders: self.clone(),
        };
        Box::pin(async move { Ok(Grpc::new(TextCodec).streaming(method, request).await) })
    }
}
