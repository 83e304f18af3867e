use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longer than anything in a test takes, so that a test fails and does not hang.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// One end of a connection, for tests that care for the very bytes.
pub(crate) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(LONG, TcpStream::connect(address)).await.unwrap();
        Self::new(stream.unwrap())
    }

    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        Self::new(timeout(LONG, listener.accept()).await.unwrap().unwrap().0)
    }

    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.try_send(text).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, text: &str) -> std::io::Result<()> {
        timeout(LONG, self.stream.write_all(text.as_bytes()))
            .await
            .unwrap()
    }

    /// Sends no more.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Reads up to and with the empty line that ends a head.
    pub(crate) async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// Reads up to and with a text.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            let found = self
                .unread
                .windows(end.len())
                .position(|window| window == end.as_bytes());
            if let Some(at) = found {
                let rest = self.unread.split_off(at + end.len());
                return text(std::mem::replace(&mut self.unread, rest));
            }
            assert_ne!(
                self.fill().await.unwrap(),
                0,
                "closed before {end:?}: {:?}",
                text(self.unread.clone())
            );
        }
    }

    /// Reads what comes until the other end closes or resets.
    pub(crate) async fn closed(&mut self) -> String {
        while self.fill().await.unwrap_or(0) > 0 {}
        text(std::mem::take(&mut self.unread))
    }

    /// Reads what comes until the other end closes; a reset is an error.
    pub(crate) async fn closed_in_order(&mut self) -> std::io::Result<String> {
        while self.fill().await? > 0 {}
        Ok(text(std::mem::take(&mut self.unread)))
    }

    async fn fill(&mut self) -> std::io::Result<usize> {
        timeout(LONG, self.stream.read_buf(&mut self.unread))
            .await
            .expect("nothing came")
    }
}

/// A listener on a free port of the loopback address.
pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Waits until something holds; fails if it does not come to hold.
pub(crate) async fn eventually(holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, waiting).await.expect("it never came to hold");
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}
