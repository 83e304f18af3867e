use portcullis_core::key::{Addresses, Key, KeyName, Metadata, Note, Owner};
use portcullis_core::store::conformance::key;
use portcullis_core::store::{
    AuditLog as _, FromStored as _, KeyStore as _, Lookup, StoreErrorKind, UsageStore as _,
};
use portcullis_store::SqliteStore;

use crate::support::{
    EVENTS, Folder, ORDERS, add_key, drive, fill, head, open, open_fails, orders, raw,
};

#[test]
fn a_file_of_another_kind_is_refused_and_untouched() {
    let long = "no database\n".repeat(1_000);
    for text in ["x", "SQLite format 3", long.as_str()] {
        let folder = Folder::new();
        std::fs::write(folder.path("keys.db"), text).expect("written");
        let before = folder.contents();
        let message = open_fails(&folder.path("keys.db"), StoreErrorKind::Foreign);
        assert!(message.contains("keys.db"), "{message}");
        assert_eq!(folder.contents(), before);
    }
}

#[test]
fn a_database_of_another_program_is_refused_and_untouched() {
    for setup in [
        "CREATE TABLE theirs (a)",
        "CREATE VIEW theirs AS SELECT 1",
        "CREATE TABLE theirs (a); DROP TABLE theirs; VACUUM",
        "PRAGMA application_id = 77; CREATE TABLE theirs (a)",
        "PRAGMA application_id = 77; PRAGMA journal_mode = wal; CREATE TABLE theirs (a)",
        "PRAGMA user_version = 1; CREATE TABLE head (a)",
    ] {
        let folder = Folder::new();
        let theirs = raw(&folder.path("theirs.db"));
        theirs.execute_batch(setup).expect(setup);
        // As a killed process leaves it: the log still in place.
        for name in folder.names().iter().filter(|name| !name.ends_with("-shm")) {
            let copy = folder.path(&name.replace("theirs", "keys"));
            std::fs::copy(folder.path(name), copy).expect("copied");
        }
        drop(theirs);
        let before = folder.contents();
        open_fails(&folder.path("keys.db"), StoreErrorKind::Foreign);
        assert_eq!(folder.contents(), before, "{setup}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_untouched() {
    let folder = Folder::new();
    let store = open(&folder.path("newer.db"));
    fill(&drive(&store)).await;
    drop(store);
    let newer = raw(&folder.path("newer.db"));
    newer
        .execute_batch("CREATE TABLE later (a); PRAGMA user_version = 99;")
        .expect("newer");
    // Once with the new version in the log alone, once in the file.
    for _ in 0..2 {
        for name in folder
            .names()
            .iter()
            .filter(|name| name.starts_with("newer") && !name.ends_with("-shm"))
        {
            let copy = folder.path(&name.replace("newer", "keys"));
            std::fs::copy(folder.path(name), copy).expect("copied");
        }
        let before = folder.contents();
        let message = open_fails(&folder.path("keys.db"), StoreErrorKind::Newer);
        assert!(
            message.contains("keys.db") && message.contains("99"),
            "{message}"
        );
        let mut after = folder.contents();
        after.retain(|(name, _)| name != "keys.db-shm");
        assert_eq!(after, before);
        newer
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .expect("moved");
        for name in folder
            .names()
            .iter()
            .filter(|name| name.starts_with("keys"))
        {
            std::fs::remove_file(folder.path(name)).expect("removed");
        }
    }
}

#[tokio::test]
async fn an_empty_file_is_a_new_database() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    std::fs::write(&path, "").expect("written");
    let error = SqliteStore::open_existing(&path).expect_err("empty");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(
        std::fs::read(&path).expect("readable"),
        b"",
        "nothing is written to it"
    );
    fill(&drive(&open(&path))).await;
}

#[test]
fn a_database_that_must_exist_is_not_created() {
    let folder = Folder::new();
    let error = SqliteStore::open_existing(folder.path("keys.db")).expect_err("missing");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("keys.db"), "{error}");
    assert_eq!(folder.names(), [""; 0]);
    open_fails(&folder.path("none/keys.db"), StoreErrorKind::Unavailable);
    std::fs::create_dir(folder.path("folder")).expect("a folder");
    open_fails(&folder.path("folder"), StoreErrorKind::Foreign);
}

#[tokio::test]
async fn a_creation_that_was_interrupted_is_finished() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let ours = i32::from_be_bytes(*b"Pcul");
    raw(&path)
        .pragma_update(None, "application_id", ours)
        .expect("the first step");
    fill(&drive(&open(&path))).await;
}

#[test]
fn many_that_create_the_same_database_at_once_all_get_it() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let stores: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&path))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("opened"))
            .collect()
    });
    drop(stores);
    assert_eq!(folder.names(), ["keys.db", "keys.db-head"]);
}

#[tokio::test]
async fn a_path_may_hold_any_character() {
    let folder = Folder::new();
    let path = folder.path("k%20y?s #é=&.db");
    fill(&drive(&open(&path))).await;
    assert_eq!(folder.names(), ["k%20y?s #é=&.db", "k%20y?s #é=&.db-head"]);
    assert_eq!(head(&open(&path)).await.revision.count(), 2);
}

#[tokio::test]
async fn a_row_that_is_not_what_was_written_is_named() {
    for (sql, table) in [
        (
            "UPDATE keys SET scopes = 'Not A Scope' WHERE id = ?1",
            "keys",
        ),
        ("UPDATE keys SET environment = 'prod' WHERE id = ?1", "keys"),
        ("UPDATE keys SET version = -1 WHERE id = ?1", "keys"),
        ("UPDATE keys SET created_at = -5 WHERE id = ?1", "keys"),
        ("UPDATE keys SET expires_at = 9e15 WHERE id = ?1", "keys"),
        ("UPDATE keys SET state = 'revoked' WHERE id = ?1", "keys"),
        ("UPDATE keys SET rate_requests = 5 WHERE id = ?1", "keys"),
        ("UPDATE keys SET owner = '' WHERE id = ?1", "keys"),
        (
            "UPDATE keys SET name = CAST(x'ff' AS TEXT) WHERE id = ?1",
            "keys",
        ),
        (
            "DELETE FROM secrets WHERE key = (SELECT number FROM keys WHERE id = ?1)",
            "secrets",
        ),
        (
            "UPDATE secrets SET digest = x'00' WHERE key = (SELECT number FROM keys WHERE id = ?1)",
            "secrets",
        ),
    ] {
        let folder = Folder::new();
        let path = folder.path("keys.db");
        let store = open(&path);
        let driver = drive(&store);
        let (bad, good) = (fill(&driver).await, add_key(&driver).await);
        let raw = raw(&path);
        raw.execute_batch("PRAGMA ignore_check_constraints = on")
            .expect("no checks");
        assert_eq!(raw.execute(sql, [bad.id.as_bytes()]).expect(sql), 1);
        let error = driver.load(bad.id).await.expect_err(sql);
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{sql}: {error}");
        let message = error.to_string();
        assert!(
            message.contains(&format!("table {table}")),
            "{sql}: {message}"
        );
        if table == "keys" {
            assert!(message.contains(&bad.id.to_string()), "{sql}: {message}");
        }
        // It hides no other.
        let page = store.page(orders()).await.expect("a page");
        assert_eq!(page.keys, std::slice::from_ref(&good), "{sql}");
        let [damaged] = page.damaged.as_slice() else {
            panic!("{sql}: {:?}", page.damaged);
        };
        assert_eq!((damaged.id, &damaged.fault), (Some(bad.id), &message));
        assert_eq!(
            driver.load(good.id).await.expect("the others read").key,
            Some(good)
        );
    }
}

#[tokio::test]
async fn an_index_that_leads_to_no_row_is_corrupt() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let key = fill(&drive(&store)).await;
    raw(&path)
        .execute_batch("PRAGMA foreign_keys = off; DELETE FROM keys")
        .expect("no keys");
    let mut request = orders();
    request.filter.name = Some("plain".parse().expect("a part of its name"));
    request.filter.service = None;
    let page = store.page(request).await.expect("it leads nowhere");
    let [damaged] = page.damaged.as_slice() else {
        panic!("{:?}", page.damaged);
    };
    assert_eq!((page.keys, damaged.id), (Vec::new(), None));
    assert!(damaged.fault.contains("table keys"), "{}", damaged.fault);
    let page = store.page(orders()).await.expect("another index");
    assert_eq!(page.keys, []);
    assert_eq!(drive(&store).load(key.id).await.expect("loaded").key, None);
}

#[tokio::test]
async fn a_damaged_table_is_corrupt_and_never_a_panic() {
    for sql in [
        "DROP TABLE audit",
        "DELETE FROM head",
        "UPDATE head SET audit_mac = x'00'",
        "UPDATE head SET revision = -1",
    ] {
        let folder = Folder::new();
        let path = folder.path("keys.db");
        let store = open(&path);
        fill(&drive(&store)).await;
        let raw = raw(&path);
        raw.execute_batch("PRAGMA ignore_check_constraints = on")
            .expect("no checks");
        raw.execute_batch(sql).expect(sql);
        let error = match sql {
            "DROP TABLE audit" => store.events(EVENTS).await.expect_err(sql),
            _ => store.head().await.expect_err(sql),
        };
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{sql}: {error}");
        drop(store);
        open_fails(&path, StoreErrorKind::Corrupt);
    }
}

#[tokio::test]
async fn overwritten_pages_are_corrupt_and_never_a_panic() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let key = fill(&drive(&store)).await;
    drop(store);
    let whole = std::fs::read(&path).expect("readable");
    for page in 1..whole.len() / 4096 {
        let mut torn = whole.clone();
        torn[page * 4096..(page + 1) * 4096].fill(0x5a);
        std::fs::write(&path, &torn).expect("written");
        let error = match SqliteStore::open(&path) {
            Err(error) => error,
            Ok(store) => {
                let everything = async {
                    store.load_services().await?;
                    store.changes(head(&store).await).await?;
                    store.events(EVENTS).await?;
                    store.usage(vec![key.id]).await?;
                    store.remember_roots(Vec::new()).await?;
                    store.page(orders()).await
                };
                match everything.await {
                    // A page that nothing of this was read from.
                    Ok(_) => continue,
                    Err(error) => error,
                }
            }
        };
        assert_eq!(
            error.kind(),
            StoreErrorKind::Corrupt,
            "page {page}: {error}"
        );
    }
}

#[tokio::test]
async fn what_was_stored_is_read_whatever_is_asked_of_new_text() {
    let folder = Folder::new();
    let store = open(&folder.path("keys.db"));
    let driver = drive(&store);
    fill(&driver).await;
    // As a version wrote it whose rules were not those of this one.
    let text = format!("pck_live_{}_{} \u{200B}", "0".repeat(32), "x".repeat(49));
    let networks = "0.0.0.0/0, 192.0.2.7/24";
    let metadata = format!(r#"{{"token":"{text}"}}"#);
    assert!(text.parse::<KeyName>().is_err() && metadata.parse::<Metadata>().is_err());
    let old = Key {
        name: KeyName::from_stored(&text).expect("a name"),
        owner: Owner::from_stored(&text).expect("an owner"),
        note: Some(Note::from_stored(&text).expect("a note")),
        metadata: Metadata::from_stored(&metadata).expect("metadata"),
        addresses: Addresses::from_stored(networks).expect("networks"),
        ..key(ORDERS, 1).expect("a key")
    };
    driver.create_key(old.clone()).await.expect("created");
    drop((store, driver));
    let store = open(&folder.path("keys.db"));
    let loaded = store.load(Lookup::Id(old.id)).await.expect("loaded");
    assert_eq!(loaded.key, Some(old));
}

#[tokio::test]
async fn a_page_of_damaged_keys_is_as_long_as_any_and_goes_on() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    fill(&driver).await;
    for _ in 0..24 {
        add_key(&driver).await;
    }
    let sql = "UPDATE keys SET owner = 'mallory' WHERE number % 2 = 0";
    raw(&path).execute(sql, []).expect("altered");
    let (mut request, mut keys, mut damaged) = (orders(), 0, 0);
    loop {
        let page = store.page(request.clone()).await.expect("a page");
        assert!(page.keys.len() + page.damaged.len() <= 10);
        (keys, damaged) = (keys + page.keys.len(), damaged + page.damaged.len());
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    assert_eq!((keys, damaged), (13, 12));
}

#[test]
fn a_header_that_is_gone_beside_a_journal_is_damaged_and_not_foreign() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    drop(open(&path));
    let mut bytes = std::fs::read(&path).expect("readable");
    bytes[..100].fill(0);
    std::fs::write(&path, &bytes).expect("written");
    open_fails(&path, StoreErrorKind::Foreign);
    // As SQLite leaves it that is interrupted while it writes.
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    journal.resize(512, 0);
    std::fs::write(folder.path("keys.db-journal"), journal).expect("written");
    let before = folder.contents();
    let message = open_fails(&path, StoreErrorKind::Corrupt);
    assert!(message.contains("journal"), "{message}");
    assert_eq!(folder.contents(), before);
}

#[tokio::test]
async fn a_trail_without_its_events_is_refused() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    fill(&drive(&open(&path))).await;
    raw(&path)
        .execute("DELETE FROM audit", [])
        .expect("emptied");
    let message = open_fails(&path, StoreErrorKind::Corrupt);
    assert!(message.contains("newest audit event"), "{message}");
}

#[cfg(unix)]
#[tokio::test]
async fn what_lies_beside_a_database_is_whose_the_database_is() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

    let folder = Folder::new();
    let path = folder.path("keys.db");
    fill(&drive(&open(&path))).await;
    fs::remove_file(folder.path("keys.db-head")).expect("removed");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("a mode");
    // The administrator alone can give it away, and is who has to.
    let given = chown(&path, Some(4_711), Some(4_712)).is_ok();
    let store = open(&path);
    add_key(&drive(&store)).await;
    store
        .backup(folder.path("backup.db"))
        .await
        .expect("a backup");
    let (main, mode) = (fs::metadata(&path).expect("a file"), |name: &str| {
        let metadata = fs::metadata(folder.path(name)).expect(name);
        (metadata.mode() & 0o777, metadata.uid(), metadata.gid())
    });
    for (name, expected) in [
        ("keys.db-head", 0o640),
        ("keys.db-wal", 0o640),
        ("keys.db-shm", 0o640),
        ("backup.db", 0o600),
    ] {
        assert_eq!(mode(name), (expected, main.uid(), main.gid()), "{name}");
    }
    assert_eq!(given, main.uid() == 4_711);
    drop(store);

    // A note is never written through a link.
    fs::write(folder.path("theirs"), "theirs").expect("written");
    fs::remove_file(folder.path("keys.db-head")).expect("removed");
    symlink(folder.path("theirs"), folder.path("keys.db-head")).expect("a link");
    add_key(&drive(&open(&path))).await;
    let theirs = fs::read(folder.path("theirs")).expect("readable");
    assert_eq!(theirs, b"theirs");
    // Nor to a file that has another name as well.
    fs::remove_file(folder.path("keys.db-head")).expect("removed");
    fs::hard_link(folder.path("theirs"), folder.path("keys.db-head")).expect("a link");
    add_key(&drive(&open(&path))).await;
    let theirs = fs::read(folder.path("theirs")).expect("readable");
    assert_eq!(theirs, b"theirs");
}

#[tokio::test]
async fn a_note_that_is_taken_away_is_written_anew_with_the_next_change() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    fill(&driver).await;
    let note = folder.path("keys.db-head");
    std::fs::remove_file(&note).expect("removed");
    add_key(&driver).await;
    let first = std::fs::read_to_string(&note).expect("a note");
    let revision = format!("revision={:020}", head(&store).await.revision.count());
    assert!(first.contains(&revision), "{first}");
    // Or another file is put in its place.
    std::fs::write(folder.path("other"), &first).expect("written");
    std::fs::rename(folder.path("other"), &note).expect("moved");
    add_key(&driver).await;
    let second = std::fs::read_to_string(&note).expect("a note");
    let revision = format!("revision={:020}", head(&store).await.revision.count());
    assert!(second.contains(&revision), "{second}");
}
