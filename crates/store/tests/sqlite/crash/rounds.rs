use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use portcullis_core::key::{KeyId, KeyState};
use portcullis_core::keyring::Keyring;
use portcullis_core::manager::KeyManager;
use portcullis_core::service::ServiceName;
use portcullis_core::store::conformance::Driver;
use portcullis_core::store::{AuditHead, AuditLog as _, KeyStore as _};
use portcullis_store::SqliteStore;
use rusqlite::Connection;

use super::told::{Told, ToldKey, ToldService};
use super::{FOLDER, PATIENCE, QUOTA, TEST, runtime, verify};
use crate::support::{EVENTS, Folder, raw};

/// How long a process may go on after its first word.
const LIVES_ON: Duration = Duration::from_millis(25);
/// How long one may live that is killed whatever it has said.
const LIVES: Duration = Duration::from_millis(60);

/// How often each operation was told of.
pub(super) type Tally = BTreeMap<String, u64>;

/// The rounds over one database.
pub(super) struct Rounds<'a> {
    folder: &'a Folder,
    path: PathBuf,
    keyring: Keyring,
    /// The newest version of each key that was told of.
    keys: HashMap<KeyId, ToldKey>,
    /// The same of each service.
    services: HashMap<ServiceName, ToldService>,
    /// Every anchor that was told of.
    anchors: Vec<u64>,
    /// The last event that is gone.
    pruned: u64,
    /// How far the chain is verified.
    verified: AuditHead,
}

impl<'a> Rounds<'a> {
    pub(super) fn begin(folder: &'a Folder) -> Self {
        let keyring = Keyring::generate("k1".parse().expect("a name")).expect("a keyring");
        keyring.write_new(folder.path("keyring")).expect("written");
        Self {
            folder,
            path: folder.path("keys.db"),
            keyring,
            keys: HashMap::new(),
            services: HashMap::new(),
            anchors: Vec::new(),
            pruned: 0,
            verified: AuditHead {
                sequence: 0,
                mac: [0; 32],
            },
        }
    }

    /// Starts a process, kills it, and looks at what it left. Returns how often
    /// it had told of each operation.
    pub(super) fn kill_one(&mut self, random: &mut fastrand::Rng) -> Tally {
        let mut child = Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", TEST, "--nocapture", "--test-threads=1"])
            .env(FOLDER, self.folder.path(""))
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let lines = listen(&mut child);
        // Some are killed at any moment of their start, most while they work.
        let mut first = None;
        if random.u32(..4) == 0 {
            std::thread::sleep(LIVES.mul_f64(random.f64()));
        } else {
            first = Some(lines.recv_timeout(PATIENCE).expect("a change in time"));
            std::thread::sleep(LIVES_ON.mul_f64(random.f64()));
        }
        // It never ends by itself: who has, has failed.
        let ended = child.try_wait().expect("asked");
        assert_eq!(ended, None, "the process ended before it was killed");
        child.kill().expect("killed");
        child.wait().expect("ended");
        let mut tally = Tally::new();
        for (operation, told) in first.into_iter().chain(lines.iter()) {
            self.keep(told);
            *tally.entry(operation).or_default() += 1;
        }
        runtime().block_on(self.look());
        tally
    }

    /// Three work at once: what is told later may have been done before.
    fn keep(&mut self, told: Told) {
        match told {
            Told::Key(newer) => {
                let told = self.keys.entry(newer.id).or_insert_with(|| newer.clone());
                if told.version < newer.version {
                    *told = newer;
                }
            }
            Told::Service(newer) => {
                let told = self.services.entry(newer.name.clone());
                let told = told.or_insert_with(|| newer.clone());
                if told.version < newer.version {
                    *told = newer;
                }
            }
            Told::Anchored(sequence) => self.anchors.push(sequence),
            Told::Pruned(through) => self.pruned = self.pruned.max(through),
        }
    }

    /// Opens what was left: every change that was told is there, the chain is
    /// whole, and the quota's counter is right.
    async fn look(&mut self) {
        let store = Arc::new(SqliteStore::open(&self.path).expect("the database opens"));
        let driver = Driver::with_keyring(Arc::clone(&store) as _, self.keyring.clone());
        self.look_at_keys(&driver).await;
        self.look_at_services(&store).await;
        self.look_at_trail(&store).await;
        let verified = driver.verify_chain(self.verified).await;
        self.verified = verified.expect("a whole chain");
        check_quota(&raw(&self.path));
    }

    async fn look_at_keys(&self, driver: &Driver) {
        for (id, told) in &self.keys {
            let key = driver.load(*id).await.expect("loaded").key;
            assert!(key.is_some(), "key {id} is gone: {told:?} was told");
            let key = key.expect("looked at just now");
            let newer = key.version > told.version;
            assert!(newer || ToldKey::from(&key) == *told, "{key:?}: {told:?}");
            let revived = told.state == "revoked" && !matches!(key.state, KeyState::Revoked(_));
            assert!(!revived, "{key:?} was revoked");
        }
    }

    async fn look_at_services(&self, store: &SqliteStore) {
        let found = store.load_services().await.expect("loaded").services;
        for (name, told) in &self.services {
            let service = found.iter().find(|service| service.name == *name);
            assert!(service.is_some(), "{name} is gone: {told:?} was told");
            let service = service.expect("looked at just now");
            let newer = service.version > told.version;
            let same = ToldService::from(service) == *told;
            assert!(newer || same, "{service:?}: {told:?}");
        }
    }

    async fn look_at_trail(&mut self, store: &SqliteStore) {
        let events = store.events(EVENTS).await.expect("read");
        if let Some(first) = events.first() {
            let (pruned, first) = (self.pruned, first.sequence);
            assert!(first > pruned, "{first} is there: {pruned} was told");
            // Another pruning may have been made that was not told.
            self.pruned = first - 1;
        }
        // What is pruned takes the anchors before it along.
        self.anchors.retain(|anchor| *anchor >= self.pruned);
        let found = store.anchors().await.expect("read");
        for told in &self.anchors {
            let there = found.iter().any(|anchor| anchor.place.sequence == *told);
            assert!(there, "there is no anchor at {told}: {found:?}");
        }
    }

    /// Verifies the whole chain once more, as an operator does.
    pub(super) fn end(self) {
        runtime().block_on(async {
            let store = SqliteStore::open_existing(&self.path).expect("a store");
            let builder = KeyManager::builder(store).keyring(self.keyring);
            verify(&builder.build().await.expect("a manager")).await;
        });
    }
}

/// Every whole line that tells of a change, until the process has ended.
fn listen(child: &mut Child) -> Receiver<(String, Told)> {
    let (tell, lines) = channel();
    let out: ChildStdout = child.stdout.take().expect("piped");
    std::thread::spawn(move || {
        let mut out = BufReader::new(out);
        let mut line = String::new();
        while out.read_line(&mut line).is_ok_and(|length| length > 0) {
            if let Some(told) = Told::hear(&line) {
                // Nobody listens any more where the test has failed.
                let _ = tell.send(told);
            }
            line.clear();
        }
        let _ = out.read_to_end(&mut Vec::new());
    });
    lines
}

fn check_quota(database: &Connection) {
    let mut statement = database
        .prepare(
            "SELECT name, unrevoked, (SELECT count(*) FROM keys \
             WHERE service = services.name AND state <> 'revoked') FROM services",
        )
        .expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    for row in rows.expect("rows") {
        let (name, counter, count): (String, u32, u32) = row.expect("a row");
        assert_eq!(counter, count, "the counter of {name}");
        assert!(count <= QUOTA, "{name} has {count} keys");
    }
}
