//! What time alone ends.

use std::time::Duration;

use portcullis::manager::{Expiry, Rotation};
use portcullis::store::Fault;

use super::World;
use crate::body::BodyErrorKind;
use crate::route::{Fate, LivePolicy};

const HOUR: Duration = Duration::from_secs(3_600);
/// How late the watch may notice that time has passed.
const LATE: Duration = Duration::from_millis(600);

#[tokio::test]
async fn a_stream_ends_when_its_key_expires() {
    let world = World::new().await;
    let key = world.issue(Expiry::In(HOUR)).await;
    let mut stream = world.served(&key.token, LivePolicy::default()).await;
    world.clock.advance(HOUR - Duration::from_secs(2));
    world.pass(Duration::from_secs(1)).await;
    stream.goes_on().await;
    world.pass(Duration::from_secs(1) + LATE).await;
    let next = stream.next().await.expect("at once");
    assert_eq!(next.expect_err("ended").kind(), BodyErrorKind::Ended);
    assert_eq!(world.ended("expired", "aborted"), 1);
}

#[tokio::test]
async fn a_stream_ends_when_the_grace_of_its_secret_is_over() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let mut stream = world.served(&key.token, LivePolicy::default()).await;
    let rotation = Rotation::default().grace(HOUR);
    let rotated = world.manager.rotate_key(key.key.id, rotation, &world.actor);
    rotated.await.expect("rotated");
    world.pass(LATE).await;
    stream.goes_on().await;
    world.clock.advance(HOUR - Duration::from_secs(2));
    world.pass(Duration::from_secs(1)).await;
    stream.goes_on().await;
    world.pass(Duration::from_secs(1)).await;
    let next = stream.next().await.expect("at once");
    assert_eq!(next.expect_err("ended").kind(), BodyErrorKind::Ended);
    assert_eq!(world.ended("rotated", "aborted"), 1);
}

#[tokio::test]
async fn a_node_that_is_cut_off_ends_streams_at_s_where_the_route_says_so() {
    let world = World::new().await;
    let key = world.issue(Expiry::Never).await;
    let ends = LivePolicy {
        cut_off: Fate::Ends,
        ..LivePolicy::default()
    };
    let mut ending = world.served(&key.token, ends).await;
    let mut staying = world.served(&key.token, LivePolicy::default()).await;
    world.store.set(Fault::Fail);
    world.pass(Duration::from_secs(29)).await;
    ending.goes_on().await;
    world.pass(Duration::from_secs(1) + LATE).await;
    let next = ending.next().await.expect("at once");
    assert_eq!(next.expect_err("ended").kind(), BodyErrorKind::Ended);
    assert_eq!(world.ended("cut_off", "aborted"), 1);
    staying.goes_on().await;

    // What was revoked meanwhile ends once the store is back.
    let elsewhere = world.other_node().await;
    let reason = "leaked".parse().expect("reason");
    let revoked = elsewhere.revoke_key(key.key.id, reason, &world.actor).await;
    revoked.expect("revoked");
    world.pass(Duration::from_secs(5)).await;
    staying.goes_on().await;
    world.store.set(Fault::None);
    world.pass(Duration::from_secs(1) + LATE).await;
    let next = staying.next().await.expect("at once");
    assert_eq!(next.expect_err("ended").kind(), BodyErrorKind::Ended);
    assert_eq!(world.ended("revoked", "aborted"), 1);
}
