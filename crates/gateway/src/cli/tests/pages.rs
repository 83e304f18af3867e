use serde_json::Value;

use super::{CREATE, Shell};

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
