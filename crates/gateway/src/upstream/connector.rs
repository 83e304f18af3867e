use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

/// Opens connections, within a time that covers the look-up of the name and all its addresses.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    inner: HttpConnector,
    timeout: Duration,
}

/// A connection that did not come about. It keeps no address: those of the upstreams are not for
/// the log that a client's request writes to.
#[derive(Debug)]
pub(super) struct ConnectFailure {
    cause: io::Error,
}

impl Connector {
    pub(super) fn new(timeout: Duration) -> Self {
        let mut inner = HttpConnector::new();
        inner.set_nodelay(true);
        // Shared out among a name's addresses, so that one which is silent leaves time for others.
        inner.set_connect_timeout(Some(timeout));
        Self { inner, timeout }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectFailure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectFailure>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        self.inner
            .poll_ready(cx)
            .map_err(|error| ConnectFailure::new(&error))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.timeout, self.inner.call(uri));
        Box::pin(async move {
            match connecting.await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(error)) => Err(ConnectFailure::new(&error)),
                Err(_) => Err(ConnectFailure {
                    cause: io::ErrorKind::TimedOut.into(),
                }),
            }
        })
    }
}

impl ConnectFailure {
    fn new(error: &(dyn Error + 'static)) -> Self {
        let found = std::iter::successors(Some(error), |error| (*error).source())
            .find_map(|error| error.downcast_ref::<io::Error>());
        Self {
            cause: match found {
                Some(cause) => cause
                    .raw_os_error()
                    .map_or_else(|| cause.kind().into(), io::Error::from_raw_os_error),
                None => io::ErrorKind::Other.into(),
            },
        }
    }

    pub(super) fn is_timeout(&self) -> bool {
        self.cause.kind() == io::ErrorKind::TimedOut
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection came about")
    }
}

impl Error for ConnectFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
