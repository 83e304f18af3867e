//! What axum's users get beside the layers.

use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

use axum::extract::{ConnectInfo, FromRequestParts, OptionalFromRequestParts, OriginalUri};
use axum::response::IntoResponse;
use http::request::Parts;
use http::{Extensions, Uri};
use portcullis_core::Grant;

use crate::auth::Door;
use crate::reject::{Dialect, Refusal, Refuser};

/// The grant of the request, as an argument of a handler.
///
/// It is a type of its own because [`Grant`] belongs to a crate that knows no
/// HTTP; it can be used like the grant it holds. `Extension<Grant>` works as
/// well, and answers 500 with a text of axum's where the layer is missing;
/// this one answers 500 `misconfigured`. Behind an
/// [optional](crate::ApiKeyLayerBuilder::optional) layer it asks for a key with
/// 401, and `Option<Caller>` is nobody where there is none.
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
    type Rejection = CallerRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, CallerRejection> {
        match find(parts) {
            Found::Caller(caller) => Ok(caller),
            Found::Anonymous(door) => Err(CallerRejection::asking(door, parts)),
            Found::Unchecked => Err(CallerRejection::misconfigured(parts)),
        }
    }
}

/// `Option<Caller>`: nobody where an
/// [optional](crate::ApiKeyLayerBuilder::optional) layer let the request pass
/// without a key. Without any layer it is refused all the same.
impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = CallerRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, CallerRejection> {
        match find(parts) {
            Found::Caller(caller) => Ok(Some(caller)),
            Found::Anonymous(_) => Ok(None),
            Found::Unchecked => Err(CallerRejection::misconfigured(parts)),
        }
    }
}

/// That a request does not reach the handler that asks for its [`Caller`]: 401
/// `missing_credential` where an optional layer let it pass without a key, 500
/// `misconfigured` outside of any [`ApiKeyLayer`](crate::ApiKeyLayer).
#[derive(Debug)]
pub struct CallerRejection {
    door: Option<Door>,
    dialect: Dialect,
}

impl CallerRejection {
    fn asking(door: &Door, parts: &Parts) -> Self {
        Self {
            door: Some(door.clone()),
            dialect: Dialect::of(&parts.headers),
        }
    }

    fn misconfigured(parts: &Parts) -> Self {
        tracing::error!("a handler asks for its caller outside of any ApiKeyLayer");
        Self {
            door: None,
            dialect: Dialect::of(&parts.headers),
        }
    }
}

impl IntoResponse for CallerRejection {
    fn into_response(self) -> axum::response::Response {
        let response = match &self.door {
            Some(door) => {
                let refuser = door.refuser();
                refuser.respond::<axum::body::Body>(&Refusal::MissingCredential, self.dialect)
            }
            None => Refuser::misconfigured(self.dialect),
        };
        response.map(axum::body::Body::new)
    }
}

/// Whose a request is, as the layers left it.
enum Found<'a> {
    Caller(Caller),
    Anonymous(&'a Door),
    Unchecked,
}

fn find(parts: &Parts) -> Found<'_> {
    match (parts.extensions.get::<Grant>(), parts.extensions.get()) {
        (Some(grant), _) => Found::Caller(Caller(grant.clone())),
        (None, Some(door)) => Found::Anonymous(door),
        (None, None) => Found::Unchecked,
    }
}

/// The peer that axum's own server saw.
pub(crate) fn connected_from(extensions: &Extensions) -> Option<IpAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|peer| peer.0.ip())
}

/// The URI that axum remembers for whoever asks for the one that the request
/// came with.
pub(crate) fn original_uri(extensions: &mut Extensions) -> Option<&mut Uri> {
    extensions.get_mut::<OriginalUri>().map(|uri| &mut uri.0)
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

    async fn answer(app: Router, token: Option<&str>) -> (StatusCode, String) {
        let response = app
            .oneshot(request(token).map(Body::new))
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
        let seen = answer(app, Some(key.token.expose())).await;
        assert_eq!(seen, (StatusCode::OK, "acme".to_owned()));
    }

    #[tokio::test]
    async fn a_handler_without_the_layer_is_not_reached() {
        let world = World::new().await;
        let key = world.issue(new_key(ORDERS)).await;
        let app = Router::new().route("/", get(owner));
        let (status, body) = answer(app, Some(key.token.expose())).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(body.contains("\"error\":\"misconfigured\""), "{body}");
    }

    #[tokio::test]
    async fn behind_an_optional_layer_a_handler_may_do_without_a_caller() {
        let world = World::new().await;
        let key = world.issue(new_key(ORDERS)).await;
        let greet = async |caller: Option<Caller>| match caller {
            Some(caller) => caller.owner().to_string(),
            None => "nobody".to_owned(),
        };
        let open = Router::new().route("/", get(greet));
        let (status, _) = answer(open.clone(), Some(key.token.expose())).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "no layer at all");
        let layer = ApiKeyLayer::builder(world.gate.clone(), ORDERS).optional();
        let app = open.layer(layer.build());
        let seen = answer(app.clone(), None).await;
        assert_eq!(seen, (StatusCode::OK, "nobody".to_owned()));
        let seen = answer(app.clone(), Some(key.token.expose())).await;
        assert_eq!(seen, (StatusCode::OK, "acme".to_owned()));
        let (status, _) = answer(app, Some("pck_live_nothing")).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn behind_an_optional_layer_a_handler_that_needs_its_caller_asks_for_it() {
        let world = World::new().await;
        let layer = ApiKeyLayer::builder(world.gate.clone(), ORDERS).optional();
        let app = Router::new().route("/", get(owner)).layer(layer.build());
        let (status, body) = answer(app, None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(body.contains("\"error\":\"missing_credential\""), "{body}");
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
