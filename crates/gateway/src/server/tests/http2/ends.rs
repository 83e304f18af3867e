use super::{CANCEL, Client, DATA, RST_STREAM};
use crate::body::BodyErrorKind;
use crate::server::tests::{SHORT, start};
use crate::wire::eventually;

/// The client allows for no more of the answer: hyper waits for it, and polls nothing of ours.
#[tokio::test]
async fn request_that_is_cut_ends_its_stream_alone() {
    let (server, world) = start(|_| {}).await;
    let mut client = Client::connect(server.address).await;
    client.get(1, "/endless").await;
    let mut taken = 0;
    while taken < 65_535 {
        taken += client.until(DATA).await.payload.len();
    }
    world.cut_last();
    let reset = client.until(RST_STREAM).await;
    assert_eq!((reset.stream, reset.code()), (1, CANCEL));
    assert_eq!(server.stats.read().requests_cut, 1);
    client.get(3, "/").await;
    assert_eq!(client.answer().await, (3, 200));
}

#[tokio::test]
async fn upload_that_is_cut_ends_though_somebody_else_reads_it() {
    let (server, world) = start(|_| {}).await;
    let mut client = Client::connect(server.address).await;
    client.post(1, "/aside").await;
    client.frame(DATA, 0, 1, b"hello").await;
    world.came.notified().await;
    world.cut_last();
    let reset = client.until(RST_STREAM).await;
    assert_eq!((reset.stream, reset.code()), (1, CANCEL));
    eventually(async || world.echoed.lock().unwrap().len() == 1).await;
    let echoed = world.echoed.lock().unwrap();
    assert_eq!(*echoed, [Err(BodyErrorKind::Ended)]);
}

#[tokio::test]
async fn answer_that_is_not_taken_ends_its_stream_alone() {
    let (server, _world) = start(|config| config.write_timeout = SHORT).await;
    let mut client = Client::connect(server.address).await;
    client.get(1, "/endless").await;
    let reset = client.until(RST_STREAM).await;
    assert_eq!((reset.stream, reset.code()), (1, CANCEL));
    let counts = server.stats.read();
    assert_eq!((counts.write_timeouts, counts.requests_cut), (1, 0));
    client.get(3, "/slow").await;
    assert_eq!(
        client.answer().await,
        (3, 200),
        "nothing to take is no fault"
    );
}

#[tokio::test]
async fn answer_that_breaks_off_resets_its_stream() {
    let (server, _world) = start(|_| {}).await;
    let mut client = Client::connect(server.address).await;
    client.get(1, "/broken").await;
    let reset = client.until(RST_STREAM).await;
    const INTERNAL_ERROR: u32 = 2;
    assert_eq!((reset.stream, reset.code()), (1, INTERNAL_ERROR));
    client.get(3, "/").await;
    assert_eq!(client.answer().await, (3, 200));
}

#[tokio::test]
async fn request_that_panics_ends_its_stream_alone() {
    let (server, _world) = start(|_| {}).await;
    let mut client = Client::connect(server.address).await;
    client.get(1, "/panic").await;
    assert_eq!(client.until(RST_STREAM).await.stream, 1);
    client.get(3, "/").await;
    assert_eq!(client.answer().await, (3, 200));
}
