use std::fs;

use portcullis_tests::{Gateway, Place, Upstream, eventually, get};

use crate::{PROGRAM, service};

#[test]
fn a_token_stands_nowhere_but_where_it_was_printed() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start_with(&place, &service("orders", "/", &upstream), |command| {
        command.env("PORTCULLIS_LOG", "trace");
    });
    let token = place.issue("orders", &["--scope", "*"]);
    let rotated = place
        .run(&["keys", "rotate", Place::id(&token), "--grace", "0s"])
        .ok();
    let rotated = rotated.trim_end();
    assert_eq!(gateway.get("/", rotated).status, 200);
    assert_eq!(gateway.get("/", &token).status, 401);
    let verify = ["keys", "verify", "--service", "orders"];
    let verified = place.run_with(&place.config(), &verify, rotated);
    assert_eq!(verified.status, 0, "{}", verified.stderr);
    let argument = place.run(&["keys", "verify", "--service", "orders", rotated]);
    assert_ne!(argument.status, 0, "a token on the command line is refused");
    place
        .run(&["keys", "revoke", Place::id(&token), "--reason", "leaked"])
        .ok();
    eventually("revoked", || gateway.get("/", rotated).status == 401);

    let command_line =
        fs::read(format!("/proc/{}/cmdline", gateway.process().id())).unwrap_or_default();
    let mut texts = vec![
        ("the command line", command_line),
        (
            "metrics",
            get(gateway.operations, "/metrics", None).body.into_bytes(),
        ),
        (
            "audit",
            place
                .run(&["--output", "json", "audit", "list"])
                .ok()
                .into_bytes(),
        ),
        (
            "a listing",
            place
                .run(&["--output", "json", "keys", "list", "--service", "orders"])
                .ok()
                .into_bytes(),
        ),
        (
            "what verify said",
            (verified.stdout + &verified.stderr).into_bytes(),
        ),
        (
            "an error",
            (argument.stdout + &argument.stderr).into_bytes(),
        ),
    ];
    gateway.process().signal("TERM");
    assert_eq!(gateway.wait(), 0);
    for name in [
        "gateway.log",
        "portcullis.db",
        "portcullis.db-wal",
        "keyring",
        "portcullis.toml",
    ] {
        texts.push((name, fs::read(place.path(name)).unwrap_or_default()));
    }
    let log = &texts
        .iter()
        .find(|(name, _)| *name == "gateway.log")
        .expect("a log")
        .1;
    assert!(
        contains(log, b"TRACE")
            && contains(log, Place::id(&token).get(..8).expect("an id").as_bytes())
    );
    for token in [&token, rotated] {
        // All of the secret, and every part of it that is long enough to tell.
        let secret = &token.as_bytes()[token.len() - 49..];
        for (name, text) in &texts {
            for part in secret.windows(16) {
                assert!(!contains(text, part), "a secret in {name}");
            }
        }
    }
    for seen in upstream.take_seen() {
        assert!(!seen.text().contains(rotated), "{seen:?}");
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
