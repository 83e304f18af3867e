use serde_json::{Value, json};

use super::{CREATE, Shell, is_id, is_time, is_token, take};

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
            "whole": true, "verified": 1, "attested": 0, "unproven": 0, "pruned": 0, "anchored": null, "head": null,
            "fault": null,
        })
    );
}
