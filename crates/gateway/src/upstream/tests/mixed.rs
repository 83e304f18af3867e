//! Many exchanges at once, with an upstream that does whatever upstreams do.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::{Method, Request};
use http_body_util::BodyExt;

use super::{full, server, upstream};
use crate::body::ProxyBody;
use crate::upstream::{HttpUpstream, Upstream};
use crate::wire::Wire;

const TASKS: u64 = 8;
const REQUESTS: u64 = 60;

/// How often each request arrived.
type Arrivals = Arc<Mutex<HashMap<String, usize>>>;

/// A number below `sides` that looks random, the same in each run.
fn dice(seed: u64, sides: u64) -> u64 {
    let mixed = (seed ^ (seed >> 3)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) % sides
}

/// An answer to somebody else, should it ever be taken for one.
const WRONG: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong";

async fn serve(mut wire: Wire, arrivals: Arrivals) {
    loop {
        let head = wire.head().await;
        let mut words = head.split([' ', '/']);
        let (method, id) = (words.next().unwrap(), words.nth(1).unwrap().to_owned());
        *arrivals.lock().unwrap().entry(id.clone()).or_default() += 1;
        if method == "POST" {
            wire.until("the end").await;
        }
        if !answer(&mut wire, &id).await {
            return;
        }
    }
}

/// Answers in one of many ways. Says whether the connection stays open.
async fn answer(wire: &mut Wire, id: &str) -> bool {
    let length = id.len();
    let good = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{id}");
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{id}\r\n0\r\n\r\n"
    );
    match dice(id.parse().unwrap(), 16) {
        0 => wire.send(&good.replace("1.1", "1.0")).await,
        1 => {
            wire.send(&good.replace("content", "connection: close\r\ncontent"))
                .await;
        }
        2 => wire.send(&format!("{good}{WRONG}")).await,
        3 => wire.send(&format!("{chunked}{WRONG}")).await,
        4 => {
            wire.send("HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n")
                .await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            let _ = wire.try_send(WRONG).await;
        }
        5 => {
            let both = "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n";
            wire.send(&chunked.replace("transfer-encoding: chunked\r\n\r\n", both))
                .await;
        }
        6 => return false,
        7 => {
            wire.send("HTTP/1.1 200 OK\r\ncontent-le").await;
            return false;
        }
        8 => {
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nwrong")
                .await;
            return false;
        }
        9 => {
            wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nwrong\r\n")
                .await;
            return false;
        }
        10 => {
            wire.send(&good).await;
            return false;
        }
        11 | 12 => wire.send(&chunked).await,
        _ => wire.send(&good).await,
    }
    true
}

/// Says how many requests were answered. Each may fail, and none may get another's answer.
async fn ask(upstream: HttpUpstream, task: u64) -> usize {
    let mut answered = 0;
    for number in 0..REQUESTS {
        let id = (1 + task * REQUESTS + number).to_string();
        let (method, body) = match number % 2 {
            0 => (Method::GET, ProxyBody::empty()),
            _ => (Method::POST, full("the end")),
        };
        let request = Request::builder().method(method).uri(format!("/{id}"));
        let Ok(answer) = upstream.send(request.body(body).unwrap()).await else {
            continue;
        };
        let status = answer.status();
        if let Ok(body) = answer.into_body().collect().await {
            let right = if status == 204 { "" } else { &id };
            assert_eq!(body.to_bytes(), right, "another's answer");
            answered += 1;
        }
    }
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_the_answer_of_another() {
    let arrivals = Arrivals::default();
    let seen = Arc::clone(&arrivals);
    let (address, accepted) = server(move |wire| serve(wire, Arc::clone(&seen))).await;
    let upstream = upstream(address, |_| {});
    let asking: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(ask(upstream.clone(), task)))
        .collect();
    let mut answered = 0;
    for task in asking {
        answered += task.await.unwrap();
    }
    // Five of sixteen kinds of answer are none.
    let all = usize::try_from(TASKS * REQUESTS).unwrap();
    assert!(answered > all / 2, "{answered}");
    let accepted = accepted.load(Ordering::SeqCst);
    assert!(accepted < all, "no connection was used twice: {accepted}");
    for (id, times) in arrivals.lock().unwrap().iter() {
        // Odd numbers are of GET, which is repeated once.
        let most = 1 + usize::from(id.parse::<u64>().unwrap() % 2 == 1);
        assert!(*times <= most, "{id} arrived {times} times");
    }
}
