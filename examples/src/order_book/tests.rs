//! How an application tests itself with `portcullis::testing`.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use portcullis::manager::{Expiry, NewKey};
use portcullis::testing::{TestGate, WithKey, gate_with_key};
use portcullis::token::Token;
use tower::ServiceExt;

use super::app;
use super::app::{READ, WRITE};
use super::book::Book;
use crate::ORDERS;

async fn send(app: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = app.clone().oneshot(request).await.expect("infallible");
    let status = response.status();
    let body = to_bytes(response.into_body(), 64 * 1024).await;
    let text = body.expect("a whole body").to_vec();
    (status, String::from_utf8(text).expect("text"))
}

async fn list(app: &Router, token: &Token) -> (StatusCode, String) {
    let request = Request::get("/orders").with_key(token);
    send(app, request.body(Body::empty()).expect("a request")).await
}

async fn place(app: &Router, token: &Token, order: &'static str) -> StatusCode {
    let request = Request::post("/orders").with_key(token);
    let answer = send(app, request.body(Body::from(order)).expect("a request"));
    answer.await.0
}

#[tokio::test]
async fn a_key_lists_an_empty_book() {
    let (gate, token) = gate_with_key(ORDERS, [READ]).await;
    let seen = list(&app(gate), &token).await;
    assert_eq!(seen, (StatusCode::OK, String::new()));
}

#[tokio::test]
async fn without_a_key_nothing_is_listed() {
    let tests = TestGate::new(ORDERS).await;
    let request = Request::get("/orders").body(Body::empty());
    let (status, body) = send(&app(tests.gatekeeper()), request.expect("a request")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(body.contains("missing_credential"), "{body}");
}

#[tokio::test]
async fn an_owner_sees_its_own_orders_alone() {
    let tests = TestGate::new(ORDERS).await;
    let app = app(tests.gatekeeper());
    let ours = tests.key([READ, WRITE]).await;
    let owner = "somebody else".parse().expect("an owner");
    let name = "their key".parse().expect("a name");
    let theirs = NewKey::new(ORDERS, owner, name).scopes("orders:read".parse().expect("scopes"));
    let theirs = tests.issue(theirs).await;
    assert_eq!(place(&app, &ours.token, "tea").await, StatusCode::CREATED);
    assert_eq!(list(&app, &ours.token).await.1, "tea\n");
    assert_eq!(list(&app, &theirs.token).await.1, "");
}

#[tokio::test]
async fn a_reader_places_nothing() {
    let tests = TestGate::new(ORDERS).await;
    let app = app(tests.gatekeeper());
    let reader = tests.key([READ]).await;
    assert_eq!(
        place(&app, &reader.token, "tea").await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(list(&app, &reader.token).await.1, "");
}

#[tokio::test]
async fn everybody_may_count_and_a_bad_key_may_not() {
    let tests = TestGate::new(ORDERS).await;
    let app = app(tests.gatekeeper());
    let clerk = tests.key([WRITE]).await;
    place(&app, &clerk.token, "tea").await;
    let count = || Request::get("/orders/count");
    let anybody = send(&app, count().body(Body::empty()).expect("one")).await;
    assert_eq!(anybody, (StatusCode::OK, "1 orders\n".to_owned()));
    let with_key = count().with_key(&clerk.token).body(Body::empty());
    let owner = send(&app, with_key.expect("one")).await;
    assert_eq!(owner.1, "1 orders, 1 of them yours\n");
    tests.revoke(&clerk).await;
    let revoked = count().with_key(&clerk.token).body(Body::empty());
    let (status, _) = send(&app, revoked.expect("one")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_revoked_key_is_refused_by_the_very_next_request() {
    let tests = TestGate::new(ORDERS).await;
    let app = app(tests.gatekeeper());
    let key = tests.key([READ]).await;
    assert_eq!(list(&app, &key.token).await.0, StatusCode::OK);
    tests.revoke(&key).await;
    assert_eq!(list(&app, &key.token).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn keys_for_trials_are_refused() {
    let tests = TestGate::new(ORDERS).await;
    let key = tests.test_key([READ]).await;
    let (status, _) = list(&app(tests.gatekeeper()), &key.token).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_ends_when_its_life_is_over() {
    let tests = TestGate::new(ORDERS).await;
    let app = app(tests.gatekeeper());
    let hour = Duration::from_secs(3600);
    let key = tests
        .issue(tests.new_key([READ]).expiry(Expiry::In(hour)))
        .await;
    assert_eq!(list(&app, &key.token).await.0, StatusCode::OK);
    tests.clock().advance(hour);
    assert_eq!(list(&app, &key.token).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_rate_is_kept_and_given_back() {
    let tests = TestGate::new(ORDERS).await;
    let app = app(tests.gatekeeper());
    let rate = "2/m".parse().expect("a rate");
    let key = tests.issue(tests.new_key([READ]).rate(rate)).await;
    for expected in [200, 200, 429] {
        assert_eq!(list(&app, &key.token).await.0.as_u16(), expected);
    }
    tests.clock().advance(Duration::from_secs(30));
    assert_eq!(list(&app, &key.token).await.0, StatusCode::OK);
}

#[tokio::test]
async fn while_the_store_is_away_nobody_is_refused_and_nobody_let_in() {
    let tests = TestGate::new(ORDERS).await;
    let app = app(tests.gatekeeper());
    let (known, unread) = (tests.key([READ]).await, tests.key([READ]).await);
    assert_eq!(list(&app, &known.token).await.0, StatusCode::OK);
    tests.turn_store_off();
    assert_eq!(list(&app, &known.token).await.0, StatusCode::OK, "cached");
    let unknown = list(&app, &unread.token).await.0;
    assert_eq!(unknown, StatusCode::SERVICE_UNAVAILABLE);
    tests.clock().advance(Duration::from_secs(31));
    let stale = list(&app, &known.token).await.0;
    assert_eq!(stale, StatusCode::SERVICE_UNAVAILABLE);
    tests.turn_store_on();
    assert_eq!(list(&app, &known.token).await.0, StatusCode::OK);
    assert_eq!(list(&app, &unread.token).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_book_is_bounded() {
    let tests = TestGate::new(ORDERS).await;
    let app = app(tests.gatekeeper());
    let clerk = tests.key([WRITE]).await;
    for _ in 0..Book::MAX {
        assert_eq!(place(&app, &clerk.token, "tea").await, StatusCode::CREATED);
    }
    let full = place(&app, &clerk.token, "tea").await;
    assert_eq!(full, StatusCode::INSUFFICIENT_STORAGE);
}
