//! What a client of tonic is told, over a socket.

use std::net::SocketAddr;
use std::time::Duration;

use portcullis::Permission;
use portcullis::testing::{OWNER, TestGate};
use portcullis::token::Token;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::StatusExt;

use super::run;
use super::run::serve;
use crate::{ORDERS, Options};

const READ: Permission = Permission::from_static("orders:read");

type Answer = Result<Response<HealthCheckResponse>, Status>;

async fn connected(address: SocketAddr) -> HealthClient<Channel> {
    let endpoint = Endpoint::try_from(format!("http://{address}")).expect("an address");
    HealthClient::new(endpoint.connect().await.expect("connected"))
}

/// A client of the service behind this gate. The server ends with the runtime.
async fn client(tests: &TestGate) -> HealthClient<Channel> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(listener, tests.gatekeeper(), std::future::pending()));
    connected(address).await
}

async fn check(client: &mut HealthClient<Channel>, credential: Option<&str>) -> Answer {
    let mut request = Request::new(HealthCheckRequest::default());
    if let Some(value) = credential {
        let value = MetadataValue::try_from(value).expect("metadata");
        request.metadata_mut().insert("authorization", value);
    }
    client.check(request).await
}

async fn with_key(client: &mut HealthClient<Channel>, token: &Token) -> Answer {
    check(client, Some(&format!("Bearer {}", token.expose()))).await
}

/// Status, message, and the seconds to wait: of RetryInfo, and of the metadata.
fn told(answer: Answer) -> (Code, String, Option<Duration>, Option<String>) {
    let status = answer.expect_err("a refusal");
    let retry = status.get_details_retry_info();
    let after = field(status.metadata(), "retry-after");
    (
        status.code(),
        status.message().to_owned(),
        retry.and_then(|retry| retry.retry_delay),
        after.map(str::to_owned),
    )
}

fn field<'a>(metadata: &'a MetadataMap, name: &str) -> Option<&'a str> {
    let value = metadata.get(name)?;
    Some(value.to_str().expect("visible"))
}

#[tokio::test]
async fn a_good_key_is_answered_and_the_service_knows_whose_it_is() {
    let tests = TestGate::new(ORDERS).await;
    let key = tests.key([READ]).await;
    let mut client = client(&tests).await;
    for _ in 0..2 {
        let answer = with_key(&mut client, &key.token).await.expect("answered");
        assert_eq!(answer.get_ref().status, 1);
        assert_eq!(field(answer.metadata(), "owner"), Some(OWNER));
    }
}

#[tokio::test]
async fn a_stream_passes_whole() {
    let tests = TestGate::new(ORDERS).await;
    let key = tests.key([READ]).await;
    let mut client = client(&tests).await;
    let mut request = Request::new(HealthCheckRequest::default());
    let bearer = format!("Bearer {}", key.token.expose());
    let value = MetadataValue::try_from(bearer).expect("metadata");
    request.metadata_mut().insert("authorization", value);
    let mut stream = client.watch(request).await.expect("answered").into_inner();
    let first = stream.message().await.expect("a message");
    assert_eq!(first.map(|message| message.status), Some(1));
    assert_eq!(stream.message().await.expect("an end"), None);
}

#[tokio::test]
async fn who_has_no_good_key_is_unauthenticated() {
    let tests = TestGate::new(ORDERS).await;
    let mut client = client(&tests).await;
    let missing = check(&mut client, None).await;
    let challenge = missing.as_ref().expect_err("a refusal").metadata();
    let challenge = field(challenge, "www-authenticate");
    assert_eq!(challenge, Some("Bearer realm=\"orders\""));
    let word = |word: &str| (Code::Unauthenticated, word.to_owned(), None, None);
    assert_eq!(told(missing), word("missing_credential"));
    let bad = check(&mut client, Some("Bearer pck_live_nothing")).await;
    assert_eq!(told(bad), word("invalid_token"));
    let revoked = tests.key([READ]).await;
    tests.revoke(&revoked).await;
    let revoked = with_key(&mut client, &revoked.token).await;
    assert_eq!(told(revoked), word("invalid_token"));
    let malformed = check(&mut client, Some("Bearer a b")).await;
    assert_eq!(told(malformed).0, Code::InvalidArgument);
}

#[tokio::test]
async fn who_lacks_a_permission_is_denied() {
    let tests = TestGate::new(ORDERS).await;
    let key = tests.key([]).await;
    let answer = with_key(&mut client(&tests).await, &key.token).await;
    let denied = (
        Code::PermissionDenied,
        "insufficient_scope".to_owned(),
        None,
        None,
    );
    assert_eq!(told(answer), denied);
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let tests = TestGate::new(ORDERS).await;
    let rate = "2/h".parse().expect("a rate");
    let key = tests.issue(tests.new_key([READ]).rate(rate)).await;
    let mut client = client(&tests).await;
    for _ in 0..2 {
        with_key(&mut client, &key.token).await.expect("answered");
    }
    let answer = with_key(&mut client, &key.token).await;
    let metadata = answer.as_ref().expect_err("a refusal").metadata();
    let limit = field(metadata, "ratelimit");
    assert_eq!(limit, Some("\"default\";r=0;t=1800"));
    let half_an_hour = Some(Duration::from_secs(1800));
    let exhausted = (
        Code::ResourceExhausted,
        "rate_limited".to_owned(),
        half_an_hour,
        Some("1800".to_owned()),
    );
    assert_eq!(told(answer), exhausted);
}

#[tokio::test]
async fn while_nobody_can_say_it_is_unavailable() {
    let tests = TestGate::new(ORDERS).await;
    let key = tests.key([READ]).await;
    let mut client = client(&tests).await;
    tests.turn_store_off();
    let answer = told(with_key(&mut client, &key.token).await);
    let second = (Some(Duration::from_secs(1)), Some("1".to_owned()));
    let unavailable = (
        Code::Unavailable,
        "unavailable".to_owned(),
        second.0,
        second.1,
    );
    assert_eq!(answer, unavailable);
    tests.turn_store_on();
    with_key(&mut client, &key.token).await.expect("answered");
}

#[tokio::test]
async fn the_program_serves_what_its_documentation_says_and_ends_in_order() {
    let (started, start) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        let options = Options { port: 0, dir: None };
        let told = |start| drop(started.send(start));
        run(&options, told, async { drop(stopped.await) }).await
    });
    let start = start.await.expect("started");
    let mut client = connected(start.address).await;
    let bearer = format!("Bearer {}", start.token);
    let answer = check(&mut client, Some(&bearer)).await.expect("answered");
    assert_eq!(field(answer.metadata(), "owner"), Some("acme"));
    drop((stop, client));
    running.await.expect("a task").expect("an orderly end");
}
