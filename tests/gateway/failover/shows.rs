use std::thread;
use std::time::{Duration, Instant};

use portcullis_tests::{Gateway, Place, eventually, figure, get};

use super::load::{CLIENTS, Load};
use super::mortal::Mortal;
use crate::PROGRAM;

const HEALTH: &str = "health = { path = \"/healthz\", interval = \"100ms\", timeout = \"300ms\", \
                      healthy = 2, unhealthy = 2 }";

/// A gateway before three servers, with an open route to them.
fn gateway(place: &Place, servers: &[Mortal; 3], further: &str) -> Gateway {
    let endpoints = servers
        .each_ref()
        .map(|server| format!("\"http://{}\"", server.address));
    Gateway::start(
        place,
        &format!(
            "response = \"500ms\"\n\
             [[upstreams]]\nname = \"three\"\nendpoints = [{}]\n\
             ejection = {{ failures = 5, base = \"500ms\", longest = \"1s\" }}\n{further}\n\
             [[routes]]\nname = \"all\"\nprefix = \"/\"\nauth = \"open\"\nupstream = \"three\"\n",
            endpoints.join(", ")
        ),
    )
}

/// How many addresses get requests.
fn up(gateway: &Gateway) -> usize {
    let text = get(gateway.operations, "/metrics", None).body;
    let start = "portcullis_upstream_addresses{upstream=\"three\",condition=\"up\"} ";
    let found = text.lines().find_map(|line| line.strip_prefix(start));
    found
        .and_then(|value| value.parse().ok())
        .expect("a number")
}

/// One of three is killed while it works, and started again two seconds later.
fn dies_and_comes_back(how: &str, further: &str) {
    let place = Place::new(PROGRAM);
    let mut servers = [Mortal::start(), Mortal::start(), Mortal::start()];
    let gateway = gateway(&place, &servers, further);
    let load = Load::on(gateway.address);
    eventually("all of them work", || {
        thread::sleep(Duration::from_millis(200));
        servers.iter().all(|server| server.take_served() > 10)
    });

    let begin = Instant::now();
    servers[0].kill();
    eventually("it is left out", || up(&gateway) == 2);
    let until_out = begin.elapsed();
    let _ = servers.each_ref().map(Mortal::take_served);
    thread::sleep(Duration::from_secs(2));
    let shares = [servers[1].take_served(), servers[2].take_served()];

    let begin = Instant::now();
    servers[0].revive();
    eventually("it gets requests", || servers[0].take_served() > 0);
    let until_back = begin.elapsed();
    eventually("it is as the others", || up(&gateway) == 3);
    eventually("all of them work", || {
        thread::sleep(Duration::from_millis(200));
        servers.iter().all(|server| server.take_served() > 10)
    });
    let seen = load.end();
    figure(&format!(
        "failover, {how}: {} GET of which {} failed, {} POST of which {} failed; \
         left out after {} ms, back after {} ms; the others' shares {shares:?}",
        seen.gets,
        seen.failed_gets.len(),
        seen.posts,
        seen.failed_posts.len(),
        until_out.as_millis(),
        until_back.as_millis(),
    ));
    assert!(seen.failed_gets.is_empty(), "{:?}", seen.failed_gets);
    // Only what was on a connection when it died, and what met a kept one before that was noticed.
    assert!(
        seen.failed_posts.iter().all(|status| *status == 502),
        "{seen:?}"
    );
    assert!(
        seen.failed_posts.len() <= 2 * CLIENTS,
        "{:?}",
        seen.failed_posts
    );
    assert!(until_out < Duration::from_secs(5), "{until_out:?}");
    assert!(until_back < Duration::from_secs(5), "{until_back:?}");
    assert!(
        shares[0].abs_diff(shares[1]) * 5 < shares[0] + shares[1],
        "{shares:?}"
    );
}

#[test]
fn one_of_three_that_dies_costs_no_request_that_may_be_repeated() {
    dies_and_comes_back("by requests alone", "");
}

#[test]
fn one_of_three_that_dies_is_noticed_and_found_again_by_questions() {
    dies_and_comes_back("by questions too", HEALTH);
}

/// Nothing is refused and nothing is closed: each request that it has waits for its time.
#[test]
fn one_of_three_that_freezes_gets_nothing_until_it_answers_again() {
    let place = Place::new(PROGRAM);
    let servers = [Mortal::start(), Mortal::start(), Mortal::start()];
    let gateway = gateway(&place, &servers, HEALTH);
    let load = Load::on(gateway.address);
    eventually("all of them work", || {
        thread::sleep(Duration::from_millis(200));
        servers.iter().all(|server| server.take_served() > 10)
    });
    let begin = Instant::now();
    servers[0].freeze();
    eventually("it is left out", || up(&gateway) == 2);
    let until_out = begin.elapsed();
    let frozen = load.end();
    // From here on it costs nobody anything.
    let _ = servers[0].take_served();
    let load = Load::on(gateway.address);
    thread::sleep(Duration::from_secs(1));
    let after = load.end();
    assert!(
        after.failed_gets.is_empty() && after.failed_posts.is_empty(),
        "{after:?}"
    );
    assert!(after.gets > 0 && servers[0].take_served() == 0);
    servers[0].thaw();
    let load = Load::on(gateway.address);
    let begin = Instant::now();
    eventually("it gets requests", || servers[0].take_served() > 0);
    let until_back = begin.elapsed();
    load.end();
    figure(&format!(
        "failover, one that freezes: {} GET of which {} failed, {} POST of which {} failed; \
         left out after {} ms, back after {} ms",
        frozen.gets,
        frozen.failed_gets.len(),
        frozen.posts,
        frozen.failed_posts.len(),
        until_out.as_millis(),
        until_back.as_millis(),
    ));
    let failed = [frozen.failed_gets, frozen.failed_posts].concat();
    assert!(failed.iter().all(|status| *status == 504), "{failed:?}");
    // Each client meets it once, or twice while it is not noticed.
    assert!(failed.len() <= 4 * CLIENTS, "{failed:?}");
    assert!(until_out < Duration::from_secs(5), "{until_out:?}");
}
