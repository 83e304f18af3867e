use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderValue, StatusCode, Uri};
use tower::Layer;

use super::{Upstream, field, send};
use crate::auth::ApiKeyLayer;
use crate::client::ClientAddr;
use crate::credential::Credentials;
use crate::testing::{ORDERS, World, new_key, request};

#[tokio::test]
async fn a_header_of_ones_own_is_a_credential_and_is_stripped() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let service = ApiKeyLayer::builder(world.gate.clone(), ORDERS)
        .credentials(Credentials::bearer().or_header("x-api-key"))
        .build()
        .layer(Upstream::default());
    let mut request = request(None);
    request
        .headers_mut()
        .insert("x-api-key", key.token.expose().parse().expect("plain"));
    request
        .extensions_mut()
        .insert(ClientAddr(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let seen = send(service, request).await;
    assert_eq!(seen.0, StatusCode::OK);
    assert!(seen.1.get("seen-x-api-key").is_none());
}

#[tokio::test]
async fn a_cookie_is_a_credential_where_asked_for_and_the_others_go_on() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let cookies = format!("theme=dark; key={}; lang=de", key.token.expose());
    let mut with_cookie = request(None);
    let value = HeaderValue::try_from(cookies).expect("plain");
    with_cookie.headers_mut().insert("cookie", value);

    let credentials = Credentials::bearer().or_cookie("key");
    let service = ApiKeyLayer::builder(world.gate.clone(), ORDERS)
        .credentials(credentials)
        .build()
        .layer(Upstream::default());
    // Looked up, and from the cache.
    for _ in 0..2 {
        let seen = send(service.clone(), with_cookie.clone()).await;
        assert_eq!(seen.0, StatusCode::OK);
        assert_eq!(field(&seen, "seen-cookie"), "theme=dark; lang=de");
    }
    let closed = ApiKeyLayer::new(world.gate.clone(), ORDERS).layer(Upstream::default());
    let seen = send(closed, with_cookie).await;
    assert_eq!(seen.0, StatusCode::UNAUTHORIZED, "nobody asked for cookies");
}

#[tokio::test]
async fn a_parameter_is_a_credential_where_asked_for_and_the_rest_goes_on() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let token = key.token.expose();
    let encoded = token.replace('_', "%5f");
    let credentials = Credentials::bearer().or_query("api_key");
    let service = ApiKeyLayer::builder(world.gate.clone(), ORDERS)
        .credentials(credentials)
        .build()
        .layer(Upstream::default());
    for (target, rest) in [
        (format!("/o?a=%20b&api_key={token}&c=+"), "/o?a=%20b&c=+"),
        (format!("/o?api%5Fkey={encoded}"), "/o"),
    ] {
        let with_query = || {
            let mut request = request(None);
            *request.uri_mut() = target.parse::<Uri>().expect("a target");
            request
        };
        let seen = send(service.clone(), with_query()).await;
        assert_eq!((seen.0, field(&seen, "seen-uri")), (StatusCode::OK, rest));
        let closed = ApiKeyLayer::new(world.gate.clone(), ORDERS).layer(Upstream::default());
        let seen = send(closed, with_query()).await;
        assert_eq!(seen.0, StatusCode::UNAUTHORIZED, "nobody asked for queries");
    }
}
