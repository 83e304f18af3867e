//! Commands as they are typed, over a store in memory: what they print, and how they end.

use clap::Parser as _;
use portcullis::KeyManager;
use portcullis::keyring::Keyring;
use portcullis::store::MemoryStore;
use serde_json::{Value, json};

use super::args::{Cli, Command};
use super::error::CliError;
use super::output::{Format, Output};
use super::{Exit, audit, keys, services};

pub(super) struct Shell {
    pub(super) manager: KeyManager,
}

/// What a command did: its end, standard output, standard error.
pub(super) struct Done {
    pub(super) exit: Result<Exit, CliError>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Shell {
    pub(super) async fn new() -> Self {
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let manager = KeyManager::builder(MemoryStore::new())
            .keyring(keyring)
            .build()
            .await;
        Self {
            manager: manager.expect("a manager"),
        }
    }

    /// Runs a line of words, with a terminal for its output or a pipe.
    pub(super) async fn run(&self, line: &str, terminal: bool, token: &str) -> Done {
        let words = ["portcullis"].into_iter().chain(line.split(' '));
        let cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut output = Output::new(cli.global.output, terminal, &mut out, &mut err);
        let (manager, token) = (&self.manager, token.as_bytes());
        let exit = match cli.command {
            Command::Services(command) => {
                services::perform(command, token, manager, &mut output).await
            }
            Command::Keys(command) => keys::perform(command, token, manager, &mut output).await,
            Command::Audit(command) => audit::perform(command, token, manager, &mut output).await,
            _ => panic!("{line} needs no manager"),
        };
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Done {
            exit,
            out: text(out),
            err: text(err),
        }
    }

    pub(super) async fn text(&self, line: &str) -> String {
        let done = self.run(line, true, "").await;
        assert_eq!(
            done.exit.unwrap_or_else(|error| panic!("{line}: {error}")),
            Exit::Done
        );
        done.out
    }

    pub(super) async fn json(&self, line: &str) -> Value {
        let done = self.run(&format!("--output json {line}"), false, "").await;
        assert_eq!(
            done.exit.unwrap_or_else(|error| panic!("{line}: {error}")),
            Exit::Done
        );
        assert_eq!(done.err, "", "JSON has no remarks");
        serde_json::from_str(&done.out).expect("JSON")
    }

    pub(super) async fn refusal(&self, line: &str) -> CliError {
        let done = self.run(line, true, "").await;
        assert_eq!(done.out, "", "{line}");
        done.exit.expect_err(line)
    }

    pub(super) async fn verify(&self, line: &str, token: &str) -> (Exit, Value) {
        let line = format!("--output json keys verify {line}");
        let done = self.run(&line, false, token).await;
        let value = serde_json::from_str(&done.out).expect("JSON");
        (done.exit.expect("a verdict"), value)
    }
}

pub(super) const CREATE: &str = "keys create --service orders --owner acme --name nightly";

/// Takes out a member that is another one each time, if it looks as it should.
fn take(value: &mut Value, name: &str, looks: impl Fn(&str) -> bool) -> String {
    let taken = value.as_object_mut().expect("an object").remove(name);
    let taken = taken.unwrap_or_else(|| panic!("{name} is missing"));
    let text = taken
        .as_str()
        .unwrap_or_else(|| panic!("{name} is {taken}"))
        .to_owned();
    assert!(looks(&text), "{name}: {text}");
    text
}

fn is_time(text: &str) -> bool {
    text.len() == "2030-01-31T12:00:00.000Z".len() && text.ends_with('Z')
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && text.split('-').count() == 5
}

fn is_token(text: &str) -> bool {
    text.starts_with("pck_live_") && text.len() == 91
}

#[tokio::test]
async fn a_service_as_json_is_as_documented() {
    let shell = Shell::new().await;
    let mut made = shell
        .json("services create orders --quota 10 --rate 100/s --prefix acme --lifetime 90d")
        .await;
    let created = take(&mut made, "created_at", is_time);
    let expected = json!({
        "name": "orders", "quota": 10, "default_rate": "100/s",
        "default_lifetime_seconds": 7_776_000, "max_lifetime_seconds": null, "prefix": "acme",
        "retired_at": null, "retirement_reason": null, "version": 1,
    });
    assert_eq!(made, expected);
    let mut shown = shell.json("services show orders").await;
    assert_eq!(take(&mut shown, "created_at", is_time), created);
    assert_eq!(shown, expected);

    shell.text("services create billing").await;
    let list = shell.json("services list").await;
    let names: Vec<&Value> = list["services"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|service| &service["name"])
        .collect();
    assert_eq!(names, ["billing", "orders"]);
    assert_eq!(list["services"][0]["default_rate"], Value::Null);
    let table = shell.text("services list").await;
    assert!(
        table
            .lines()
            .next()
            .expect("titles")
            .trim_start()
            .starts_with("NAME"),
        "{table}"
    );
    assert_eq!(table.lines().count(), 3);
}

#[tokio::test]
async fn a_key_as_json_is_as_documented() {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    let line = format!(
        "{CREATE} --scope orders:read --scope orders:list --rate 10/m --expires-at 2999-01-01T00:00:00Z"
    );
    let mut made = shell.json(&line).await;
    take(&mut made, "token", is_token);
    let mut key = made["key"].take();
    assert_eq!(
        made,
        json!({"key": null}),
        "a key and its token, and nothing else"
    );
    let id = take(&mut key, "id", is_id);
    let created = take(&mut key, "created_at", is_time);
    take(&mut key, "created_by", |author| author.starts_with("cli:"));
    assert_eq!(
        key,
        json!({
            "service": "orders", "environment": "live", "prefix": "pck", "owner": "acme",
            "name": "nightly", "scopes": ["orders:list", "orders:read"], "rate": "10/m",
            "addresses": [], "metadata": {}, "note": null,
            "status": "active", "expires_at": "2999-01-01T00:00:00.000Z", "revoked_at": null,
            "revocation_reason": null, "version": 1,
            "secrets": [{"number": 1, "root": "k1", "issuer": "k1", "created_at": created, "ends_at": null}],
        })
    );

    let revoked = shell
        .json(&format!("keys revoke {id} --reason leaked"))
        .await;
    assert_eq!(
        (&revoked["status"], &revoked["revocation_reason"]),
        (&json!("revoked"), &json!("leaked"))
    );
    assert!(revoked["revoked_at"].as_str().is_some_and(is_time));
    let shown = shell.json(&format!("keys show {id}")).await;
    assert_eq!(
        shown["usage"],
        json!({
            "granted": 0, "refused": 0, "throttled": 0, "last_used_at": null, "last_address": null,
            "refused_by": {"ended": 0, "foreign": 0, "address": 0, "permission": 0},
        })
    );
    assert_eq!(shown["secrets"][0]["usage"], shown["usage"]);
    let text = shell.text(&format!("keys show {id}")).await;
    assert!(
        text.contains("leaked") && text.contains(&id) && text.contains("last used"),
        "{text}"
    );
}

#[tokio::test]
async fn a_token_goes_alone_into_a_pipe_and_is_announced_on_a_terminal() {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    let piped = shell.run(CREATE, false, "").await;
    assert!(
        is_token(piped.out.strip_suffix('\n').expect("one line")),
        "{}",
        piped.out
    );
    assert!(piped.err.contains("nightly") && !piped.err.contains(piped.out.trim()));

    let shown = shell.run(CREATE, true, "").await;
    let token = shown.out.lines().last().expect("the token").trim();
    assert!(is_token(token) && shown.out.contains("shown this once") && shown.err.is_empty());

    let id = shell.json(CREATE).await["key"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let rotated = shell
        .run(&format!("keys rotate {id} --grace 0s"), false, "")
        .await;
    assert!(is_token(rotated.out.trim_end()), "{}", rotated.out);
}

#[tokio::test]
async fn a_token_that_was_printed_is_not_lost_for_want_of_a_remark() {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    let words = ["portcullis"].into_iter().chain(CREATE.split(' '));
    let Command::Keys(command) = Cli::try_parse_from(words).expect("valid").command else {
        panic!("{CREATE} is another command")
    };
    let (mut out, mut closed) = (Vec::new(), &mut [][..]);
    let mut output = Output::new(Format::Text, false, &mut out, &mut closed);
    let exit = keys::perform(command, &b""[..], &shell.manager, &mut output).await;
    assert_eq!(exit.expect("printed"), Exit::Done);
    assert!(is_token(String::from_utf8(out).expect("text").trim_end()));
}

#[tokio::test]
async fn verify_says_what_a_token_is_worth() {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    let made = shell.json(&format!("{CREATE} --scope orders:read")).await;
    let (token, id) = (
        made["token"].as_str().expect("text"),
        made["key"]["id"].as_str().expect("text"),
    );
    let (exit, verdict) = shell
        .verify("--service orders --permission orders:read", token)
        .await;
    assert_eq!(exit, Exit::Done);
    assert_eq!(
        verdict,
        json!({
            "verdict": "granted", "key": id, "owner": "acme", "name": "nightly", "service": "orders",
            "environment": "live", "scopes": ["orders:read"], "rate": null,
        })
    );
    for (line, token, reason, key) in [
        (
            "--service orders --permission orders:write",
            token,
            "permission",
            json!(id),
        ),
        (
            "--service orders --environment test",
            token,
            "environment",
            json!(id),
        ),
        ("--service billing", token, "service", json!(id)),
        ("--service orders", "nonsense", "malformed", Value::Null),
        ("--service orders", "", "malformed", Value::Null),
    ] {
        let (exit, verdict) = shell.verify(line, token).await;
        assert_eq!(exit, Exit::Refused, "{line}");
        assert_eq!(
            verdict,
            json!({"verdict": "denied", "reason": reason, "key": key}),
            "{line}"
        );
    }
    shell.text(&format!("keys disable {id}")).await;
    assert_eq!(
        shell.verify("--service orders", token).await.1["reason"],
        "disabled"
    );
    shell.text(&format!("keys enable {id}")).await;
    assert_eq!(shell.verify("--service orders", token).await.0, Exit::Done);
    shell
        .text(&format!("keys revoke {id} --reason leaked"))
        .await;
    let refused = shell.run("keys verify --service orders", true, token).await;
    assert!(
        refused.out.contains("denied") && refused.out.contains("revoked"),
        "{}",
        refused.out
    );
    assert!(!refused.out.contains(token));
}

#[tokio::test]
async fn lists_go_on_where_they_ended() {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    for _ in 0..5 {
        shell.text(CREATE).await;
    }
    let line = "keys list --service orders --limit 2";
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = shell.json(&format!("{line}{cursor}")).await;
        let keys = page["keys"].as_array().expect("a list");
        ids.extend(
            keys.iter()
                .map(|key| key["id"].as_str().expect("an id").to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!(" --cursor {next}"),
            None => break,
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    let table = shell.text(line).await;
    assert!(table.contains("\nmore: --cursor "), "{table}");

    let events = shell.json("audit list --limit 4").await;
    assert_eq!(events["next"], 4);
    assert_eq!(events["events"][0]["action"], "service.create");
    let rest = shell.json("audit list --after 4 --limit 2").await;
    assert_eq!(
        (rest["events"].as_array().map(Vec::len), &rest["next"]),
        (Some(2), &Value::Null)
    );
    assert!(
        shell
            .text("audit list --limit 4")
            .await
            .ends_with("more: --after 4\n")
    );
}

#[tokio::test]
async fn an_event_and_a_report_as_json_are_as_documented() {
    let shell = Shell::new().await;
    shell.text("services create orders --quota 7").await;
    let mut page = shell.json("audit list").await;
    let mut event = page["events"][0].take();
    take(&mut event, "at", is_time);
    take(&mut event, "actor", |actor| actor.starts_with("cli:"));
    assert_eq!(
        event,
        json!({
            "sequence": 1, "address": null, "request_id": null, "action": "service.create",
            "outcome": "done", "refused": null, "service": "orders", "key": null,
            "changes": [{"field": "quota", "before": null, "after": "7"}],
        })
    );
    let report = shell.json("audit verify").await;
    assert_eq!(
        report,
        json!({
            "whole": true, "verified": 1, "pruned": 0, "anchored": null, "head": null,
            "fault": null,
        })
    );
}

#[tokio::test]
async fn each_refusal_has_its_status_and_changes_nothing() {
    let shell = Shell::new().await;
    shell.text("services create orders --quota 1").await;
    let id = shell.json(CREATE).await["key"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    shell.text(&format!("keys revoke {id} --reason over")).await;
    shell.text(CREATE).await;
    let unknown = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
    let events = shell.json("audit list").await;
    let (services, keys) = ("services list", "keys list --all-services");
    let before = [shell.json(services).await, shell.json(keys).await];
    for (line, exit, words) in [
        (
            "services create orders".to_owned(),
            Exit::Conflict,
            "orders",
        ),
        (
            "services show billing".to_owned(),
            Exit::NotFound,
            "billing",
        ),
        (
            CREATE.replace("orders", "billing"),
            Exit::NotFound,
            "billing",
        ),
        (CREATE.to_owned(), Exit::Conflict, "quota"),
        (
            format!("{CREATE} --expires-at 2020-01-01T00:00:00Z"),
            Exit::Usage,
            "--expires-at",
        ),
        (
            format!("{CREATE} --expires-in 0s"),
            Exit::Usage,
            "--expires-in",
        ),
        (
            "services create b --lifetime 1s".to_owned(),
            Exit::Usage,
            "lifetime",
        ),
        (format!("keys show {unknown}"), Exit::NotFound, unknown),
        (format!("keys rotate {unknown}"), Exit::NotFound, unknown),
        (format!("keys rotate {id}"), Exit::Conflict, "revoked"),
        (format!("keys enable {id}"), Exit::Conflict, "revoked"),
        (
            format!("keys rotate {id} --grace 36525d"),
            Exit::Usage,
            "grace",
        ),
        (
            "keys list --service orders --cursor forged".to_owned(),
            Exit::Usage,
            "cursor",
        ),
        (
            "keys list --service billing".to_owned(),
            Exit::NotFound,
            "billing",
        ),
    ] {
        let error = shell.refusal(&line).await;
        assert_eq!(error.exit(), exit, "{line}: {error}");
        assert!(error.to_string().contains(words), "{line}: {error}");
    }
    assert_eq!([shell.json(services).await, shell.json(keys).await], before);
    let known = events["events"].as_array().expect("a list").len();
    let all = shell.json("audit list").await;
    let later = &all["events"].as_array().expect("a list")[known..];
    let outcomes: Vec<&str> = later
        .iter()
        .filter_map(|event| event["refused"].as_str())
        .collect();
    assert_eq!(
        outcomes.len(),
        later.len(),
        "refused attempts, and nothing else: {later:?}"
    );
    let kinds = [
        "already_exists",
        "not_found",
        "quota_reached",
        "invalid",
        "state",
    ];
    assert!(
        kinds.iter().all(|kind| outcomes.contains(kind)),
        "{outcomes:?}"
    );
}

#[test]
fn results_and_remarks_go_to_streams_of_their_own() {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut output = Output::new(Format::Text, false, &mut out, &mut err);
    output
        .result(&json!({}), || "a result\n\n".to_owned())
        .expect("written");
    output.note("a remark").expect("written");
    assert_eq!(
        (out.as_slice(), err.as_slice()),
        (&b"a result\n"[..], &b"a remark\n"[..])
    );
}
