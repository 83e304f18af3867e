//! What ends a request, and what does not.

use std::future::ready;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http::{Request, Response};
use http_body_util::BodyExt;
use portcullis::audit::Actor;
use portcullis::clock::{Clock, ManualClock, Moment};
use portcullis::key::Addresses;
use portcullis::keyring::Keyring;
use portcullis::manager::{Expiry, KeyPatch, NewKey, NewService, Rotation};
use portcullis::scope::Scopes;
use portcullis::store::{BoxFuture, Fault};
use portcullis::token::Presented;
use portcullis::{ClientAddr, Context, KeyManager, MemoryStore, Verdict};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::fixture::{ORDERS, route};
use super::{Served, World};
use crate::body::{BodyError, BodyErrorKind, ProxyBody};
use crate::live::LiveStreams;
use crate::route::{Fate, LivePolicy, RouteMeta};
use crate::server::Lifeline;

const SOON: Duration = Duration::from_millis(150);

/// Shows that the answer is over before its end.
async fn assert_ended(served: &mut Served) {
    let next = served.next().await.expect("it comes at once");
    assert_eq!(next.expect_err("it is ended").kind(), BodyErrorKind::Ended);
    assert!(served.upstream.is_closed());
}

#[tokio::test]
async fn a_quiet_stream_ends_with_its_key_and_its_neighbour_goes_on() {
    let world = World::new().await;
    let (key, other) = (
        world.issue(Expiry::Never).await,
        world.issue(Expiry::Never).await,
    );
    let mut stream = world.served(&key.token, LivePolicy::default()).await;
    let mut neighbour = world.served(&other.token, LivePolicy::default()).await;
    stream.goes_on().await;
    assert!(stream.next().await.is_none(), "it is quiet");
    world.revoke(&key).await;
    world.pass(SOON).await;
    assert_ended(&mut stream).await;
    neighbour.goes_on().await;
    assert_eq!(world.ended("revoked", "aborted"), 1);
    // It was ended in time: nothing is left to cut, and nobody to look at.
    world.pass(Duration::from_secs(1)).await;
    assert!(stream.lifeline.is_over());
    assert_eq!((world.ended("revoked", "cut"), world.streams.len()), (0, 1));
    neighbour.goes_on().await;
}

#[tokio::test]
async fn a_stream_ends_with_its_key_on_another_node() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let mut stream = world.served(&key.token, LivePolicy::default()).await;
    let elsewhere = world.other_node().await;
    let disabled = elsewhere.disable_key(key.key.id, &world.actor).await;
    disabled.expect("disabled");
    stream.goes_on().await;
    world.pass(Duration::from_millis(700)).await;
    assert_ended(&mut stream).await;
    assert_eq!(world.ended("disabled", "aborted"), 1);
}

#[tokio::test]
async fn a_stream_ends_where_its_key_may_not_do_that_any_more() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let mut stream = world.served(&key.token, LivePolicy::default()).await;
    let patch = KeyPatch::new().scopes("orders:write".parse::<Scopes>().expect("scopes"));
    let updated = world.manager.update_key(key.key.id, patch, &world.actor);
    updated.await.expect("updated");
    world.pass(SOON).await;
    assert_ended(&mut stream).await;
    assert_eq!(world.ended("permission", "aborted"), 1);
}

#[tokio::test]
async fn the_client_s_address_is_what_the_guard_saw() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let of = async |address: &str| {
        let (mut request, lifeline) = world.request(&key.token).await;
        let address: IpAddr = address.parse().expect("an address");
        request.extensions_mut().insert(ClientAddr(address));
        world.serve(request, lifeline, LivePolicy::default()).await
    };
    let (mut inside, mut outside) = (of("::ffff:192.0.2.7").await, of("198.51.100.7").await);
    for served in [&mut inside, &mut outside] {
        served.goes_on().await;
    }
    let networks: Addresses = "192.0.2.0/24".parse().expect("networks");
    let patch = KeyPatch::new().addresses(networks);
    let updated = world.manager.update_key(key.key.id, patch, &world.actor);
    updated.await.expect("updated");
    world.pass(SOON).await;
    inside.goes_on().await;
    assert_ended(&mut outside).await;
}

#[tokio::test]
async fn a_reader_that_has_stopped_is_cut() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let stopped = world.served(&key.token, LivePolicy::default()).await;
    world.revoke(&key).await;
    world.pass(SOON).await;
    assert!(!stopped.lifeline.is_cut(), "it has its time to end");
    world.pass(Duration::from_millis(300)).await;
    assert!(stopped.lifeline.is_cut(), "nobody polls its body");
    assert_eq!(world.ended("revoked", "cut"), 1);
    assert_eq!(world.ended("revoked", "aborted"), 0);
    drop(stopped);
    assert_eq!(world.streams.len(), 0);
}

#[tokio::test]
async fn what_is_answered_is_not_ended_any_more() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let mut whole = world.served(&key.token, LivePolicy::default()).await;
    whole.goes_on().await;
    assert_eq!(world.streams.len(), 1);
    let Served {
        lifeline,
        upstream,
        body,
    } = whole;
    drop(upstream);
    let rest = body.collect().await.expect("whole");
    assert_eq!(rest.to_bytes(), "");
    assert_eq!(world.streams.len(), 0);
    world.revoke(&key).await;
    world.pass(Duration::from_secs(1)).await;
    assert!(lifeline.is_over() && !lifeline.is_cut());
}

#[tokio::test]
async fn a_route_may_let_its_requests_go_on_without_their_key() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let stays = LivePolicy {
        with_key: Fate::Stays,
        ..LivePolicy::default()
    };
    let mut stream = world.served(&key.token, stays).await;
    let loads = world.store.loads();
    world.revoke(&key).await;
    let of_revocation = world.store.loads() - loads;
    world.pass(Duration::from_secs(2)).await;
    stream.goes_on().await;
    assert!(!stream.lifeline.is_cut());
    let read = world.store.loads() - loads;
    assert_eq!(
        read, of_revocation,
        "nothing is read for what would not end it"
    );
}

#[tokio::test]
async fn a_request_that_was_admitted_by_a_key_that_has_ended_since_is_refused() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let (request, lifeline) = world.request(&key.token).await;
    world.revoke(&key).await;
    // Somebody has read it: nobody will look at all once more.
    let presented = Presented::new(key.token.expose().as_bytes());
    let orders = ORDERS;
    let context = Context::new(&orders);
    let verdict = world.manager.validate(presented, &context).await;
    assert!(matches!(verdict, Verdict::Denied(_)));
    world.pass(SOON).await;
    let layer = world.streams.layer(&route(LivePolicy::default()));
    let reached = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&reached);
    let service = layer.layer(service_fn(move |_: Request<ProxyBody>| {
        seen.store(true, Relaxed);
        ready(Ok::<_, BodyError>(Response::new(ProxyBody::empty())))
    }));
    let response = service.oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), 401);
    assert!(!reached.load(Relaxed), "it came to the upstream");
    assert!(lifeline.is_over());
    assert_eq!(world.ended("revoked", "refused"), 1);
}

#[tokio::test]
async fn what_has_to_be_read_for_a_request_that_just_began_is_read_soon() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let (request, lifeline) = world.request(&key.token).await;
    world.revoke(&key).await;
    // The look that the change asked for is over, and the next poll is not due.
    world.pass(Duration::from_millis(300)).await;
    let mut stream = world.serve(request, lifeline, LivePolicy::default()).await;
    stream.goes_on().await;
    world.pass(Duration::from_millis(50)).await;
    assert_ended(&mut stream).await;
}

#[tokio::test]
async fn what_could_not_be_read_is_read_again_until_it_is() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let mut stream = world.served(&key.token, LivePolicy::default()).await;
    world.revoke(&key).await;
    world.store.set(Fault::Fail);
    world.pass(Duration::from_secs(3)).await;
    stream.goes_on().await;
    assert!(world.metrics.render().contains("portcullis_live_unread 1"));
    world.store.set(Fault::None);
    world.pass(Duration::from_millis(300)).await;
    assert_ended(&mut stream).await;
    world.pass(Duration::from_secs(1)).await;
    assert!(world.metrics.render().contains("portcullis_live_unread 0"));
}

#[tokio::test]
async fn a_stream_ends_where_its_key_alone_cannot_be_read_for_longer_than_s() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let stays = LivePolicy {
        with_key: Fate::Stays,
        ..LivePolicy::default()
    };
    let mut stream = world.served(&key.token, LivePolicy::default()).await;
    let mut staying = world.served(&key.token, stays).await;
    let elsewhere = world.other_node().await;
    world.store.damage_reads(Some(key.key.id));
    let reason = "leaked".parse().expect("reason");
    let revoked = elsewhere.revoke_key(key.key.id, reason, &world.actor).await;
    revoked.expect("revoked");
    world.pass(Duration::from_secs(29)).await;
    stream.goes_on().await;
    world.pass(Duration::from_secs(3)).await;
    assert_ended(&mut stream).await;
    assert_eq!(world.ended("cut_off", "aborted"), 1);
    staying.goes_on().await;
}

#[tokio::test]
async fn many_keys_are_read_a_few_at_a_time() {
    let world = World::new().await;
    let mut streams = Vec::new();
    let elsewhere = world.other_node().await;
    for _ in 0..40 {
        let key = world.issue(Expiry::Never).await;
        streams.push(world.served(&key.token, LivePolicy::default()).await);
        let disabled = elsewhere.disable_key(key.key.id, &world.actor).await;
        disabled.expect("disabled");
    }
    let before = world.store.most_loads_at_once();
    assert!(before <= 8, "{before}");
    world.store.hold_loads();
    world.pass(Duration::from_millis(700)).await;
    world.store.wait_held(8).await;
    assert_eq!(world.store.most_loads_at_once(), 8);
    world.store.release();
    world.pass(Duration::from_millis(300)).await;
    for stream in &mut streams {
        assert_ended(stream).await;
    }
}

#[tokio::test]
async fn what_has_no_grant_passes_and_so_does_an_open_route() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let (request, lifeline) = world.request(&key.token).await;
    let open = RouteMeta {
        guard: None,
        ..route(LivePolicy::default())
    };
    let inner = service_fn(async |_: Request<ProxyBody>| {
        Ok::<_, BodyError>(Response::new(ProxyBody::empty()))
    });
    let response = world.streams.layer(&open).layer(inner).oneshot(request);
    assert_eq!(response.await.expect("an answer").status(), 200);
    assert!(!lifeline.is_over(), "it was not entered");
    let guarded = world
        .streams
        .layer(&route(LivePolicy::default()))
        .layer(inner);
    let response = guarded.oneshot(Request::new(ProxyBody::empty())).await;
    assert_eq!(response.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_secret_that_is_rotated_away_takes_its_streams_and_no_others() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let mut old = world.served(&key.token, LivePolicy::default()).await;
    let rotation = Rotation::default().grace(Duration::ZERO);
    let new = world.manager.rotate_key(key.key.id, rotation, &world.actor);
    let new = new.await.expect("rotated");
    let mut new = world.served(&new.token, LivePolicy::default()).await;
    world.pass(SOON).await;
    assert_ended(&mut old).await;
    new.goes_on().await;
}

/// A clock that says, at each reading, how many requests are being served.
#[derive(Debug, Clone)]
struct Counting {
    inner: ManualClock,
    streams: Arc<Mutex<Option<LiveStreams>>>,
    counts: Arc<Mutex<Vec<usize>>>,
}

impl Clock for Counting {
    fn now(&self) -> Moment {
        if let Some(streams) = &*self.streams.lock().expect("unpoisoned") {
            let count = streams.len();
            self.counts.lock().expect("unpoisoned").push(count);
        }
        self.inner.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.inner.sleep(duration)
    }
}

#[tokio::test]
async fn a_request_is_entered_before_it_is_looked_at() {
    let clock = Counting {
        inner: ManualClock::new(),
        streams: Arc::default(),
        counts: Arc::default(),
    };
    let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
    let manager = KeyManager::builder(MemoryStore::new())
        .keyring(keyring)
        .clock(clock.clone());
    let manager = manager.build().await.expect("built");
    let actor = Actor::new("test").expect("name");
    let service = manager.create_service(NewService::new(ORDERS), &actor);
    service.await.expect("created");
    let (owner, name) = ("acme".parse(), "job".parse());
    let key = NewKey::new(ORDERS, owner.expect("owner"), name.expect("name"))
        .scopes("orders:*".parse().expect("scopes"));
    let issued = manager.create_key(key, &actor).await.expect("issued");
    let presented = Presented::new(issued.token.expose().as_bytes());
    let orders = ORDERS;
    let context = Context::new(&orders);
    let Verdict::Granted(grant) = manager.validate(presented, &context).await else {
        panic!("not granted");
    };
    let streams = LiveStreams::new(manager);
    let mut request = Request::new(ProxyBody::empty());
    request.extensions_mut().insert(grant);
    let lifeline = Lifeline::new(Arc::new(AtomicWaker::new()));
    request.extensions_mut().insert(lifeline);
    *clock.streams.lock().expect("unpoisoned") = Some(streams.clone());
    let layer = streams.layer(&route(LivePolicy::default()));
    let mut service = layer.layer(service_fn(async |_: Request<ProxyBody>| {
        Ok::<_, BodyError>(Response::new(ProxyBody::empty()))
    }));
    let answer = service.call(request);
    *clock.streams.lock().expect("unpoisoned") = None;
    // Whoever ends its key now looks at it as well.
    assert_eq!(*clock.counts.lock().expect("unpoisoned"), [1]);
    drop(answer);
    assert_eq!(streams.len(), 0, "nobody waits for its answer");
}
