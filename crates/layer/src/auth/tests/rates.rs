use std::time::Duration;

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;

use super::{field, open, send};
use crate::testing::{ORDERS, World, new_key, request};

#[tokio::test]
async fn a_rate_is_told_kept_and_given_back() {
    let world = World::new().await;
    let rate = "2/m".parse().expect("a rate");
    let key = world.issue(new_key(ORDERS).rate(rate)).await;
    let (service, upstream) = open(&world);
    let ask = || send(service.clone(), request(Some(key.token.expose())));
    for limit in ["\"default\";r=1;t=30", "\"default\";r=0;t=30"] {
        let seen = ask().await;
        assert_eq!(seen.0, StatusCode::OK);
        assert_eq!(field(&seen, "ratelimit"), limit);
        assert_eq!(field(&seen, "ratelimit-policy"), "\"default\";q=2;w=60");
    }
    world.clock.advance(Duration::from_millis(500));
    let seen = ask().await;
    assert_eq!(seen.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        field(&seen, "retry-after"),
        "30",
        "29.5 seconds, rounded up"
    );
    assert_eq!(field(&seen, "ratelimit"), "\"default\";r=0;t=30");
    assert_eq!(field(&seen, "ratelimit-policy"), "\"default\";q=2;w=60");
    assert!(seen.1.get(WWW_AUTHENTICATE).is_none());
    assert_eq!(upstream.calls(), 2);
    world.clock.advance(Duration::from_millis(29_500));
    assert_eq!(ask().await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_key_without_a_rate_tells_of_none() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let (service, _) = open(&world);
    let seen = send(service, request(Some(key.token.expose()))).await;
    assert!(seen.1.get("ratelimit").is_none() && seen.1.get("ratelimit-policy").is_none());
}
