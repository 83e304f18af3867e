//! Services that are changed and retired, as it is typed.

use serde_json::{Value, json};

use crate::cli::Exit;
use crate::cli::tests::{CREATE, Shell};

#[tokio::test]
async fn a_service_is_changed_field_by_field_or_by_a_patch() {
    let shell = Shell::new().await;
    shell
        .text("services create orders --quota 10 --max-lifetime 90d")
        .await;
    let changed = shell
        .json("services update orders --rate 10/s --no-quota --lifetime 30d --prefix acme --if-version 1")
        .await;
    assert_eq!(
        [
            &changed["default_rate"],
            &changed["quota"],
            &changed["default_lifetime_seconds"]
        ],
        [&json!("10/s"), &json!(10_000), &json!(2_592_000)]
    );
    assert_eq!(
        [
            &changed["max_lifetime_seconds"],
            &changed["prefix"],
            &changed["version"]
        ],
        [&json!(7_776_000), &json!("acme"), &json!(2)]
    );
    let patch = r#"{"default_rate":null,"quota":5,"max_lifetime_seconds":null}"#;
    let changed = shell
        .json(&format!("services update orders --patch {patch}"))
        .await;
    assert_eq!(
        [
            &changed["default_rate"],
            &changed["quota"],
            &changed["max_lifetime_seconds"]
        ],
        [&Value::Null, &json!(5), &Value::Null]
    );
    let read = shell
        .run("services update orders --patch -", true, r#"{"quota":6}"#)
        .await;
    assert_eq!(read.exit.expect("changed"), Exit::Done);
    let text = shell.text("services show orders").await;
    let line = |name: &str| {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        line.unwrap_or_else(|| panic!("{name} in {text}"))
            .trim()
            .to_owned()
    };
    assert!(
        line("quota").ends_with('6') && line("version").ends_with('4'),
        "{text}"
    );
    assert!(
        line("greatest lifetime").ends_with("as configured"),
        "{text}"
    );
}

#[tokio::test]
async fn a_retired_service_shows_why_and_changes_no_more() {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    shell.text(CREATE).await;
    let retired = shell
        .json("services retire orders --reason moved --yes")
        .await;
    assert_eq!(retired["retirement_reason"], "moved");
    assert!(retired["retired_at"].is_string());
    let text = shell.text("services show orders").await;
    assert!(text.contains("retired") && text.contains("moved"), "{text}");
    for line in ["services update orders --quota 7", CREATE] {
        let error = shell.refusal(line).await;
        assert_eq!(error.exit(), Exit::Conflict, "{line}: {error}");
        assert!(
            error.to_string().contains("service orders is retired"),
            "{error}"
        );
    }
    assert_eq!(
        shell
            .json("services retire orders --reason again --yes")
            .await,
        retired
    );
}

#[tokio::test]
async fn a_service_ends_for_good_only_when_that_is_said() {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    for keys in ["0 keys", "1 key"] {
        let asked = shell.refusal("services retire orders --reason moved").await;
        assert_eq!(asked.exit(), Exit::Usage);
        let words = format!("service orders and {keys} of it would end for good: say --yes");
        assert!(asked.to_string().contains(&words), "{asked}");
        let shown = shell.json("services show orders").await;
        assert_eq!(shown["retired_at"], Value::Null);
        shell.text(CREATE).await;
    }
    let none = shell.refusal("services retire none --reason moved").await;
    assert_eq!(none.exit(), Exit::NotFound);
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused_with_its_reason() {
    let shell = Shell::new().await;
    shell.text("services create orders").await;
    for (arguments, exit, words) in [
        ("", Exit::Usage, "nothing to change"),
        ("--patch {}", Exit::Usage, "nothing to change"),
        (
            "--patch {\"name\":\"other\"}",
            Exit::Usage,
            "no name: it cannot be changed",
        ),
        (
            "--patch {\"quota\":5,\"quota\":6}",
            Exit::Usage,
            "stands twice",
        ),
        (
            "--quota 5 --if-version 7",
            Exit::Conflict,
            "is of version 1, not 7",
        ),
        ("--lifetime 1s", Exit::Usage, "error: --lifetime: expected"),
        (
            "--lifetime 2d --max-lifetime 1d",
            Exit::Usage,
            "error: --lifetime: expected",
        ),
        (
            "--patch {\"default_lifetime_seconds\":1}",
            Exit::Usage,
            "invalid default_lifetime",
        ),
    ] {
        let line = format!("services update orders {arguments}");
        let error = shell.refusal(line.trim_end()).await;
        assert_eq!(error.exit(), exit, "{line}: {error}");
        assert!(error.to_string().contains(words), "{line}: {error}");
    }
    assert_eq!(shell.json("services show orders").await["version"], 1);
}
