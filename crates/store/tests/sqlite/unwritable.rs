//! Files that this process may read and not write.
#![cfg(target_os = "linux")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;

use portcullis_core::store::StoreErrorKind;
use portcullis_store::SqliteStore;
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

use crate::support::{Folder, add_key, drive, fill, open, open_fails, raw};

/// Runs a test on a thread, and on those that it starts, for which modes count:
/// also where the tests are run by the administrator.
fn held_by_modes(test: impl FnOnce() + Send + 'static) {
    let thread = thread::spawn(|| {
        let over = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
        let have = capabilities(None).expect("known");
        let less = CapabilitySets {
            effective: have.effective.difference(over),
            permitted: have.permitted.difference(over),
            inheritable: have.inheritable.difference(over),
        };
        set_capabilities(None, less).expect("given up");
        test();
    });
    thread.join().expect("the test passes");
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn a_database_that_may_only_be_read_says_so_and_is_usable_once_it_may_be_written() {
    held_by_modes(|| {
        let folder = Folder::new();
        let path = folder.path("keys.db");
        wait(fill(&drive(&open(&path))));
        let before = folder.contents();
        set_mode(&path, 0o444);
        for _ in 0..2 {
            let message = open_fails(&path, StoreErrorKind::Unavailable);
            for part in ["keys.db may not be written by this process", "mode 444"] {
                assert!(message.contains(part), "{message}");
            }
            assert_eq!(folder.contents(), before, "nothing is made beside it");
        }
        let report = SqliteStore::check(&path).expect("checked");
        assert!(report.is_whole(), "{report}");
        set_mode(&path, 0o600);
        wait(add_key(&drive(&open(&path))));
    });
}

#[test]
fn what_was_left_beside_a_database_that_could_only_be_read_is_mended() {
    held_by_modes(|| {
        let folder = Folder::new();
        let path = folder.path("keys.db");
        wait(fill(&drive(&open(&path))));
        // Another program does what ours does no more.
        set_mode(&path, 0o444);
        let theirs = raw(&path);
        theirs
            .query_row("SELECT count(*) FROM keys", [], |_| Ok(()))
            .expect("read");
        drop(theirs);
        let index = folder.path("keys.db-shm");
        assert_eq!(mode(&index), 0o444, "left behind");
        set_mode(&path, 0o640);
        let store = open(&path);
        assert_eq!(mode(&index), 0o640);
        wait(add_key(&drive(&store)));
        drop(store);

        // What is not ours to mend is named.
        set_mode(&path, 0o444);
        let theirs = raw(&path);
        theirs
            .query_row("SELECT count(*) FROM keys", [], |_| Ok(()))
            .expect("read");
        drop(theirs);
        fs::hard_link(&index, folder.path("other")).expect("a second name");
        set_mode(&path, 0o600);
        let message = open_fails(&path, StoreErrorKind::Unavailable);
        let part = "keys.db-shm may not be written by this process, and the database may";
        assert!(message.contains(part), "{message}");
        assert_eq!(mode(&index), 0o444, "as it was");
    });
}
