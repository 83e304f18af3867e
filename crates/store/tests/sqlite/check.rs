use portcullis_core::key::Key;
use portcullis_core::store::{AuditLog as _, StoreErrorKind};
use portcullis_store::SqliteStore;

use crate::support::{Folder, add_key, drive, fill, head, open, raw};

#[tokio::test]
async fn a_whole_database_is_whole_in_use_and_not_and_nothing_is_changed() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    fill(&driver).await;
    add_key(&driver).await;
    let check = |name: &str| {
        let before = folder.contents();
        let report = SqliteStore::check(folder.path(name)).expect("checked");
        assert!(report.is_whole(), "{name}: {report}");
        let mut after = folder.contents();
        // Whoever reads a database that is in use says so in its index.
        if before.iter().any(|(other, _)| other == "keys.db-shm") {
            after.retain(|(name, _)| name != "keys.db-shm");
        }
        let mut expected = before;
        expected.retain(|(name, _)| after.iter().any(|(other, _)| other == name));
        assert_eq!(after, expected, "{name}");
        assert_eq!(
            (report.services(), report.keys(), report.secrets()),
            (1, 2, 2)
        );
        assert_eq!((report.events(), report.untold()), (3, 0));
        report
    };
    let report = check("keys.db");
    assert_eq!(report.head(), Some(head(&store).await));
    assert_eq!(
        report.audit_head(),
        Some(store.audit_head().await.expect("a head"))
    );
    // A copy with its log, as a killed process leaves it; and the file alone.
    for name in ["keys.db", "keys.db-wal"] {
        let copy = folder.path(&name.replace("keys", "copy"));
        std::fs::copy(folder.path(name), copy).expect("copied");
    }
    drop((store, driver));
    check("copy.db");
    check("keys.db");
    assert!(!folder.names().contains(&"copy.db-shm".to_owned()));
}

#[tokio::test]
async fn every_fault_is_named() {
    for (sql, words) in [
        (
            "UPDATE keys SET owner = 'mallory'",
            &["not as it was written"][..],
        ),
        (
            "UPDATE keys SET version = version + 1",
            &["not as it was written"],
        ),
        (
            "UPDATE keys SET created_at = created_at + 1",
            &["not as it was written"],
        ),
        ("UPDATE secrets SET ends_at = 5", &["not as it was written"]),
        ("DELETE FROM key_sums", &["not as it was written"]),
        (
            "UPDATE services SET quota = quota + 1",
            &["table services", "not as"],
        ),
        (
            "UPDATE services SET unrevoked = 7",
            &["counts 7 keys", "has 2"],
        ),
        ("UPDATE keys SET state = 'gone'", &["column state"]),
        ("UPDATE secrets SET digest = x'00'", &["column digest"]),
        ("DELETE FROM secrets", &["table secrets"]),
        ("UPDATE roots SET check_mac = x'00'", &["table roots"]),
        ("UPDATE usage SET granted = -1", &["table usage"]),
        (
            "UPDATE head SET revision = revision + 1",
            &["the newest change"],
        ),
        ("UPDATE head SET tag = tag + 1", &["the newest change"]),
        (
            "UPDATE head SET audit_sequence = 7",
            &["the newest audit event"],
        ),
        (
            "DELETE FROM audit WHERE sequence = 4",
            &["the newest audit event"],
        ),
        ("DELETE FROM changes", &["the newest change"]),
        ("DELETE FROM audit", &["the newest audit event"]),
        ("DELETE FROM usage", &["KEY is missing in table usage"]),
        (
            "UPDATE usage SET created_at = created_at + 1",
            &["KEY stands in table usage as"],
        ),
        (
            "DELETE FROM secret_usage",
            &["KEY has a secret that is missing in table secret_usage"],
        ),
        (
            "INSERT INTO secret_usage (key, number) VALUES (1, 9)",
            &["KEY has counters in table secret_usage of a secret"],
        ),
        (
            "INSERT INTO usage (key, service, created_at) VALUES (99, 'orders', 0)",
            &["row 99 has counters in table usage"],
        ),
        (
            "DELETE FROM key_scopes",
            &["KEY is missing in table key_scopes, by scope"],
        ),
        (
            "DELETE FROM key_names WHERE part = (SELECT min(part) FROM key_names)",
            &["KEY is missing in table key_names, by part"],
        ),
        (
            "INSERT INTO key_names SELECT 'zzz', created_at, number FROM keys LIMIT 1",
            &["KEY stands in table key_names as what it is not"],
        ),
        (
            "UPDATE key_scopes SET created_at = created_at + 1",
            &[
                "KEY is missing in table key_scopes",
                "KEY stands in table key_scopes as",
            ],
        ),
        (
            "INSERT INTO key_scopes (scope, created_at, key) VALUES ('a:b', 0, 99)",
            &["table key_scopes has entries of key row 99"],
        ),
        ("UPDATE head SET sums = sums + 1", &["of the same moment"]),
        (
            "INSERT INTO secrets (key, number, digest, root, issuer, created_at, standing) \
             VALUES (99, 1, zeroblob(32), 'k1', 'k1', 0, 1)",
            &["belongs to none of table keys"],
        ),
    ] {
        let folder = Folder::new();
        let path = folder.path("keys.db");
        let driver = drive(&open(&path));
        let key = Key {
            scopes: "orders:read".parse().expect("a scope"),
            ..fill(&driver).await
        };
        driver.update_key(key.clone()).await.expect("updated");
        add_key(&driver).await;
        drop(driver);
        let raw = raw(&path);
        raw.execute_batch(
            "PRAGMA ignore_check_constraints = on; PRAGMA foreign_keys = off;
             INSERT INTO roots (name, check_mac) VALUES ('k1', zeroblob(32));",
        )
        .expect("no checks");
        assert!(raw.execute(sql, []).expect(sql) > 0, "{sql}");
        drop(raw);
        let before = folder.contents();
        let report = SqliteStore::check(&path).expect("checked");
        let told = |word: &&str| {
            let word = word.replace("KEY", &format!("key {}", key.id));
            report.faults().iter().any(|fault| fault.contains(&word))
        };
        assert!(words.iter().all(told), "{sql}: {report}");
        if sql.starts_with("UPDATE keys") {
            let id = key.id.to_string();
            assert!(told(&id.as_str()), "{sql}: {report}");
        }
        assert_eq!(folder.contents(), before, "{sql}");
    }
}

#[tokio::test]
async fn an_index_that_does_not_match_its_table_is_found_and_the_report_is_bounded() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    fill(&driver).await;
    for _ in 0..300 {
        add_key(&driver).await;
    }
    drop((driver, store));
    let raw = raw(&path);
    // The index stays, and the table is another one.
    raw.execute_batch(
        "PRAGMA writable_schema = on;
         DELETE FROM sqlite_schema WHERE name = 'keys_by_creation';
         PRAGMA writable_schema = reset;
         UPDATE keys SET owner = 'mallory';",
    )
    .expect("altered");
    drop(raw);
    let report = SqliteStore::check(&path).expect("checked");
    assert_eq!((report.faults().len(), report.is_whole()), (100, false));
    assert!(report.untold() > 150, "{}", report.untold());
    let pages = report
        .faults()
        .iter()
        .any(|fault| fault.contains("never used"));
    assert!(pages, "{report}");
}

#[test]
fn what_cannot_be_looked_at_is_said_and_untouched() {
    let folder = Folder::new();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path(name), bytes);
    write("text", &b"no database\n".repeat(1_000)).expect("written");
    write("empty", b"").expect("written");
    std::fs::create_dir(folder.path("folder")).expect("a folder");
    raw(&folder.path("theirs"))
        .execute_batch("CREATE TABLE theirs (a)")
        .expect("theirs");
    drop(open(&folder.path("newer")));
    raw(&folder.path("newer"))
        .execute_batch("PRAGMA user_version = 99")
        .expect("newer");
    drop(open(&folder.path("older")));
    raw(&folder.path("older"))
        .execute_batch("PRAGMA user_version = 1")
        .expect("older");
    let before = folder.names();
    for (name, kind) in [
        ("text", StoreErrorKind::Foreign),
        ("theirs", StoreErrorKind::Foreign),
        ("folder", StoreErrorKind::Foreign),
        ("newer", StoreErrorKind::Newer),
        ("older", StoreErrorKind::Unavailable),
        ("empty", StoreErrorKind::Unavailable),
        ("none", StoreErrorKind::Unavailable),
    ] {
        let error = SqliteStore::check(folder.path(name)).expect_err(name);
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
    assert_eq!(folder.names(), before);
}
