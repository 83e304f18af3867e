use std::time::{Duration, Instant};

use portcullis_tests::{Gateway, Place, Stall, Upstream, eventually, figure};

use crate::{PROGRAM, service};

/// P, and what a poll may take: how late a change by another process may be
/// noticed.
const BOUND: Duration = Duration::from_millis(500 + 250);

/// A gateway, and what its log and its keys lie in.
struct Scene {
    place: Place,
    gateway: Gateway,
    _upstream: Upstream,
}

impl Scene {
    fn new() -> Self {
        let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
        let services =
            service("orders", "/orders", &upstream) + &service("billing", "/billing", &upstream);
        let gateway = Gateway::start(&place, &services);
        Self {
            place,
            gateway,
            _upstream: upstream,
        }
    }

    fn status(&self, token: &str) -> u16 {
        self.gateway.get("/orders", token).status
    }

    /// Makes a change by the command line. Every request that is sent later
    /// than the bound after the command has returned is answered by it.
    fn change(&self, arguments: &[&str], token: &str, before: u16, after: u16) {
        assert_eq!(self.status(token), before, "before {arguments:?}");
        self.place.run(arguments).ok();
        let (stall, changed) = (Stall::watch(), Instant::now());
        let mut last = Duration::ZERO;
        while changed.elapsed() < BOUND * 2 {
            let sent = changed.elapsed();
            let status = self.status(token);
            if status == after {
                continue;
            }
            assert_eq!(status, before, "{arguments:?}");
            last = sent;
        }
        let withheld = stall.longest();
        figure(&format!(
            "{} {}: the last request under the old record was sent {last:.0?} later (bound \
             {BOUND:?}, the machine stood still for {withheld:.1?})",
            arguments[0], arguments[1]
        ));
        assert!(last <= BOUND + withheld, "{last:?} after {arguments:?}");
        assert_eq!(self.status(token), after, "after {arguments:?}");
    }
}

#[test]
fn what_the_command_line_changes_reaches_a_running_gateway_within_the_bound() {
    let scene = Scene::new();
    let token = scene.place.issue("orders", &["--scope", "orders:read"]);
    let id = Place::id(&token);
    scene.change(&["keys", "update", id, "--no-scopes"], &token, 200, 403);
    let patch = r#"{"scopes": ["orders:*"]}"#;
    scene.change(&["keys", "update", id, "--patch", patch], &token, 403, 200);
    let elsewhere = ["keys", "update", id, "--address", "192.0.2.0/24"];
    scene.change(&elsewhere, &token, 200, 401);
    let here = [
        "keys",
        "update",
        id,
        "--address",
        "127.0.0.0/8",
        "--address",
        "::1",
    ];
    scene.change(&here, &token, 401, 200);

    // A service's rate counts for keys that have none of their own.
    scene.change(
        &["services", "update", "orders", "--rate", "1/d"],
        &token,
        200,
        429,
    );
    // More than a client that asks without a pause can use up.
    let ample = ["keys", "update", id, "--rate", "1000000/s"];
    scene.change(&ample, &token, 429, 200);
    let retire = ["services", "retire", "orders", "--reason", "moved", "--yes"];
    scene.change(&retire, &token, 200, 401);
    let other = scene.place.issue("billing", &["--scope", "*"]);
    assert_eq!(
        scene.gateway.get("/billing", &other).status,
        200,
        "another service goes on"
    );

    let show = ["--output", "json", "keys", "show", id];
    eventually("what was refused is told by its reason", || {
        let refused = &scene.place.run(&show).json()["usage"]["refused_by"];
        ["ended", "address", "permission"]
            .iter()
            .all(|class| refused[class].as_u64().is_some_and(|count| count > 0))
    });
    let report = scene
        .place
        .run(&["--output", "json", "audit", "verify"])
        .json();
    assert_eq!(report["whole"], true, "{report}");
}

#[test]
fn who_still_uses_the_old_secret_is_shown_until_nobody_does() {
    let scene = Scene::new();
    let old = scene.place.issue("orders", &["--scope", "*"]);
    let id = Place::id(&old);
    let rotated = scene.place.run(&["keys", "rotate", id, "--grace", "1h"]);
    assert!(
        rotated.stderr.contains("Put secret 2 in place of secret 1"),
        "{rotated:?}"
    );
    let new = rotated.ok().trim_end().to_owned();
    let uses = || {
        let key = scene
            .place
            .run(&["--output", "json", "keys", "show", id])
            .json();
        [0, 1].map(|at| {
            let usage = &key["secrets"][at]["usage"];
            let from = usage["last_address"].as_str().map(str::to_owned);
            (usage["granted"].as_u64().expect("a count"), from)
        })
    };
    let (never, loopback) = ((0, None), Some("loopback".to_owned()));
    assert_eq!(uses(), [never.clone(), never.clone()]);
    assert_eq!(scene.status(&old), 200);
    eventually("the old one is seen in use", || {
        uses() == [(1, loopback.clone()), never.clone()]
    });
    for _ in 0..3 {
        assert_eq!(scene.status(&new), 200);
    }
    eventually("the new one is seen in use", || {
        uses() == [(1, loopback.clone()), (3, loopback.clone())]
    });
    let shown = scene.place.run(&["keys", "show", id]).ok();
    let secrets: Vec<&str> = shown
        .lines()
        .filter(|line| line.trim_start().starts_with("secret"))
        .collect();
    assert_eq!(secrets.len(), 2, "{shown}");
    for secret in secrets {
        let told = secret.contains("last used") && secret.contains("from this machine");
        assert!(told, "{shown}");
    }
}

#[test]
fn of_two_people_who_saw_the_same_record_one_changes_it() {
    let place = Place::new(PROGRAM);
    place.run(&["services", "create", "orders"]).ok();
    let token = place.issue("orders", &[]);
    let id = Place::id(&token);
    let update =
        |name: &str| place.run(&["keys", "update", id, "--name", name, "--if-version", "1"]);
    let outcomes = std::thread::scope(|scope| {
        let asking = ["one", "two", "three", "four"].map(|name| {
            let update = &update;
            scope.spawn(move || (name, update(name)))
        });
        asking.map(|asking| asking.join().expect("asked"))
    });
    let winners: Vec<&str> = outcomes
        .iter()
        .filter(|(_, outcome)| outcome.status == 0)
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    for (_, outcome) in &outcomes {
        let words = ["is of version 2, not 1", "was changed by somebody else"];
        let told = words.iter().any(|words| outcome.stderr.contains(words));
        let lost = outcome.status == 4 && told;
        assert!(outcome.status == 0 || lost, "{outcome:?}");
    }
    let key = place.run(&["--output", "json", "keys", "show", id]).json();
    assert_eq!(
        (&key["name"], &key["version"]),
        (&winners[0].into(), &2.into())
    );
    // Whoever lost is in the trail as well.
    let trail = place.run(&["--output", "json", "audit", "list"]).json();
    let refused = trail["events"].as_array().expect("a list").iter();
    assert_eq!(
        refused
            .filter(|event| event["refused"] == "conflict")
            .count(),
        3,
        "{trail}"
    );
}
