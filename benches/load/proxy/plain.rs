use std::net::SocketAddr;

use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use portcullis_benches::Failure;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::Proxy;

type PlainBody = BoxBody<Bytes, hyper::Error>;

/// The server and the client of hyper, and nothing between them.
pub(super) async fn start(upstream: SocketAddr) -> Result<Proxy, Failure> {
    let authority: Authority = upstream.to_string().parse()?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build(connector);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, mut stopped) = oneshot::channel();
    let served = tokio::spawn(async move {
        loop {
            let (stream, _) = tokio::select! {
                _ = &mut stopped => return Ok(()),
                accepted = listener.accept() => accepted?,
            };
            stream.set_nodelay(true)?;
            let (client, authority) = (client.clone(), authority.clone());
            let service = hyper::service::service_fn(move |request| {
                let (client, authority) = (client.clone(), authority.clone());
                async move { plainly(&client, authority, request).await }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    Ok(Proxy {
        address,
        tokens: Vec::new(),
        stop,
        served,
    })
}

async fn plainly(
    client: &Client<HttpConnector, Incoming>,
    authority: Authority,
    mut request: Request<Incoming>,
) -> Result<Response<PlainBody>, http::Error> {
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(authority);
    *request.uri_mut() = Uri::from_parts(uri)?;
    Ok(match client.request(request).await {
        Ok(response) => response.map(BodyExt::boxed),
        Err(_) => {
            let nothing = Empty::new().map_err(|never| match never {});
            let mut response = Response::new(nothing.boxed());
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    })
}
