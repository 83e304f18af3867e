use std::time::Duration;

use futures_util::stream;
use portcullis_tests::Place;
use tokio::net::TcpListener;
use tonic::Code;

use super::{Client, PROGRAM, Server, start};

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_every_kind_pass_whole() {
    let (place, server) = (Place::new(PROGRAM), Server::start().await);
    let gateway = start(&place, server.address);
    let token = place.issue("orders", &["--scope", "orders:*"]);
    let client = Client::connect(gateway.address).await;
    let long = "x".repeat(1024 * 1024);
    for (method, asked, answered) in [
        ("Echo", &["one"][..], &["one"][..]),
        ("Echo", &[], &[]),
        ("Echo", &["one", "", "three"], &["one", "", "three"]),
        ("Echo", &[&long, &long], &[&long, &long]),
        ("Count", &["a", "b", "c"], &["3"]),
        ("Count", &[], &["0"]),
        ("Place", &["a"], &["a"]),
    ] {
        let answers = client.ask(method, &token, asked).await;
        assert!(answers.expect(method) == answered, "{method}");
    }
    // Both sides talk, each when the other has said something.
    let (says, hears) = tokio::sync::mpsc::unbounded_channel::<String>();
    let messages = stream::unfold(hears, |mut hears| async move {
        let message = hears.recv().await?;
        Some((message, hears))
    });
    let mut answers = client.call("Echo", &token, messages).await.expect("begun");
    for at in 0..20 {
        says.send(at.to_string()).expect("sent");
        let answer = answers.message().await.expect("answered");
        assert_eq!(answer, Some(at.to_string()));
    }
    drop(says);
    assert_eq!(answers.message().await.expect("an end"), None);
    for method in ["Fail", "FailLate"] {
        let status = client.ask(method, &token, &["a"]).await;
        let status = status.expect_err(method);
        assert_eq!(
            (status.code(), status.message()),
            (Code::NotFound, "no order")
        );
        assert_eq!(status.details(), b"\x08\x03 details");
    }
    assert_eq!(
        gateway.metric("portcullis_upstream_connections_dialled_total") as u32,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_said_in_the_words_of_grpc() {
    let place = Place::new(PROGRAM);
    // Nobody is there.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let away = listener.local_addr().expect("an address");
    drop(listener);
    let gateway = start(&place, away);
    let token = place.issue("orders", &["--scope", "orders:read"]);
    let client = Client::connect(gateway.address).await;
    for (method, token, code) in [
        ("Echo", "pck_live_nothing", Code::Unauthenticated),
        ("Place", &token, Code::PermissionDenied),
        ("Echo", &token, Code::Unavailable),
    ] {
        let status = client.ask(method, token, &["a"]).await.expect_err(method);
        assert_eq!(status.code(), code, "{status:?}");
        assert!(!status.message().contains("127.0.0.1"), "{status:?}");
    }
}

/// `grpc-timeout` is the upstream's to keep: it comes there as the client said it.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_s_own_deadline_is_told_to_the_upstream() {
    let (place, server) = (Place::new(PROGRAM), Server::start().await);
    let gateway = start(&place, server.address);
    let token = place.issue("orders", &["--scope", "orders:read"]);
    let client = Client::connect(gateway.address).await;
    let within = Some(Duration::from_millis(54_321));
    let mut answers = client
        .call_within(within, "Deadline", &token, stream::empty())
        .await
        .expect("begun");
    let told = answers.message().await.expect("answered");
    assert_eq!(told.as_deref(), Some("54321000u"));
}
