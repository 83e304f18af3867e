//! How spans come to a collector, and what becomes of them where they do not.

use std::time::{Duration, Instant};

use portcullis_tests::{Upstream, eventually, eventually_within, get_with};

use super::World;
use super::collector::{Collector, Fate};

impl World {
    fn ask(&self, times: usize) {
        for _ in 0..times {
            let answer = get_with(self.gateway.address, "/orders", &self.fields(""));
            assert_eq!(answer.status, 200);
        }
    }

    fn metric(&self, name: &str) -> u64 {
        self.gateway
            .metric(&format!("portcullis_trace_{name}_total")) as u64
    }
}

#[test]
fn a_collector_that_is_away_costs_spans_and_no_request_and_is_found_again() {
    let collector = Collector::start();
    let address = collector.address;
    let world = World::start(&collector, "queue = 16\nbatch = 4", "");
    drop(collector);
    let since = Instant::now();
    world.ask(50);
    assert!(since.elapsed() < Duration::from_secs(10), "nobody waits");
    eventually("attempts fail", || world.metric("exports") > 0);
    // Four are tried, sixteen wait; the spans of all others are lost.
    let lost = world.metric("spans_dropped");
    assert!((2 * 26..=2 * 34).contains(&lost), "{lost}");
    assert_eq!(world.metric("spans_exported"), 0);
    let collector = Collector::start_at(address);
    eventually_within(Duration::from_secs(20), "what waits arrives", || {
        collector.spans().len() as u64 + world.metric("spans_dropped") == 100
    });
    assert!(collector.spans().len() >= 32, "{}", collector.spans().len());
    let before = collector.spans().len();
    world.ask(3);
    assert_eq!(collector.wait_for(before + 6).len(), before + 6);
    let log = world.log();
    let told = log.matches("the collector takes no spans").count();
    assert_eq!(told, 1, "{log}");
    assert!(log.contains("the collector takes spans again"), "{log}");
}

#[test]
fn a_collector_that_refuses_is_silent_or_takes_a_part_is_heard_and_tried_again() {
    let collector = Collector::start();
    let world = World::start(&collector, "timeout = \"200ms\"", "");
    world.ask(1);
    collector.wait_for(2);
    // For later: unavailable. The same spans come then.
    collector.fate(Fate::Refused(14));
    world.ask(1);
    eventually("an attempt fails", || world.metric("exports") > 1);
    collector.fate(Fate::Silence);
    let failed = world.metric("exports");
    eventually("a silent one fails", || world.metric("exports") > failed);
    collector.fate(Fate::Taken);
    collector.wait_for(4);
    assert_eq!(world.metric("spans_dropped"), 0);
    // For good: permission denied. They are lost, and those of the next are not.
    collector.fate(Fate::Refused(7));
    world.ask(1);
    eventually("they are lost", || world.metric("spans_dropped") == 2);
    // More than there were counts as all.
    for (rejected, dropped) in [(1, 3), (1_000, 5), (-7, 5)] {
        let before = collector.spans().len();
        collector.fate(Fate::Partly(rejected));
        world.ask(1);
        collector.wait_for(before + 2);
        eventually("they are counted", || {
            world.metric("spans_dropped") == dropped
        });
    }
    eventually("those that were taken are counted", || {
        world.metric("spans_exported") == 4 + 1 + 2
    });
    assert!(
        !world.log().contains("too\nmany"),
        "its own words are not ours"
    );
}

#[test]
fn what_is_no_collector_costs_nothing_but_spans() {
    // It answers everything with HTTP/1.1, and "ok".
    let none = Upstream::start_telling("x-odd: 1\r\n");
    for protocol in ["grpc", "http"] {
        let table = format!("protocol = \"{protocol}\"\nqueue = 16\nbatch = 1");
        let world = World::start_at(&format!("http://{}", none.address()), &table, "");
        world.ask(20);
        eventually("attempts fail", || world.metric("exports") > 1);
        world.ask(20);
        assert_eq!(world.metric("spans_exported"), 0);
    }
}

#[test]
fn batches_go_in_http_too_and_bear_the_fields_that_are_secret() {
    let collector = Collector::start_http();
    let world = World::start_at(
        &format!("http://{}/otlp/", collector.address),
        "protocol = \"http\"\nheaders = { x-key = \"open sesame\" }",
        "",
    );
    world.ask(2);
    collector.wait_for(4);
    assert!(
        collector
            .keys()
            .iter()
            .all(|key| key.as_deref() == Some("open sesame"))
    );
    eventually("they are counted", || world.metric("spans_exported") == 4);
    let shown = world.place.run(&["config", "show"]).ok();
    assert!(
        shown.contains("[trace.otlp]") && shown.contains("x-key"),
        "{shown}"
    );
    for text in [shown, world.log()] {
        assert!(!text.contains("sesame"), "{text}");
    }
}

#[test]
fn an_end_sends_what_waits_and_waits_for_nobody_long() {
    for (fate, longest) in [
        (Fate::Taken, Duration::from_secs(2)),
        (Fate::Silence, Duration::from_secs(8)),
    ] {
        let collector = Collector::start();
        let table = "delay = \"1m\"\nheaders = { x-key = { file = \"key\" } }";
        let world = {
            let endpoint = format!("http://{}", collector.address);
            World::start_with_file(&endpoint, table, "key", "open sesame")
        };
        world.ask(5);
        assert!(collector.spans().is_empty(), "the batch waits for more");
        collector.fate(fate);
        let since = Instant::now();
        let log = world.place.path("gateway.log");
        world.gateway.process().signal("TERM");
        assert_eq!(world.gateway.wait(), 0);
        assert!(since.elapsed() < longest, "{:?}", since.elapsed());
        let log = std::fs::read_to_string(log).expect("a log");
        match fate {
            Fate::Taken => {
                collector.wait_for(10);
                assert_eq!(collector.keys(), [Some("open sesame".to_owned())]);
            }
            _ => assert!(log.contains("spans are lost"), "{log}"),
        }
    }
}

/// The end comes while the collector is left alone, after the last attempt at a batch.
#[test]
fn an_end_comes_soon_where_a_batch_was_just_given_up() {
    let collector = Collector::start();
    let world = World::start(&collector, "delay = \"1ms\"", "");
    drop(collector);
    world.ask(1);
    let given_up = || world.metric("spans_dropped") == 2;
    eventually_within(Duration::from_secs(20), "the batch is given up", given_up);
    let since = Instant::now();
    world.gateway.process().signal("TERM");
    assert_eq!(world.gateway.wait(), 0);
    let took = since.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
}
