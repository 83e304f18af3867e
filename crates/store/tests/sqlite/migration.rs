use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portcullis_core::clock::Timestamp;
use portcullis_core::key::{Key, KeyFilter, KeyId, KeyState, KeyStatus, LastUsed, Span};
use portcullis_core::service::Service;
use portcullis_core::store::conformance::key;
use portcullis_core::store::{
    AuditLog as _, Changes, EventsRequest, Head, KeyStore as _, Lookup, PageRequest, Revision,
    RootUse, StoreErrorKind, UsageStore as _,
};
use portcullis_core::usage::{Refusals, Usage};
use portcullis_store::SqliteStore;
use rusqlite::Connection;

use crate::support::{Folder, ORDERS, changes, drive, head, open, open_fails, raw};

const RECORDS: &str = include_str!("../../migrations/sqlite/V1__records.sql");
const FIXTURE: &str = include_str!("v1.sql");

/// How many more keys a large database has: enough that its migration cannot
/// stay in SQLite's cache, and takes a while.
const MANY: i64 = 20_000;

/// Where the child finds the database that it is to open.
const PATH: &str = "PORTCULLIS_TEST_DATABASE";

/// A database of version 1.
pub(crate) fn make(path: &Path) -> Connection {
    let connection = raw(path);
    let mode: String = connection
        .query_row("PRAGMA journal_mode = wal", [], |row| row.get(0))
        .expect("a log");
    assert_eq!(mode, "wal");
    connection.execute_batch(RECORDS).expect("version 1");
    connection.execute_batch(FIXTURE).expect("its records");
    connection
}

fn make_large(path: &Path) {
    let many = "INSERT INTO keys (id, service, environment, prefix, owner, name, scopes, state, \
        created_at, version) WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n \
        WHERE n < ?1) SELECT randomblob(16), 'other', 'live', 'pck', 'many', 'key number ' || n, \
        'a:read b:read', 'active', n, 1 FROM n";
    let connection = make(path);
    connection.execute(many, [MANY]).expect("many keys");
    let secrets = "INSERT INTO secrets (key, number, digest, root, created_at) \
        SELECT number, 1, randomblob(32), 'k1', created_at FROM keys WHERE owner = 'many'";
    connection.execute(secrets, []).expect("their secrets");
}

fn id(last: u8) -> KeyId {
    KeyId::from_bytes([0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, last])
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

async fn load(store: &SqliteStore, last: u8) -> Key {
    let loaded = store.load(Lookup::Id(id(last))).await.expect("loaded");
    loaded.key.expect("a key")
}

#[tokio::test]
async fn records_of_version_1_read_as_before_and_have_defaults_for_what_is_new() {
    let folder = Folder::new();
    drop(make(&folder.path("keys.db")));
    let store = open(&folder.path("keys.db"));
    let services = store.load_services().await.expect("services").services;
    let [orders, other] = services.as_slice() else {
        panic!("{services:?}");
    };
    assert_eq!((orders.quota, orders.version), (3, 4));
    assert_eq!(orders.default_lifetime, Some(Duration::from_secs(86_400)));
    for Service {
        max_lifetime,
        retirement,
        ..
    } in [orders, other]
    {
        assert_eq!((max_lifetime, retirement), (&None, &None));
    }
    let first = load(&store, 1).await;
    assert_eq!(first.name.as_str(), "Nightly BÜCHER");
    assert_eq!(first.scopes.to_string(), "a:read b:*");
    assert_eq!(
        first.rate.map(|rate| rate.to_string()).as_deref(),
        Some("5/s")
    );
    assert!(first.addresses.is_empty() && first.metadata.is_empty() && first.note.is_none());
    let secrets: Vec<_> = first.secrets.iter().collect();
    let roots: Vec<_> = secrets
        .iter()
        .map(|one| (one.number, one.root.as_str()))
        .collect();
    assert_eq!(roots, [(1, "k1"), (2, "k2")]);
    assert!(secrets.iter().all(|secret| secret.issuer == secret.root));
    assert_eq!(secrets[0].ends_at, Some(time(70_000)));
    let revoked = load(&store, 3).await;
    assert!(matches!(revoked.state, KeyState::Revoked(why) if why.at == time(4_500)));
    // The trail knows of the first key alone who made it.
    let mut authors = Vec::new();
    for last in 1..=4 {
        authors.push(load(&store, last).await.created_by.to_string());
    }
    assert_eq!(authors, ["cli:alice", "unknown", "unknown", "unknown"]);
}

#[tokio::test]
async fn what_was_counted_and_told_before_a_migration_counts_after_it() {
    let folder = Folder::new();
    drop(make(&folder.path("keys.db")));
    let store = open(&folder.path("keys.db"));
    let usage = store.usage((1..=4).map(id).collect()).await.expect("usage");
    let refused = |ended| Refusals {
        ended,
        ..Refusals::default()
    };
    let first = Usage {
        granted: 7,
        refused: refused(2),
        throttled: 1,
        last_used_at: Some(time(6_000)),
        last_address: None,
    };
    let third = Usage {
        refused: refused(4),
        ..Usage::default()
    };
    let totals: Vec<_> = usage.iter().map(|usage| usage.total).collect();
    assert_eq!(totals, [first, Usage::default(), third, Usage::default()]);
    let numbers: Vec<Vec<u32>> = usage
        .iter()
        .map(|usage| usage.secrets.iter().map(|secret| secret.number).collect())
        .collect();
    assert_eq!(numbers, [vec![1, 2], vec![1], vec![1], vec![3]]);
    assert_eq!(store.most_used(10).await.expect("ids"), [id(1)]);

    // A follower that knows the history goes on.
    let known = Head {
        revision: Revision::new(2),
        tag: (-12_i64).cast_unsigned(),
    };
    let Changes::Some {
        mut keys, services, ..
    } = changes(&store, known).await
    else {
        panic!("another history");
    };
    keys.sort_unstable();
    assert_eq!((keys, services), (vec![id(1), id(2), id(3)], false));
    let of_key = EventsRequest {
        limit: 10,
        key: Some(id(1)),
        ..EventsRequest::default()
    };
    let events = store.events(of_key).await.expect("events");
    assert_eq!(
        events
            .iter()
            .map(|event| event.sequence)
            .collect::<Vec<_>>(),
        [2, 5]
    );
    assert_eq!(store.anchors().await.expect("anchors"), []);

    let roots = store.remember_roots(Vec::new()).await.expect("roots");
    assert_eq!(
        roots.iter().map(|root| root.retired).collect::<Vec<_>>(),
        [false, false]
    );
    let used = |name: &str, now| store.root_use(name.parse().expect("a name"), time(now));
    let both = |count| RootUse {
        digests: count,
        tokens: count,
    };
    assert_eq!(used("k1", 69_999).await.expect("counted"), both(2));
    assert_eq!(used("k1", 70_000).await.expect("counted"), both(1));
    assert_eq!(used("k2", 70_000).await.expect("counted"), both(2));
}

#[tokio::test]
async fn keys_of_version_1_are_found_by_every_part_of_a_filter() {
    let folder = Folder::new();
    drop(make(&folder.path("keys.db")));
    let store = open(&folder.path("keys.db"));
    let all = KeyFilter::default;
    let name = |part: &str| KeyFilter {
        name: Some(part.parse().expect("a part")),
        ..all()
    };
    let status = |status| KeyFilter {
        status: Some(status),
        ..all()
    };
    let used = |wanted| KeyFilter {
        last_used: Some(wanted),
        ..all()
    };
    let scope = |scope: &str| KeyFilter {
        scope: Some(scope.parse().expect("scope")),
        ..all()
    };
    let environment = |name: &str| KeyFilter {
        environment: Some(name.parse().expect("environment")),
        ..all()
    };
    let cases: [(KeyFilter, &[u8]); 18] = [
        (all(), &[1, 3, 4, 2]),
        (
            KeyFilter {
                service: Some(ORDERS),
                ..all()
            },
            &[1, 3, 2],
        ),
        (
            KeyFilter {
                owner: Some("bob".parse().expect("owner")),
                ..all()
            },
            &[3, 4],
        ),
        (environment("test"), &[2]),
        (scope("a:read"), &[1, 3]),
        (scope("b:*"), &[1]),
        (scope("a:write"), &[]),
        (name("nIGHTly"), &[1, 3]),
        (name("bücher"), &[1]),
        (name("\"quoted\" \\ 100%"), &[4]),
        (used(LastUsed::Never), &[3, 4, 2]),
        (
            used(LastUsed::Within(Span {
                from: Some(time(6_000)),
                until: None,
            })),
            &[1],
        ),
        (
            KeyFilter {
                expires_before: Some(time(90_001)),
                ..all()
            },
            &[1],
        ),
        (status(KeyStatus::Active), &[4]),
        (status(KeyStatus::Expired), &[1]),
        (status(KeyStatus::Disabled), &[2]),
        (status(KeyStatus::Revoked), &[3]),
        (
            KeyFilter {
                created: Some(Span {
                    from: None,
                    until: Some(time(2_500)),
                }),
                ..all()
            },
            &[1, 3],
        ),
    ];
    for (filter, expected) in cases {
        let request = PageRequest {
            filter,
            after: None,
            limit: 10,
            now: time(100_000),
        };
        let page = store.page(request.clone()).await.expect("a page");
        let found: Vec<KeyId> = page.keys.iter().map(|key| key.id).collect();
        let expected: Vec<KeyId> = expected.iter().map(|last| id(*last)).collect();
        assert_eq!(found, expected, "{:?}", request.filter);
    }
}

#[tokio::test]
async fn a_migrated_database_takes_changes_as_any_other() {
    let folder = Folder::new();
    drop(make(&folder.path("keys.db")));
    let store = open(&folder.path("keys.db"));
    let driver = drive(&store);
    let disabled = load(&store, 2).await;
    let renamed = Key {
        name: "another name".parse().expect("name"),
        ..disabled.clone()
    };
    driver.update_key(renamed).await.expect("updated");
    let late = driver
        .update_key(disabled)
        .await
        .expect_err("version 2 is gone");
    assert_eq!(late.kind(), StoreErrorKind::Conflict);
    // Of three, one is active with an end in 1970 and one disabled.
    for n in 0..2 {
        driver
            .create_key(key(ORDERS, n).expect("a key"))
            .await
            .expect("there is room");
    }
    let full = driver
        .create_key(key(ORDERS, 3).expect("a key"))
        .await
        .expect_err("full");
    assert_eq!(full.kind(), StoreErrorKind::QuotaReached);
    assert_eq!(head(&store).await.revision, Revision::new(8));
    drop((store, driver));
    assert_eq!(folder.names(), ["keys.db", "keys.db-head"]);
}

/// Starts a process that opens the database.
fn start_opening(path: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "migration::opening_process"])
        .env(PATH, path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started")
}

/// What other tests run as a process of its own, with a path; without one there
/// is nothing to do.
#[test]
fn opening_process() {
    if let Some(path) = std::env::var_os(PATH) {
        drop(open(Path::new(&path)));
    }
}

/// Waits until the log has more than this many bytes; false where the process
/// ended before.
fn log_grows(path: &Path, bytes: u64, child: &mut Child) -> bool {
    let log = path.with_extension("db-wal");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if std::fs::metadata(&log).is_ok_and(|log| log.len() > bytes) {
            return true;
        }
        if child.try_wait().expect("waited").is_some() {
            return false;
        }
        assert!(Instant::now() < deadline, "the log does not grow");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn count(path: &Path, sql: &str) -> i64 {
    raw(path).query_row(sql, [], |row| row.get(0)).expect(sql)
}

#[test]
fn while_one_process_migrates_another_waits_and_goes_on() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    make_large(&path);
    let mut first = start_opening(&path);
    assert!(
        log_grows(&path, 1_000_000, &mut first),
        "it was migrated unseen"
    );
    let (mut second, third) = (start_opening(&path), open(&path));
    for child in [&mut first, &mut second] {
        assert!(child.wait().expect("waited").success());
    }
    drop(third);
    assert_eq!(
        count(&path, "SELECT count(*) FROM refinery_schema_history"),
        3
    );
    assert_eq!(count(&path, "SELECT count(*) FROM usage"), MANY + 4);
}

#[test]
fn a_migration_that_is_killed_leaves_version_1_and_is_done_again() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    make_large(&path);
    let schema = "SELECT count(*) FROM sqlite_schema";
    let before = count(&path, schema);
    for bytes in [100_000, 1_000_000, 4_000_000] {
        let mut child = start_opening(&path);
        assert!(
            log_grows(&path, bytes, &mut child),
            "it was migrated unseen"
        );
        child.kill().expect("killed");
        child.wait().expect("waited");
        assert_eq!(
            count(&path, "PRAGMA user_version"),
            1,
            "killed at {bytes} bytes"
        );
        assert_eq!(count(&path, schema), before);
        assert_eq!(count(&path, "SELECT count(*) FROM keys"), MANY + 4);
    }
    drop(open(&path));
    assert_eq!(count(&path, "PRAGMA user_version"), 3);
    let verdict: String = raw(&path)
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("checked");
    assert_eq!(verdict, "ok");
    assert_eq!(count(&path, "SELECT count(*) FROM usage"), MANY + 4);
    let parts = "SELECT count(*) FROM key_names WHERE part = 'num'";
    assert_eq!(count(&path, parts), MANY);
}

#[tokio::test]
async fn a_database_that_an_older_version_has_open_is_busy_at_once_and_untouched() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    // A gateway of the older version, between two requests.
    let theirs = make(&path);
    theirs
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("a checkpoint");
    let before = std::fs::read(&path).expect("readable");
    let began = Instant::now();
    let message = open_fails(&path, StoreErrorKind::Busy);
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert!(message.contains("older version"), "{message}");
    assert_eq!(std::fs::read(&path).expect("readable"), before);
    assert_eq!(count(&path, "PRAGMA user_version"), 1);

    // The same where it is put in the place of one that is in use.
    let store = open(&folder.path("ours.db"));
    let known = head(&store).await;
    let ours = folder.path("ours.db");
    for name in ["keys.db", "keys.db-wal", "keys.db-shm"] {
        // Under both names, as a link would have it.
        let there = folder.path(&name.replace("keys", "ours"));
        let _ = std::fs::remove_file(&there);
        std::fs::hard_link(folder.path(name), there).expect("linked");
    }
    let began = Instant::now();
    let error = store.changes(known).await.expect_err("in use");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(error.kind(), StoreErrorKind::Busy, "{error}");
    assert_eq!(count(&ours, "PRAGMA user_version"), 1);
    drop(theirs);
    assert!(matches!(
        changes(&store, known).await,
        Changes::Diverged { .. }
    ));
    assert_eq!(count(&ours, "PRAGMA user_version"), 3);
}

#[tokio::test]
async fn an_older_copy_is_refused_before_it_is_migrated() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    drop(make(&path));
    let copy = std::fs::read(&path).expect("readable");
    let store = open(&path);
    drive(&store)
        .create_key(key("other".parse().expect("a name"), 0).expect("a key"))
        .await
        .expect("created");
    drop(store);
    // From before the update, as it is found when the update is undone.
    std::fs::write(&path, &copy).expect("put in place");
    for _ in 0..2 {
        let message = open_fails(&path, StoreErrorKind::Corrupt);
        assert!(message.contains("keys.db-head"), "{message}");
        assert_eq!(std::fs::read(&path).expect("readable"), copy);
    }
    // Without the note nobody knows of anything newer.
    std::fs::remove_file(folder.path("keys.db-head")).expect("removed");
    drop(open(&path));
    assert_eq!(count(&path, "PRAGMA user_version"), 3);
}
