use std::io::ErrorKind;

use clap::Parser as _;
use serde_json::{Value, json};

use super::{CREATE, Shell, is_token};
use crate::cli::args::{Cli, Command};
use crate::cli::interrupt::Interrupt;
use crate::cli::output::{Format, Output};
use crate::cli::{Exit, keys};

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
    let none = Interrupt::default();
    let exit = keys::perform(command, &b""[..], &shell.manager, &none, &mut output).await;
    assert_eq!(exit.expect("printed"), Exit::Done);
    assert!(is_token(String::from_utf8(out).expect("text").trim_end()));
}

#[tokio::test]
async fn a_token_that_nobody_reads_is_told_to_be_lost() {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    let none = Interrupt::default();
    let closed = |_| Err(ErrorKind::BrokenPipe.into());
    let done = shell.pipe(CREATE, "", &none, closed).await;
    let error = done.exit.expect_err("lost");
    assert_eq!(error.exit(), Exit::Partial);
    assert!(!error.is_closed_output(), "that must be told");
    let listed = shell.json("keys list --service orders").await;
    let id = listed["keys"][0]["id"].as_str().expect("it was issued");
    assert!(
        error
            .to_string()
            .contains(&format!("key {id} could not be")),
        "{error}"
    );
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
