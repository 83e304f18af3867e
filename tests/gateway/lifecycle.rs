use std::time::{Duration, Instant};

use portcullis_tests::{Gateway, Place, Stall, Upstream, eventually, figure, get};

use crate::{PROGRAM, service};

/// P, and what a poll may take: how late a change by another process may be
/// noticed.
const BOUND: Duration = Duration::from_millis(500 + 100);

#[test]
fn a_key_lives_and_ends_as_it_should_and_all_of_it_survives_kill_9() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services =
        service("orders", "/orders", &upstream) + &service("billing", "/billing", &upstream);
    let gateway = Gateway::start(&place, &services);

    // Created: it passes, with its identity and without its credential.
    let good = place.issue("orders", &["--scope", "orders:*"]);
    assert_eq!(gateway.get("/orders/7?x=1", &good).status, 200);
    let seen = upstream.take_seen().pop().expect("a request");
    assert_eq!(seen.line, "GET /orders/7?x=1 HTTP/1.1");
    assert_eq!(seen.field("authorization"), Vec::<&str>::new());
    assert_eq!(seen.field("x-portcullis-owner"), ["acme"]);
    assert_eq!(seen.field("x-portcullis-service"), ["orders"]);
    assert_eq!(seen.field("x-portcullis-environment"), ["live"]);
    assert_eq!(seen.field("x-portcullis-scopes"), ["orders:*"]);
    assert_eq!(
        seen.field("x-portcullis-key-id")[0].replace('-', ""),
        Place::id(&good)
    );
    assert!(!seen.text().contains(&good));

    // What it was not issued for.
    let unprivileged = place.issue("orders", &["--scope", "orders:write"]);
    let foreign = place.issue("billing", &["--scope", "*"]);
    let trial = place.issue("orders", &["--scope", "*", "--environment", "test"]);
    let refused = gateway.get("/orders", &unprivileged);
    assert_eq!(refused.status, 403);
    let challenge = refused.field("www-authenticate").expect("a challenge");
    assert!(
        challenge.contains("insufficient_scope") && challenge.contains("orders:read"),
        "{challenge}"
    );
    assert_eq!(gateway.get("/orders", &foreign).status, 401);
    assert_eq!(gateway.get("/orders", &trial).status, 401);
    assert_eq!(gateway.get("/billing", &foreign).status, 200);
    assert_eq!(get(gateway.address, "/orders", None).status, 401);
    assert_eq!(gateway.get("/elsewhere", &good).status, 404);

    // Its rate.
    let slow = place.issue("orders", &["--scope", "*", "--rate", "2/h"]);
    let statuses: Vec<u16> = (0..2)
        .map(|_| gateway.get("/orders", &slow).status)
        .collect();
    assert_eq!(statuses, [200, 200]);
    let throttled = gateway.get("/orders", &slow);
    assert_eq!(throttled.status, 429);
    let wait: u64 = throttled
        .field("retry-after")
        .expect("Retry-After")
        .parse()
        .expect("seconds");
    assert!((1700..=1800).contains(&wait), "{wait}");
    let limit = throttled.field("ratelimit").expect("RateLimit");
    assert!(limit.contains("r=0"), "{limit}");
    assert!(
        throttled
            .field("ratelimit-policy")
            .expect("RateLimit-Policy")
            .contains("q=2")
    );

    // Rotated: all count during their grace, then the newest alone.
    let rotate = |grace| {
        let rotated = place.run(&["keys", "rotate", Place::id(&good), "--grace", grace]);
        rotated.ok().trim_end().to_owned()
    };
    let second = rotate("1h");
    assert_eq!(Place::id(&second), Place::id(&good), "the id stays");
    for token in [&good, &second] {
        assert_eq!(gateway.get("/orders", token).status, 200);
    }
    let rotated = rotate("1s");
    assert_eq!(gateway.get("/orders", &rotated).status, 200);
    eventually("the grace is over", || {
        [&good, &second].map(|token| gateway.get("/orders", token).status) == [401, 401]
    });
    assert_eq!(gateway.get("/orders", &rotated).status, 200);

    // Disabled and enabled, revoked.
    let (off, on) = (
        place.issue("orders", &["--scope", "*"]),
        place.issue("orders", &["--scope", "*"]),
    );
    for token in [&off, &on] {
        assert_eq!(gateway.get("/orders", token).status, 200);
        place.run(&["keys", "disable", Place::id(token)]).ok();
        eventually("disabled", || gateway.get("/orders", token).status == 401);
    }
    place.run(&["keys", "enable", Place::id(&on)]).ok();
    eventually("enabled", || gateway.get("/orders", &on).status == 200);
    let revoked = revoke_while_it_is_used(&place, &gateway);

    let tokens = [&rotated, &good, &second, &revoked, &off, &on, &foreign];
    let statuses = |gateway: &Gateway| tokens.map(|token| gateway.get("/orders", token).status);
    let expected = [200, 401, 401, 401, 401, 200, 401];
    assert_eq!(statuses(&gateway), expected);
    gateway.kill();
    let gateway = Gateway::start(&place, &services);
    assert_eq!(statuses(&gateway), expected, "after kill -9");
    // And it goes on: what is issued, rotated and revoked from here on counts.
    let newest = rotate("0s");
    eventually("rotated again", || {
        gateway.get("/orders", &rotated).status == 401
    });
    assert_eq!(gateway.get("/orders", &newest).status, 200);
    revoke_while_it_is_used(&place, &gateway);
    let report = place.run(&["--output", "json", "audit", "verify"]).json();
    assert_eq!(report["whole"], true, "{report}");
}

/// Revokes a key that is in use, by the command line. Every request that is
/// sent later than the bound after the command has returned is refused.
fn revoke_while_it_is_used(place: &Place, gateway: &Gateway) -> String {
    let token = place.issue("orders", &["--scope", "*"]);
    assert_eq!(gateway.get("/orders", &token).status, 200);
    place
        .run(&["keys", "revoke", Place::id(&token), "--reason", "leaked"])
        .ok();
    let (stall, revoked) = (Stall::watch(), Instant::now());
    let (mut last_accepted, mut requests) = (Duration::ZERO, 0);
    while revoked.elapsed() < BOUND * 3 {
        let sent = revoked.elapsed();
        requests += 1;
        match gateway.get("/orders", &token).status {
            200 => last_accepted = sent,
            status => assert_eq!(status, 401),
        }
    }
    let withheld = stall.longest();
    figure(&format!(
        "revoked by the command line: of {requests} requests the last accepted one was sent \
         {last_accepted:.0?} later (bound {BOUND:?}, the machine stood still for {withheld:.1?})"
    ));
    assert!(
        last_accepted <= BOUND + withheld,
        "accepted {last_accepted:?} after the revocation, bound {BOUND:?}, withheld {withheld:?}"
    );
    token
}

#[test]
fn what_is_used_is_counted_and_shown() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/orders", &upstream));
    let token = place.issue("orders", &["--scope", "*", "--rate", "5/h"]);
    let statuses: Vec<u16> = (0..7)
        .map(|_| gateway.get("/orders", &token).status)
        .collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
    eventually("the counts are written", || {
        let key = place
            .run(&["--output", "json", "keys", "show", Place::id(&token)])
            .json();
        let usage = &key["usage"];
        usage["granted"] == 7 && usage["throttled"] == 2 && !usage["last_used_at"].is_null()
    });
    eventually("the metrics tell as well", || {
        gateway.metric("portcullis_validations_granted_total") >= 7.0
    });
}

#[test]
fn a_token_that_was_just_made_counts_at_once_however_many_use_it() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/orders", &upstream));
    let mut tokens = vec![place.issue("orders", &["--scope", "*"])];
    for _ in 0..3 {
        // The key is cached, without the secret that is made now.
        assert_eq!(gateway.get("/orders", &tokens[0]).status, 200);
        let rotate = ["keys", "rotate", Place::id(&tokens[0]), "--grace", "1h"];
        tokens.push(place.run(&rotate).ok().trim_end().to_owned());
        let statuses = std::thread::scope(|scope| {
            let ask = |at: usize| gateway.get("/orders", &tokens[at % tokens.len()]).status;
            let asking: Vec<_> = (0..16).map(|at| scope.spawn(move || ask(at))).collect();
            let answers = asking
                .into_iter()
                .map(|asking| asking.join().expect("asked"));
            answers.collect::<Vec<u16>>()
        });
        assert_eq!(statuses, [200; 16]);
    }
}
