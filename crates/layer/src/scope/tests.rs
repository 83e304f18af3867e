use std::convert::Infallible;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use portcullis_core::scope::Permission;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use super::RequireScopes;
use crate::auth::ApiKeyLayer;
use crate::testing::{Bytes, ORDERS, World, new_key, request};

const READ: Permission = Permission::from_static("orders:read");
const REFUND: Permission = Permission::from_static("orders:refund");

async fn through(_request: Request<Bytes>) -> Result<Response<Bytes>, Infallible> {
    Ok(Response::new(Bytes::from("through")))
}

#[tokio::test]
async fn a_part_may_require_more_than_the_whole() {
    let world = World::new().await;
    let scopes = |text: &str| text.parse().expect("scopes");
    let reader = world
        .issue(new_key(ORDERS).scopes(scopes("orders:read")))
        .await;
    let clerk = world
        .issue(new_key(ORDERS).scopes(scopes("orders:*")))
        .await;
    let service = ServiceBuilder::new()
        .layer(ApiKeyLayer::new(world.gate.clone(), ORDERS))
        .layer(RequireScopes::all_of([READ, REFUND]))
        .service(service_fn(through));
    let refused = service
        .clone()
        .oneshot(request(Some(reader.token.expose())))
        .await;
    let refused = refused.expect("infallible");
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let challenge = "Bearer realm=\"orders\", error=\"insufficient_scope\", \
                     scope=\"orders:read orders:refund\"";
    assert_eq!(refused.headers()["www-authenticate"], challenge);
    let passed = service
        .clone()
        .oneshot(request(Some(clerk.token.expose())))
        .await;
    assert_eq!(passed.expect("infallible").status(), StatusCode::OK);
    let unknown = service.oneshot(request(None)).await;
    assert_eq!(
        unknown.expect("infallible").status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn one_of_several_permissions_may_be_enough() {
    let world = World::new().await;
    let service = ServiceBuilder::new()
        .layer(ApiKeyLayer::new(world.gate.clone(), ORDERS))
        .layer(RequireScopes::any_of([READ, REFUND]))
        .service(service_fn(through));
    for (scopes, status) in [("orders:refund", 200), ("orders:read", 200), ("users", 403)] {
        let key = world
            .issue(new_key(ORDERS).scopes(scopes.parse().expect("scopes")))
            .await;
        let answer = service
            .clone()
            .oneshot(request(Some(key.token.expose())))
            .await;
        let answer = answer.expect("infallible");
        assert_eq!(answer.status(), status, "{scopes}");
        if status == 403 {
            let challenge = "Bearer realm=\"orders\", error=\"insufficient_scope\", \
                             scope=\"orders:read orders:refund\"";
            assert_eq!(answer.headers()["www-authenticate"], challenge);
        }
    }
}

#[tokio::test]
async fn without_the_layer_all_is_refused() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    for layer in [RequireScopes::all_of([READ]), RequireScopes::all_of([])] {
        let service = layer.layer(service_fn(through));
        let answer = service
            .oneshot(request(Some(key.token.expose())))
            .await
            .expect("infallible");
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = answer
            .into_body()
            .collect()
            .await
            .expect("infallible")
            .to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(problem["error"], "misconfigured");
    }
}

#[tokio::test]
async fn what_it_refuses_has_taken_from_the_rate() {
    let world = World::new().await;
    let rate = "1/m".parse().expect("a rate");
    let key = world.issue(new_key(ORDERS).rate(rate)).await;
    let service = ServiceBuilder::new()
        .layer(ApiKeyLayer::new(world.gate.clone(), ORDERS))
        .layer(RequireScopes::all_of([READ]))
        .service(service_fn(through));
    for expected in [StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS] {
        let answer = service
            .clone()
            .oneshot(request(Some(key.token.expose())))
            .await;
        let answer = answer.expect("infallible");
        assert_eq!(answer.status(), expected);
        assert_eq!(answer.headers()["ratelimit"], "\"default\";r=0;t=60");
    }
}
