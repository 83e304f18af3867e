use super::frames::{END_HEADERS, END_STREAM, head};
use super::{Client, DATA, HEADERS, RST_STREAM};
use crate::body::BodyErrorKind;
use crate::server::tests::start;
use crate::wire::{Wire, eventually};

#[tokio::test]
async fn requests_of_one_connection_are_answered_side_by_side() {
    let (server, world) = start(|_| {}).await;
    let all = world.gate.acquire_many(1 << 20).await.unwrap();
    world.gate.forget_permits(usize::MAX);
    let mut client = Client::connect(server.address).await;
    for stream in [1, 3, 5] {
        client.get(stream, "/").await;
        world.came.notified().await;
    }
    drop(all);
    let mut answered = Vec::new();
    for _ in 0..3 {
        answered.push(client.answer().await);
    }
    answered.sort_unstable();
    assert_eq!(answered, [(1, 200), (3, 200), (5, 200)]);
    let counts = server.stats.read();
    assert_eq!((counts.accepted, counts.http2_connections), (1, 1));
}

#[tokio::test]
async fn who_speaks_http1_is_served_beside_and_who_may_not_speak_http2_is_told_in_http1() {
    let (both, _world) = start(|_| {}).await;
    let mut old = Wire::connect(both.address).await;
    old.send("P").await;
    old.send("OST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
        .await;
    assert!(old.head().await.starts_with("HTTP/1.1 200 "));
    let (one, _world) = start(|config| config.http2 = None).await;
    let mut wire = Wire::connect(one.address).await;
    wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let answer = wire.closed().await;
    assert!(answer.starts_with("HTTP/1.1 505 "), "{answer}");
    assert_eq!(one.stats.read().http2_connections, 0);
}

#[tokio::test]
async fn upload_that_is_reset_without_an_error_is_not_whole() {
    let (server, world) = start(|_| {}).await;
    let mut client = Client::connect(server.address).await;
    client.post(1, "/aside").await;
    client.frame(DATA, 0, 1, b"hello").await;
    world.came.notified().await;
    client.frame(RST_STREAM, 0, 1, &[0; 4]).await;
    eventually(async || world.echoed.lock().unwrap().len() == 1).await;
    client.post(3, "/aside").await;
    client.frame(DATA, END_STREAM, 3, b"hello").await;
    assert_eq!(client.answer().await, (3, 200));
    let echoed = world.echoed.lock().unwrap();
    assert_eq!(*echoed, [Err(BodyErrorKind::Broken), Ok(())]);
}

#[tokio::test]
async fn upload_goes_up_whole_with_its_trailers_left_out_of_nothing_else() {
    let (server, _world) = start(|_| {}).await;
    let mut client = Client::connect(server.address).await;
    client.post(1, "/echo").await;
    for piece in ["first ", "second"] {
        client.frame(DATA, 0, 1, piece.as_bytes()).await;
    }
    let mut trailers = vec![0, 3];
    trailers.extend(b"x-y\x01z");
    client
        .frame(HEADERS, END_STREAM | END_HEADERS, 1, &trailers)
        .await;
    assert_eq!(client.answer().await, (1, 200));
    assert_eq!(client.until(DATA).await.payload, b"first second");
}

#[tokio::test]
async fn more_fields_than_are_allowed_are_a_431_and_cookies_are_one() {
    let (server, _world) = start(|config| config.max_headers = 4).await;
    let mut client = Client::connect(server.address).await;
    let whole = END_STREAM | END_HEADERS;
    let crumbs = [("cookie", "a=1"); 9];
    let head = |fields: &[(&str, &str)]| head("GET", "/", fields);
    client.frame(HEADERS, whole, 1, &head(&crumbs)).await;
    assert_eq!(client.answer().await, (1, 200));
    let few = head(&[("x", "1"); 4]);
    client.frame(HEADERS, whole, 3, &few).await;
    assert_eq!(client.answer().await, (3, 200));
    let many = head(&[("x", "1"); 5]);
    client.frame(HEADERS, whole, 5, &many).await;
    assert_eq!(client.answer().await, (5, 431));
}

#[tokio::test]
async fn lengths_and_values_that_hyper_takes_are_refused() {
    let (server, _world) = start(|_| {}).await;
    let mut client = Client::connect(server.address).await;
    let mut stream = 1;
    for (fields, body) in [
        (
            &[("content-length", "5"), ("content-length", "5")][..],
            "hello",
        ),
        (&[("content-length", "")], ""),
        (&[("x", " a")], ""),
        (&[("x", "a\t")], ""),
        (&[("cookie", "a=1"), ("cookie", "b=2 ")], ""),
    ] {
        let head = head("POST", "/", fields);
        client.frame(HEADERS, END_HEADERS, stream, &head).await;
        client
            .frame(DATA, END_STREAM, stream, body.as_bytes())
            .await;
        assert_eq!(client.answer().await, (stream, 400), "{fields:?}");
        stream += 2;
    }
}

#[tokio::test]
async fn answer_to_head_has_the_length_and_not_the_body() {
    let (server, _world) = start(|_| {}).await;
    let mut client = Client::connect(server.address).await;
    let whole = END_STREAM | END_HEADERS;
    let block = head("HEAD", "/", &[]);
    client.frame(HEADERS, whole, 1, &block).await;
    let answer = client.until(HEADERS).await;
    assert_eq!(answer.flags & END_STREAM, END_STREAM);
    // The name's place in the static table (RFC 7541 appendix A), not to be remembered.
    let length = [0x0f, 0x0d];
    assert!(
        answer.payload.windows(2).any(|octets| octets == length),
        "{answer:x?}"
    );
    let faulty = head("HEAD", "/", &[("x", " a")]);
    client.frame(HEADERS, whole, 3, &faulty).await;
    let refused = client.until(HEADERS).await;
    assert_eq!(
        (refused.stream, refused.flags & END_STREAM),
        (3, END_STREAM)
    );
}

#[tokio::test]
async fn trailers_are_handed_on() {
    let (server, _world) = start(|_| {}).await;
    let mut client = Client::connect(server.address).await;
    for (stream, media_type) in [(1, "text/plain"), (3, "application/grpc+proto")] {
        let head = head("GET", "/trailers", &[("content-type", media_type)]);
        let whole = END_STREAM | END_HEADERS;
        client.frame(HEADERS, whole, stream, &head).await;
        assert_eq!(client.answer().await, (stream, 200));
        assert_eq!(client.until(DATA).await.payload, b"body");
        let frame = client.next().await.expect("the end");
        assert_eq!(
            (frame.kind, frame.flags & END_STREAM),
            (HEADERS, END_STREAM)
        );
    }
}
