use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use portcullis_core::keyring::Keyring;
use portcullis_core::manager::{ListKeys, VerifyAudit};
use portcullis_store::SqliteStore;

use super::database::{BILLING, Database, Known, is_granted, manage, open};
use super::files::{Dice, FRAME, Files, LOG_HEADER, PAGE, hold_log, snapshot};
use crate::support::{Folder, ORDERS};

const CASES: u64 = 500;
const THREADS: u64 = 4;

/// What is damaged, and how.
const DAMAGES: [&str; 21] = [
    "a bit of the file",
    "some bits of the file",
    "a bit of the log",
    "some bits of the log",
    "bits of both",
    "the file cut",
    "the log cut",
    "the log cut between two frames",
    "both cut",
    "a part of the file zeroed",
    "a page of the file zeroed",
    "a part of the log zeroed",
    "the end of the log zeroed",
    "a part of the file overwritten",
    "pages of an older moment",
    "two pages exchanged",
    "a field of the header",
    "the log of another database",
    "the log of an older moment",
    "no log, and an index of rubbish",
    "a bit of a key's record",
];

/// Every way in which a case may end, for the word at the end of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// The store would not open it.
    Refused,
    /// The manager would not begin with it.
    NotManaged,
    /// Some keys could not be answered for, and the check says why.
    Partly,
    /// As if nothing had happened to it.
    Whole,
}

/// What the cases are made of.
struct Ground {
    keyring: Keyring,
    known: Vec<Known>,
    /// With half of what was revoked in the log alone, and without a log.
    moments: [Files; 2],
    /// The same database before anything was revoked in it, and another one.
    older: Files,
    other: Files,
}

impl Ground {
    async fn prepare() -> Self {
        let folder = Folder::new();
        let other = {
            let mut other = Database::create(&folder.path("other.db")).await;
            let _held = hold_log(&folder.path("other.db"));
            other.round().await;
            snapshot(&folder, "other.db")
        };
        let path = folder.path("keys.db");
        let mut database = Database::create(&path).await;
        database.issue(ORDERS).await;
        database.round().await;
        let older = empty_log(&folder);
        // What follows stands in the log, and the first round in the file.
        let held = hold_log(&path);
        database.round().await;
        let with_log = snapshot(&folder, "keys.db");
        assert!(with_log.frames() > 50, "{} frames", with_log.frames());
        // `older` is of a moment before these were revoked.
        let first = database.known.iter().filter(|known| known.granted);
        for id in first.map(|known| known.id).take(6).collect::<Vec<_>>() {
            database.revoke(id).await;
            let ended = database.known.iter_mut().filter(|known| known.id == id);
            ended.for_each(|known| known.granted = false);
        }
        let last = snapshot(&folder, "keys.db");
        drop(held);
        let without_log = empty_log(&folder);
        assert_eq!(without_log.frames(), 0);
        Self {
            keyring: database.keyring.clone(),
            known: database.known.clone(),
            moments: [last, without_log],
            older,
            other,
        }
    }

    fn damage(&self, seed: u64) -> (&'static str, Files) {
        let mut dice = Dice::new(seed);
        let kind = usize::try_from(seed).expect("small") % DAMAGES.len();
        let without_log =
            kind == 20 || !matches!(kind, 2..=4 | 6..=8 | 11 | 12 | 17 | 18) && dice.roll(3) != 0;
        let mut files = self.moments[usize::from(without_log)].clone();
        self.apply(kind, &mut files, &mut dice);
        (DAMAGES[kind], files)
    }

    fn apply(&self, kind: usize, files: &mut Files, dice: &mut Dice) {
        let Files { main, log, .. } = files;
        let mut nothing = Vec::new();
        let frames = log.as_ref().map_or(0, Vec::len).saturating_sub(LOG_HEADER) / FRAME;
        match (kind, log.as_mut().unwrap_or(&mut nothing)) {
            (0, _) => dice.flip(main),
            (1, _) => (0..=dice.roll(32)).for_each(|_| dice.flip(main)),
            (2, log) => dice.flip(log),
            (3, log) => (0..=dice.roll(32)).for_each(|_| dice.flip(log)),
            (4, log) => {
                (0..=dice.roll(8)).for_each(|_| dice.flip(main));
                (0..=dice.roll(8)).for_each(|_| dice.flip(log));
            }
            (5, _) => main.truncate(dice.roll(main.len())),
            (6, log) => log.truncate(dice.roll(log.len())),
            (7, log) => log.truncate(LOG_HEADER + dice.roll(frames) * FRAME),
            (8, log) => {
                main.truncate(dice.roll(main.len()));
                log.truncate(dice.roll(log.len()));
            }
            (9, _) => dice.fill(main, 3 * PAGE, |_| 0),
            (10, _) => {
                let page = dice.roll(main.len() / PAGE);
                main[page * PAGE..(page + 1) * PAGE].fill(0);
            }
            (11, log) => dice.fill(log, 3 * PAGE, |_| 0),
            (12, log) => {
                let from = dice.roll(log.len());
                log[from..].fill(0);
            }
            (13, _) => dice.fill(main, 256, |dice| {
                u8::try_from(dice.roll(256)).expect("a byte")
            }),
            (14, log) => {
                // The log went into the file, but not all of it, and is gone.
                *main = self.moments[1].main.clone();
                log.clear();
                let pages = main.chunks_mut(PAGE).zip(self.older.main.chunks(PAGE));
                for (page, older) in pages {
                    if dice.roll(3) == 0 {
                        page.copy_from_slice(older);
                    }
                }
            }
            (15, _) => {
                let pages = main.len() / PAGE;
                let (one, other) = (dice.roll(pages), dice.roll(pages));
                for at in 0..PAGE {
                    main.swap(one * PAGE + at, other * PAGE + at);
                }
            }
            (16, _) => dice.fill(&mut main[..100], 4, |dice| {
                u8::try_from(dice.roll(256)).expect("a byte")
            }),
            (17, log) => *log = self.other.log.clone().expect("a log"),
            (18, log) => {
                let frames = dice.roll(frames);
                *log = self.moments[0].log.clone().expect("a log");
                log.truncate(LOG_HEADER + frames * FRAME);
                *main = self.older.main.clone();
            }
            (20, _) => {
                let known = &self.known[dice.roll(self.known.len())];
                // In the table, and not in an index, the service follows.
                let [one, other] = [&ORDERS, &BILLING]
                    .map(|service| [known.id.as_bytes(), service.as_str().as_bytes()].concat());
                let starts =
                    |at: &usize| main[*at..].starts_with(&one) || main[*at..].starts_with(&other);
                let at = (0..main.len()).find(starts).expect("the record");
                dice.flip(&mut main[at..at + 100]);
            }
            _ => {
                let rubbish = |_| u8::try_from(dice.roll(256)).expect("a byte");
                files.index = Some((0..32 * 1_024).map(rubbish).collect());
                files.log = None;
            }
        }
    }
}

/// Waits until the log is in the file, and reads that.
fn empty_log(folder: &Folder) -> Files {
    let raw = crate::support::raw(&folder.path("keys.db"));
    raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("a checkpoint");
    snapshot(folder, "keys.db")
}

/// Damages one copy, and does with it what a gateway does.
async fn case(ground: &Ground, seed: u64) -> End {
    let folder = Folder::new();
    let path = folder.path("keys.db");
    let (damage, files) = ground.damage(seed);
    files.write(&path);
    let what = || format!("case {seed}, {damage}");

    let store = match SqliteStore::open_existing(&path) {
        Ok(store) => store,
        Err(error) => {
            let message = error.to_string();
            assert!(message.len() > 20, "{}: {message}", what());
            assert!(files.are_untouched(&path), "{}: {message}", what());
            return End::Refused;
        }
    };
    let manager = match manage(store, &ground.keyring).await {
        Ok(manager) => manager,
        Err(message) => {
            assert!(message.len() > 20, "{}: {message}", what());
            return End::NotManaged;
        }
    };
    let mut missing = 0;
    for known in &ground.known {
        let granted = is_granted(&manager, &known.token).await;
        assert!(
            known.granted || !granted,
            "{}: {} counts again",
            what(),
            known.id
        );
        missing += u32::from(known.granted && !granted);
    }
    for service in [ORDERS, BILLING] {
        // Whatever it says, it says it.
        let _ = manager.list_keys(ListKeys::of(service)).await;
    }
    let _ = manager.verify_audit(VerifyAudit::default()).await;
    let stopped = manager.shutdown().await;
    drop(manager);
    if missing == 0 && stopped.is_ok() {
        return End::Whole;
    }
    match SqliteStore::check(&path) {
        Ok(report) => assert!(!report.is_whole(), "{}: {missing} keys are missing", what()),
        Err(error) => assert!(error.to_string().len() > 20, "{}: {error}", what()),
    }
    End::Partly
}

#[test]
fn of_500_damaged_databases_none_accepts_what_was_ended() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().expect("a runtime")
    };
    let ground = runtime().block_on(Ground::prepare());
    let ends = Mutex::new(BTreeMap::<(End, &str), u32>::new());
    let next = AtomicU64::new(0);
    let work = || {
        let runtime = runtime();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= CASES {
                return;
            }
            let ended = runtime.block_on(async {
                tokio::time::timeout(Duration::from_secs(60), case(&ground, seed)).await
            });
            let end = ended.unwrap_or_else(|_| panic!("case {seed} hangs"));
            let damage = DAMAGES[usize::try_from(seed).expect("small") % DAMAGES.len()];
            let mut ends = ends.lock().unwrap_or_else(PoisonError::into_inner);
            *ends.entry((end, damage)).or_default() += 1;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
    });
    let ends = ends.into_inner().expect("no panic");
    for ((end, damage), count) in &ends {
        println!("{count:4} {end:?}: {damage}");
    }
    let count = |end: End| -> u32 {
        let of_end = ends.iter().filter(|((of, _), _)| *of == end);
        of_end.map(|(_, count)| count).sum()
    };
    // Were all refused, nothing would have been shown.
    assert!(count(End::Refused) > 100, "{ends:?}");
    assert!(count(End::Whole) > 50, "{ends:?}");
    assert!(count(End::Partly) > 10, "{ends:?}");
}

/// What the cases rest on: undamaged, everything is as it should be.
#[tokio::test]
async fn an_undamaged_copy_answers_for_every_key() {
    let ground = Ground::prepare().await;
    for files in &ground.moments {
        let folder = Folder::new();
        let path: &Path = &folder.path("keys.db");
        files.write(path);
        let manager = manage(open(path), &ground.keyring)
            .await
            .expect("a manager");
        for known in &ground.known {
            let granted = is_granted(&manager, &known.token).await;
            assert_eq!(granted, known.granted, "{}", known.id);
        }
        let report = manager
            .verify_audit(VerifyAudit::default())
            .await
            .expect("a walk");
        assert!(report.is_whole(), "{:?}", report.fault);
        drop(manager);
        let report = SqliteStore::check(path).expect("checked");
        assert!(report.is_whole(), "{report}");
        assert_eq!(report.keys(), 41);
    }
}
