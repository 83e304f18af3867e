//! What axum's users get beside the layers.

use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::response::IntoResponse;
use http::Extensions;
use http::request::Parts;
use portcullis_core::Grant;

use crate::reject::{Dialect, Refuser};

/// The grant of the request, as an argument of a handler.
///
/// It is a type of its own because [`Grant`] belongs to a crate that knows no
/// HTTP; it can be used like the grant it holds. `Extension<Grant>` works as
/// well, and answers 500 with a text of axum's where the layer is missing;
/// this one answers 500 `misconfigured`.
///
/// ```
/// use axum::Router;
/// use axum::routing::get;
/// use portcullis_layer::Caller;
///
/// let app: Router = Router::new()
///     .route("/owner", get(|caller: Caller| async move { caller.owner().to_string() }))
///     .route("/key", get(|Caller(grant): Caller| async move { grant.key_id().to_string() }));
/// ```
#[derive(Debug, Clone)]
pub struct Caller(pub Grant);

impl Deref for Caller {
    type Target = Grant;

    fn deref(&self) -> &Grant {
        &self.0
    }
}

impl From<Caller> for Grant {
    fn from(caller: Caller) -> Self {
        caller.0
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Misconfigured;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Misconfigured> {
        let grant = parts.extensions.get::<Grant>();
        grant
            .cloned()
            .map(Self)
            .ok_or_else(|| Misconfigured(Dialect::of(&parts.headers)))
    }
}

/// That a handler asks for its [`Caller`] outside of any
/// [`ApiKeyLayer`](crate::ApiKeyLayer): 500 `misconfigured`.
#[derive(Debug)]
pub struct Misconfigured(Dialect);

impl IntoResponse for Misconfigured {
    fn into_response(self) -> axum::response::Response {
        tracing::error!("a handler asks for its caller outside of any ApiKeyLayer");
        Refuser::misconfigured::<axum::body::Body>(self.0).map(axum::body::Body::new)
    }
}

/// The peer that axum's own server saw.
pub(crate) fn connected_from(extensions: &Extensions) -> Option<IpAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|peer| peer.0.ip())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    use axum::Router;
    use axum::body::Body;
    use axum::extract::ConnectInfo;
    use axum::routing::get;
    use http::{Extensions, StatusCode};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::Caller;
    use crate::auth::ApiKeyLayer;
    use crate::client::ClientAddr;
    use crate::testing::{ORDERS, World, new_key, request};

    async fn owner(caller: Caller) -> String {
        caller.owner().to_string()
    }

    async fn answer(app: Router, token: &str) -> (StatusCode, String) {
        let response = app
            .oneshot(request(Some(token)).map(Body::new))
            .await
            .expect("infallible");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("whole").to_bytes();
        (
            parts.status,
            String::from_utf8(body.to_vec()).expect("text"),
        )
    }

    #[tokio::test]
    async fn a_handler_is_told_its_caller() {
        let world = World::new().await;
        let key = world.issue(new_key(ORDERS)).await;
        let layer = ApiKeyLayer::new(world.gate.clone(), ORDERS);
        let app = Router::new().route("/", get(owner)).layer(layer);
        let seen = answer(app, key.token.expose()).await;
        assert_eq!(seen, (StatusCode::OK, "acme".to_owned()));
    }

    #[tokio::test]
    async fn a_handler_without_the_layer_is_not_reached() {
        let world = World::new().await;
        let key = world.issue(new_key(ORDERS)).await;
        let app = Router::new().route("/", get(owner));
        let (status, body) = answer(app, key.token.expose()).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(body.contains("\"error\":\"misconfigured\""), "{body}");
    }

    #[test]
    fn the_peer_counts_where_nothing_better_is_known() {
        let mut extensions = Extensions::new();
        assert_eq!(ClientAddr::of(&extensions), None);
        let peer = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 1_000));
        extensions.insert(ConnectInfo(peer));
        assert_eq!(ClientAddr::of(&extensions), Some(peer.ip()));
        let better = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
        extensions.insert(ClientAddr(better));
        assert_eq!(ClientAddr::of(&extensions), Some(better));
    }
}
