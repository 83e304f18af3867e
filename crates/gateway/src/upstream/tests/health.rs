//! Addresses that are asked whether they are well.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Counts, at, get, named, nobody, server, text};
use crate::upstream::{HealthConfig, HttpUpstream, Percent, Upstream, UpstreamConfig};
use crate::wire::{Wire, eventually};

/// A server that can be unwell, and is asked about it.
#[derive(Clone, Default)]
struct Patient {
    is_unwell: Arc<AtomicBool>,
    questions: Arc<Mutex<Vec<String>>>,
    requests: Arc<AtomicUsize>,
}

impl Patient {
    async fn start(&self) -> SocketAddr {
        let patient = self.clone();
        let (address, _) = server(move |wire| patient.clone().serve(wire)).await;
        address
    }

    async fn serve(self, mut wire: Wire) {
        loop {
            let head = wire.head().await;
            if !head.starts_with("GET /up") {
                self.requests.fetch_add(1, Ordering::SeqCst);
                wire.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\np")
                    .await;
                continue;
            }
            self.questions.lock().unwrap().push(head);
            let status = match self.is_unwell.load(Ordering::SeqCst) {
                true => "500 No",
                false => "200 OK",
            };
            wire.send(&format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"))
                .await;
            return;
        }
    }

    fn asked(&self) -> usize {
        self.questions.lock().unwrap().len()
    }
}

fn asking(places: &[SocketAddr]) -> UpstreamConfig {
    let mut config = at(places);
    let mut health = HealthConfig::new("/up".parse().unwrap());
    health.interval = Duration::from_millis(20);
    health.timeout = Duration::from_millis(500);
    config.health = Some(health);
    config
}

fn of(config: UpstreamConfig) -> (HttpUpstream, Counts) {
    Counts::of(|| HttpUpstream::new("orders", config).unwrap())
}

#[tokio::test]
async fn address_that_is_not_well_gets_no_requests_until_it_is() {
    let patient = Patient::default();
    let place = patient.start().await;
    let (upstream, counts) = of(asking(&[place, named("b").await]));
    // `named` says nothing to questions but 200.
    eventually(async || patient.asked() >= 2).await;
    patient.is_unwell.store(true, Ordering::SeqCst);
    eventually(async || counts.get("addresses", "condition=\"down\"") == 1.0).await;
    let before = patient.requests.load(Ordering::SeqCst);
    for _ in 0..6 {
        assert_eq!(text(upstream.send(get()).await.unwrap()).await, "b");
    }
    assert_eq!(patient.requests.load(Ordering::SeqCst), before);
    patient.is_unwell.store(false, Ordering::SeqCst);
    eventually(async || counts.get("addresses", "condition=\"down\"") == 0.0).await;
    for _ in 0..6 {
        text(upstream.send(get()).await.unwrap()).await;
    }
    assert_eq!(patient.requests.load(Ordering::SeqCst), before + 3);
    let questions = patient.questions.lock().unwrap();
    let expected = format!(
        "GET /up HTTP/1.1\r\nhost: {place}\r\nuser-agent: portcullis-health\r\n\
         connection: close\r\n\r\n"
    );
    assert!(
        questions.iter().all(|question| *question == expected),
        "{questions:?}"
    );
    assert!(counts.get("health_checks_total", "outcome=\"bad\"") >= 3.0);
}

#[tokio::test]
async fn where_no_address_is_well_all_of_them_are_asked() {
    let patient = Patient::default();
    patient.is_unwell.store(true, Ordering::SeqCst);
    let (upstream, counts) = of(asking(&[patient.start().await]));
    eventually(async || counts.get("addresses", "condition=\"down\"") == 1.0).await;
    assert_eq!(text(upstream.send(get()).await.unwrap()).await, "p");
    assert_eq!(counts.get("last_resorts_total", ""), 1.0);
}

#[tokio::test]
async fn good_answers_end_an_ejection() {
    let patient = Patient::default();
    let place = patient.start().await;
    let mut config = asking(&[place, nobody().await]);
    config.ejection.failures = 1;
    config.ejection.base = Duration::from_hours(1);
    config.ejection.longest = Duration::from_hours(1);
    config.response_timeout = Duration::from_millis(50);
    let (slow, _) = server(async |mut wire: Wire| {
        let head = wire.head().await;
        if head.starts_with("GET /up") {
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
    })
    .await;
    let authority = slow.to_string().parse().unwrap();
    config.endpoints[1] = crate::upstream::EndpointConfig::new(authority);
    config.ejection.share = "100%".parse::<Percent>().unwrap();
    let (upstream, counts) = of(config);
    // It closes connections on requests, and is well when it is asked.
    eventually(async || {
        text(upstream.send(get()).await.unwrap()).await;
        counts.get("ejections_total", "") >= 2.0
    })
    .await;
    eventually(async || counts.get("addresses", "condition=\"up\"") == 2.0).await;
}

#[tokio::test]
async fn questions_end_with_the_upstream() {
    let patient = Patient::default();
    let (upstream, counts) = of(asking(&[patient.start().await]));
    eventually(async || patient.asked() >= 2).await;
    drop(upstream);
    eventually(async || counts.get("addresses", "condition=\"up\"") == 0.0).await;
    let asked = counts.get("health_checks_total", "outcome=\"good\"");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(counts.get("health_checks_total", "outcome=\"good\""), asked);
}
