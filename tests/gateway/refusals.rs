use portcullis_tests::{Gateway, Place, Upstream, eventually, get, get_with};

use crate::databases::copy;
use crate::{PROGRAM, service};

#[test]
fn every_401_is_the_same_but_for_its_date_and_request_id() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services =
        service("orders", "/orders", &upstream) + &service("billing", "/billing", &upstream);
    let gateway = Gateway::start(&place, &services);

    let issue = || place.issue("orders", &["--scope", "*"]);
    let (revoked, disabled, live) = (issue(), issue(), issue());
    place
        .run(&["keys", "revoke", Place::id(&revoked), "--reason", "leaked"])
        .ok();
    place.run(&["keys", "disable", Place::id(&disabled)]).ok();
    let expired = place.issue("orders", &["--scope", "*", "--expires-in", "1s"]);
    let foreign = place.issue("billing", &["--scope", "*"]);
    let trial = place.issue("orders", &["--scope", "*", "--environment", "test"]);
    let rotated = issue();
    place
        .run(&["keys", "rotate", Place::id(&rotated), "--grace", "0s"])
        .ok();
    let retyped = {
        let (rest, last) = live.split_at(live.len() - 1);
        format!("{rest}{}", if last == "0" { "1" } else { "0" })
    };
    // Issued with the same keyring, into another database: never known here.
    let unknown = {
        let elsewhere = place.path("elsewhere.toml");
        std::fs::write(&elsewhere, "[store]\npath = \"elsewhere.db\"\n").expect("written");
        let run = |arguments: &[&str]| place.run_with(&elsewhere, arguments, "").ok();
        run(&["services", "create", "orders"]);
        let create = [
            "keys",
            "create",
            "--service",
            "orders",
            "--owner",
            "a",
            "--name",
            "b",
            "--scope",
            "*",
        ];
        run(&create).trim_end().to_owned()
    };
    // Of our form and checksum, from a keyring of somebody else.
    let invented = {
        let other = Place::new(PROGRAM);
        other.run(&["services", "create", "orders"]).ok();
        other.issue("orders", &["--scope", "*"])
    };
    // Of an id that is known here, with a secret that never was: the key was
    // rotated in a copy of the database.
    let stray = {
        copy(&place.path("portcullis.db"), &place.path("copy.db"));
        let aside = place.path("aside.toml");
        std::fs::write(&aside, "[store]\npath = \"copy.db\"\n").expect("written");
        let rotate = ["keys", "rotate", Place::id(&live)];
        place
            .run_with(&aside, &rotate, "")
            .ok()
            .trim_end()
            .to_owned()
    };
    eventually("expired", || gateway.get("/orders", &expired).status == 401);
    drop(upstream.take_seen());

    let reference = gateway.get("/orders", "nonsense").constant();
    assert_eq!(reference.status, 401);
    assert!(
        reference
            .field("www-authenticate")
            .expect("a challenge")
            .contains("invalid_token")
    );
    assert_eq!(
        reference.field("content-type"),
        Some("application/problem+json")
    );
    for (what, token) in [
        ("revoked", &revoked),
        ("disabled", &disabled),
        ("expired", &expired),
        ("of another service", &foreign),
        ("of another environment", &trial),
        ("rotated away", &rotated),
        ("of a wrong secret", &stray),
        ("of a wrong checksum", &retyped),
        ("unknown", &unknown),
        ("invented", &invented),
    ] {
        assert_eq!(
            gateway.get("/orders", token).constant(),
            reference,
            "{what}"
        );
        // Once more, from what is cached now.
        assert_eq!(
            gateway.get("/orders", token).constant(),
            reference,
            "{what}, cached"
        );
    }
    assert_eq!(gateway.get("/orders", &live).status, 200);
    assert_eq!(
        upstream.count(),
        1,
        "none but the live one reached the upstream"
    );
    // The operator knows what the client does not: each was what it is called.
    for reason in [
        "malformed",
        "checksum",
        "tag",
        "unknown",
        "secret",
        "revoked",
        "disabled",
        "expired",
        "rotated",
        "service",
        "environment",
    ] {
        let label = format!("reason=\"{reason}\"");
        eventually(reason, || {
            let metrics = get(gateway.operations, "/metrics", None).body;
            let mut lines = metrics.lines().filter(|line| {
                line.starts_with("portcullis_validations_denied_total{") && line.contains(&label)
            });
            lines.any(|line| !line.ends_with(" 0"))
        });
    }
}

#[test]
fn whatever_is_sent_as_a_credential_has_an_answer() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(
        &place,
        &format!(
            "[credentials]\nheader = \"x-api-key\"\n{}",
            service("orders", "/orders", &upstream)
        ),
    );
    let good = place.issue("orders", &["--scope", "*"]);
    let other = place.issue("orders", &["--scope", "*"]);
    let huge = "a".repeat(64 * 1024);
    for (fields, status) in [
        (format!("authorization: Bearer {good}\r\n"), 200),
        (format!("authorization: bearer {good}\r\n"), 200),
        (format!("x-api-key: {good}\r\n"), 200),
        (String::new(), 401),
        ("authorization: Basic eDp5\r\n".into(), 401),
        (format!("authorization: Bearer {good}x\r\n"), 401),
        (format!("authorization: Bearer  {good}\r\n"), 400),
        ("authorization: Bearer\r\n".into(), 400),
        (format!("authorization: Bearer {good} {good}\r\n"), 400),
        (
            format!("authorization: Bearer {good}, Bearer {other}\r\n"),
            400,
        ),
        (
            format!("authorization: Bearer {good}\r\nauthorization: Bearer {other}\r\n"),
            400,
        ),
        (
            format!("authorization: Bearer {good}\r\nauthorization: Bearer {good}\r\n"),
            400,
        ),
        (
            format!("authorization: Bearer {good}\r\nx-api-key: {other}\r\n"),
            400,
        ),
        (
            format!("authorization: Bearer {good}\r\nx_api_key: {other}\r\n"),
            400,
        ),
        (format!("x-api-key: {good}\r\nx-api-key: {other}\r\n"), 400),
        (format!("authorization: Bearer {good}é\r\n"), 400),
        (format!("authorization: Bearer {huge}\r\n"), 431),
    ] {
        let shown = fields.chars().take(200).collect::<String>();
        let answer = get_with(gateway.address, "/orders", &fields);
        assert_eq!(answer.status, status, "{shown}");
    }
    // A long one that still fits a head is looked at, and refused.
    let long = format!("authorization: Bearer {}\r\n", "a".repeat(20_000));
    assert_eq!(get_with(gateway.address, "/orders", &long).status, 401);
    for seen in upstream.take_seen() {
        assert!(
            !seen.text().contains(&good) && !seen.text().contains(&other),
            "{seen:?}"
        );
    }
}
