use std::net::SocketAddr;

use http::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use portcullis_benches::Failure;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// One kept connection.
pub(crate) struct Client {
    sender: SendRequest<Empty<Bytes>>,
    connection: JoinHandle<()>,
}

/// What an answer came to.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Bytes of its body.
    pub(crate) length: usize,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, connection })
    }

    /// Sends a request, and takes the whole answer.
    pub(crate) async fn get(
        &mut self,
        path: &Uri,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, Failure> {
        let mut request = Request::new(Empty::new());
        request.uri_mut().clone_from(path);
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_static("api.example.com"));
        headers.insert(USER_AGENT, HeaderValue::from_static("portcullis-bench"));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let length = response.into_body().collect().await?.to_bytes().len();
        Ok(Answer { status, length })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// The field that carries a token.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, Failure> {
    Ok(HeaderValue::try_from(format!("Bearer {token}"))?)
}
