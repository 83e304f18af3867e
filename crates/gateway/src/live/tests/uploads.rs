//! The body of a request that is ended, as the server gives it.

use std::convert::Infallible;

use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use portcullis::verdict::DenialReason;
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tower::service_fn;

use crate::body::{BodyErrorKind, ProxyBody};
use crate::server::{EndReason, Lifeline, RequestBody, Server, ServerConfig};
use crate::wire::{Wire, listener};

const REVOKED: EndReason = EndReason::Denied(DenialReason::Revoked);

/// What came after the first piece: a frame, whether that was the end, and what came then.
#[derive(Debug, PartialEq, Eq)]
struct Rest {
    next: Option<Result<(), BodyErrorKind>>,
    is_whole: bool,
    is_over: bool,
}

/// Ends a request, as its path says, while another task waits for its body: a cut takes the
/// request's own task as well.
async fn end(
    request: Request<RequestBody>,
    told: mpsc::Sender<Rest>,
) -> Result<Response<ProxyBody>, Infallible> {
    let lifeline = request.extensions().get::<Lifeline>().cloned();
    let (lifeline, path) = (lifeline.expect("one"), request.uri().path().to_owned());
    let mut body = request.into_body();
    let first = body.frame().await.expect("a piece").expect("data");
    assert_eq!(first.into_data().expect("data"), "first");
    tokio::spawn(async move {
        let next = body.frame().await;
        let rest = Rest {
            next: next.map(|frame| frame.map(drop).map_err(|error| error.kind())),
            is_whole: body.is_end_stream(),
            is_over: body.frame().await.is_none(),
        };
        told.send(rest).await.expect("told");
    });
    yield_now().await;
    let ended = match path.as_str() {
        "/cut" => lifeline.cut(REVOKED),
        _ => lifeline.end(REVOKED),
    };
    assert!(ended);
    Ok(Response::new(ProxyBody::empty()))
}

#[tokio::test]
async fn an_upload_that_is_ended_fails_and_does_not_come_to_its_end() {
    let (listener, address) = listener().await;
    let server = Server::new(listener, ServerConfig::default()).expect("valid");
    let (tell, mut told) = mpsc::channel(1);
    let (stop, stopped) = oneshot::channel::<()>();
    let service = service_fn(move |request| end(request, tell.clone()));
    let running = tokio::spawn(server.run(service, async { drop(stopped.await) }));
    for path in ["/end", "/cut"] {
        let mut client = Wire::connect(address).await;
        let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        client.send(&head).await;
        client.send("5\r\nfirst\r\n").await;
        let rest = told.recv().await.expect("a rest");
        let failed = Rest {
            next: Some(Err(BodyErrorKind::Ended)),
            is_whole: false,
            is_over: true,
        };
        assert_eq!(rest, failed, "{path}");
    }
    drop(stop);
    running.await.expect("no panic");
}
