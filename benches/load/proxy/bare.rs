use std::net::SocketAddr;
use std::sync::Arc;

use http::uri::Authority;
use http::{Request, Response, StatusCode};
use portcullis_benches::Failure;
use portcullis_gateway::body::ProxyBody;
use portcullis_gateway::forward::{Forward, Passage};
use portcullis_gateway::headers::origin::Origin;
use portcullis_gateway::headers::request_id::RequestId;
use portcullis_gateway::path::CanonicalPath;
use portcullis_gateway::server::{PeerAddr, RequestBody, Server, ServerConfig, check_request};
use portcullis_gateway::upstream::{HttpUpstream, UpstreamConfig};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;

use super::Proxy;

/// What the gateway's own stack is made of, less what it asks of a key.
pub(super) async fn start(upstream: SocketAddr) -> Result<Proxy, Failure> {
    let authority: Authority = upstream.to_string().parse()?;
    let upstream = HttpUpstream::new("orders", UpstreamConfig::new(authority))?;
    let forward = Forward::new(Arc::new(upstream));
    let pass = tower::service_fn(move |request: Request<RequestBody>| {
        let forward = forward.clone();
        async move { Ok(pass(&forward, request).await) }
    });
    let service = ServiceBuilder::new()
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(|request: &Request<RequestBody>| {
                    tracing::debug_span!("request", method = %request.method())
                })
                .on_request(())
                .on_body_chunk(())
                .on_eos(())
                .on_failure(()),
        )
        .layer(CatchPanicLayer::custom(|_| answer(StatusCode::INTERNAL_SERVER_ERROR)))
        .service(pass);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = Server::new(listener, ServerConfig::default())?;
    let address = server.local_addr()?;
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(async move {
        server.run(service, async { drop(stopped.await) }).await;
        Ok(())
    });
    Ok(Proxy {
        address,
        tokens: Vec::new(),
        stop,
        served,
    })
}

async fn pass(forward: &Forward, mut request: Request<RequestBody>) -> Response<ProxyBody> {
    let id = RequestId::assign(&mut request);
    let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0);
    let (parts, body) = request.into_parts();
    let mut response = match (check_request(&parts), CanonicalPath::from_uri(&parts.uri)) {
        (Ok(()), Ok(path)) => {
            let passage = Passage {
                path,
                origin: Origin::of_peer(peer),
                host: None,
                identity: None,
            };
            let request = Request::from_parts(parts, body);
            let sent = forward.send(request, passage).await;
            sent.unwrap_or_else(|_| answer(StatusCode::BAD_GATEWAY))
        }
        _ => answer(StatusCode::BAD_REQUEST),
    };
    id.echo(&mut response);
    response
}

fn answer(status: StatusCode) -> Response<ProxyBody> {
    let mut response = Response::new(ProxyBody::empty());
    *response.status_mut() = status;
    response
}
