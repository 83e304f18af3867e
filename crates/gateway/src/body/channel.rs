use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame};
use tokio::sync::mpsc;

type Item = Result<Frame<Bytes>, Box<dyn std::error::Error + Send + Sync>>;

/// A body of unknown length that a test sends piece by piece.
pub(crate) struct ChannelBody {
    receiver: mpsc::Receiver<Item>,
}

pub(crate) struct ChannelSender {
    sender: mpsc::Sender<Item>,
}

impl ChannelBody {
    pub(crate) fn new() -> (ChannelSender, Self) {
        let (sender, receiver) = mpsc::channel(4);
        (ChannelSender { sender }, Self { receiver })
    }
}

impl ChannelSender {
    pub(crate) async fn data(&self, data: &'static str) {
        let _ = self
            .sender
            .send(Ok(Frame::data(Bytes::from_static(data.as_bytes()))))
            .await;
    }

    pub(crate) async fn trailers(&self, name: &'static str, value: &'static str) {
        let mut trailers = HeaderMap::new();
        trailers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
        let _ = self.sender.send(Ok(Frame::trailers(trailers))).await;
    }

    /// A trailer section with a field of each name.
    pub(crate) async fn trailer_section(&self, names: &[&'static str]) {
        let mut trailers = HeaderMap::new();
        for name in names {
            trailers.append(*name, HeaderValue::from_static("1"));
        }
        let _ = self.sender.send(Ok(Frame::trailers(trailers))).await;
    }

    /// Whether nobody takes anything any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    pub(crate) async fn fail(&self, error: &'static str) {
        let _ = self.sender.send(Err(error.into())).await;
    }
}

impl Body for ChannelBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        self.receiver.poll_recv(cx)
    }
}
