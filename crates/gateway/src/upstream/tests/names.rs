//! Upstreams at names: their addresses are looked up again and again.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::{Counts, at, everything, get, named, nobody, text};
use crate::upstream::lookup::{Resolve, Resolving};
use crate::upstream::{EndpointConfig, HttpUpstream, Upstream, UpstreamConfig, UpstreamErrorKind};
use crate::wire::{LONG, Wire, eventually, listener};

/// A resolver that says what it is told to.
#[derive(Debug, Default)]
struct Book {
    page: Mutex<Page>,
}

#[derive(Clone, Debug, Default)]
enum Page {
    #[default]
    Missing,
    Silent,
    Found(Vec<SocketAddr>),
}

impl Book {
    fn new(page: Page) -> Arc<Self> {
        Arc::new(Self {
            page: Mutex::new(page),
        })
    }

    fn write(&self, page: Page) {
        *self.page.lock().unwrap() = page;
    }
}

impl Resolve for Book {
    fn resolve(&self, _host: Arc<str>, _port: u16) -> Resolving {
        let page = self.page.lock().unwrap().clone();
        Box::pin(async move {
            match page {
                Page::Missing => Err(io::ErrorKind::NotFound.into()),
                Page::Silent => std::future::pending().await,
                Page::Found(addresses) => Ok(addresses),
            }
        })
    }
}

fn named_upstream(
    book: &Arc<Book>,
    change: impl FnOnce(&mut UpstreamConfig),
) -> (HttpUpstream, Counts) {
    let mut config = UpstreamConfig::new("orders.test".parse().unwrap());
    config.dns_refresh = Duration::from_millis(100);
    change(&mut config);
    let resolver: Arc<dyn Resolve> = Arc::clone(book) as _;
    Counts::of(|| HttpUpstream::with("orders", config, resolver, Rng::with_seed(1)).unwrap())
}

async fn answer(upstream: &HttpUpstream) -> String {
    text(upstream.send(get()).await.unwrap()).await
}

async fn answers(upstream: &HttpUpstream, times: usize) -> String {
    let mut answers = String::new();
    for _ in 0..times {
        answers.push_str(&answer(upstream).await);
    }
    let mut letters: Vec<char> = answers.chars().collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

#[tokio::test]
async fn every_address_of_a_name_gets_requests_and_they_share_its_weight() {
    let (a, b, c) = (named("a").await, named("b").await, named("c").await);
    let book = Book::new(Page::Found(vec![a, b]));
    let (upstream, _) = named_upstream(&book, |config| {
        let authority = c.to_string().parse().unwrap();
        config.endpoints.push(EndpointConfig::new(authority));
    });
    // The other place is there at once; the name is looked up.
    eventually(async || answer(&upstream).await == "a").await;
    assert_eq!(answers(&upstream, 8).await, "aabbcccc");
}

#[tokio::test]
async fn new_addresses_join_and_old_ones_finish_what_they_have() {
    let (listener, old) = listener().await;
    let book = Book::new(Page::Found(vec![old]));
    let (upstream, counts) = named_upstream(&book, |_| {});
    let (answer, mut wire) = tokio::join!(upstream.send(get()), async {
        let mut wire = Wire::accept(&listener).await;
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha")
            .await;
        wire
    });
    let under_way = answer.unwrap();
    book.write(Page::Found(vec![named("n").await]));
    eventually(async || counts.get("addresses", "condition=\"up\"") == 2.0).await;
    assert_eq!(answers(&upstream, 4).await, "nnnn");
    wire.send("lf").await;
    assert_eq!(text(under_way).await, "half");
    // Nobody comes back to it: its connection is closed.
    wire.closed().await;
    eventually(async || counts.get("addresses", "condition=\"up\"") == 1.0).await;
}

#[tokio::test]
async fn last_answer_counts_while_a_name_is_not_found() {
    let book = Book::new(Page::Found(vec![named("a").await]));
    let (upstream, counts) = named_upstream(&book, |_| {});
    assert_eq!(answer(&upstream).await, "a");
    for page in [Page::Missing, Page::Found(Vec::new())] {
        book.write(page);
        let before = counts.get("lookups_total", "outcome=\"bad\"");
        let failed = async || counts.get("lookups_total", "outcome=\"bad\"") >= before + 2.0;
        eventually(failed).await;
        assert_eq!(answer(&upstream).await, "a");
    }
    book.write(Page::Found(vec![named("b").await]));
    eventually(async || answer(&upstream).await == "b").await;
}

#[tokio::test]
async fn name_that_was_never_found_is_told_without_the_name_and_found_later() {
    let book = Book::new(Page::Missing);
    let (upstream, _) = named_upstream(&book, |_| {});
    let error = upstream.send(get()).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Connect);
    assert!(!everything(&error).contains("orders.test"));
    book.write(Page::Found(vec![named("a").await]));
    assert_eq!(answer(&upstream).await, "a");
}

#[tokio::test]
async fn resolver_that_is_silent_holds_nobody_up_for_longer_than_a_connection_may() {
    let book = Book::new(Page::Silent);
    let patience = Duration::from_millis(200);
    let (upstream, _) = named_upstream(&book, |config| config.connect_timeout = patience);
    let begin = Instant::now();
    let error = upstream.send(get()).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::ConnectTimeout);
    assert!(begin.elapsed() >= patience && begin.elapsed() < LONG / 2);
}

#[tokio::test]
async fn name_is_looked_up_sooner_where_nobody_takes_connections() {
    let book = Book::new(Page::Found(vec![nobody().await]));
    let (upstream, _) = named_upstream(&book, |config| {
        config.dns_refresh = Duration::from_hours(1);
    });
    upstream.send(get()).await.unwrap_err();
    book.write(Page::Found(vec![named("a").await]));
    let moved = async || match upstream.send(get()).await {
        Ok(answer) => text(answer).await == "a",
        Err(_) => false,
    };
    eventually(moved).await;
}

#[tokio::test]
async fn looking_up_ends_with_the_upstream() {
    let book = Book::new(Page::Found(vec![named("a").await]));
    let (upstream, counts) = named_upstream(&book, |_| {});
    let other = upstream.clone();
    assert_eq!(answer(&upstream).await, "a");
    drop(upstream);
    let before = counts.get("lookups_total", "outcome=\"good\"");
    eventually(async || counts.get("lookups_total", "outcome=\"good\"") > before).await;
    drop(other);
    eventually(async || Arc::strong_count(&book) == 1).await;
}

/// As [`HttpUpstream::new`] says: nothing is needed before the first request.
#[test]
fn upstream_can_be_made_before_there_is_a_runtime() {
    let mut config = at(&[]);
    let authority = "localhost:1".parse().unwrap();
    config.endpoints.push(EndpointConfig::new(authority));
    let upstream = HttpUpstream::new("orders", config).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = runtime.block_on(upstream.send(get())).unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Connect);
}

#[tokio::test]
async fn endpoints_are_counted_by_how_they_are() {
    let (up, gone) = (named("u").await, nobody().await);
    let book = Book::new(Page::Missing);
    let (upstream, _) = named_upstream(&book, |config| {
        for place in [up, gone] {
            let authority = place.to_string().parse().unwrap();
            config.endpoints.push(EndpointConfig::new(authority));
        }
        config.ejection.failures = 1;
    });
    let counted = || serde_json::to_value(upstream.endpoints()).unwrap();
    let counts = |inside, left_out, unresolved| serde_json::json!({ "in": inside, "left_out": left_out, "unresolved": unresolved });
    assert_eq!(counted(), counts(2, 0, 1));
    eventually(async || {
        let _ = upstream.send(get()).await;
        counted() == counts(1, 1, 1)
    })
    .await;
    // A name with one address that is away, and one that is not, is in.
    book.write(Page::Found(vec![nobody().await, named("n").await]));
    eventually(async || counted() == counts(2, 1, 0)).await;
}
