//! hyper finds the same messages in what goes up, and nothing to refuse.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{LIMITS, Seen, fed, sent};

/// What hyper makes of these octets when it gets them without a feed: how many requests came
/// whole, and all that it answered.
async fn hyper_sees(octets: &[u8]) -> (usize, String) {
    let whole = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&whole);
    let service = service_fn(move |request: Request<Incoming>| {
        let whole = Arc::clone(&counted);
        async move {
            if request.into_body().collect().await.is_ok() {
                *whole.lock().unwrap() += 1;
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let serving = tokio::spawn(
        http1::Builder::new()
            .half_close(true)
            .max_header_size(LIMITS.octets)
            .serve_connection(TokioIo::new(server), service),
    );
    client.write_all(octets).await.unwrap();
    client.shutdown().await.unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    drop(serving.await.unwrap());
    let count = *whole.lock().unwrap();
    (count, answers)
}

fn compare(seen: &Seen) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let up: Vec<u8> = seen
        .messages
        .concat()
        .chars()
        .map(|octet| u8::try_from(octet).unwrap())
        .collect();
    let (count, answers) = runtime.block_on(hyper_sees(&up));
    let whole = seen.messages.len() - usize::from(!seen.is_whole);
    // hyper ends a connection where its client says so; no more can be told then.
    let closes =
        answers.contains("connection: close") || seen.messages.concat().contains("HTTP/1.0");
    assert!(
        count == whole || closes && count < whole,
        "{seen:?} {answers}"
    );
    assert!(!answers.contains("HTTP/1.1 4"), "{seen:?} {answers}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn hyper_takes_what_goes_up_for_the_same_messages(sent in sent()) {
        compare(&fed(&[&sent]));
    }
}

#[test]
fn odd_targets_that_go_up_are_taken() {
    for octet in 0x21..=0x7e_u8 {
        for target in [
            "/a^b",
            "/a?b^c",
            "http://a/^",
            "^",
            "http://a^/",
            "^b/c",
            "/^",
        ] {
            let target = target.replace('^', &char::from(octet).to_string());
            let sent = format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n");
            compare(&fed(&[sent.as_bytes()]));
        }
    }
}
