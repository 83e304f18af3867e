use portcullis_core::store::StoreErrorKind;
use portcullis_store::SqliteStore;

use super::database::{Database, is_granted, manage, open};
use super::files::{FRAME, Files, LOG_HEADER, hold_log, snapshot};
use crate::support::{Folder, ORDERS, open_fails};

/// A database whose log has the revocation of a key in its last frames, that
/// key's token, and how long the log was before.
async fn revoked_at_last(folder: &Folder) -> (Database, String, Files, usize) {
    let database = Database::create(&folder.path("live.db")).await;
    let _held = hold_log(&folder.path("live.db"));
    for _ in 0..3 {
        let issued = database.issue(ORDERS).await;
        database.revoke(issued.key.id).await;
    }
    let issued = database.issue(ORDERS).await;
    let before = snapshot(folder, "live.db").log.expect("a log").len();
    database.revoke(issued.key.id).await;
    let token = issued.token.expose().to_owned();
    let files = snapshot(folder, "live.db");
    (database, token, files, before)
}

#[tokio::test]
async fn a_log_that_was_cut_is_refused_and_a_note_that_is_removed_accepts_it() {
    let folder = Folder::new();
    let (database, token, mut files, before) = revoked_at_last(&folder).await;
    files.log.as_mut().expect("a log").truncate(before);
    let path = folder.path("keys.db");
    files.write(&path);
    for _ in 0..2 {
        let message = open_fails(&path, StoreErrorKind::Corrupt);
        for part in ["revision 9", "revision 10", "keys.db-head"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(files.are_untouched(&path));
    }
    let report = SqliteStore::check(&path).expect("checked");
    assert!(report.faults()[0].contains("revision 10"), "{report}");
    assert!(files.are_untouched(&path));

    // What the message says, done on purpose: the older state counts.
    std::fs::remove_file(folder.path("keys.db-head")).expect("removed");
    let manager = manage(open(&path), &database.keyring)
        .await
        .expect("a manager");
    assert!(is_granted(&manager, &token).await);
    // From now on it is noted how far this one has come.
    drop(manager);
    let noted = std::fs::read_to_string(folder.path("keys.db-head")).expect("a note");
    assert!(noted.contains("revision=00000000000000000009 "), "{noted}");
}

#[tokio::test]
async fn a_log_that_is_damaged_before_its_end_is_refused_without_any_note() {
    let folder = Folder::new();
    let (_database, _, files, before) = revoked_at_last(&folder).await;
    let path = folder.path("keys.db");
    let frames = (before - LOG_HEADER) / FRAME;
    // In each frame that another commit follows: in its page, its checksum, its
    // salt; and in the log's own header.
    let of_frames = (0..frames - 8).step_by(7).flat_map(|frame| {
        let at = LOG_HEADER + frame * FRAME;
        [at + 8, at + 20, at + 300]
    });
    for at in of_frames.chain([0, 5, 10, 18, 30]) {
        let mut damaged = files.clone();
        damaged.log.as_mut().expect("a log")[at] ^= 0x10;
        damaged.note = None;
        damaged.write(&path);
        let message = open_fails(&path, StoreErrorKind::Corrupt);
        assert!(message.contains("keys.db-wal"), "byte {at}: {message}");
        assert!(damaged.are_untouched(&path), "byte {at}");
    }
}

#[tokio::test]
async fn a_log_that_a_loss_of_power_left_is_taken_up_to_its_last_commit() {
    let folder = Folder::new();
    let (database, token, files, before) = revoked_at_last(&folder).await;
    // Of the last transaction only some frames reached the disk, in any order;
    // nobody was told of it, so that it was not noted.
    for lost in [0, 1] {
        let folder = Folder::new();
        let path = folder.path("keys.db");
        let mut torn = files.clone();
        let log = torn.log.as_mut().expect("a log");
        let at = before + lost * FRAME;
        log[at..at + FRAME].fill(0);
        torn.note = None;
        torn.write(&path);
        let manager = manage(open(&path), &database.keyring)
            .await
            .expect("a manager");
        assert!(is_granted(&manager, &token).await, "it was never revoked");
        drop(manager);
        let report = SqliteStore::check(&path).expect("checked");
        assert!(report.is_whole(), "{report}");
    }
}

#[tokio::test]
async fn the_log_of_another_database_is_refused() {
    let folder = Folder::new();
    let (_database, _, mut files, _) = revoked_at_last(&folder).await;
    let other = Database::create(&folder.path("other.db")).await;
    let _held = hold_log(&folder.path("other.db"));
    other.issue(ORDERS).await;
    let theirs = snapshot(&folder, "other.db");
    // All of this one is in its file.
    crate::support::raw(&folder.path("live.db"))
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("a checkpoint");
    files.main = snapshot(&folder, "live.db").main;
    (files.log, files.note) = (theirs.log, None);
    let path = folder.path("keys.db");
    files.write(&path);
    let message = open_fails(&path, StoreErrorKind::Corrupt);
    assert!(message.contains("not its own"), "{message}");
    assert!(files.are_untouched(&path));
}
