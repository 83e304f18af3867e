use std::time::{Duration, Instant};

use futures_util::stream;
use portcullis_tests::{Place, eventually};
use tonic::Code;

use super::{Client, PROGRAM, Server, start, start_with};

/// How often the gateway asks for changes, by default, and a second.
const BOUND: Duration = Duration::from_millis(1_500);

/// Both keys' calls are on one connection of the client's, and on one to the upstream.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_with_its_key_and_another_key_s_goes_on() {
    let (place, server) = (Place::new(PROGRAM), Server::start().await);
    let gateway = start(&place, server.address);
    let read = ["--scope", "orders:read"];
    let (ends, stays) = (place.issue("orders", &read), place.issue("orders", &read));
    let client = Client::connect(gateway.address).await;
    let mut ending = client
        .call("Endless", &ends, stream::empty())
        .await
        .expect("begun");
    let mut staying = client
        .call("Endless", &stays, stream::pending())
        .await
        .expect("begun");
    assert!(ending.message().await.expect("a message").is_some());
    assert!(staying.message().await.expect("a message").is_some());
    assert_eq!(server.open(), 2);

    place
        .run(&["keys", "revoke", Place::id(&ends), "--reason", "left"])
        .ok();
    let revoked = Instant::now();
    let status = loop {
        if let Err(status) = ending.message().await {
            break status;
        }
    };
    let took = revoked.elapsed();
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    assert!(took < BOUND, "{took:?}");
    eventually("the upstream is rid of it", || server.open() == 1);
    for _ in 0..20 {
        assert!(staying.message().await.expect("a message").is_some());
    }
    assert_eq!(
        gateway.metric("portcullis_upstream_connections_dialled_total") as u32,
        1
    );
}

/// The gateway's own time for a call is told as gRPC tells it, and never like an end in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_time_is_over_ends_with_that_status() {
    let (place, server) = (Place::new(PROGRAM), Server::start().await);
    let gateway = start_with(&place, server.address, "whole = \"500ms\"");
    let token = place.issue("orders", &["--scope", "orders:read"]);
    let client = Client::connect(gateway.address).await;
    let since = Instant::now();
    let mut answers = client
        .call("Endless", &token, stream::pending())
        .await
        .expect("begun");
    let status = loop {
        match answers.message().await {
            Ok(message) => assert!(message.is_some(), "it looks whole"),
            Err(status) => break status,
        }
    };
    assert!(since.elapsed() >= Duration::from_millis(500));
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert_eq!(
        status.message(),
        "upstream `orders` did not come to an end in time"
    );
    eventually("the upstream is rid of it", || server.open() == 0);
    // The connection goes on.
    let all = client.ask("Echo", &token, &["a"]).await;
    assert_eq!(all.expect("answered"), ["a"]);
}
