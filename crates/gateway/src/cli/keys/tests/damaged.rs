use portcullis::SqliteStore;
use rusqlite::Connection;

use super::id;
use crate::cli::Exit;
use crate::cli::tests::{CREATE, Shell};

#[tokio::test]
async fn a_damaged_key_hides_no_other_and_is_revoked_by_its_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.db");
    let shell = Shell::over(SqliteStore::open(&path).expect("a store")).await;
    shell.text("services create orders").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(id(&shell.json(CREATE).await["key"]));
    }
    let damaged = &ids[1];
    let raw = Connection::open(&path).expect("a connection");
    let sql = "UPDATE keys SET name = 'altered' WHERE hex(id) = ?1";
    let hex = damaged.replace('-', "").to_uppercase();
    assert_eq!(raw.execute(sql, [&hex]).expect("altered"), 1);

    let warned = |err: &str| {
        let words = format!("warning: key {damaged} cannot be read");
        assert!(err.contains(&words), "{err}");
    };
    let list = "--output json keys list --service orders";
    let done = shell.run(list, false, "").await;
    assert_eq!(done.exit.expect("a page"), Exit::Refused);
    warned(&done.err);
    let page: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!(page["damaged"][0]["id"], damaged.as_str());
    assert_eq!(page["keys"].as_array().map(Vec::len), Some(2));

    let revoke = "keys revoke --all --service orders --reason over --yes";
    let done = shell.run(revoke, true, "").await;
    assert_eq!(done.exit.expect("two of three"), Exit::Partial);
    warned(&done.err);
    for id in [&ids[0], &ids[2]] {
        let key = shell.json(&format!("keys show {id}")).await;
        assert_eq!(key["status"], "revoked");
    }
    let line = format!("keys revoke {damaged} --reason over");
    let done = shell.run(&line, true, "").await;
    assert_eq!(done.exit.expect("revoked"), Exit::Done);
    assert!(
        done.out.contains(&format!("{damaged} is revoked")),
        "{}",
        done.out
    );
    let sql = "SELECT state FROM keys WHERE hex(id) = ?1";
    let state: String = raw.query_row(sql, [&hex], |row| row.get(0)).expect("a row");
    assert_eq!(state, "revoked");
}
