//! What is told to whoever puts an observer into a request.

use std::sync::{Arc, Mutex};

use portcullis_core::store::Fault;
use portcullis_core::verdict::DenialReason;
use tower::Layer;

use super::{Upstream, send};
use crate::auth::{ApiKey, ApiKeyLayer, Observe, Observer, Outcome};
use crate::reject::RefusalKind;
use crate::testing::{BILLING, ORDERS, World, new_key, request, retyped};

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Outcome>>);

impl Observe for Heard {
    fn decided(&self, outcome: Outcome) {
        self.0.lock().expect("a lock").push(outcome);
    }
}

/// What is told of one request.
async fn told(service: &ApiKey<Upstream>, token: Option<&str>) -> Outcome {
    let heard = Arc::new(Heard::default());
    let mut request = request(token);
    let observer = Observer::new(Arc::<Heard>::clone(&heard));
    request.extensions_mut().insert(observer);
    send(service.clone(), request).await;
    let [outcome] = heard.0.lock().expect("a lock")[..] else {
        panic!("told once");
    };
    outcome
}

#[tokio::test]
async fn every_decision_is_told_with_its_reason_and_its_key() {
    let world = World::new().await;
    let rate = "1/m".parse().expect("a rate");
    let key = world.issue(new_key(ORDERS).rate(rate)).await;
    let foreign = world.issue(new_key(BILLING)).await;
    let stranger = World::new().await.issue(new_key(ORDERS)).await;
    let unread = world.issue(new_key(ORDERS)).await;
    let service = ApiKeyLayer::new(world.gate.clone(), ORDERS).layer(Upstream::default());
    let good = key.token.expose();

    // The first is looked up, the second is found in the cache.
    let admitted = told(&service, Some(good)).await;
    assert_eq!(admitted.key(), Some(key.key.id));
    assert_eq!(admitted.allowance().expect("a rate").remaining(), 0);
    assert_eq!(admitted.refusal(), None);
    let throttled = told(&service, Some(good)).await;
    assert_eq!(throttled.key(), Some(key.key.id));
    assert_eq!(throttled.refusal(), Some(RefusalKind::RateLimited));

    let missing = told(&service, None).await;
    assert_eq!(missing, Outcome::MissingCredential);
    assert_eq!(missing.refusal(), Some(RefusalKind::MissingCredential));
    assert_eq!(told(&service, Some("a b")).await, Outcome::InvalidRequest);
    world.store.set(Fault::Fail);
    let unavailable = told(&service, Some(unread.token.expose())).await;
    assert_eq!(unavailable.refusal(), Some(RefusalKind::Unavailable));
    world.store.set(Fault::None);

    for (token, reason, key, claimed) in [
        (
            String::from(foreign.token.expose()),
            DenialReason::Service,
            Some(foreign.key.id),
            None,
        ),
        // Whoever writes this has shown nothing.
        (
            String::from(stranger.token.expose()),
            DenialReason::Tag,
            None,
            Some(stranger.key.id),
        ),
        (retyped(good), DenialReason::Checksum, None, None),
    ] {
        let denied = told(&service, Some(&token)).await;
        assert!(
            matches!(denied, Outcome::Denied(denial) if denial.reason() == reason),
            "{denied:?}"
        );
        assert_eq!(denied.refusal(), Some(RefusalKind::InvalidToken));
        assert_eq!((denied.key(), denied.claimed_key()), (key, claimed));
    }
    let optional = ApiKeyLayer::builder(world.gate.clone(), ORDERS).optional();
    let optional = optional.build().layer(Upstream::default());
    let anonymous = told(&optional, None).await;
    assert_eq!(anonymous, Outcome::Anonymous);
    assert_eq!(anonymous.refusal(), None);
}
