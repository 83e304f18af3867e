//! A client that takes nothing any more: nobody polls its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use super::whole::{BOUND, Gateway};
use crate::wire::{LONG, Wire, eventually};

const ANSWER: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// Sends for as long as somebody takes it, and counts the pieces.
async fn pour(mut upstream: Wire, poured: Arc<AtomicUsize>) {
    let piece = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    upstream.send(ANSWER).await;
    while upstream.try_send(&piece).await.is_ok() {
        poured.fetch_add(1, SeqCst);
    }
}

#[tokio::test]
async fn a_download_whose_reader_has_stopped_is_cut_with_its_key() {
    let gateway = Gateway::start().await;
    let key = gateway.issue().await;
    let (mut client, upstream) = gateway.send(&key, "GET", "").await;
    let poured = Arc::new(AtomicUsize::new(0));
    let pouring = tokio::spawn(pour(upstream, Arc::clone(&poured)));
    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    // Until all buffers on the way are full.
    eventually(async || {
        let before = poured.load(SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
        before > 0 && poured.load(SeqCst) == before
    })
    .await;
    let revoked = gateway.revoke(&key).await;
    let ended = tokio::time::timeout(LONG, pouring).await;
    ended.expect("it is cut").expect("no panic");
    assert!(revoked.elapsed() < BOUND, "{:?}", revoked.elapsed());
    // What the client's own machine had taken already is all that it gets.
    let rest = client.closed().await;
    assert!(!rest.ends_with("0\r\n\r\n"), "it looks whole");
    gateway.stopped().await;
}
