use std::path::Path;

use portcullis_core::store::{Changes, KeyStore as _, Revision, StoreErrorKind};
use portcullis_store::SqliteStore;

use crate::support::{Folder, add_key, changes, drive, fill, head, open, raw};

/// Copies the database, as it is now, to a file that has no log.
fn back_up(from: &Path, to: &Path) {
    let to = to.to_str().expect("unicode");
    raw(from).execute("VACUUM INTO ?1", [to]).expect("copied");
}

fn assert_whole(path: &Path) {
    let verdict: String = raw(path)
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("checked");
    assert_eq!(verdict, "ok");
}

#[tokio::test]
async fn an_older_copy_moved_into_place_is_diverged() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    let early = fill(&driver).await;
    back_up(&path, &folder.path("backup.db"));
    let late = add_key(&driver).await;
    let known = head(&store).await;

    std::fs::rename(folder.path("backup.db"), &path).expect("moved");
    let Changes::Diverged { head: now } = changes(&store, known).await else {
        panic!("the replaced file was not noticed");
    };
    assert_eq!(now.revision, Revision::new(2));
    assert_eq!(
        driver.load(early.id).await.expect("loaded").key,
        Some(early)
    );
    assert_eq!(driver.load(late.id).await.expect("loaded").key, None);
    // Its history goes on, another one.
    add_key(&driver).await;
    assert_eq!(
        changes(&store, known).await,
        Changes::Diverged {
            head: head(&store).await
        }
    );
    drop((store, driver));
    assert_eq!(folder.names(), ["keys.db", "keys.db-head"]);
    assert_whole(&path);
}

#[tokio::test]
async fn pages_of_the_old_log_never_reach_the_new_file() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let other = open(&folder.path("other.db"));
    let theirs = fill(&drive(&other)).await;
    let expected = head(&other).await;
    drop(other);

    let store = open(&path);
    let driver = drive(&store);
    let ours = fill(&driver).await;
    // A reader that needs the log keeps it from being emptied.
    let reader = raw(&path);
    reader
        .execute_batch("BEGIN; SELECT * FROM head")
        .expect("reading");
    for _ in 0..50 {
        add_key(&driver).await;
    }
    let log = std::fs::metadata(folder.path("keys.db-wal"))
        .expect("a log")
        .len();
    assert!(log > 100_000, "{log} bytes");

    std::fs::rename(folder.path("other.db"), &path).expect("moved");
    // Without a poll in between: the commit itself must see it.
    let added = add_key(&driver).await;
    assert_eq!(driver.load(ours.id).await.expect("loaded").key, None);
    assert_eq!(
        driver.load(theirs.id).await.expect("loaded").key,
        Some(theirs)
    );
    assert_eq!(
        head(&store).await.revision.count(),
        expected.revision.count() + 1
    );
    drop(reader);
    drop((store, driver));
    assert_whole(&path);
    let again = open(&path);
    assert_eq!(
        head(&again).await.revision.count(),
        expected.revision.count() + 1
    );
    assert!(
        drive(&again)
            .load(added.id)
            .await
            .expect("loaded")
            .key
            .is_some()
    );
}

#[tokio::test]
async fn the_replaced_file_keeps_everything_under_its_new_name() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    let key = fill(&driver).await;
    back_up(&path, &folder.path("backup.db"));
    let late = add_key(&driver).await;
    let known = head(&store).await;
    std::fs::rename(&path, folder.path("aside.db")).expect("moved aside");
    std::fs::rename(folder.path("backup.db"), &path).expect("moved");
    assert!(matches!(
        changes(&store, known).await,
        Changes::Diverged { .. }
    ));
    let aside = open(&folder.path("aside.db"));
    assert_eq!(head(&aside).await, known);
    for key in [key, late] {
        assert_eq!(
            drive(&aside).load(key.id).await.expect("loaded").key,
            Some(key)
        );
    }
}

#[tokio::test]
async fn a_missing_file_is_unavailable_until_it_is_back_and_never_created() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    let key = fill(&driver).await;
    let known = head(&store).await;
    std::fs::rename(&path, folder.path("away")).expect("moved away");
    for _ in 0..3 {
        let error = store.changes(known).await.expect_err("missing");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(error.to_string().contains("keys.db"), "{error}");
        let error = driver.load(key.id).await.expect_err("missing");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        let error = driver.update_key(key.clone()).await.expect_err("missing");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        // The log, though empty, is that of the file that may come back.
        let names = ["away", "keys.db-head", "keys.db-shm", "keys.db-wal"];
        assert_eq!(folder.names(), names);
    }
    std::fs::rename(folder.path("away"), &path).expect("back");
    let none = Changes::Some {
        head: known,
        keys: Vec::new(),
        services: false,
    };
    assert_eq!(changes(&store, known).await, none);
    assert_eq!(driver.load(key.id).await.expect("loaded").key, Some(key));
}

#[tokio::test]
async fn a_file_that_is_not_for_us_is_refused_until_one_is() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    let key = fill(&driver).await;
    let known = head(&store).await;
    back_up(&path, &folder.path("backup.db"));

    std::fs::write(folder.path("text"), "no database").expect("written");
    std::fs::rename(folder.path("text"), &path).expect("moved");
    for _ in 0..2 {
        let error = store.changes(known).await.expect_err("a text file");
        assert_eq!(error.kind(), StoreErrorKind::Foreign, "{error}");
        let error = driver
            .update_key(key.clone())
            .await
            .expect_err("a text file");
        assert_eq!(error.kind(), StoreErrorKind::Foreign, "{error}");
    }
    assert_eq!(std::fs::read(&path).expect("readable"), b"no database");

    std::fs::write(folder.path("empty"), "").expect("written");
    std::fs::rename(folder.path("empty"), &path).expect("moved");
    let error = store.changes(known).await.expect_err("an empty file");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert_eq!(std::fs::read(&path).expect("readable"), b"");

    std::fs::rename(folder.path("backup.db"), &path).expect("moved");
    let none = Changes::Some {
        head: known,
        keys: Vec::new(),
        services: false,
    };
    assert_eq!(changes(&store, known).await, none);
    driver.update_key(key).await.expect("it is ours again");
}

#[tokio::test]
async fn a_restore_into_the_open_file_is_diverged() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    fill(&driver).await;
    back_up(&path, &folder.path("backup.db"));
    let late = add_key(&driver).await;
    let known = head(&store).await;
    let source = raw(&folder.path("backup.db"));
    let mut target = raw(&path);
    rusqlite::backup::Backup::new(&source, &mut target)
        .expect("begun")
        .run_to_completion(100, std::time::Duration::ZERO, None)
        .expect("restored");
    assert!(matches!(
        changes(&store, known).await,
        Changes::Diverged { .. }
    ));
    assert_eq!(driver.load(late.id).await.expect("loaded").key, None);
    add_key(&driver).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_leads_elsewhere_is_followed_and_the_first_file_left_whole() {
    let folder = Folder::new();
    let link = folder.path("current");
    drop(open(&folder.path("one.db")));
    drop(open(&folder.path("two.db")));
    std::os::unix::fs::symlink(folder.path("one.db"), &link).expect("linked");
    let store = open(&link);
    let key = fill(&drive(&store)).await;
    let known = head(&store).await;
    // Somebody else goes on with the first file, and with its log.
    let beside = open(&folder.path("one.db"));

    std::os::unix::fs::symlink(folder.path("two.db"), folder.path("next")).expect("linked");
    std::fs::rename(folder.path("next"), &link).expect("switched");
    assert!(matches!(
        changes(&store, known).await,
        Changes::Diverged { .. }
    ));
    fill(&drive(&store)).await;

    let more = add_key(&drive(&beside)).await;
    drop(beside);
    let one = SqliteStore::open_existing(folder.path("one.db")).expect("whole");
    assert_eq!(head(&one).await.revision, Revision::new(3));
    drop(one);
    let one = open(&folder.path("one.db"));
    for key in [key, more] {
        assert_eq!(
            drive(&one).load(key.id).await.expect("loaded").key,
            Some(key)
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn while_the_path_cannot_be_looked_at_nothing_is_read() {
    use std::os::unix::fs::symlink;

    let folder = Folder::new();
    let (way, real) = (folder.path("way"), folder.path("real"));
    std::fs::create_dir(&real).expect("a folder");
    symlink(&real, &way).expect("a link");
    let store = open(&way.join("keys.db"));
    let driver = drive(&store);
    let key = fill(&driver).await;
    let known = head(&store).await;
    // Somebody else goes on with the file.
    let other = open(&real.join("keys.db"));

    // A way that leads to itself: not even the administrator gets through.
    std::fs::remove_file(&way).expect("removed");
    symlink(&way, &way).expect("a loop");
    let late = add_key(&drive(&other)).await;
    for _ in 0..3 {
        let changes = store.changes(known).await.map(drop);
        let loaded = driver.load(key.id).await.map(drop);
        let services = store.load_services().await.map(drop);
        for answer in [changes, loaded, services] {
            let error = answer.expect_err("nothing is known of the path");
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
            assert!(error.to_string().contains("cannot be looked at"), "{error}");
        }
    }

    std::fs::remove_file(&way).expect("removed");
    symlink(&real, &way).expect("back");
    let Changes::Some { keys, .. } = changes(&store, known).await else {
        panic!("it is the same history");
    };
    assert_eq!(keys, [late.id]);
    for key in [key, late] {
        let found = driver.load(key.id).await.expect("loaded").key;
        assert_eq!(found, Some(key));
    }
    store.load_services().await.expect("loaded");
}

#[tokio::test]
async fn a_log_that_was_taken_away_costs_nothing_that_was_acknowledged() {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let store = open(&path);
    let driver = drive(&store);
    let first = fill(&driver).await;
    std::fs::remove_file(folder.path("keys.db-wal")).expect("removed");
    std::fs::remove_file(folder.path("keys.db-shm")).expect("removed");
    let second = add_key(&driver).await;
    assert!(
        folder.names().contains(&"keys.db-wal".to_owned()),
        "a new log is in place"
    );
    drop((store, driver));
    assert_whole(&path);
    let again = open(&path);
    for key in [first, second] {
        let found = drive(&again).load(key.id).await.expect("loaded").key;
        assert_eq!(found, Some(key));
    }
}
