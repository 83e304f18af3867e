use std::path::Path;
use std::time::Duration;

use portcullis_core::audit::Actor;
use portcullis_core::clock::{Clock as _, ManualClock, SystemClock};
use portcullis_core::key::KeyId;
use portcullis_core::manager::{Expiry, ListEvents, NewKey, ServicePatch, VerifyAudit};
use portcullis_core::store::StoreErrorKind;
use portcullis_core::{ErrorKind, KeyManager};
use portcullis_store::SqliteStore;

use super::database::{BILLING, Database, is_granted, manage, open};
use super::files::{Files, PAGE, snapshot};
use crate::support::{Folder, ORDERS, raw};

/// All of the database in its one file.
fn whole(folder: &Folder, name: &str) -> Files {
    raw(&folder.path(name))
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("a checkpoint");
    snapshot(folder, name)
}

#[tokio::test]
async fn a_record_that_was_altered_in_the_file_is_not_used_and_the_others_are() {
    for sql in [
        "UPDATE keys SET state = 'active', revoked_at = NULL, revoked_why = NULL WHERE id = ?1",
        "UPDATE keys SET service = 'billing' WHERE id = ?1",
        "UPDATE keys SET scopes = '*' WHERE id = ?1",
        "UPDATE keys SET expires_at = 4000000000000 WHERE id = ?1",
        "UPDATE keys SET rate_requests = 9, rate_period_ns = 1000000000, rate_burst = 9 WHERE id = ?1",
        "UPDATE secrets SET ends_at = NULL, created_at = created_at + 1 \
         WHERE key = (SELECT number FROM keys WHERE id = ?1)",
        "INSERT INTO secrets (key, number, digest, root, issuer, created_at, standing) \
         SELECT number, 9, zeroblob(32), 'k1', 'k1', 0, 1 FROM keys WHERE id = ?1",
        "DELETE FROM key_sums WHERE key = (SELECT number FROM keys WHERE id = ?1)",
    ] {
        let folder = Folder::new();
        let path = folder.path("keys.db");
        let database = Database::create(&path).await;
        let (altered, other) = (database.issue(ORDERS).await, database.issue(ORDERS).await);
        database.revoke(altered.key.id).await;
        let raw = raw(&path);
        assert_eq!(raw.execute(sql, [altered.key.id.as_bytes()]).expect(sql), 1);
        // A process that has not read it yet.
        let files = whole(&folder, "keys.db");
        let folder = Folder::new();
        let path = folder.path("keys.db");
        files.write(&path);
        let manager = manage(open(&path), &database.keyring).await.expect(sql);
        assert!(!is_granted(&manager, altered.token.expose()).await, "{sql}");
        assert!(is_granted(&manager, other.token.expose()).await, "{sql}");
        let error = manager.key(altered.key.id).await.expect_err(sql);
        assert!(
            error.to_string().contains("not as it was written"),
            "{sql}: {error}"
        );
        assert!(
            error.to_string().contains(&altered.key.id.to_string()),
            "{sql}: {error}"
        );
        manager.key(other.key.id).await.expect("whole");
    }
}

#[tokio::test]
async fn a_service_that_was_altered_in_the_file_stops_the_manager() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let database = Database::create(&path).await;
    raw(&path)
        .execute("UPDATE services SET quota = 1 WHERE name = 'orders'", [])
        .expect("altered");
    let files = whole(&folder, "keys.db");
    let folder = Folder::new();
    files.write(&folder.path("keys.db"));
    let store = open(&folder.path("keys.db"));
    let message = manage(store, &database.keyring).await.expect_err("altered");
    assert!(message.contains("table services, row orders"), "{message}");
}

/// The pages of the tables of keys: each fits into one.
fn roots(path: &Path) -> Vec<usize> {
    let sql = "SELECT rootpage FROM sqlite_schema \
        WHERE type = 'table' AND name IN ('keys', 'secrets', 'key_sums')";
    let raw = raw(path);
    let mut statement = raw.prepare(sql).expect(sql);
    let roots = statement.query_map([], |row| row.get::<_, i64>(0));
    let roots = roots.expect(sql).map(|root| root.expect("a page"));
    roots
        .map(|root| usize::try_from(root).expect("a page"))
        .collect()
}

#[tokio::test]
async fn pages_of_an_older_moment_bring_no_key_back() {
    let folder = Folder::new();
    let database = Database::create(&folder.path("keys.db")).await;
    let mut issued = Vec::new();
    for service in [ORDERS, BILLING, ORDERS, BILLING] {
        issued.push(database.issue(service).await);
    }
    let older = whole(&folder, "keys.db");
    for issued in &issued {
        database.revoke(issued.key.id).await;
    }
    let newer = whole(&folder, "keys.db");
    assert_eq!(older.main.len(), newer.main.len());
    let stale = |take: &dyn Fn(usize) -> bool| {
        let mut files = newer.clone();
        let pages = files.main.chunks_mut(PAGE).zip(older.main.chunks(PAGE));
        for (number, (page, older)) in pages.enumerate() {
            if take(number) {
                page.copy_from_slice(older);
            }
        }
        files
    };
    let differ: Vec<_> = (0..newer.main.len() / PAGE)
        .filter(|page| {
            let bytes = page * PAGE..(page + 1) * PAGE;
            older.main[bytes.clone()] != newer.main[bytes]
        })
        .collect();
    assert!(differ.len() > 5, "{differ:?}");
    let pairs = differ
        .iter()
        .flat_map(|one| differ.iter().map(move |other| (one, other)));
    let pairs = pairs
        .filter(|(one, other)| one <= other)
        .map(|(one, other)| {
            let mut files = stale(&|number| number == *one || number == *other);
            // Only the pages themselves can tell.
            files.note = None;
            files
        });
    // Everything that a record consists of, and what it adds up to.
    let roots = roots(&folder.path("keys.db"));
    let mut records = stale(&|number| roots.contains(&(number + 1)));
    records.note = None;
    // All the pages that matter may agree: the note tells.
    let all_but_one = differ.iter().map(|page| stale(&|number| number != *page));
    let (mut refused, mut used) = (0, 0);
    for files in pairs.chain(all_but_one).chain([records]) {
        let folder = Folder::new();
        let path = folder.path("keys.db");
        files.write(&path);
        let Ok(store) = SqliteStore::open(&path) else {
            assert!(files.are_untouched(&path));
            refused += 1;
            continue;
        };
        used += 1;
        let manager = manage(store, &database.keyring).await.expect("a manager");
        for issued in &issued {
            assert!(!is_granted(&manager, issued.token.expose()).await);
        }
    }
    assert!(refused > 5 && used > 2, "{refused} refused, {used} used");
}

#[tokio::test]
async fn an_older_schema_is_added_up_when_it_is_migrated_and_not_when_it_is_damaged() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let database = Database::create(&path).await;
    let (live, ended) = (database.issue(ORDERS).await, database.issue(ORDERS).await);
    database.revoke(ended.key.id).await;
    // As a migration leaves it that was interrupted after its last statement.
    raw(&path)
        .execute_batch("PRAGMA user_version = 1; DELETE FROM key_sums; DELETE FROM service_sums;")
        .expect("set back");
    let files = whole(&folder, "keys.db");
    let folder = Folder::new();
    let path = folder.path("keys.db");
    files.write(&path);
    let manager = manage(open(&path), &database.keyring)
        .await
        .expect("a manager");
    assert!(is_granted(&manager, live.token.expose()).await);
    assert!(!is_granted(&manager, ended.token.expose()).await);
    assert!(SqliteStore::check(&path).expect("checked").is_whole());

    for page in 1..files.main.len() / PAGE {
        let mut damaged = files.clone();
        damaged.main[page * PAGE..(page + 1) * PAGE].fill(0x5a);
        let folder = Folder::new();
        let path = folder.path("keys.db");
        damaged.write(&path);
        let error = SqliteStore::open(&path).expect_err("damaged");
        assert_eq!(
            error.kind(),
            StoreErrorKind::Corrupt,
            "page {page}: {error}"
        );
        assert!(damaged.are_untouched(&path), "page {page}: {error}");
    }
}

#[tokio::test]
async fn an_event_that_was_hidden_from_listings_is_found() {
    for sql in [
        "UPDATE audit SET key_id = NULL WHERE key_id = ?1",
        "UPDATE audit SET service = 'billing' WHERE key_id = ?1",
        "UPDATE audit SET at = at - 86400000 WHERE key_id = ?1",
    ] {
        let folder = Folder::new();
        let path = folder.path("keys.db");
        let database = Database::create(&path).await;
        let issued = database.issue(ORDERS).await;
        let manager = manage(open(&path), &database.keyring).await.expect(sql);
        let verify = async || manager.verify_audit(VerifyAudit::new()).await.expect(sql);
        assert!(verify().await.is_whole());
        let altered = raw(&path).execute(sql, [issued.key.id.as_bytes()]);
        assert!(altered.expect(sql) > 0, "{sql}");
        let fault = verify().await.fault.expect(sql);
        assert!(fault.contains("is stored under another"), "{sql}: {fault}");
    }
}

#[tokio::test]
async fn an_event_whose_row_does_not_read_hides_none_before_or_behind_it() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let mut database = Database::create(&path).await;
    database.round().await;
    let manager = manage(open(&path), &database.keyring)
        .await
        .expect("a manager");
    let last = manager.audit_head().await.expect("a head").sequence;
    raw(&path)
        .execute("UPDATE audit SET root = 'K1' WHERE sequence = 6", [])
        .expect("altered");
    let (mut read, mut after, mut skipped) = (Vec::new(), 0, 0);
    loop {
        match manager.audit_events(ListEvents::new().after(after)).await {
            Ok(page) => {
                read.extend(page.events.iter().map(|signed| signed.event.sequence));
                let Some(next) = page.next else { break };
                after = next;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                assert!(error.to_string().contains("row 6"), "{error}");
                (after, skipped) = (6, skipped + 1);
            }
        }
    }
    assert_eq!(skipped, 1);
    let others: Vec<u64> = (1..=last).filter(|sequence| *sequence != 6).collect();
    assert_eq!(read, others);
}

#[tokio::test]
async fn a_damaged_key_can_be_revoked_and_is_then_not_even_cached() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let mut database = Database::create(&path).await;
    database.round().await;
    let (first, other) = (database.issue(ORDERS).await, database.issue(ORDERS).await);
    let token = first.token.expose().to_owned();
    let manager = manage(open(&path), &database.keyring)
        .await
        .expect("a manager");
    assert!(is_granted(&manager, &token).await);
    raw(&path)
        .execute(
            "UPDATE keys SET owner = 'mallory' WHERE id = ?1",
            [first.key.id.as_bytes()],
        )
        .expect("altered");
    // It was cached while it was whole.
    assert!(is_granted(&manager, &token).await);
    let reason = "leaked".parse().expect("a reason");
    let actor = Actor::new("test").expect("a name");
    let revoke = |id| manager.revoke_damaged_key(id, "leaked".parse().expect("a reason"), &actor);
    let error = manager.revoke_key(first.key.id, reason, &actor).await;
    assert_eq!(error.expect_err("damaged").kind(), ErrorKind::Corrupt);
    let error = revoke(other.key.id).await.expect_err("it is whole");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let error = revoke(KeyId::random()).await.expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");

    revoke(first.key.id).await.expect("revoked");
    assert!(!is_granted(&manager, &token).await);
    assert!(is_granted(&manager, other.token.expose()).await);
    let report = manager.verify_audit(VerifyAudit::new()).await;
    assert!(report.expect("a walk").is_whole());
    drop((manager, database));
    // The record stays damaged, and all else as it was.
    let report = SqliteStore::check(&path).expect("checked");
    let [fault] = report.faults() else {
        panic!("{report}");
    };
    assert!(fault.contains(&first.key.id.to_string()), "{fault}");
}

/// Where the values of the first key that was made begin in the file, and where
/// its state does.
fn first_row(files: &Files, path: &Path, id: KeyId) -> (usize, usize) {
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'keys'";
    let root = raw(path).query_row(sql, [], |row| row.get::<_, i64>(0));
    let root = usize::try_from(root.expect("a table")).expect("a page");
    let page = (root - 1) * PAGE;
    let find = |from: usize, wanted: &[u8]| {
        let bytes = &files.main[from..page + PAGE];
        let at = bytes
            .windows(wanted.len())
            .position(|bytes| bytes == wanted);
        from + at.expect("in the page")
    };
    let values = find(page, id.as_bytes());
    (values, find(values, b"active"))
}

#[tokio::test]
async fn a_damaged_key_that_no_index_leads_to_is_ended_and_gives_its_place_back() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let database = Database::create(&path).await;
    let actor = Actor::new("test").expect("a name");
    let create = async |manager: &KeyManager, expiry| {
        let (owner, name) = ("acme".parse().expect("owner"), "job".parse().expect("name"));
        let key = NewKey::new(ORDERS, owner, name).expiry(expiry);
        manager.create_key(key, &actor).await
    };
    let manager = manage(open(&path), &database.keyring).await;
    let manager = manager.expect("a manager");
    let two = ServicePatch::new().quota(2);
    let changed = manager.update_service(&ORDERS, two, &actor).await;
    changed.expect("changed");
    let hour = Expiry::In(Duration::from_secs(3_600));
    let first = create(&manager, hour).await.expect("the first");
    let other = create(&manager, Expiry::Never).await;
    let other = other.expect("the second");
    drop(manager);
    let (id, token) = (first.key.id, first.token.expose());
    let files = whole(&folder, "keys.db");
    let (values, state) = first_row(&files, &path, id);
    let digest = first.key.secrets[0].digest.as_bytes();
    let mut places = files.main.windows(digest.len());
    let root = digest.len() + places.position(|at| at == digest).expect("a digest");
    // Behind the id stands the service; behind the state its creation and its
    // expiry, in six bytes each. All of it is in an index as well.
    for flipped in [values + 16, state + 1, state + 14, root + 1] {
        let mut damaged = files.clone();
        damaged.main[flipped] ^= 4;
        let folder = Folder::new();
        let path = folder.path("keys.db");
        damaged.write(&path);
        let manager = manage(open(&path), &database.keyring).await;
        let manager = manager.expect("a manager");
        let full = create(&manager, Expiry::Never).await;
        let full = full.expect_err("two are live");
        assert_eq!(full.kind(), ErrorKind::QuotaReached, "{full}");
        for _ in 0..2 {
            let reason = "leaked".parse().expect("a reason");
            let revoked = manager.revoke_damaged_key(id, reason, &actor).await;
            revoked.expect("revoked, however often");
        }
        let used = manager.roots().await.expect("the roots")[0].used;
        assert_eq!((used.digests, used.tokens), (1, 1), "those of the other");
        let third = create(&manager, Expiry::Never).await;
        third.expect("its place is free");
        drop(manager);
        // Now, and when it would have expired.
        let years_on = ManualClock::new().now().wall();
        for wall in [SystemClock::new().now().wall(), years_on] {
            let clock = ManualClock::new();
            clock.set_wall(wall);
            let manager = KeyManager::builder(open(&path))
                .keyring(database.keyring.clone())
                .clock(clock)
                .build()
                .await
                .expect("a manager");
            let full = create(&manager, Expiry::Never).await;
            let full = full.expect_err("two are live");
            assert_eq!(full.kind(), ErrorKind::QuotaReached, "{full}");
        }
        let report = SqliteStore::check(&path).expect("checked");
        let faults = report.faults().join("; ");
        assert!(faults.contains(&id.to_string()), "{faults}");
        assert!(!faults.contains("that are not revoked"), "{faults}");

        // Nor does it count again where the bit comes back.
        let mut mended = whole(&folder, "keys.db");
        assert_eq!(mended.main[flipped], damaged.main[flipped]);
        mended.main[flipped] ^= 4;
        let folder = Folder::new();
        let path = folder.path("keys.db");
        mended.write(&path);
        let manager = manage(open(&path), &database.keyring).await;
        let manager = manager.expect("a manager");
        assert!(!is_granted(&manager, token).await);
        assert!(is_granted(&manager, other.token.expose()).await);
    }
}

#[tokio::test]
async fn where_the_index_leads_to_another_key_that_one_is_not_revoked() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let mut database = Database::create(&path).await;
    database.round().await;
    let (first, other) = (database.issue(ORDERS).await, database.issue(ORDERS).await);
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_keys_1'";
    let root = raw(&path).query_row(sql, [], |row| row.get::<_, i64>(0));
    let root = usize::try_from(root.expect("an index")).expect("a page");
    let mut files = whole(&folder, "keys.db");
    let page = &mut files.main[(root - 1) * PAGE..root * PAGE];
    // An entry is an id, and behind it the number of its row in one byte.
    let [one, two] = [first.key.id, other.key.id].map(|id| {
        let mut ids = page.windows(16);
        ids.position(|bytes| bytes == id.as_bytes())
            .expect("an entry")
            + 16
    });
    page.swap(one, two);

    let folder = Folder::new();
    let path = folder.path("keys.db");
    files.write(&path);
    let manager = manage(open(&path), &database.keyring)
        .await
        .expect("a manager");
    let actor = Actor::new("test").expect("a name");
    let revoke = |id| manager.revoke_damaged_key(id, "leaked".parse().expect("a reason"), &actor);
    let error = revoke(first.key.id).await.expect_err("it is not damaged");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("index of table keys"), "{error}");
    drop(manager);
    let state = "SELECT group_concat(state) FROM keys WHERE id IN (?1, ?2)";
    let ids = (first.key.id.as_bytes(), other.key.id.as_bytes());
    let states = raw(&path).query_row(state, ids, |row| row.get::<_, String>(0));
    assert_eq!(states.expect("both"), "active,active");
}
