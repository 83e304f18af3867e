//! gRPC through the gateway, by tonic on both sides, behind the configuration of
//! `examples/gateway/grpc`.

mod calls;
mod ends;
mod service;
mod text;

use std::net::SocketAddr;
use std::time::Duration;

use portcullis_tests::{Gateway, Place};
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::PROGRAM;
use service::Server;
use text::TextCodec;

const EXAMPLE: &str = include_str!("../../../examples/gateway/grpc/portcullis.toml");

/// Serves the example in front of an upstream.
fn start(place: &Place, upstream: SocketAddr) -> Gateway {
    start_with(place, upstream, "body = \"1h\"")
}

/// The same with these times for the calls that read.
fn start_with(place: &Place, upstream: SocketAddr, times: &str) -> Gateway {
    let text = crate::examples::replaced(EXAMPLE, "body = \"1h\"", times);
    crate::examples::start(place, &text, &[("127.0.0.1:50051", upstream)])
}

/// A client on a connection of its own, whose clones share it.
#[derive(Clone)]
struct Client {
    channel: Channel,
}

type Answers = tonic::Streaming<String>;

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let endpoint = Endpoint::try_from(format!("http://{address}")).expect("an address");
        let channel = endpoint.connect().await.expect("connected");
        Self { channel }
    }

    /// Calls a method with these messages.
    async fn call<S>(
        &self,
        method: &'static str,
        token: &str,
        messages: S,
    ) -> Result<Answers, Status>
    where
        S: futures_util::Stream<Item = String> + Send + 'static,
    {
        self.call_within(None, method, token, messages).await
    }

    /// The same with a deadline that the call tells in `grpc-timeout`.
    async fn call_within<S>(
        &self,
        deadline: Option<Duration>,
        method: &'static str,
        token: &str,
        messages: S,
    ) -> Result<Answers, Status>
    where
        S: futures_util::Stream<Item = String> + Send + 'static,
    {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.expect("a connection");
        let mut request = Request::new(messages);
        if let Some(deadline) = deadline {
            request.set_timeout(deadline);
        }
        let bearer = MetadataValue::try_from(format!("Bearer {token}")).expect("metadata");
        request.metadata_mut().insert("authorization", bearer);
        let path = format!("/orders.v1.Orders/{method}");
        let path = path.parse().expect("a path");
        let answer = grpc.streaming(request, path, TextCodec).await?;
        Ok(answer.into_inner())
    }

    /// Calls with a few messages, and reads all that is answered.
    async fn ask(
        &self,
        method: &'static str,
        token: &str,
        messages: &[&str],
    ) -> Result<Vec<String>, Status> {
        let messages: Vec<String> = messages.iter().map(|&message| message.to_owned()).collect();
        let stream = futures_util::stream::iter(messages);
        let mut answers = self.call(method, token, stream).await?;
        let mut all = Vec::new();
        while let Some(answer) = answers.message().await? {
            all.push(answer);
        }
        Ok(all)
    }
}
