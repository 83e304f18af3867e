use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use portcullis_core::key::{KeyId, KeyState};
use portcullis_core::keyring::Keyring;
use portcullis_core::manager::KeyManager;
use portcullis_core::store::AuditHead;
use portcullis_core::store::conformance::Driver;
use portcullis_store::SqliteStore;
use rusqlite::Connection;

use super::{FOLDER, PATIENCE, QUOTA, TEST, runtime, verify};
use crate::support::{Folder, raw};

/// How long a process may go on after its first word.
const LIVES_ON: Duration = Duration::from_millis(25);
/// How long one may live that is killed whatever it has said.
const LIVES: Duration = Duration::from_millis(60);

/// The rounds over one database.
pub(super) struct Rounds<'a> {
    folder: &'a Folder,
    path: PathBuf,
    keyring: Keyring,
    /// The version and the state of each key that was told last.
    told: HashMap<KeyId, Told>,
    /// How far the chain is verified.
    verified: AuditHead,
}

#[derive(Debug, Clone)]
struct Told {
    version: u64,
    state: String,
}

impl<'a> Rounds<'a> {
    pub(super) fn begin(folder: &'a Folder) -> Self {
        let keyring = Keyring::generate("k1".parse().expect("a name")).expect("a keyring");
        keyring.write_new(folder.path("keyring")).expect("written");
        Self {
            folder,
            path: folder.path("keys.db"),
            keyring,
            told: HashMap::new(),
            verified: AuditHead {
                sequence: 0,
                mac: [0; 32],
            },
        }
    }

    /// Starts a process, kills it, and looks at what it left. Returns how many
    /// changes it had told.
    pub(super) fn kill_one(&mut self, random: &mut fastrand::Rng) -> u64 {
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
        let mut count = 0;
        for line in first.into_iter().chain(lines.iter()) {
            self.hear(&line);
            count += 1;
        }
        runtime().block_on(self.look());
        count
    }

    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("a word");
        let (id, version, state) = (word(), word(), word());
        let id = id.parse().expect("an id");
        let version = version.parse().expect("a version");
        let newer = Told {
            version,
            state: state.to_owned(),
        };
        // Three work at once: what is told later may have been done before.
        let told = self.told.entry(id).or_insert_with(|| newer.clone());
        if told.version < version {
            *told = newer;
        }
    }

    /// Opens what was left: every change that was told is there, the chain is
    /// whole, and the quota's counter is right.
    async fn look(&mut self) {
        let store = SqliteStore::open(&self.path).expect("the database opens");
        let driver = Driver::with_keyring(Arc::new(store), self.keyring.clone());
        for (id, told) in &self.told {
            let key = driver.load(*id).await.expect("loaded").key;
            assert!(key.is_some(), "key {id} is gone: {told:?} was told");
            let key = key.expect("looked at just now");
            assert!(key.version >= told.version, "{key:?}: {told:?} was told");
            let same = key.version > told.version || key.state.as_str() == told.state;
            assert!(same, "{key:?}: {told:?} was told");
            let revived = told.state == "revoked" && !matches!(key.state, KeyState::Revoked(_));
            assert!(!revived, "{key:?} was revoked");
        }
        let verified = driver.verify_chain(self.verified).await;
        self.verified = verified.expect("a whole chain");
        check_quota(&raw(&self.path));
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
fn listen(child: &mut Child) -> Receiver<String> {
    let (tell, lines) = channel();
    let out: ChildStdout = child.stdout.take().expect("piped");
    std::thread::spawn(move || {
        let mut out = BufReader::new(out);
        let mut line = String::new();
        while out.read_line(&mut line).is_ok_and(|length| length > 0) {
            // Before the first one stands what the test harness says.
            let change = line
                .strip_suffix('\n')
                .and_then(|line| line.split_once("changed "));
            if let Some((_, change)) = change {
                // Nobody listens any more where the test has failed.
                let _ = tell.send(change.to_owned());
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
