//! Secrets stand nowhere but where they were printed.

use std::collections::HashSet;
use std::fs;

use portcullis_tests::{
    Forger, Gateway, Outcome, Place, Process, Upstream, eventually, get, get_with, piped, send,
};

use crate::{PROGRAM, service};

/// As much of a secret as nobody writes by chance.
const PART: usize = 16;

/// Secrets, and every text in which none may be.
#[derive(Default)]
struct Canaries {
    secrets: Vec<String>,
    texts: Vec<(String, Vec<u8>)>,
}

impl Canaries {
    /// A token's secret digits, or any other secret.
    fn secret(&mut self, secret: &str) {
        let digits = secret.len().saturating_sub(49);
        let of_token = secret.contains('_').then(|| &secret[digits..]);
        self.secrets.push(of_token.unwrap_or(secret).to_owned());
    }

    fn text(&mut self, name: impl Into<String>, text: impl Into<Vec<u8>>) {
        self.texts.push((name.into(), text.into()));
    }

    /// What a command said, on whatever stream.
    fn said(&mut self, name: impl Into<String>, outcome: &Outcome) {
        self.text(name, format!("{}{}", outcome.stdout, outcome.stderr));
    }

    /// All files of the folder but those that are there to keep secrets.
    fn files(&mut self, place: &Place) {
        for file in fs::read_dir(place.path("")).expect("a folder") {
            let file = file.expect("a file");
            let name = file.file_name().into_string().expect("a name");
            if name != "keyring" && !name.ends_with(".in") && file.path().is_file() {
                self.text(name, fs::read(file.path()).expect("read"));
            }
        }
    }

    fn check(&self) {
        let parts: HashSet<&[u8]> = self
            .secrets
            .iter()
            .flat_map(|secret| secret.as_bytes().windows(PART))
            .collect();
        assert!(parts.len() > self.secrets.len() * 20, "whole secrets");
        for (name, text) in &self.texts {
            let found = text.windows(PART).find(|part| parts.contains(part));
            let around = found.map(String::from_utf8_lossy);
            assert_eq!(around, None, "a secret in {name}");
        }
    }
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len())
        .any(|window| window == part.as_bytes())
}

#[test]
fn a_secret_stands_nowhere_but_where_it_was_printed() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services = format!(
        "[credentials]\nheader = \"x-api-key\"\n{}",
        service("orders", "/", &upstream)
    );
    let gateway = Gateway::start_with(&place, &services, |command| {
        command.env("PORTCULLIS_LOG", "trace");
    });
    let mut canaries = Canaries::default();
    let keyring = fs::read_to_string(place.path("keyring")).expect("a keyring");
    let root = keyring.split_whitespace().find(|word| word.len() == 64);
    canaries.secret(root.expect("a root"));
    let token = place.issue("orders", &["--scope", "*"]);
    let rotated = place
        .run(&["keys", "rotate", Place::id(&token), "--grace", "0s"])
        .ok();
    let rotated = rotated.trim_end();
    fs::write(place.path("many.in"), many(3)).expect("written");
    let many = place.run(&["keys", "create-many", "many.in"]).ok();
    let many: Vec<String> = many.lines().map(token_of).collect();
    assert_eq!(many.len(), 3);
    let forged = String::from_utf8(Forger::new(7).forge().to_vec()).expect("text");
    for token in many
        .iter()
        .map(String::as_str)
        .chain([&*token, rotated, &*forged])
    {
        canaries.secret(token);
    }

    assert_eq!(gateway.get("/", rotated).status, 200);
    for refused in [&token, &forged] {
        let answer = gateway.get("/", refused);
        assert_eq!(answer.status, 401);
        canaries.text("a refusal", format!("{answer:?}"));
    }
    let field = format!("X-Api-Key: {rotated}\r\n");
    assert_eq!(get_with(gateway.address, "/", &field).status, 200);
    // Where a client should not put it: it is the client's own request then,
    // and goes on to the upstream, but nobody writes it down.
    let stray = &many[0];
    let seen = upstream.take_seen();
    for (path, fields) in [
        (format!("/files/{stray}/x"), String::new()),
        (
            format!("/?access_token={stray}&api_key={forged}"),
            String::new(),
        ),
        (format!("/..%2f{stray}"), String::new()),
        (
            "/".to_owned(),
            format!("cookie: token={stray}\r\nreferer: http://a.test/?t={stray}\r\n"),
        ),
        (
            "/".to_owned(),
            format!("x-request-id: {stray}\r\nuser-agent: {stray}\r\n{stray}: 1\r\n"),
        ),
    ] {
        let fields = format!("authorization: Bearer {rotated}\r\n{fields}");
        let answer = get_with(gateway.address, &path, &fields);
        canaries.text("an answer", format!("{answer:?}"));
    }
    let body = format!(
        "POST / HTTP/1.1\r\nhost: a.test\r\nauthorization: Bearer {rotated}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{stray}",
        stray.len()
    );
    assert_eq!(send(gateway.address, body.as_bytes()).status, 200);
    for seen in seen.iter().chain(&upstream.take_seen()) {
        assert!(!seen.text().contains(rotated), "{seen:?}");
    }

    let verify = ["keys", "verify", "--service", "orders"];
    let mut verifying = Process::start(piped(place.command().args(verify)));
    for file in ["cmdline", "environ"] {
        let path = format!("/proc/{}/{file}", verifying.id());
        canaries.text(file, fs::read(path).unwrap_or_default());
    }
    verifying.say(rotated);
    let (status, stdout, stderr) = verifying.wait_with_output();
    assert_eq!(status, 0, "{stderr}");
    canaries.text("what verify said", stdout + &stderr);
    place
        .run(&["keys", "revoke", Place::id(&token), "--reason", "leaked"])
        .ok();
    eventually("revoked", || gateway.get("/", rotated).status == 401);

    for file in ["cmdline", "environ"] {
        let path = format!("/proc/{}/{file}", gateway.process().id());
        canaries.text(file, fs::read(path).unwrap_or_default());
    }
    canaries.text("metrics", get(gateway.operations, "/metrics", None).body);
    for arguments in [
        ["audit", "list"].as_slice(),
        &["keys", "list", "--service", "orders"],
        &["keys", "show", Place::id(&token)],
        &["services", "list"],
    ] {
        let arguments: Vec<_> = ["--output", "json"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        let outcome = place.run(&arguments);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        canaries.said(arguments.join(" "), &outcome);
    }
    // While it runs, and when all is written.
    canaries.files(&place);
    gateway.process().signal("TERM");
    assert_eq!(gateway.wait(), 0);
    canaries.files(&place);
    let log = fs::read(place.path("gateway.log")).expect("a log");
    let id = Place::id(&token).get(..8).expect("an id");
    assert!(
        contains(&log, "TRACE") && contains(&log, id),
        "all is logged"
    );
    canaries.check();
}

#[test]
fn a_token_where_none_belongs_is_neither_repeated_nor_kept() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    place.write_config(&service("orders", "/", &upstream));
    place.run(&["services", "create", "orders"]).ok();
    let token = place.issue("orders", &[]);
    let id = Place::id(&token).to_owned();
    let mut canaries = Canaries::default();
    canaries.secret(&token);

    let create = |further: &[&str]| -> Vec<String> {
        let fixed = ["keys", "create", "--service", "orders", "--name", "n"];
        fixed
            .iter()
            .chain(further)
            .map(|word| (*word).to_owned())
            .collect()
    };
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    let json = format!("{{\"a\": \"{token}\"}}");
    let flag = format!("--{token}");
    let mut commands = vec![
        words(&["keys", "verify", "--service", "orders", &token]),
        words(&["keys", "show", &token]),
        words(&["keys", "revoke", &token, "--reason", "leaked"]),
        words(&["keys", "revoke", &id, "--reason", &token]),
        words(&["services", "create", &token]),
        words(&[&token]),
        words(&[&flag]),
        words(&["--config", &token, "keys", "list"]),
        create(&["--owner", &token]),
        create(&["--owner", "acme", "--scope", &token]),
        create(&["--owner", "acme", "--rate", &token]),
        create(&["--owner", "acme", "--note", &token]),
        create(&["--owner", "acme", "--address", &token]),
        create(&["--owner", "acme", "--metadata", &json]),
    ];
    let good = r#"{"service":"orders","owner":"acme","name":"n"}"#;
    for (at, line) in [
        token.clone(),
        json.clone(),
        format!(r#"{{"service":"orders","owner":"{token}","name":"n"}}"#),
        format!(r#"{{"service":"orders","owner":"a","name":"n","{token}":1}}"#),
        format!(r#"{{"service":"orders","owner":"a","name":"n","metadata":{json}}}"#),
        format!(r#"{{"service":"orders","owner":"a","name":"n","expires_at":"{token}"}}"#),
        format!(r#"{{"service":"{token}","owner":"a","name":"n"}}"#),
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!("many-{at}.in");
        fs::write(place.path(&file), format!("{good}\n{line}\n")).expect("written");
        commands.push(words(&["keys", "create-many", &file]));
    }
    for (at, patch) in [
        token.clone(),
        json.clone(),
        format!(r#"{{"owner": "{token}"}}"#),
        format!(r#"{{"metadata": {json}}}"#),
        format!(r#"{{"metadata": {{"{token}": 1}}}}"#),
        format!(r#"{{"note": "see {token}"}}"#),
        format!(r#"{{"rate": "{token}"}}"#),
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!("patch-{at}.in");
        fs::write(place.path(&file), patch).expect("written");
        commands.push(words(&[
            "keys",
            "update",
            &id,
            "--patch",
            &format!("@{file}"),
        ]));
    }
    for arguments in &commands {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let outcome = place.run(&arguments);
        assert_ne!(outcome.status, 0, "{arguments:?} is refused");
        assert!(!outcome.stderr.is_empty(), "and it is said why");
        canaries.said(arguments[..2.min(arguments.len())].join(" "), &outcome);
    }
    let keys = place.run(&["--output", "json", "keys", "list", "--service", "orders"]);
    assert_eq!(keys.json()["keys"].as_array().expect("keys").len(), 1);

    for (at, config) in [
        format!("listen = \"{token}\"\n"),
        format!("\"{token}\" = 1\n"),
        format!("{token}\n"),
        format!("[keyring]\npath = \"{token}\"\n"),
        format!("[store]\npath = \"{token}/keys.db\"\n"),
        format!("[manager]\nnamespace = \"{token}\"\n"),
        format!(
            "[[services]]\nname = \"orders\"\nprefix = \"/\"\nupstream = \"http://a:{token}@b\"\n"
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let path = place.path(&format!("config-{at}.in"));
        fs::write(&path, &config).expect("written");
        for command in [["services", "list"].as_slice(), &["serve"]] {
            let outcome = place.run_with(&path, command, "");
            assert_ne!(outcome.status, 0, "{config}");
            canaries.said(format!("an error of configuration {at}"), &outcome);
        }
    }
    let audit = place.run(&["--output", "json", "audit", "list"]);
    assert_eq!(audit.status, 0, "{}", audit.stderr);
    canaries.said("audit", &audit);
    canaries.files(&place);
    canaries.check();
}

/// Lines of JSON for so many keys.
fn many(count: usize) -> String {
    let line = r#"{"service":"orders","owner":"acme","name":"n","scopes":["*"]}"#;
    format!("{line}\n").repeat(count)
}

/// The token that a line of JSON shows.
fn token_of(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    line["token"].as_str().expect("a token").to_owned()
}
