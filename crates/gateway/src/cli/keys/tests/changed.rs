use serde_json::{Value, json};

use super::{id, shell};
use crate::cli::Exit;
use crate::cli::tests::CREATE;

#[tokio::test]
async fn a_key_is_changed_field_by_field_or_by_a_patch() {
    let shell = shell().await;
    let key = shell
        .json(&format!("{CREATE} --scope orders:read --rate 1/s"))
        .await["key"]
        .take();
    let update = format!("keys update {}", id(&key));
    let changed = shell
        .json(&format!(
            "{update} --name renamed --owner globex --scope a:b --scope c:d --no-rate --expires 7d \
             --address 10.0.0.0/8 --metadata {{\"a\":1}} --note n --if-version 1"
        ).replace("  ", " "))
        .await;
    assert_eq!(
        [
            &changed["name"],
            &changed["owner"],
            &changed["scopes"],
            &changed["rate"]
        ],
        [
            &json!("renamed"),
            &json!("globex"),
            &json!(["a:b", "c:d"]),
            &Value::Null
        ]
    );
    assert_eq!(
        [
            &changed["addresses"],
            &changed["metadata"],
            &changed["note"],
            &changed["version"]
        ],
        [
            &json!(["10.0.0.0/8"]),
            &json!({"a": 1}),
            &json!("n"),
            &json!(2)
        ]
    );
    assert_ne!(changed["expires_at"], key["expires_at"]);
    let patch = r#"{"metadata":{"b":2},"addresses":null,"expires_at":null}"#;
    let changed = shell.json(&format!("{update} --patch {patch}")).await;
    assert_eq!(
        [
            &changed["metadata"],
            &changed["addresses"],
            &changed["expires_at"]
        ],
        [&json!({"a": 1, "b": 2}), &json!([]), &Value::Null]
    );
    let line = format!("{update} --no-scopes --no-metadata --no-note --any-address");
    let cleared = shell.json(&line).await;
    assert_eq!(
        [&cleared["scopes"], &cleared["metadata"], &cleared["note"]],
        [&json!([]), &json!({}), &Value::Null]
    );
    let read = shell
        .run(
            &format!("{update} --patch -"),
            true,
            "{\"name\":\"read in\"}",
        )
        .await;
    assert!(read.out.contains("read in"), "{}", read.out);

    for (arguments, exit, words) in [
        ("", Exit::Usage, "nothing to change"),
        (
            "--patch {\"service\":\"other\"}",
            Exit::Usage,
            "no service: it cannot be changed",
        ),
        ("--patch {\"owner\":null}", Exit::Usage, "owner"),
        ("--patch nonsense", Exit::Usage, "a JSON object"),
        (
            "--name x --if-version 1",
            Exit::Conflict,
            "is of version 5, not 1",
        ),
        ("--expires 2020-01-01T00:00:00Z", Exit::Usage, "lies ahead"),
    ] {
        let line = format!("{update} {arguments}");
        let error = shell.refusal(line.trim_end()).await;
        assert_eq!(error.exit(), exit, "{line}: {error}");
        assert!(error.to_string().contains(words), "{line}: {error}");
    }
}

#[tokio::test]
async fn a_rotation_tells_what_to_watch_and_show_tells_when_it_is_done() {
    let shell = shell().await;
    let made = shell.json(CREATE).await;
    let (id, token) = (id(&made["key"]), made["token"].as_str().expect("text"));
    shell
        .verify("--service orders --address 192.168.1.9", token)
        .await;
    shell.manager.flush_usage().await.expect("flushed");
    let rotated = shell
        .text(&format!("keys rotate {id} --if-version 1"))
        .await;
    assert!(
        rotated.contains("Put secret 2 in place of secret 1 before "),
        "{rotated}"
    );
    assert!(
        rotated.contains(&format!("portcullis keys show {id} tells")),
        "{rotated}"
    );
    assert!(
        rotated.contains("last used just now from a private network"),
        "{rotated}"
    );
    let stale = shell
        .refusal(&format!("keys rotate {id} --if-version 1"))
        .await;
    assert_eq!(stale.exit(), Exit::Conflict);
    let shown = shell.text(&format!("keys show {id}")).await;
    let secrets: Vec<&str> = shown
        .lines()
        .filter(|line| line.trim_start().starts_with("secret"))
        .collect();
    assert!(
        secrets[0].contains("counts until") && secrets[0].contains("last used just now"),
        "{shown}"
    );
    assert!(secrets[1].ends_with("never used"), "{shown}");
    let dto = shell.json(&format!("keys show {id}")).await;
    let uses: Vec<&Value> = (0..2)
        .map(|at| &dto["secrets"][at]["usage"]["granted"])
        .collect();
    assert_eq!(uses, [&json!(1), &json!(0)]);
    assert_eq!(dto["secrets"][0]["usage"]["last_address"], "private");
    let at_once = shell.text(&format!("keys rotate {id} --grace 0s")).await;
    assert!(!at_once.contains("Put secret"), "{at_once}");
    assert!(at_once.contains("ended at once by a rotation"), "{at_once}");
}
